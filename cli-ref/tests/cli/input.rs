//! Bad input: a clear error before any side effect, and nothing lost.

use std::process::Stdio;

use crate::place::{Place, finish};

/// Nothing was made: no session, no record, no directory of one.
fn nothing_was_made(place: &Place) {
    assert_eq!(place.list()["sessions"], serde_json::json!([]));
    let left = std::fs::read_dir(place.path("home/sessions")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "directories of sessions are left");
}

/// S0.3, S2.17: what can't be a name is said to be none, and why.
#[test]
fn names() {
    let place = Place::with_repository();
    let long = "x".repeat(300);
    for (name, why) in [
        ("", "empty"),
        ("..", "begin with a letter"),
        ("a/b", "`/`"),
        (long.as_str(), "300 bytes"),
        ("a\u{7}b", "\\u{7}"),
        ("a b", "` `"),
        (".hidden", "begin with a letter"),
    ] {
        let complaint = place.bad(&["start", "--detach", name], 64);
        assert!(complaint.contains(why), "{name:?}: {complaint}");
        assert!(!complaint.contains('\u{7}'), "raw control characters: {complaint:?}");
    }
    // clap takes it for an option; behind `--` it would be the command.
    place.bad(&["start", "--detach", "-x"], 2);
    nothing_was_made(&place);
}

/// S2.5, S4.E1, S4.25: a session that exists is entered, not made again.
#[test]
fn a_name_that_is_taken() {
    let place = Place::with_repository();
    place.good(&["start", "one", "-d", "--", "sleep", "600"]);
    let again = place.run(&["start", "one", "-d", "--branch", "other"]);
    assert_eq!(again.code, 0, "start enters what exists (S2.5): {again:?}");
    assert!(again.err.contains("exists already"), "{again:?}");
    assert_eq!(place.session("one")["branch"], "session/one");
}

/// S1.15, S0.E3: two at once: one makes it, the other enters it or is told that the name is taken.
#[test]
fn two_processes_and_one_name() {
    let place = Place::with_repository();
    let children: Vec<_> = (0..6)
        .map(|_| {
            place
                .command(&["start", "same", "-d", "--", "sleep", "600"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts")
        })
        .collect();
    let done: Vec<_> = children.into_iter().map(|child| finish(child.wait_with_output())).collect();
    assert!(done.iter().any(|done| done.code == 0), "{done:#?}");
    for done in done.iter().filter(|done| done.code != 0) {
        assert_eq!(done.code, 73, "{done:#?}");
        assert!(done.err.contains("the name is taken"), "{done:#?}");
    }
    assert_eq!(place.list()["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(std::fs::read_dir(place.path("home/sessions")).expect("sessions").count(), 1);
}

#[test]
fn paths() {
    let place = Place::with_repository();
    let complaint = place.bad(&["start", "p", "-d", "/no/such/place"], 66);
    assert!(complaint.contains("/no/such/place"), "{complaint}");
    let file = place.path("project/README.md");
    let complaint = place.bad(&["start", "p", "-d", file.to_str().expect("UTF-8")], 64);
    assert!(complaint.contains("director"), "{complaint}");

    place.good(&["start", "inner", "-d", "--", "sleep", "600"]);
    let inside = place.directory("inner").join("workspace/project");
    let complaint = place.bad(&["start", "p", "-d", inside.to_str().expect("UTF-8")], 64);
    assert!(complaint.contains("where sessions"), "{complaint}");
    place.good(&["remove", "inner", "--force"]);
    nothing_was_made(&place);
}

#[test]
fn problems_come_together() {
    let place = Place::with_repository();
    let complaint = place.bad(
        &[
            "start",
            "x",
            "-d",
            "--no-worktree",
            "--clean",
            "--include",
            ".env",
            "--backend",
            "dokcer",
        ],
        64,
    );
    for part in ["--clean", "--include", "known kinds: docker, local, podman"] {
        assert!(complaint.contains(part), "no `{part}` in {complaint}");
    }
    nothing_was_made(&place);
}

/// S4.E5, S0.E7: the program is named, with the PATH that was looked through.
#[test]
fn programs_that_are_not_there() {
    let place = Place::with_repository();
    let complaint = place.bad(&["start", "x", "-d", "--", "no-such-program"], 64);
    assert!(complaint.contains("no-such-program") && complaint.contains("PATH"), "{complaint}");
    assert_eq!(place.session("x")["status"], "stopped", "the session is there; the program is not");
}

/// S2.E4: what there is can be listed.
#[test]
fn sessions_that_are_not_there() {
    let place = Place::with_repository();
    for command in ["attach", "stop", "restart", "remove", "shell", "inspect", "logs"] {
        let mut arguments = vec![command, "ghost"];
        match command {
            "remove" => arguments.push("--force"),
            "restart" => arguments.push("--detach"),
            "attach" => continue, // needs a terminal first
            _ => {}
        }
        let complaint = place.bad(&arguments, 66);
        assert!(complaint.contains("ghost") && complaint.contains("sessctl list"), "{complaint}");
    }
}

#[test]
fn no_terminal() {
    let place = Place::with_repository();
    assert!(place.bad(&["start", "x"], 64).contains("--detach"));
    assert!(place.bad(&["attach", "x"], 64).contains("sessctl logs"));
    nothing_was_made(&place);
    place.good(&["start", "x", "-d", "--", "sleep", "600"]);
    assert!(place.bad(&["remove", "x"], 79).contains("--force"));
}

#[test]
fn configuration_with_a_mistake() {
    let place = Place::with_repository();
    place.write("user/.config/sessctl/config.toml", "detach_kay = \"ctrl-q\"\n");
    let complaint = place.bad(&["list"], 64);
    assert!(complaint.contains("detach_kay") && complaint.contains("config.toml"), "{complaint}");
    place.write("user/.config/sessctl/config.toml", "detach_key = \"ctrl-c\"\n");
    let complaint = place.bad(&["list"], 64);
    assert!(complaint.contains("ctrl-c") && complaint.contains("config.toml"), "{complaint}");
}

/// Errors as documents, for programs.
#[test]
fn errors_as_json() {
    let place = Place::with_repository();
    let complaint = place.bad(&["stop", "ghost", "--json"], 66);
    let report: serde_json::Value = serde_json::from_str(&complaint).expect("one JSON document");
    assert_eq!(
        (report["kind"].as_str(), report["exit_code"].as_u64()),
        (Some("not-found"), Some(66))
    );
}
