//! G3, G3b: a project on a branch of its own against `git worktree add`. G4: the first `git status` inside.

use std::fs;
use std::path::Path;
use std::time::Duration;

use session_core::{ProjectPlan, Strategy};

use crate::copy::{provision, utf8};
use crate::pairs::{Goals, pair, timed};
use crate::trees::{self, Size, git};

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    if goals.wants(&["G3"]) {
        against_worktree(goals, "G3 branch, 8k tracked of 80k, against worktree add", 0.55, false);
    }
    if goals.wants(&["G3b"]) {
        against_worktree(goals, "G3b the same with the first git status", 0.40, true);
    }
    if goals.wants(&["G4"]) {
        first_status(goals, Size::Large, "G4 first status, large, against the source's own");
        first_status(goals, Size::Medium, "G4 first status, medium, against the source's own");
    }
}

fn against_worktree(goals: &mut Goals, name: &str, goal: f64, with_status: bool) {
    let source = trees::shared(goals, Size::Large);
    let (theirs, root) = (goals.place().join("theirs"), goals.place().join("root"));
    fs::create_dir_all(&root).expect("mkdir");
    let status = |dir: &Path| {
        if with_status { timed(|| git(dir, &["status", "--porcelain"])) } else { Duration::ZERO }
    };
    let row = pair(
        name,
        goal,
        9,
        || {
            let path = theirs.to_str().expect("our own names");
            let taken = timed(|| git(&source, &["worktree", "add", "-q", "-b", "theirs", path]));
            let taken = taken + status(&theirs);
            git(&source, &["worktree", "remove", "--force", path]);
            git(&source, &["branch", "-q", "-D", "theirs"]);
            taken
        },
        || {
            let plan = ProjectPlan::new("project", utf8(&source), Strategy::Branch)
                .with_branch("session/one");
            let taken = provision(&plan, &root) + status(&root.join("project"));
            fs::remove_dir_all(root.join("project")).expect("ours to remove");
            taken
        },
    );
    goals.add(&row);
}

fn first_status(goals: &mut Goals, size: Size, name: &str) {
    let source = trees::shared(goals, size);
    let root = goals.place().join("root");
    fs::create_dir_all(&root).expect("mkdir");
    let row = pair(
        name,
        2.0,
        9,
        || timed(|| git(&source, &["status", "--porcelain"])),
        || {
            let plan = ProjectPlan::new("project", utf8(&source), Strategy::Branch)
                .with_branch("session/one");
            provision(&plan, &root);
            let taken = timed(|| git(&root.join("project"), &["status", "--porcelain"]));
            fs::remove_dir_all(root.join("project")).expect("ours to remove");
            taken
        },
    );
    goals.add(&row);
}
