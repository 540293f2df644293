//! The goals of `docs/performance.md`, each measured against its opponent in the same run.
//!
//! `cargo bench -p cli-ref --bench goals` prints the table; `-- G1 G3` runs only those rows.
//! `GOALS_DIR` names the directory to work in (default `/dev/shm`): a tmpfs or a journaled ext4,
//! never a file system on which files were just deleted by the thousand.
//!
//! A module per area: it has `run(&mut Goals)` and asks [`pairs::Goals::wants`] before it prepares anything.

mod pairs;
mod trees;

mod agents;
mod branch;
mod containers;
mod copy;
mod devcontainer;
mod engines;
mod registry;
mod start;
mod terminal;

fn main() {
    terminal::take_over();
    if registry::work_if_asked() {
        return;
    }
    let mut goals = pairs::Goals::from_args();
    copy::run(&mut goals);
    branch::run(&mut goals);
    start::run(&mut goals);
    terminal::run(&mut goals);
    registry::run(&mut goals);
    containers::run(&mut goals);
    devcontainer::run(&mut goals);
    agents::run(&mut goals);
    goals.end();
}
