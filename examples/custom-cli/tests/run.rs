//! The example is run, not only built: a session of the third party's kind, beside one of ours.

use std::path::Path;
use std::process::Command;

fn run(place: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_custom-cli"))
        .args(arguments)
        .current_dir(place.join("project"))
        .env("SESSCTL_HOME", place.join("home"))
        .env("HOME", place)
        .output()
        .expect("the example runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_session_of_another_kind() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let place = place.path();
    std::fs::create_dir(place.join("project")).expect("a project");
    std::fs::write(place.join("project/file"), "text").expect("a file");
    let good = |arguments: &[&str]| {
        let (code, text) = run(place, arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text
    };

    good(&["start", "confined", "--detach", "--backend", "bwrap", "--", "sleep", "600"]);
    good(&["start", "plain", "--detach", "--", "sleep", "600"]);
    let first = ["--", "cat", "/proc/1/comm"];
    assert_eq!(good(&[&["exec", "confined"], &first[..]].concat()), "bwrap\n");
    assert_ne!(good(&[&["exec", "plain"], &first[..]].concat()), "bwrap\n");
    assert_eq!(good(&["exec", "confined", "--", "cat", "file"]), "text");
    let listed = good(&["list"]);
    assert!(listed.contains("bwrap") && listed.contains("local"), "{listed}");
    assert!(good(&["doctor"]).contains("bwrap-runs"));
    good(&["remove", "confined", "plain", "--force"]);

    let (code, text) = run(place, &["start", "x", "--detach", "--backend", "bwarp"]);
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("known kinds: bwrap, docker, local, podman"), "{text}");
}
