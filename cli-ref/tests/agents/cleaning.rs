//! What `sessctl clean` takes from real agents, they make anew; and their conversations go on.

use serde_json::Value;

use crate::agent::{CLAUDE, CLAUDE_OLD, CODEX, COPILOT, OPENCODE};
use crate::sessions::{ask, await_written, enter, files_with, leave, start};
use crate::world::{KEY, World, with};

#[test]
fn claude_after_cleaning() {
    with(&CLAUDE, "local", it_goes_on);
}

#[test]
fn claude_in_a_container_after_cleaning() {
    with(&CLAUDE, "docker", it_goes_on);
}

#[test]
fn an_older_claude_after_cleaning() {
    with(&CLAUDE_OLD, "local", it_goes_on);
}

#[test]
fn codex_after_cleaning() {
    with(&CODEX, "local", it_goes_on);
}

#[test]
fn copilot_after_cleaning() {
    with(&COPILOT, "local", it_goes_on);
}

#[test]
fn opencode_after_cleaning() {
    with(&OPENCODE, "local", it_goes_on);
}

/// S1.21, S4.25, S4.34, S4.37: the agent's own log is there when it is asked for, and has no key in it; after cleaning it is
/// gone, and the conversation goes on.
fn it_goes_on(world: World) {
    let name = &world.name("clean");
    let screen = start(&world, name, &["--debug"]);
    ask(&screen, "remember PLUM-7", "noted");
    leave(screen);
    let state = world.directory(name).join("state").join(world.agent.name);
    await_written(&world, name, "noted");
    world.good(&["stop", name]);
    if let Some(log) = world.agent.log {
        let (mut files, mut with_key) = (Vec::new(), Vec::new());
        files_with(&state.join(log), b"", &mut files);
        files_with(&state.join(log), KEY.as_bytes(), &mut with_key);
        assert!(!files.is_empty(), "there is no log in {log}");
        assert_eq!(with_key, [] as [std::path::PathBuf; 0]);
    }
    let done = world.good(&["clean", name, "--force", "--json"]);
    let done: Value = serde_json::from_str(&done).expect("JSON");
    let items = done["sessions"][0]["items"].as_array().cloned().unwrap_or_default();
    let paths: Vec<_> = items.iter().filter_map(|item| item["path"].as_str()).collect();
    assert!(!paths.is_empty(), "{done:#}");
    let gone = |path: &str| std::fs::symlink_metadata(path).is_err();
    assert!(paths.iter().all(|path| gone(path)), "{paths:#?}");
    assert!(world.agent.log.is_none_or(|log| paths.iter().any(|path| path.ends_with(log))));

    let screen = enter(&world, &["attach", name]);
    if world.agent.name == "codex" {
        // It also asks the model for a title, with the same word in it: which question was the last one is chance.
        ask(&screen, "RECALL", "recalled 1: remember PLUM-7");
    } else {
        ask(&screen, "RECALL", "recalled 1: ");
        let said = world.model.last_asked("RECALL").said;
        assert!(said.iter().any(|said| said.contains("remember PLUM-7")), "{said:?}");
    }
    leave(screen);
}
