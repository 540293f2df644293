//! Logins that are neither a variable nor a file of the agent's: in settings, and by a key that the agent's own login takes.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::json;

use crate::agent::{CLAUDE, CLAUDE_OLD, CODEX};
use crate::sessions::{ask, files_with, leave, start};
use crate::world::{Done, HOME, KEY, World, finish, until, with};

#[test]
fn a_key_helper_is_a_login() {
    with(&CLAUDE, "local", by_helper);
}

#[test]
fn a_key_helper_is_a_login_of_an_older_claude() {
    with(&CLAUDE_OLD, "local", by_helper);
}

/// In sessions that have the settings; where the helper is not, it is no login.
fn by_helper(mut world: World) {
    world.set("ANTHROPIC_API_KEY", "");
    let helper = helped(&world);
    let name = &world.name("helped");
    let screen = start(&world, name, &[]);
    ask(&screen, "remember PLUM-7", "noted");
    leave(screen);
    assert!(key_was_sent(&world));
    refused(&world, &["--preset", "bare"], "sessctl login -a claude");
    refused(&world, &["--share", "settings=private"], "sessctl login -a claude");
    let mut found = Vec::new();
    files_with(&world.path("user"), KEY.as_bytes(), &mut found);
    assert_eq!(found, [helper], "the key is where the person has it");
}

#[test]
fn a_key_helper_of_the_host_is_none_in_containers() {
    with(&CLAUDE, "docker", |mut world| {
        world.set("ANTHROPIC_API_KEY", "");
        helped(&world);
        refused(&world, &[], "sessctl login -a claude");
        // And it is in nobody's way there.
        world.set("ANTHROPIC_API_KEY", KEY);
        let name = &world.name("keyed");
        world.good(&["start", name, "-d", "-a", "claude", "--headless", "--prompt", "SAY fig"]);
        until("it answered and ended", || world.session(name)["status"] == "stopped");
        let logs = world.good(&["logs", name]);
        assert!(logs.contains("said fig") && !logs.contains("apiKeyHelper"), "{logs}");
    });
}

/// A person's settings that call a program of theirs for the key.
fn helped(world: &World) -> PathBuf {
    world.write("user/bin/key", &format!("#!/bin/sh\necho {KEY}\n"));
    let helper = world.path("user/bin/key");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).expect("ours");
    world.write("user/.claude/settings.json", &json!({"apiKeyHelper": helper}).to_string());
    helper
}

#[test]
fn a_key_in_the_settings_is_a_login() {
    with(&CLAUDE, "local", |mut world| {
        world.set("ANTHROPIC_API_KEY", "");
        let settings = json!({"env": {"ANTHROPIC_AUTH_TOKEN": KEY}});
        world.write("user/.claude/settings.json", &settings.to_string());
        let name = &world.name("set");
        let screen = start(&world, name, &[]);
        ask(&screen, "remember PLUM-7", "noted");
        leave(screen);
        assert!(key_was_sent(&world));
    });
}

/// The screen of Codex asks who is there, whatever key is in the environment: that is said before anything is made, and how the key
/// becomes a login. A single answer takes a key.
#[test]
fn codex_takes_a_key_by_its_own_login() {
    with(&CODEX, "local", |mut world| {
        let config = format!(
            "openai_base_url = \"{}/v1\"\n[features]\ndaemon_auto_start = false\n",
            world.model.url()
        );
        world.write("user/.codex/config.toml", &config);
        refused(&world, &[], "printenv OPENAI_API_KEY | sessctl login -a codex -- --with-api-key");

        world.set("CODEX_API_KEY", KEY);
        refused(&world, &[], "sessctl login -a codex");
        let name = &world.name("once");
        world.good(&["start", name, "-d", "-a", "codex", "--headless", "--prompt", "SAY fig"]);
        until("it answered and ended", || world.session(name)["status"] == "stopped");
        assert_eq!(world.session(name)["exit_code"], 0);
        assert!(key_was_sent(&world));
        world.set("CODEX_API_KEY", "");

        let mut login = world.command(&["login", "-a", "codex", "--", "--with-api-key"]);
        login.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut login = login.spawn().expect("sessctl starts");
        let key = login.stdin.take().expect("a pipe").write_all(format!("{KEY}\n").as_bytes());
        key.expect("it reads the key");
        let done = finish(login.wait_with_output());
        assert_eq!(done.code, 0, "{done:#?}");
        world.set("OPENAI_API_KEY", "");
        let name = &world.name("staying");
        let screen = start(&world, name, &[]);
        ask(&screen, "remember PLUM-7", "noted");
        leave(screen);
        let sent = world.model.requests();
        assert!(sent.last().expect("it asked").header("authorization").contains(KEY));
        let mut found = Vec::new();
        files_with(&world.path(HOME), KEY.as_bytes(), &mut found);
        assert_eq!(found, [world.path(HOME).join("credentials/codex/default/auth.json")]);
    });
}

/// A start that is refused with these words, before anything is made.
fn refused(world: &World, more: &[&str], words: &str) {
    let name = &world.name("refused");
    let Done { code, err, .. } =
        world.run(&[&["start", name, "-d", "-a", world.agent.name], more].concat());
    assert!(code == 64 && err.contains(words), "{code}: {err}");
    assert!(!world.good(&["list", "--names"]).contains(name.as_str()));
}

fn key_was_sent(world: &World) -> bool {
    let sent = world.model.requests();
    sent.iter()
        .any(|it| ["x-api-key", "authorization"].iter().any(|name| it.header(name).contains(KEY)))
}
