//! What of a project comes into a session, and what stays behind.

use crate::place::Place;

/// S0.7, S0.34, S0.35: what is destroyed in a session is not destroyed outside; uncommitted work comes along.
#[test]
fn the_copy_is_private_and_whole() {
    let place = Place::with_repository();
    place.write("project/README.md", "changed\n");
    place.write("project/new.txt", "untracked\n");
    place.git(&["add", "README.md"]);
    place.good(&["start", "copy", "--detach", "--", "sleep", "600"]);
    let status = place.good(&["exec", "copy", "--", "git", "status", "--porcelain"]);
    assert_eq!(status, "M  README.md\n?? new.txt\n");
    place.good(&["exec", "copy", "--", "sh", "-c", "rm -rf -- * .git"]);
    assert_eq!(place.read("project/README.md"), "changed\n");
    assert_eq!(place.git(&["status", "--porcelain"]), "M  README.md\n?? new.txt\n");
}

/// What the person's git ignores everywhere stays behind, wherever that is written.
#[test]
fn files_ignored_everywhere_stay_behind() {
    let place = Place::with_repository();
    place.write("project/.DS_Store", "x");
    place.write("project/notes.swp", "x");
    let untracked = |name: &str| {
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        place.good(&[
            "exec",
            name,
            "--",
            "git",
            "-c",
            "core.excludesFile=/dev/null",
            "status",
            "--short",
        ])
    };
    assert_eq!(untracked("a"), "?? .DS_Store\n?? notes.swp\n");
    place.write("user/.config/git/ignore", ".DS_Store\n");
    assert_eq!(untracked("b"), "?? notes.swp\n");
    place.write("user/everywhere", "*.swp\n");
    place.write("user/.gitconfig", "[core]\n\texcludesFile = ~/everywhere\n");
    assert_eq!(untracked("c"), "?? .DS_Store\n");
}

/// S0.4, S0.5, S0.6, S0.E4: a branch by name, a plain copy, patterns left out.
#[test]
fn options_of_start() {
    let place = Place::with_repository();
    place.write("project/big/file", "x");
    place.good(&["start", "a", "-d", "--branch", "feature/auth", "--", "sleep", "600"]);
    let branch = place.good(&["exec", "a", "--", "git", "branch", "--show-current"]);
    assert_eq!(branch, "feature/auth\n");
    assert_eq!(place.session("a")["branch"], "feature/auth");
    place.good(&[
        "start",
        "b",
        "-d",
        "--no-worktree",
        "--exclude",
        "big,*.md",
        "--",
        "sleep",
        "600",
    ]);
    let files = place.good(&["exec", "b", "--", "sh", "-c", "ls -A; git branch --show-current"]);
    assert_eq!(files, ".git\nsrc\nmain\n");
}

/// S0.8, S2.7: several projects, each at `workspace/<name>`.
#[test]
fn several_projects_in_one_session() {
    let place = Place::with_repository();
    place.write("notes/todo", "x\n");
    place.good(&["start", "both", ".", "../notes", "-d", "--", "sleep", "600"]);
    let listed = place.good(&["exec", "both", "--", "ls"]);
    assert_eq!(listed, "notes\nproject\n");
}

/// A directory whose name is longer than a project's may be is worked on under a shorter one; what it is called stays its affair.
#[test]
fn a_directory_with_a_very_long_name() {
    let place = Place::new();
    let long = "n".repeat(255);
    place.write(&format!("project/{long}/file"), "text");
    for words in [&["--no-worktree"][..], &["--mount"]] {
        let words = [&["start", "-d", "-a", "shell"], words].concat();
        let mut command = place.command(&words);
        let done =
            crate::place::finish(command.current_dir(place.path("project").join(&long)).output());
        assert_eq!(done.code, 0, "{done:#?}");
    }
    let name = place.good(&["list", "--names"]).lines().next().map(str::to_owned);
    let name = name.expect("a session");
    let listed = place.session(&name);
    assert!(listed["sources"][0].as_str().is_some_and(|it| it.ends_with(&long)), "{listed:#}");
    assert_eq!(place.good(&["exec", &name, "--", "cat", "file"]), "text");
}
