//! What sessions of one agent have in common, and what not.

use std::process::Stdio;

use crate::agents::{robot, write_program};
use crate::containers::on_each_engine;
use crate::place::{Place, finish, until};

/// An agent with something under each policy.
const PROFILE: &str = r#"
[places.config]
variable = "ROBOT_HOME"
default = "${HOME}/.robot"

[environment]
scrub = ["ROBOT_HOME"]

[environment.set]
ROBOT_HOME = "${STATE}"

[[resources]]
name = "memory"
kind = "file"
source = "${CONFIG}/memory.md"
target = "memory.md"
policy = "shared-ro"

[[resources]]
name = "skills"
kind = "directory"
source = "${CONFIG}/skills"
target = "skills"
policy = "shared-ro"

[[resources]]
name = "board"
kind = "directory"
source = "${CONFIG}/board"
target = "board"
policy = "shared-rw"

[[resources]]
name = "history"
kind = "file"
source = "${CONFIG}/history"
target = "history"
policy = "shared-rw"

[[resources]]
name = "notes"
kind = "directory"
source = "${CONFIG}/notes"
target = "notes"
policy = "seed-once"
"#;

/// Runs a script in a session, where the agent's directory is `$ROBOT_HOME`.
fn inside(place: &Place, name: &str, script: &str) -> String {
    place.good(&["exec", name, "--", "sh", "-c", script])
}

fn with_files(place: &Place) {
    for (file, text) in [
        ("memory.md", "mine\n"),
        ("skills/dig.md", "dig\n"),
        ("board/plan.md", "plan\n"),
        ("notes/n.md", "note\n"),
        ("history", "0\n"),
    ] {
        place.write(&format!("user/.robot/{file}"), text);
    }
}

/// S4.E6: two sessions edit one file. A copy is each one's own, until the next start renews it; what is shared live is one
/// file, and who writes last is right; what was seeded stays apart for good. The person's own file changes only where it is
/// shared live.
#[test]
fn two_sessions_edit_one_file() {
    let place = Place::new();
    with_files(&place);
    robot(&place, PROFILE);
    for name in ["one", "two"] {
        place.good(&["start", name, "-d", "--empty", "-a", "robot"]);
        inside(
            &place,
            name,
            &format!(
                "cd $ROBOT_HOME; echo {name} > memory.md; echo {name} > notes/n.md; echo {name} >> board/plan.md"
            ),
        );
    }
    let read =
        |name: &str| inside(&place, name, "cd $ROBOT_HOME; cat memory.md notes/n.md board/plan.md");
    assert_eq!(read("one"), "one\none\nplan\none\ntwo\n");
    assert_eq!(read("two"), "two\ntwo\nplan\none\ntwo\n");
    assert_eq!(place.read("user/.robot/memory.md"), "mine\n");
    assert_eq!(place.read("user/.robot/notes/n.md"), "note\n");
    assert_eq!(place.read("user/.robot/board/plan.md"), "plan\none\ntwo\n");
    // The way that most programs write a file: a new one in its place. The directory is shared, so that is shared as well.
    inside(&place, "one", "cd $ROBOT_HOME/board; echo new > .new; mv .new plan.md");
    assert_eq!(inside(&place, "two", "cat $ROBOT_HOME/board/plan.md"), "new\n");
    // A single file is one for all as long as it is written to, and each one's own once it was replaced.
    for name in ["one", "two"] {
        inside(&place, name, &format!("echo {name} >> $ROBOT_HOME/history"));
    }
    assert_eq!(place.read("user/.robot/history"), "0\none\ntwo\n");
    inside(&place, "one", "cd $ROBOT_HOME; echo replaced > .new; mv .new history");
    assert_eq!(inside(&place, "two", "cat $ROBOT_HOME/history"), "0\none\ntwo\n");
    place.good(&["restart", "one", "-f", "-d"]);
    assert_eq!(read("one"), "mine\none\nnew\n");
    assert_eq!(inside(&place, "one", "cat $ROBOT_HOME/history"), "replaced\n");
}

/// S4.12, S4.T7: a lock that an agent takes in its directory is in nobody else's way.
#[test]
fn locks_of_agents_are_apart() {
    let place = Place::new();
    let script = "#!/bin/sh\nexec 9>\"$ROBOT_HOME/agent.lock\"\nif flock -n 9; then echo has-the-lock; else echo is-locked-out; fi\nexec sleep 600\n";
    robot(&place, "[environment.set]\nROBOT_HOME = \"${STATE}\"\n");
    write_program(&place, "robot", script);
    for name in ["one", "two"] {
        place.good(&["start", name, "-d", "--empty", "-a", "robot"]);
    }
    for name in ["one", "two"] {
        until("it tried to take its lock", || place.good(&["logs", name]).contains("lock"));
        assert!(place.good(&["logs", name]).contains("has-the-lock"), "{name}");
        // While that one holds it, it is a lock.
        let tried =
            place.run(&["exec", name, "--", "sh", "-c", "flock -n $ROBOT_HOME/agent.lock true"]);
        assert_eq!(tried.code, 1, "{tried:?}");
    }
}

/// S3.10: the agent's own variable says where the person's files are, an absolute path only; its program is the first on the
/// PATH, or the one that a profile names; and in a session the variable leads to the session's own.
#[test]
fn an_agents_places_are_set_by_environment() {
    let place = Place::new();
    with_files(&place);
    place.write("other/memory.md", "moved\n");
    place.write(
        "user/.config/sessctl/agents/robot.toml",
        &format!("title = \"Robot\"\nprogram = \"test-robot\"\n{PROFILE}"),
    );
    for (directory, word) in [("bin1", "first"), ("bin2", "second")] {
        write_program(
            &place,
            &format!("{directory}/test-robot"),
            &format!("#!/bin/sh\necho I-am-{word}\nexec sleep 600\n"),
        );
    }
    let path = |directory: &str| {
        format!("{}:{}", place.path(directory).display(), std::env::var("PATH").expect("a PATH"))
    };
    let start = |name: &str, home: &str, path: &str| {
        let mut command = place.command(&["start", name, "-d", "--empty", "-a", "robot"]);
        let done =
            finish(command.env("PATH", path).env("ROBOT_HOME", home).stdin(Stdio::null()).output());
        assert_eq!(done.code, 0, "{done:?}");
        inside(&place, name, "cat $ROBOT_HOME/memory.md")
    };
    let other = place.path("other");
    assert_eq!(start("moved", other.to_str().expect("UTF-8"), &path("bin1")), "moved\n");
    assert_eq!(start("relative", "other", &path("bin2")), "mine\n");
    assert_eq!(start("empty", "", &path("bin2")), "mine\n");
    for (name, word) in [("moved", "I-am-first"), ("relative", "I-am-second")] {
        until("it says who it is", || place.good(&["logs", name]).contains(word));
    }
    let home = inside(&place, "moved", "echo $ROBOT_HOME");
    assert!(home.contains("/sessions/") && home.ends_with("/state/robot\n"), "{home}");
    place.write(
        "user/.config/sessctl/agents/mine.toml",
        &format!(
            "extends = \"robot\"\nprogram = \"{}\"\n",
            place.path("bin2/test-robot").display()
        ),
    );
    place.good(&["start", "named", "-d", "--empty", "-a", "mine"]);
    until("it says who it is", || place.good(&["logs", "named"]).contains("I-am-second"));
}

on_each_engine! {
    /// S1.16, S4.8: in a container nothing of the person's configuration can be changed; what is shared live can.
    fn configuration_can_not_be_changed(place: Place) {
        with_files(&place);
        let profile = format!("title = \"Robot\"\nprogram = \"sleep\"\nimage = \"sessctl-shell:latest\"\n[arguments]\nalways = [\"600\"]\n{PROFILE}");
        place.write("user/.config/sessctl/agents/robot.toml", &profile);
        let name = &place.name("config");
        place.good(&["start", name, "-d", "-a", "robot"]);
        let script = "cd $ROBOT_HOME; for f in skills/dig.md skills/new; do echo bad > $f || echo refused; done; rm -rf skills; echo bad > memory.md; echo fine > board/plan.md";
        let done = place.run(&["exec", name, "--", "sh", "-c", script]);
        assert_eq!(done.out, "refused\nrefused\n", "{done:?}");
        assert_eq!(place.read("user/.robot/skills/dig.md"), "dig\n");
        assert!(!place.path("user/.robot/skills/new").exists());
        assert_eq!(place.read("user/.robot/memory.md"), "mine\n");
        assert_eq!(place.read("user/.robot/board/plan.md"), "fine\n");
    }
}
