//! Sessions that share one login, which runs out: it is renewed once (issue 4, "State and sharing").
//!
//! The vendor's own hosts are played by the model server, as a proxy: Claude Code renews a login at a host that no setting moves.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::agent::CLAUDE;
use crate::by_hand::Hand;
use crate::installed::skip;
use crate::model::{Authority, Model};
use crate::screen::Screen;
use crate::sessions::{ask, leave, wait_until_ready};
use crate::world::{PATIENCE, with_vendor};

/// A login that has run out, as Claude Code keeps it.
fn expired_login(model: &Model) -> Value {
    let logins = model.logins();
    json!({"claudeAiOauth": {
        "accessToken": logins.access_token(),
        "refreshToken": logins.refresh_token(),
        "expiresAt": 1_700_000_000_000_u64,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
    }})
}

/// What the agent needs to reach the vendor's hosts by the server.
fn through(model: &Model) -> [(&'static str, String); 3] {
    let certificate = model.authority().certificate();
    let certificate = certificate.into_os_string().into_string().expect("UTF-8");
    let none = "127.0.0.1,localhost".to_owned();
    [("HTTPS_PROXY", model.url()), ("NO_PROXY", none), ("NODE_EXTRA_CA_CERTS", certificate)]
}

/// The token that is good now: the login was renewed once, and nobody came with an old one.
fn renewed_once(model: &Model) -> String {
    let logins = model.logins();
    assert_eq!((logins.renewed(), logins.refused()), (1, &[][..]), "one refresh for both");
    logins.refresh_token()
}

/// Waits for a process's end; whether it came.
fn until_ended(child: &mut Child) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if child.try_wait().expect("it is ours").is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Two at once, each with a directory of its own, and the login in a third.
#[test]
fn two_claudes_renew_one_login_once_by_hand() {
    let authority = match Authority::new() {
        Ok(authority) => authority,
        Err(reason) => return skip(&reason),
    };
    let Some(mut hand) = Hand::at("CLAUDE", || Model::start_with(authority)) else { return };
    let login = expired_login(&hand.model).to_string();
    hand.write("login/.credentials.json", &login);
    for (name, value) in through(&hand.model) {
        hand = hand.with(name, value);
    }
    let directory = hand.text("login");
    let hand = hand
        .with("CLAUDE_SECURESTORAGE_CONFIG_DIR", directory)
        .with("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    let begin = |state: &str| {
        hand.write(&format!("{state}/.claude.json"), r#"{"hasCompletedOnboarding":true}"#);
        let mut command = hand.command(&["-p", "SAY pong"]);
        command.env("CLAUDE_CONFIG_DIR", hand.path(state));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the agent starts")
    };
    let both = ["one", "two"].map(begin);
    for mut child in both {
        let end = until_ended(&mut child);
        if !end {
            child.kill().expect("a kill");
        }
        let output = child.wait_with_output().expect("an end");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let requests = hand.model.requests();
        assert!(said.contains("said pong"), "{output:?}\n{requests:#?}");
    }
    let token = renewed_once(&hand.model);
    let kept = std::fs::read_to_string(hand.path("login/.credentials.json")).expect("kept");
    assert!(kept.contains(&token), "the new token is kept");
    for state in ["one", "two"] {
        assert!(!hand.path(&format!("{state}/.credentials.json")).exists());
    }
}

/// S0.21, S0.35: two sessions of a person who is logged in, at once; the person's own login is the one that is renewed.
#[test]
fn two_sessions_renew_one_login_once() {
    with_vendor(&CLAUDE, |mut world| {
        world.set("ANTHROPIC_API_KEY", "");
        for (name, value) in through(&world.model) {
            world.set(name, value);
        }
        let login = expired_login(&world.model).to_string();
        world.write("user/.claude/.credentials.json", &login);
        let names = ["one", "two"].map(|name| world.name(name));
        let screens = names.each_ref().map(|name| {
            let start = ["start", name.as_str(), "-a", "claude"];
            Screen::sized(&world, &start, 40, 120)
        });
        for screen in &screens {
            wait_until_ready(&world, screen);
        }
        for screen in screens {
            ask(&screen, "SAY pong", "said pong");
            leave(screen);
        }
        let token = renewed_once(&world.model);
        let kept = world.path("user/.claude/.credentials.json");
        let kept = std::fs::read_to_string(kept).expect("kept");
        assert!(kept.contains(&token), "the person's own login is the new one");
        for name in &names {
            let state = world.directory(name).join("state/claude/.credentials.json");
            assert!(!state.exists(), "a copy of the login");
        }
    });
}
