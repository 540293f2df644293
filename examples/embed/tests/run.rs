//! The example is run, not only built, in both ways of holding a terminal.

use std::process::Command;

fn run(arguments: &[&str]) -> String {
    let place = tempfile::tempdir().expect("a temporary directory");
    let project = place.path().join("project");
    std::fs::create_dir(&project).expect("a project");
    std::fs::write(project.join("new.txt"), "x").expect("a file");
    let init = Command::new("git").args(["init", "-q", "-b", "main"]).arg(&project).status();
    assert!(init.expect("git runs").success());
    let output = Command::new(env!("CARGO_BIN_EXE_embed"))
        .arg(place.path().join("home"))
        .arg(&project)
        .args(arguments)
        .output()
        .expect("the example runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn is_whole(text: &str) {
    for part in ["on session/", "code 0: ?? new.txt", "code 0, greeted: true", "removed "] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

#[test]
fn with_a_holder_of_its_own() {
    is_whole(&run(&[]));
}

#[test]
fn with_the_holder_in_process() {
    is_whole(&run(&["--in-process"]));
}
