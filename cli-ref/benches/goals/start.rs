//! G19: a session that is ready with a persistent terminal, against `git worktree add` and
//! `tmux new-session -d`. G13: the list of a thousand sessions. G6: a removal's return.
//!
//! Both sides are commands as a person runs them, one after the other, timed until the last has
//! returned: the tree is there and the program runs on a terminal that outlives the command. tmux
//! starts its server each time, as ours starts a holder; the row without a goal has tmux's server
//! running already. Both end on a file system that needs no disk (`GOALS_DIR`); on a disk ours
//! waits for its record and git for nothing.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use backend_local::LocalBackend;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Backend, Backends, HostView, Layout, Manager, Progress, SessionSpec, Strategy, open_registry,
};
use session_terminal::{HolderCommand, Holders};
use session_workspace::HostWorkspaces;

use crate::pairs::{Goals, pair, timed};
use crate::trees::{self, Size, git};

const SESSCTL: &str = env!("CARGO_BIN_EXE_sessctl");

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    list(goals);
    removal(goals);
    if !goals.wants(&["G19"]) {
        return;
    }
    let rows = [
        (Size::Small, false, 0.6, "G19 start, small, against worktree add + tmux"),
        (Size::Small, true, 9.9, "G19 the same, tmux's server runs already (no goal)"),
        (Size::Medium, false, 0.35, "G19 start, medium, cold, against worktree + tmux"),
    ];
    for (size, server_runs, goal, name) in rows {
        against_worktree_and_tmux(goals, size, server_runs, goal, name);
    }
}

fn against_worktree_and_tmux(
    goals: &mut Goals,
    size: Size,
    server_runs: bool,
    goal: f64,
    name: &str,
) {
    let source = trees::shared(goals, size);
    let place = goals.place().join("start");
    fs::create_dir_all(&place).expect("the place is ours");
    let tmux = Tmux { socket: place.join("tmux") };
    if server_runs {
        tmux.run(&["new-session", "-d", "-s", "first", "sleep 600"]);
    }
    let sessctl = Sessctl { home: place.join("home"), count: Cell::new(0) };
    let worktree = place.join("theirs");
    let path = worktree.to_str().expect("our own names");
    let theirs = || {
        let taken = timed(|| git(&source, &["worktree", "add", "-q", "-b", "theirs", path]));
        let new = ["new-session", "-d", "-s", "theirs", "-c", path, "sleep 600"];
        let taken = taken + timed(|| tmux.run(&new));
        tmux.run(&["kill-session", "-t", "theirs"]);
        tmux.settle(server_runs);
        git(&source, &["worktree", "remove", "--force", path]);
        git(&source, &["branch", "-q", "-D", "theirs"]);
        taken
    };
    let ours = || sessctl.start(&source);
    goals.add(&pair(name, goal, 21, theirs, ours));
    let _ = tmux.command(&["kill-server"]).status();
    let _ = fs::remove_dir_all(&place);
}

/// The whole command, from its start to its prompt: the stopped session's directory of 80k files
/// is in the trash, its name is free.
fn removal(goals: &mut Goals) {
    if !goals.wants(&["G6"]) {
        return;
    }
    let source = trees::shared(goals, Size::Large);
    let place = goals.place().join("removal");
    fs::create_dir_all(&place).expect("the place is ours");
    let (copy, home) = (place.join("copy"), place.join("home"));
    let sessctl = Sessctl { home: home.clone(), count: Cell::new(0) };
    let theirs = || {
        let copied = Command::new("cp").arg("-a").arg(&source).arg(&copy).status();
        assert!(copied.expect("cp runs").success());
        timed(|| {
            let removed = Command::new("rm").arg("-rf").arg(&copy).status();
            assert!(removed.expect("rm runs").success());
        })
    };
    let ours = || {
        sessctl.run(&source, &["start", "big", "-d", "--no-worktree", "--", "sleep", "600"]);
        sessctl.run(&source, &["stop", "big", "--time", "0"]);
        let taken = timed(|| sessctl.run(&source, &["remove", "big", "--force"]));
        let _ = fs::remove_dir_all(home.join("trash"));
        taken
    };
    goals.add(&pair("G6 sessctl remove, 80k files, against rm -rf", 0.05, 5, theirs, ours));
    let _ = fs::remove_dir_all(&place);
}

/// Engines take 0.2 to 1.3 s for this (1,000 containers are not made here for it); the least that
/// a list of such records can cost is one program that reads them.
fn list(goals: &mut Goals) {
    if !goals.wants(&["G13"]) {
        return;
    }
    let place = goals.place().join("list");
    let home = Utf8PathBuf::try_from(place.join("home")).expect("GOALS_DIR is UTF-8");
    fs::create_dir_all(&home).expect("the place is ours");
    let runtime = tokio::runtime::Runtime::new().expect("no limit is reached");
    runtime.block_on(make_thousand(&home)).expect("there is room");
    let script = format!("jq -c . {home}/sessions/*/record.json");
    let run = |command: &mut Command| {
        timed(|| assert!(command.stdout(Stdio::null()).status().expect("is installed").success()))
    };
    let theirs = || run(Command::new("sh").arg("-c").arg(&script));
    let ours = || run(Command::new(SESSCTL).args(["--home", home.as_str(), "list"]));
    goals.add(&pair("G13 list 1000, against one jq over all (no goal)", 9.9, 21, theirs, ours));
    let _ = fs::remove_dir_all(&place);
}

async fn make_thousand(home: &Utf8Path) -> session_core::Result<()> {
    let layout = Layout::new(home);
    let local = |layout: &Layout| Ok(Arc::new(LocalBackend::new(layout)) as Arc<dyn Backend>);
    let manager = Manager::new(
        layout.clone(),
        HostView::new("/", "me"),
        Backends::new().with("local", local),
        open_registry(&layout).await?.registry,
        Arc::new(HostWorkspaces::new()),
        Arc::new(Holders::by_command(HolderCommand::new("/bin/false"))),
    );
    for n in 0..1000 {
        let mut spec = SessionSpec::new();
        spec.name = Some(format!("session-{n}").parse()?);
        spec.strategy = Some(Strategy::None);
        spec.command = vec!["true".to_owned()];
        manager.create(spec, &Progress::default()).await?;
    }
    Ok(())
}

struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").arg("-S").arg(&self.socket).args(["-f", "/dev/null"]);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) {
        assert!(self.command(arguments).status().expect("tmux is installed").success());
    }

    /// Waits until a server that has lost its last session has ended.
    fn settle(&self, server_runs: bool) {
        while !server_runs
            && self.command(&["has-session"]).status().expect("tmux is installed").success()
        {
        }
    }
}

struct Sessctl {
    home: PathBuf,
    count: Cell<u32>,
}

impl Sessctl {
    fn run(&self, directory: &Path, arguments: &[&str]) {
        let mut command = Command::new(SESSCTL);
        command.arg("--home").arg(&self.home).args(arguments).current_dir(directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().expect("this build has made it");
        assert!(status.success(), "sessctl {arguments:?}");
    }

    /// Starts a session from `source` and removes it again, unmeasured.
    fn start(&self, source: &Path) -> Duration {
        self.count.set(self.count.get() + 1);
        let name = format!("ours-{}", self.count.get());
        let arguments = ["start", &name, "-d", "--", "sleep", "600"];
        let taken = timed(|| self.run(source, &arguments));
        self.run(source, &["remove", &name, "--force"]);
        let _ = fs::remove_dir_all(self.home.join("trash"));
        taken
    }
}
