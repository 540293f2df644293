//! What is more than one session: conversations that move. And the agents, and the backend, that the other tests are not run with.

use std::path::PathBuf;

use crate::agent::{AIDER, CLAUDE, CLAUDE_OLD, CODEX, COPILOT, GEMINI, OPENCODE};
use crate::screen::Screen;
use crate::sessions::{
    a_conversation_goes_on, ask, await_written, enter, files_with, leave, most_told,
    nothing_leaks_in, start,
};
use crate::world::{World, until, with};

#[test]
fn claude_on_podman() {
    with(&CLAUDE, "podman", a_conversation_goes_on);
}

#[test]
fn codex_on_podman() {
    with(&CODEX, "podman", a_conversation_goes_on);
}

#[test]
fn an_older_claude() {
    with(&CLAUDE_OLD, "local", it_is_resumed);
}

#[test]
fn claude_begins_another_conversation() {
    with(&CLAUDE, "local", another_begins);
}

#[test]
fn codex_begins_another_conversation() {
    with(&CODEX, "local", another_begins);
}

#[test]
fn opencode_begins_another_conversation() {
    with(&OPENCODE, "local", another_begins);
}

/// One that is asked for has nothing of the last, and is the one that goes on later.
fn another_begins(world: World) {
    let name = &world.name("anew");
    let screen = start(&world, name, &[]);
    ask(&screen, "remember PLUM-7", "noted");
    leave(screen);
    world.good(&["stop", name]);
    let screen = enter(&world, &["start", name, "--new-conversation"]);
    ask(&screen, "RECALL once", "recalled 0");
    ask(&screen, "remember FIG-8", "noted");
    leave(screen);
    world.good(&["stop", name]);
    let screen = enter(&world, &["attach", name]);
    ask(&screen, "RECALL twice", "recalled 2: RECALL once | remember FIG-8");
    leave(screen);
}

#[test]
fn claude_may_refuse_its_conversation() {
    with(&CLAUDE, "local", it_is_refused);
}

#[test]
fn an_older_claude_may_refuse_its_conversation() {
    with(&CLAUDE_OLD, "local", it_is_refused);
}

/// The transcript of a session that was told something and stopped.
fn stopped_after_a_word(world: &World, name: &str) -> PathBuf {
    let screen = start(world, name, &[]);
    ask(&screen, "remember PLUM-7", "noted");
    await_written(world, name, "noted");
    leave(screen);
    world.good(&["stop", name]);
    let mut transcripts = Vec::new();
    files_with(&world.directory(name).join("state/claude/projects"), b"PLUM-7", &mut transcripts);
    assert_eq!(transcripts.len(), 1, "{transcripts:?}");
    transcripts.remove(0)
}

/// A transcript that the agent does not take for one: `attach` says how to begin another.
fn it_is_refused(world: World) {
    let name = &world.name("refused");
    let transcript = stopped_after_a_word(&world, name);
    std::fs::write(transcript, "{}\n").expect("the state is the person's");
    let screen = Screen::sized(&world, &["attach", name], 40, 200);
    screen.wait_for("--new-conversation` begins another");
    screen.end();
    let screen = enter(&world, &["start", name, "--new-conversation"]);
    ask(&screen, "RECALL once", "recalled 0");
    leave(screen);
}

#[test]
fn claude_finds_its_transcript_empty() {
    with(&CLAUDE, "local", it_is_empty);
}

#[test]
fn an_older_claude_finds_its_transcript_empty() {
    with(&CLAUDE_OLD, "local", it_is_empty);
}

/// A transcript in which nothing stands: the agent would neither go on with it nor begin one of its id, so the session begins another.
fn it_is_empty(world: World) {
    let name = &world.name("empty");
    let transcript = stopped_after_a_word(&world, name);
    std::fs::write(transcript, "").expect("the state is the person's");
    let screen = enter(&world, &["attach", name]);
    ask(&screen, "RECALL once", "recalled 0");
    ask(&screen, "remember FIG-8", "noted");
    await_written(&world, name, "noted");
    leave(screen);
    world.good(&["stop", name]);
    let screen = enter(&world, &["attach", name]);
    ask(&screen, "RECALL twice", "recalled 2: RECALL once | remember FIG-8");
    leave(screen);
}

#[test]
fn claude_asks_nothing_where_that_was_said() {
    with(&CLAUDE, "local", it_asks_nothing_later_either);
}

#[test]
fn an_older_claude_asks_nothing_where_that_was_said() {
    with(&CLAUDE_OLD, "local", it_asks_nothing_later_either);
}

/// What an unattended session may do is no question at a later start either.
fn it_asks_nothing_later_either(world: World) {
    let name = &world.name("bold");
    let bold = "bypass permissions on";
    let screen = Screen::sized(&world, &["start", name, "-a", "claude", "--unattended"], 40, 120);
    screen.wait_for(bold);
    ask(&screen, "remember PLUM-7", "noted");
    ask(&screen, "RECALL", "recalled 1: ");
    leave(screen);
    for _ in 0..2 {
        world.good(&["stop", name]);
        let screen = Screen::sized(&world, &["attach", name], 40, 120);
        screen.wait_for(bold);
        leave(screen);
    }
}

#[test]
fn nothing_leaks_into_an_older_claude() {
    with(&CLAUDE_OLD, "local", nothing_leaks_in);
}

#[test]
fn codex_sees_the_skills_of_all_agents_where_that_is_asked_for() {
    with(&CODEX, "local", skills_of_all_agents);
}

#[test]
fn codex_sees_the_skills_of_all_agents_in_a_container() {
    with(&CODEX, "docker", skills_of_all_agents);
}

/// What is hidden otherwise is there on request, in containers too; once.
fn skills_of_all_agents(world: World) {
    let name = &world.name("more");
    let screen = start(&world, name, &["--share", "agents-skills=shared-ro"]);
    ask(&screen, "SYSTEM ZZ", "ZZLEAK");
    leave(screen);
    // Two skills there have the word; what else has it is another agent's.
    assert_eq!(most_told(&world, ["ZZLEAK", "ZZSKILL"]), [2, 1]);
}

#[test]
fn codex_knows_its_own_of_shared_conversations() {
    with(&CODEX, "local", its_own_of_shared_conversations);
}

#[test]
fn codex_in_containers_knows_its_own_of_shared_conversations() {
    with(&CODEX, "docker", its_own_of_shared_conversations);
}

/// S1.12, S1.15: sessions whose conversations lie in one directory go on with their own, and no other session opens one of
/// these for as long as it is open.
fn its_own_of_shared_conversations(world: World) {
    let names = ["one", "two"].map(|name| world.name(name));
    for (name, fruit) in names.iter().zip(["PLUM-7", "FIG-8"]) {
        let screen = start(&world, name, &["--preset", "shared"]);
        ask(&screen, &format!("remember {fruit}"), "noted");
        leave(screen);
    }
    let third = &world.name("three");
    let more = ["start", third, "-a", "codex", "--preset", "shared", "--resume-from", &names[0]];
    let refused = world.run(&[&more[..], &["-d"]].concat());
    let told = format!("its conversation is open in session `{}`", names[0]);
    assert!(refused.code != 0 && refused.err.contains(&told), "{refused:#?}");
    for name in &names {
        world.good(&["stop", name]);
    }
    for (name, fruit) in names.iter().zip(["PLUM-7", "FIG-8"]) {
        let screen = enter(&world, &["attach", name]);
        ask(&screen, &format!("RECALL {fruit}"), &format!("recalled 1: remember {fruit}"));
        leave(screen);
    }
    let listed = world.good(&["conversations", "list", &names[0], "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed:#}");
}

/// S4.T4 in short.
fn it_is_resumed(world: World) {
    let name = &world.name("talk");
    let screen = start(&world, name, &[]);
    ask(&screen, "remember PLUM-7", "noted");
    leave(screen);
    // The older Claude loses a first answer that it had shown and not yet written, and then knows of no conversation.
    await_written(&world, name, "noted");
    world.good(&["stop", name]);
    let screen = enter(&world, &["attach", name]);
    ask(&screen, "RECALL", "recalled 1: ");
    let said = world.model.last_asked("RECALL").said;
    assert!(said.iter().any(|said| said.contains("remember PLUM-7")), "{said:?}");
    leave(screen);
}

#[test]
fn gemini_on_docker() {
    with(&GEMINI, "docker", a_conversation_goes_on);
}

/// Where a session has several conversations, the one that was gone on with last is gone on with, though another was begun later.
fn the_one_that_was_left_is_gone_on_with(world: World) {
    let name = &world.name("talk");
    let screen = start(&world, name, &[]);
    ask(&screen, "remember PLUM-7", "noted");
    let other = world.good(&["exec", name, "--", "gemini", "-p", "remember QUINCE-8"]);
    assert!(other.contains("noted"), "{other}");
    ask(&screen, "SAY fig", "said fig");
    leave(screen);
    let conversations = world.good(&["conversations", "list", name, "--json"]);
    let conversations: serde_json::Value = serde_json::from_str(&conversations).expect("JSON");
    assert_eq!(conversations.as_array().map(Vec::len), Some(2), "{conversations:#}");
    world.good(&["stop", name]);
    let screen = enter(&world, &["attach", name]);
    ask(&screen, "RECALL", "recalled 2: remember PLUM-7 | SAY fig");
    leave(screen);
}

#[test]
fn the_conversation_of_gemini_that_was_left_is_gone_on_with() {
    with(&GEMINI, "local", the_one_that_was_left_is_gone_on_with);
}

#[test]
fn the_conversation_of_gemini_in_a_container_that_was_left_is_gone_on_with() {
    with(&GEMINI, "docker", the_one_that_was_left_is_gone_on_with);
}

/// A session that ended before anybody said anything begins anew.
#[test]
fn a_gemini_that_was_told_nothing_starts_again() {
    with(&GEMINI, "local", |world| {
        let name = &world.name("talk");
        leave(start(&world, name, &[]));
        world.good(&["stop", name]);
        let screen = enter(&world, &["attach", name]);
        ask(&screen, "SAY fig", "said fig");
        leave(screen);
    });
}

#[test]
fn gemini_moves_on_the_host() {
    with(&GEMINI, "local", a_conversation_moves_on_the_host);
}

#[test]
fn aider_moves_on_the_host() {
    with(&AIDER, "local", a_conversation_moves_on_the_host);
}

/// S1.3: from one session into another, out to a file, and from that file into a third; the first stays as it was.
fn a_conversation_moves_on_the_host(world: World) {
    let [one, two, three] = &["one", "two", "three"].map(|name| world.name(name));
    let screen = start(&world, one, &[]);
    ask(&screen, "remember PLUM-7", "noted");
    leave(screen);
    let screen = enter(&world, &["start", two, "--resume-from", one]);
    ask(&screen, "RECALL once", "recalled 1: remember PLUM-7");
    leave(screen);
    world.good(&["stop", two]);
    let screen = enter(&world, &["attach", two]);
    ask(&screen, "SAY fig", "said fig");
    leave(screen);

    let file = world.path("talk.jsonl");
    let file = file.to_str().expect("UTF-8");
    world.good(&["conversations", "export", two, "--to", file]);
    let screen = enter(&world, &["start", three, "-a", world.agent.name, "--resume-from", file]);
    ask(&screen, "RECALL twice", "recalled 3: remember PLUM-7 | RECALL once | SAY fig");
    leave(screen);
    let screen = enter(&world, &["attach", one]);
    ask(&screen, "RECALL thrice", "recalled 1: remember PLUM-7");
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

#[test]
fn opencode_is_idle_after_it_was_killed_in_an_answer() {
    with(&OPENCODE, "local", nothing_is_under_way_after_a_start);
}

#[test]
fn codex_is_idle_after_it_was_killed_in_an_answer() {
    with(&CODEX, "local", nothing_is_under_way_after_a_start);
}

/// The answer that was under way stays without an end among what the agent wrote; the agent that runs now does not work at it.
fn nothing_is_under_way_after_a_start(world: World) {
    let name = &world.name("killed");
    let state = || {
        let document = world.good(&["inspect", name]);
        let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        document["agent"]["state"].clone()
    };
    let screen = start(&world, name, &["--unattended"]);
    ask(&screen, "DRIP 200 1000", "drop-1");
    until("it works", || state() == "busy");
    leave(screen);
    world.good(&["stop", name, "--time", "0"]);
    assert!(state().is_null());
    let screen = enter(&world, &["attach", name]);
    assert_eq!(state(), "idle");
    leave(screen);
}
