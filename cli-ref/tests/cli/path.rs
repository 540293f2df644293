//! The first whole path: start, leave, come back, stop, remove.

use crate::commands::processes_with;
use crate::place::Place;
use crate::screen::Screen;

const DETACH: &str = "\x1c";

/// S0.1, S0.9, S0.10, S0.11, S2.8, S2.11, S2.13, S0.12, S0.3, S0.34, S0.35, S2.5, S4.T1: the whole path at a terminal.
#[test]
fn start_leave_come_back_stop_remove() {
    let place = Place::with_repository();
    let screen = Screen::run(&place, &["start", "auth"]);
    screen.wait_for("READY>");
    screen.type_in("echo marker-$((6*7)); git branch --show-current; pwd\r");
    screen.wait_for("marker-42");
    let shown = screen.wait_for("session/auth");
    assert!(shown.contains("Ctrl-\\"), "the chord is shown at the first attach:\n{shown}");
    screen.type_in(DETACH);
    screen.wait_for("left auth running");
    assert_eq!(screen.end(), 0);
    assert_eq!(place.session("auth")["status"], "running");

    let screen = Screen::run(&place, &["attach", "auth"]);
    screen.wait_for("marker-42");
    screen.type_in("echo again-$((1+1))\r");
    screen.wait_for("again-2");
    screen.type_in(DETACH);
    assert_eq!(screen.end(), 0);

    let mark =
        format!("SESSCTL_SESSION_ID={}", place.session("auth")["id"].as_str().expect("an id"));
    assert!(!processes_with(&mark).is_empty());
    assert_eq!(place.good(&["stop", "auth"]), "");
    assert_eq!(place.good(&["stop", "auth"]), "", "stopping again is silent");
    assert_eq!(processes_with(&mark), Vec::<String>::new());
    assert_eq!(place.session("auth")["status"], "stopped");

    place.good(&["remove", "--force", "auth"]);
    assert_eq!(place.list()["sessions"], serde_json::json!([]));
    assert_eq!(place.git(&["status", "--porcelain"]), "");
    assert_eq!(place.git(&["branch", "--list"]).trim(), "* main");
    assert_eq!(place.git(&["worktree", "list"]).lines().count(), 1);
}

/// S2.11: closing the terminal, or killing the client, leaves the session running.
#[test]
fn a_killed_client_leaves_the_session_running() {
    let place = Place::with_repository();
    let screen = Screen::run(&place, &["start", "left"]);
    screen.wait_for("READY>");
    screen.type_in("X=kept; echo set-$((1+1))\r");
    screen.wait_for("set-2");
    screen.kill();
    assert_eq!(place.session("left")["status"], "running");
    let screen = Screen::run(&place, &["attach", "left"]);
    screen.wait_for("READY>");
    screen.type_in("echo value-$X\r");
    screen.wait_for("value-kept");
    screen.type_in(DETACH);
    assert_eq!(screen.end(), 0);
}

/// S4.17, S4.21, S4.20: the end and its code are recorded with nobody attached.
#[test]
fn the_exit_code_is_recorded_with_nobody_there() {
    let place = Place::with_repository();
    place.good(&["start", "short", "--detach", "--", "/bin/sh", "-c", "read x; exit 7"]);
    let screen = Screen::run(&place, &["attach", "short"]);
    screen.type_in("\r");
    assert_eq!(screen.end(), 7);
    let session = place.session("short");
    assert_eq!(
        (session["status"].as_str(), session["exit_code"].as_i64()),
        (Some("stopped"), Some(7))
    );
    let inspected: serde_json::Value =
        serde_json::from_str(&place.good(&["inspect", "short"])).expect("JSON");
    assert_eq!(inspected["record"]["exit"]["code"], 7);
    assert!(inspected["record"]["ended_at"].is_string(), "{inspected:#}");
    assert!(!place.path("home/active/short").exists(), "S4.20: no link to what does not run");
}

/// S2.14: restart enters a running session as it is; with force it starts it anew.
#[test]
fn restart() {
    let place = Place::with_repository();
    place.good(&["start", "r", "-d", "--", "sleep", "600"]);
    let started = |place: &Place| place.session("r")["started_at"].clone();
    let first = started(&place);
    place.good(&["restart", "r", "--detach"]);
    assert_eq!(started(&place), first, "a running session is left alone");
    place.good(&["restart", "r", "--detach", "--force"]);
    assert_ne!(started(&place), first);
    assert_eq!(place.session("r")["status"], "running");
}

/// Every command has `--json`.
#[test]
fn results_as_documents() {
    let place = Place::with_repository();
    let json = |arguments: &[&str]| -> serde_json::Value {
        let text = place.good(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    };
    let json_before = |flag: &[&str], rest: &[&str]| -> serde_json::Value {
        serde_json::from_str(&place.good(&[flag, &["--json"], rest].concat())).expect("JSON")
    };
    let started = json_before(&["start", "j", "-d"], &["--", "sleep", "600"]);
    assert_eq!((&started["name"], &started["status"]), (&"j".into(), &"running".into()));
    let done = json_before(&["exec", "j"], &["--", "sh", "-c", "echo out; echo err >&2"]);
    let expected = serde_json::json!({ "exit_code": 0, "stdout": "out\n", "stderr": "err\n" });
    assert_eq!(done, expected);
    assert_eq!(json(&["restart", "j", "-d", "--force"])["status"], "running");
    assert_eq!(json(&["stop", "j"])["status"], "stopped");
    assert_eq!(json(&["inspect", "j"])["record"]["name"], "j");
    assert_eq!(json(&["list"])["sessions"][0]["name"], "j");
    assert_eq!(json(&["remove", "j", "--force"])["removed"][0]["name"], "j");
    assert_eq!(json(&["trash", "list"])["removed"][0]["name"], "j");
    assert_eq!(json(&["restore", "j"])["status"], "stopped");
    assert_eq!(json(&["doctor"])["backends"][1]["kind"], "local");
    assert_eq!(json(&["doctor", "--rebuild"])["indexed"], 1);
    assert_eq!(json(&["trash", "empty", "--all", "--force"])["deleted"], 0);
    assert!(json(&["man"])["text"].is_string());
    assert!(json(&["completions", "bash"])["text"].is_string());
    place.good(&["start", "l", "-d", "--", "sh", "-c", "echo a line"]);
    place.good(&["logs", "l", "--follow"]);
    assert_eq!(json(&["logs", "l"])["line"], "a line");
}

/// A home so deep that its socket's path would not fit into an address (108 bytes).
#[test]
fn a_deep_home() {
    let place = Place::with_repository();
    let deep = place.path("deep".repeat(40)).join("er".repeat(60));
    let deep = deep.to_str().expect("UTF-8");
    place.good(&["--home", deep, "start", "deep", "-d"]);
    let screen = Screen::run(&place, &["--home", deep, "attach", "deep"]);
    screen.wait_for("READY>");
    screen.type_in("exit 6\r");
    assert_eq!(screen.end(), 6);
    place.good(&["--home", deep, "remove", "deep", "--force"]);
}

/// Where the user's systemd runs, a holder gets a scope of its own, which the end of a login
/// leaves alone; here by a stand-in for `systemd-run` that says so and goes on.
#[test]
fn a_scope_where_there_is_systemd() {
    let place = Place::with_repository();
    place.write("run/systemd/private", "");
    let said = place.path("said");
    let program = format!(
        "#!/bin/sh\necho \"$*\" >> {}\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"\n",
        said.display()
    );
    place.write("bin/systemd-run", &program);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(place.path("bin/systemd-run"), mode).expect("a mode");
    let path =
        format!("{}:{}", place.path("bin").display(), std::env::var("PATH").expect("a PATH"));
    let mut command = place.command(&["start", "scoped", "-d", "--", "sleep", "600"]);
    command.env("PATH", path).env("XDG_RUNTIME_DIR", place.path("run"));
    assert!(command.status().expect("it starts").success());
    assert_eq!(place.session("scoped")["status"], "running");
    let said = place.read("said");
    assert!(said.starts_with("--user --scope"), "{said}");
}
