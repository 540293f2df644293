//! G1, G1m: a full private copy against `cp -a`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use session_core::{Progress, ProjectPlan, Strategy, Workspaces as _};
use session_workspace::HostWorkspaces;

use crate::pairs::{Goals, pair, timed};
use crate::trees::{self, Size};

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    if goals.wants(&["G1"]) {
        full(goals, Size::Large, "G1 whole copy, 80k files, against cp -a", 0.70, 7);
    }
    if goals.wants(&["G1m"]) {
        full(goals, Size::Medium, "G1m whole copy, 5k files, against cp -a", 0.75, 11);
    }
}

fn full(goals: &mut Goals, size: Size, name: &str, goal: f64, pairs: usize) {
    let source = trees::shared(goals, size);
    let (theirs, root) = (goals.place().join("theirs"), goals.place().join("root"));
    fs::create_dir_all(&root).expect("mkdir");
    let row = pair(
        name,
        goal,
        pairs,
        || {
            let taken = timed(|| cp(&source, &theirs));
            fs::remove_dir_all(&theirs).expect("theirs to remove");
            taken
        },
        || {
            let plan = ProjectPlan::new("project", utf8(&source), Strategy::Copy);
            let taken = provision(&plan, &root);
            fs::remove_dir_all(root.join("project")).expect("ours to remove");
            taken
        },
    );
    goals.add(&row);
}

/// The time that making `plan` in `root` takes.
pub(crate) fn provision(plan: &ProjectPlan, root: &Path) -> Duration {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (host, root) = (HostWorkspaces::new(), utf8(root));
    timed(|| {
        runtime.block_on(host.provision(plan, &root, &Progress::default())).expect("provision")
    })
}

/// A path of the benchmark's own, which is UTF-8.
pub(crate) fn utf8(path: &Path) -> camino::Utf8PathBuf {
    camino::Utf8PathBuf::from_path_buf(path.to_owned()).expect("our own names")
}

/// `cp -a`, the opponent.
fn cp(source: &Path, dest: &Path) {
    command("cp", &["-a"], &[source, dest]);
}

/// Runs a program to its good end.
fn command(program: &str, args: &[&str], paths: &[&Path]) {
    let status = Command::new(program).args(args).args(paths).status().expect("is installed");
    assert!(status.success(), "{program} {args:?}");
}
