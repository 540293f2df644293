//! What is more than one session: conversations that move. And the agents, and the backend, that the other tests are not run with.

use crate::agent::{CLAUDE, CLAUDE_OLD, CODEX, COPILOT, OPENCODE};
use crate::sessions::{a_conversation_goes_on, ask, enter, files_with, leave, start};
use crate::world::{World, until, with};

#[test]
fn claude_on_podman() {
    with(&CLAUDE, "podman", a_conversation_goes_on);
}

#[test]
fn an_older_claude() {
    with(&CLAUDE_OLD, "local", it_is_resumed);
}

/// S4.T4 in short.
fn it_is_resumed(world: World) {
    let name = &world.name("talk");
    let screen = start(&world, name, &[]);
    ask(&screen, "remember PLUM-7", "noted");
    leave(screen);
    // The older Claude loses a first answer that it had shown and not yet written, and then knows of no conversation.
    let state = world.directory(name).join("state");
    until("the answer is written", || {
        let mut found = Vec::new();
        files_with(&state, b"noted", &mut found);
        !found.is_empty()
    });
    world.good(&["stop", name]);
    let screen = enter(&world, &["attach", name]);
    ask(&screen, "RECALL", "recalled 1: ");
    let said = world.model.last_asked("RECALL").said;
    assert!(said.iter().any(|said| said.contains("remember PLUM-7")), "{said:?}");
    leave(screen);
}

#[test]
fn claude_moves() {
    with(&CLAUDE, "docker", a_conversation_moves);
}

#[test]
fn codex_moves() {
    with(&CODEX, "docker", a_conversation_moves);
}

#[test]
fn copilot_moves() {
    with(&COPILOT, "docker", a_conversation_moves);
}

#[test]
fn opencode_moves() {
    with(&OPENCODE, "docker", a_conversation_moves);
}

/// S1.1, S1.2, S1.3: from the host into a container, on to the host again and out to the person's own agent; what it came from
/// stays as it was.
fn a_conversation_moves(world: World) {
    let [here, there, back] = &["here", "there", "back"].map(|name| world.name(name));
    let screen = start(&world, here, &["--backend", "local"]);
    ask(&screen, "remember PLUM-7", "noted");
    leave(screen);
    world.good(&["stop", here]);

    let screen = enter(&world, &["start", there, "--resume-from", here]);
    assert_eq!(world.session(there)["backend"], world.backend.kind);
    ask(&screen, "RECALL once", "recalled 1: remember PLUM-7");
    ask(&screen, "SAY quince", "said quince");
    leave(screen);
    world.good(&["stop", there]);

    let screen = enter(&world, &["start", back, "--backend", "local", "--resume-from", there]);
    let all = "recalled 3: remember PLUM-7 | RECALL once | SAY quince";
    ask(&screen, "RECALL twice", all);
    leave(screen);
    let screen = enter(&world, &["attach", here]);
    ask(&screen, "RECALL thrice", "recalled 1: remember PLUM-7");
    leave(screen);

    world.good(&["conversations", "export", back]);
    let inspected = world.good(&["inspect", back]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected).expect("JSON");
    let conversation = inspected["agent"]["conversation"].as_str().expect("an id");
    let answer = world.by_hand(conversation, "RECALL at last");
    assert!(answer.contains("recalled 4: remember PLUM-7"), "{answer}");
}
