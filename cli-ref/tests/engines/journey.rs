//! From `start` to `remove`, without a terminal.

use crate::engine::Engine;
use crate::world::{World, until};

crate::on_each_engine! {
    /// S0.1, S0.9, S0.10, S0.19, S0.20: start, look, work beside, stop, start again, remove, restore.
    a_session_from_start_to_remove;
}

fn a_session_from_start_to_remove(engine: Engine) {
    let world = World::new(engine);
    let repository = world.repository();
    let name = &world.name("whole");
    world.start_command(name, &["sh", "-c", "echo up; id -u; exec sleep 1000"]);
    world.until_status(name, "running");
    until("it is up", || world.good(&["logs", name]).contains("up"));

    let (user, _) = caller();
    assert_eq!(world.good(&["exec", name, "--", "id", "-u"]), format!("{user}\n"));
    assert_eq!(world.good(&["exec", name, "--", "pwd"]), "/workspace/project\n");
    assert_eq!(world.run(&["exec", name, "--", "sh", "-c", "exit 42"]).code, 42);
    world.good(&["exec", name, "--", "sh", "-c", "echo made >made; touch /workspace/beside"]);
    let session = world.session(name);
    let directory = std::path::PathBuf::from(session["directory"].as_str().expect("a directory"));
    let made = directory.join("workspace/project/made");
    assert_eq!(owner(&made), caller(), "files made inside are the caller's");
    assert!(!world.path("project/made").exists());

    world.good(&["stop", "--time", "1", name]);
    let session = world.session(name);
    assert_eq!(session["status"], "stopped", "{session:#}");
    assert!(session["exit_code"].as_i64().is_some_and(|code| code > 128), "{session:#}");
    world.good(&["start", "--detach", name]);
    world.until_status(name, "running");
    assert_eq!(world.good(&["exec", name, "--", "cat", "made"]), "made\n");

    world.bad(&["remove", name], 79);
    world.good(&["stop", "--time", "1", name]);
    let refusal = world.bad(&["remove", name], 79);
    assert!(refusal.contains("made"), "{refusal}");
    world.good(&["remove", "--force", name]);
    assert_eq!(world.sessions().len(), 0);
    world.good(&["restore", name]);
    assert_eq!(world.good(&["exec", name, "--", "cat", "made"]), "made\n");
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
    assert_eq!(world.repository(), repository);
}

fn caller() -> (u32, u32) {
    (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
}

fn owner(path: &std::path::Path) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(path).expect("it is there");
    (found.uid(), found.gid())
}
