//! G1, G1m: a full private copy against `cp -a`. G6: a removal's return against `rm -rf`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::pairs::{Goals, pair, timed};
use crate::trees::{Size, make};

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    if goals.wants(&["G6"]) {
        let source = goals.place().join("large");
        if !source.exists() {
            make(Size::Large, &source);
        }
        removal(goals, &source);
    }
}

fn removal(goals: &mut Goals, source: &Path) {
    let (theirs, ours) = (goals.place().join("theirs"), goals.place().join("ours"));
    let trash = goals.place().join("trash");
    let row = pair(
        "G6 removal returns, 80k files, against rm -rf",
        0.05,
        5,
        || {
            cp(source, &theirs);
            timed(|| command("rm", &["-rf"], &[&theirs]))
        },
        || {
            cp(source, &ours);
            let taken = timed(|| fs::rename(&ours, &trash).expect("one file system"));
            fs::remove_dir_all(&trash).expect("ours to remove");
            taken
        },
    );
    goals.add(row);
}

/// `cp -a`, the opponent.
pub(crate) fn cp(source: &Path, dest: &Path) {
    command("cp", &["-a"], &[source, dest]);
}

/// Runs a program to its good end.
pub(crate) fn command(program: &str, args: &[&str], paths: &[&Path]) {
    let status = Command::new(program).args(args).args(paths).status().expect("is installed");
    assert!(status.success(), "{program} {args:?}");
}
