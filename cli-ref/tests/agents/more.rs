//! One test with each of the agents, and on the backend, that the others are not run with.

use crate::sessions::{a_conversation_goes_on, ask, enter, leave, start};
use crate::world::{CLAUDE, CLAUDE_OLD, COPILOT, OPENCODE, World, with};

#[test]
fn claude_on_podman() {
    with(&CLAUDE, "podman", a_conversation_goes_on);
}

#[test]
fn an_older_claude() {
    with(&CLAUDE_OLD, "local", it_is_resumed);
}

#[test]
fn copilot() {
    with(&COPILOT, "local", it_is_resumed);
}

#[test]
fn opencode() {
    with(&OPENCODE, "local", it_is_resumed);
}

/// S4.T4 in short, for agents that take their time.
fn it_is_resumed(world: World) {
    let name = &world.name("talk");
    let screen = start(&world, name, &[]);
    ask(&screen, "remember PLUM-7", "noted");
    leave(screen);
    world.good(&["stop", name]);
    let screen = enter(&world, &["attach", name]);
    ask(&screen, "RECALL", "recalled 1: ");
    let said = world.model.last_asked("RECALL").said;
    assert!(said.iter().any(|said| said.contains("remember PLUM-7")), "{said:?}");
    leave(screen);
}
