//! The trace of what is done: how much, where to, and what is never in it.

use std::process::Stdio;

use crate::agents::robot;
use crate::place::{Done, Place, finish};

/// An agent with a key, a login by variable, MCP servers, and a log of its own.
const PROFILE: &str = r#"
[arguments]
debug = ["--trace"]
prompt = ["${PROMPT}"]
mcp = ["--servers", "${MCP_FILE}"]
[environment]
pass = ["ROBOT_URL"]
[credentials]
environment = ["ROBOT_KEY"]
[mcp]
file = "servers.json"
format = "json"
key = "servers"
reference = "${NAME}"
[mcp.local]
command = "${COMMAND}"
env = "${ENVIRONMENT}"
[mcp.remote]
url = "${URL}"
"#;

fn run_with(place: &Place, variables: &[(&str, &str)], words: &[&str]) -> Done {
    let mut command = place.command(words);
    finish(command.envs(variables.iter().copied()).stdin(Stdio::null()).output())
}

/// S4.33, S4.34, S4.25: by an option, or by environment; on standard error, so that results stay what they are.
#[test]
fn what_is_done_is_told_if_asked_for() {
    let place = Place::new();
    let start = |name: &str, variables: &[(&str, &str)], more: &[&str]| {
        let words = [&["start", name, "-d", "--empty"], more, &["--", "sleep", "600"]].concat();
        let done = run_with(&place, variables, &words);
        assert_eq!((done.code, done.out.trim()), (0, name), "{done:#?}");
        done.err
    };
    assert_eq!(start("none", &[], &[]), "");
    assert_eq!(start("warn", &[("SESSCTL_LOG", "info"), ("SESSCTL_DEBUG", "0")], &[]), "");
    for (name, variables, more) in [
        ("a", &[][..], &["--debug"][..]),
        ("b", &[("SESSCTL_DEBUG", "1")], &[]),
        ("c", &[("SESSCTL_LOG", "debug")], &[]),
        ("d", &[("SESSCTL_LOG", "trace"), ("SESSCTL_DEBUG", "true")], &["--debug"]),
    ] {
        let told = start(name, variables, more);
        for part in [
            "DEBUG",
            "sessctl begins",
            "step=\"workspace\"",
            "step=\"main-process\"",
            "milliseconds=",
        ] {
            assert!(told.contains(part), "no {part} in {told}");
        }
        assert!(!told.contains('\u{1b}'), "{told}");
    }
    let json = run_with(&place, &[("SESSCTL_LOG", "trace")], &["list", "--json"]);
    serde_json::from_str::<serde_json::Value>(&json.out).expect("a result and nothing else");

    let file = place.path("trace.log");
    let variables = [("SESSCTL_DEBUG", "1"), ("SESSCTL_LOG_FILE", file.to_str().expect("UTF-8"))];
    assert_eq!(start("file", &variables, &[]), "");
    assert!(place.read("trace.log").contains("step=\"workspace\""));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);

    for (name, value) in [
        ("SESSCTL_LOG", "loud"),
        ("SESSCTL_DEBUG", "maybe"),
        ("SESSCTL_LOG_FILE", "here.log"),
        ("SESSCTL_LOG_FILE", "/no/such/place/log"),
    ] {
        let refused = run_with(&place, &[(name, value)], &["list"]);
        assert!(refused.code != 0 && refused.err.contains(name), "{refused:?}");
    }
}

/// S4.25: the agent writes its own log, too, as its profile says, now and at each later start; one that has none just starts.
#[test]
fn an_agents_own_log_is_asked_for() {
    let place = Place::new();
    robot(&place, "[arguments]\ndebug = [\"--trace\"]\n");
    place.good(&["start", "one", "-d", "--empty", "-a", "robot", "--debug"]);
    place.good(&["start", "two", "-d", "--empty", "-a", "robot"]);
    place.good(&["start", "three", "-d", "--empty", "-a", "shell", "--debug"]);
    let said = |name: &str| place.good(&["logs", name]);
    crate::place::until("the robot speaks", || {
        said("one").contains("ROBOT") && said("two").contains("ROBOT")
    });
    assert!(said("one").contains("ROBOT --trace"), "{}", said("one"));
    assert!(!said("two").contains("--trace"), "{}", said("two"));
    place.good(&["restart", "one", "-f", "-d"]);
    crate::place::until("it speaks again", || said("one").matches("ROBOT --trace").count() == 2);
}

/// S4.40: whatever the level, no log of ours has a key, a login, a prompt, what a variable holds, or a token of an MCP server.
#[test]
fn no_log_has_a_secret() {
    let place = Place::with_repository();
    robot(&place, PROFILE);
    place.write(
        "user/.config/sessctl/mcp.json",
        r#"{ "mcpServers": { "m": { "command": "true", "env": { "T": "${MCP_TOKEN}" } } } }"#,
    );
    let file = place.path("trace.log");
    let secrets = [
        "key-SECRET",
        "url-SECRET",
        "mcp-SECRET",
        "prompt-SECRET",
        "value-SECRET",
        "argument-SECRET",
        "exec-SECRET",
    ];
    let variables = [
        ("SESSCTL_LOG", "trace"),
        ("SESSCTL_LOG_FILE", file.to_str().expect("UTF-8")),
        ("ROBOT_KEY", secrets[0]),
        ("ROBOT_URL", secrets[1]),
        ("MCP_TOKEN", secrets[2]),
    ];
    let value = format!("V={}", secrets[4]);
    for words in [
        &[
            "start", "one", "-d", "-a", "robot", "-p", secrets[3], "-e", &value, "--debug", "--",
            secrets[5],
        ][..],
        &["exec", "one", "-e", &format!("E={}", secrets[6]), "--", "true", secrets[6]],
        &["list", "--wide"],
        &["inspect", "one"],
        &["restart", "one", "-f", "-d"],
        &["stop", "one", "--time", "0"],
        &["remove", "one", "--force"],
    ] {
        let done = run_with(&place, &variables, words);
        assert_eq!(done.code, 0, "{done:#?}");
        for secret in secrets {
            assert!(!done.err.contains(secret), "{secret} in {}", done.err);
        }
    }
    let trace = place.read("trace.log");
    assert!(trace.contains("ROBOT_KEY") && trace.contains("launches"), "the names are: {trace}");
    let mut looked_at = vec![trace, place.read("home/audit.log")];
    let trash = std::fs::read_dir(place.path("home/trash")).expect("a trash");
    looked_at.extend(
        trash
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("log/holder.log")).ok()),
    );
    assert_eq!(looked_at.len(), 3, "the holder's log is there, too");
    for text in looked_at {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
