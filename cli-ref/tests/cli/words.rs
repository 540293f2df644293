//! What people read, word by word.

use crate::place::Place;
use crate::screen::Screen;

/// Ids, times and paths differ from run to run.
fn settings(place: &Place) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    let root = place.path("").canonicalize().expect("a root");
    settings.add_filter(&format!("{}/?", root.to_str().expect("UTF-8")), "[ROOT]/");
    settings.add_filter(" {2,}", "  "); // the columns are as wide as this run's paths
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "[ID]");
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[TIME]");
    settings.add_filter(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[TIME]");
    settings.add_filter(r"[0-9a-f]{40}", "[COMMIT]");
    settings.add_filter(r#""disk_bytes": \d+"#, r#""disk_bytes": "[BYTES]""#);
    settings
}

/// S0.11, S2.15, S4.27, S4.18: the table, plain when piped.
#[test]
fn list() {
    let place = Place::with_repository();
    assert_eq!(place.good(&["list"]), "no sessions yet; `sessctl start` makes one\n");
    place.good(&["start", "alpha", "-d", "--", "sleep", "600"]);
    place.good(&["start", "beta", "-d", "--mount", "--agent", "helper", "--", "sleep", "600"]);
    place.good(&["start", "gamma", "-d", "--empty", "--", "sh", "-c", "read x; exit 3"]);
    place.good(&["stop", "alpha"]);
    let listed = place.good(&["ls"]);
    assert!(!listed.contains('\u{1b}'), "no colour in a pipe");
    settings(&place).bind(|| insta::assert_snapshot!(listed));
}

/// S2.15: running is green, stopped is red, on a terminal.
#[test]
fn list_is_coloured_on_a_terminal() {
    let place = Place::with_repository();
    place.good(&["start", "up", "-d", "--", "sleep", "600"]);
    place.good(&["start", "down", "-d", "--", "sleep", "600"]);
    place.good(&["stop", "down"]);
    let screen = Screen::sized(&place, &["list"], 24, 200);
    screen.wait_for("down");
    screen.wait_for("up");
    let raw = screen.raw();
    assert_eq!(screen.end(), 0);
    assert!(raw.contains("\u{1b}[32mrunning"), "{raw:?}");
    assert!(raw.contains("\u{1b}[31mstopped"), "{raw:?}");
}

/// S0.27, S4.17: the record as JSON.
#[test]
fn inspect() {
    let place = Place::with_repository();
    place.good(&["start", "one", "-d", "--", "sleep", "600"]);
    place.good(&["stop", "one"]);
    let text = place.good(&["inspect", "one"]);
    settings(&place).bind(|| insta::assert_snapshot!(text));
}

/// S2.17, S3.13, S4.33: every command has its help.
#[test]
fn help() {
    let place = Place::new();
    let text = place.good(&["--help"]);
    settings(&place).bind(|| insta::assert_snapshot!(text));
    for command in [
        "start",
        "attach",
        "list",
        "stop",
        "restart",
        "remove",
        "shell",
        "exec",
        "logs",
        "inspect",
        "stats",
        "conversations",
        "restore",
        "trash",
        "doctor",
        "config",
        "completions",
        "man",
    ] {
        assert!(place.good(&[command, "--help"]).contains("Usage:"), "{command}");
        assert!(text.contains(command), "{command} is not in the overview");
    }
}

/// S4.33.
#[test]
fn manual_and_completions() {
    let place = Place::new();
    assert!(place.good(&["man"]).contains(".TH"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.good(&["completions", shell]).contains("sessctl"), "{shell}");
    }
    assert!(!place.path("home").exists(), "they need no home");
}

/// A table that is too wide for the terminal is cut, and says so; one that goes elsewhere is whole.
#[test]
fn a_list_at_a_narrow_terminal() {
    let place = Place::with_repository();
    place.good(&["start", "one", "-d", "--", "sleep", "600"]);
    for words in [&["list", "--wide"][..], &["stats"], &["list"]] {
        let screen = Screen::sized(&place, words, 24, 60);
        let shown =
            screen.wait_until("a row", |screen| screen.lines().any(|it| it.starts_with("one")));
        let first: Vec<_> = shown.lines().map(|line| line.split("  ").next()).collect();
        assert_eq!(first[..2], [Some("NAME"), Some("one")], "{shown}");
        assert!(shown.contains('…'), "{shown}");
        assert!(
            shown.lines().nth(2).is_none_or(|line| line.is_empty() || line.starts_with("all")),
            "{shown}"
        );
        assert_eq!(screen.end(), 0);
        assert!(!place.good(words).contains('…'));
    }
    assert!(place.good(&["list", "--wide"]).contains("CREATED"));
}

/// Every check passes here, and a second front end can read them.
#[test]
fn doctor() {
    let place = Place::new();
    let text = place.good(&["doctor"]);
    assert!(text.contains("local (") && text.contains("ok"), "{text}");
    let report: serde_json::Value =
        serde_json::from_str(&place.good(&["doctor", "--json"])).expect("JSON");
    let backends = report["backends"].as_array().expect("a list");
    let kinds: Vec<_> = backends.iter().map(|report| &report["kind"]).collect();
    assert_eq!(kinds, ["docker", "local", "podman"]);
    for report in backends {
        for check in report["checks"].as_array().expect("a list") {
            let code = check["code"].as_str().expect("a code");
            place.good(&["explain", code]);
            let is_good = check["outcome"] == "passed";
            assert!(is_good || check["remedy"].is_string(), "no way out of {check}");
        }
    }
}

/// Issue 3: every code has its explanation, and so has every exit code.
#[test]
fn explain() {
    let place = Place::new();
    let all = place.good(&["explain"]);
    let document: serde_json::Value =
        serde_json::from_str(&place.good(&["explain", "--json"])).expect("JSON");
    let codes = document["codes"].as_array().expect("a list");
    assert!(codes.len() > 6, "{document}");
    for code in codes {
        let code = code["code"].as_str().expect("a code");
        assert!(all.contains(code), "{code} is not in {all}");
        assert!(place.good(&["explain", code]).len() > 40, "{code}");
    }
    assert!(place.good(&["explain", "69"]).contains("does not answer"));
    assert!(place.bad(&["explain", "\u{1b}[31m"], 66).contains("sessctl explain"));
    assert!(!place.path("home").exists(), "it needs no home");
}

/// Issue 3: what a session uses, for people and programs.
#[test]
fn stats() {
    let place = Place::with_repository();
    place.good(&["start", "one", "-d", "--", "sleep", "600"]);
    let text = place.good(&["stats", "one"]);
    assert!(text.starts_with("NAME") && text.contains("MEMORY") && text.contains("one"), "{text}");
    let stats: serde_json::Value =
        serde_json::from_str(&place.good(&["stats", "one", "--json"])).expect("JSON");
    assert_eq!((&stats["schema_version"], &stats["name"]), (&1.into(), &"one".into()));
    assert_eq!(stats["usage"]["processes"], 1);
    place.good(&["stop", "one"]);
    let stats: serde_json::Value =
        serde_json::from_str(&place.good(&["stats", "one", "--json"])).expect("JSON");
    assert_eq!(stats["usage"]["processes"], 0);
    place.bad(&["stats", "two"], 66);
}

/// Issue 3: with no engine in reach it is the host, and that is said; what needs a container then
/// fails, with nothing made.
#[test]
fn without_an_engine() {
    let place = Place::with_repository();
    let start = |words: &[&str]| {
        let mut command = place.command(words);
        command.env("SESSCTL_BACKEND", "").stdin(std::process::Stdio::null());
        crate::place::finish(command.output())
    };
    let done = start(&["start", "one", "-d", "--image", "debian:12"]);
    assert_eq!(done.code, 69, "{done:?}");
    assert!(done.err.contains("no container engine answers"), "{done:?}");
    assert!(!place.path("home/sessions").exists());
    let done = start(&["start", "one", "-d", "--", "sleep", "600"]);
    assert_eq!((done.code, done.out.as_str()), (0, "one\n"), "{done:?}");
    assert!(done.err.contains("--backend local"), "{done:?}");
    assert_eq!(place.session("one")["backend"], "local");
    let said = start(&["start", "two", "-d", "--backend", "local", "--", "sleep", "600"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let wrong = start(&["start", "three", "-d", "--backend", "local", "--image", "x", "--root"]);
    assert_eq!(wrong.code, 64, "{wrong:?}");
    assert!(wrong.err.contains("--image") && wrong.err.contains("--root"), "{wrong:?}");
    let list = place.list();
    assert_eq!(list["notices"].as_array().map(Vec::len), Some(0), "engines not in use are no news");
}
