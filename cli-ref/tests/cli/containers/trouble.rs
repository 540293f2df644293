//! What goes wrong: killed holders, closed windows, two at once, engines that are not there.

use std::process::Stdio;

use serde_json::Value;

use super::on_each_engine;
use crate::commands::processes_with;
use crate::place::{Place, finish, until};
use crate::screen::Screen;

const PROMPT: &str = "bash-";

/// Kills the holder and its guard, as the out-of-memory killer would.
fn kill_holders(place: &Place) {
    // A holder runs in this place's environment, and nothing else does that outlives a command.
    let home = place.path("home");
    let mark = format!("SESSCTL_HOME={}", home.to_str().expect("UTF-8"));
    let holders = processes_with(&mark);
    assert!(!holders.is_empty(), "nobody holds it");
    for holder in holders {
        let pid: i32 = holder.split(':').next().and_then(|pid| pid.parse().ok()).expect("a number");
        if let Some(pid) = rustix::process::Pid::from_raw(pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

on_each_engine! {
    /// Issue 3: a killed holder is replaced by the next command, and the screen is as it was; what
    /// runs did not notice.
    fn a_killed_holder_is_replaced(place: Place) {
        let name = &place.name("held");
        let screen = Screen::sized(&place, &["start", name], 30, 100);
        screen.wait_for(PROMPT);
        screen.type_in("marker=kept; echo on-$((40+2))-screen\r");
        screen.wait_for("on-42-screen");
        screen.type_in("\u{1c}");
        assert_eq!(screen.end(), 0);
        // A busy disk takes it later than the screen; what a killed holder had not written is gone.
        until("the line in the log", || place.good(&["logs", name]).contains("on-42-screen"));
        kill_holders(&place);
        let session = place.session(name);
        assert_eq!(session["status"], "running", "{session}");
        let screen = Screen::sized(&place, &["attach", name], 30, 100);
        screen.wait_for("on-42-screen");
        screen.type_in("echo still-$marker; exit 4\r");
        screen.wait_for("still-kept");
        assert_eq!(screen.end(), 4);
        let session = place.session(name);
        assert_eq!((&session["status"], &session["exit_code"]), (&"stopped".into(), &4.into()));
    }

    /// S2.11: the window is closed, the client is killed; the session goes on.
    fn a_closed_window_ends_nothing(place: Place) {
        let name = &place.name("window");
        let screen = Screen::run(&place, &["start", name]);
        screen.wait_for(PROMPT);
        screen.type_in("echo before-$((40+2))\r");
        screen.wait_for("before-42");
        screen.kill();
        assert_eq!(place.session(name)["status"], "running");
        let screen = Screen::run(&place, &["attach", name]);
        screen.wait_for("before-42");
        drop(screen);
        assert_eq!(place.session(name)["status"], "running");
    }

    /// Issue 3: two clients create one name at once: one makes it, and the other gets in or is
    /// told.
    fn two_clients_at_once(place: Place) {
        let name = &place.name("both");
        let words = ["start", name.as_str(), "-d", "--", "sleep", "600"];
        let start = || place.command(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let children = [start(), start(), start()].map(|child| child.expect("it starts"));
        let done = children.map(|child| finish(child.wait_with_output()));
        assert!(done.iter().any(|done| done.code == 0), "{done:#?}");
        for done in &done {
            assert!([0, 73].contains(&done.code), "{done:#?}");
        }
        let list = place.list();
        assert_eq!(list["sessions"].as_array().map(Vec::len), Some(1), "{list:#}");
        assert_eq!(list["notices"], Value::Array(Vec::new()));
        assert_eq!(place.session(name)["status"], "running");
    }

    /// Invariant 3, S0.E1: with the engine away lists work, say so, and everything else says what
    /// to do.
    fn an_engine_that_is_away(place: Place) {
        let name = &place.name("away");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let away = |words: &[&str]| {
            let mut command = place.command(words);
            command.env("SESSCTL_DOCKER_SOCKET", "/nowhere/docker.sock");
            command.env("SESSCTL_PODMAN_SOCKET", "/nowhere/podman.sock");
            finish(command.stdin(Stdio::null()).output())
        };
        let listed = away(&["list", "--json"]);
        let list: Value = serde_json::from_str(&listed.out).expect("JSON");
        assert_eq!(list["sessions"][0]["status"], "unknown", "{list:#}");
        assert_eq!(list["notices"].as_array().map(Vec::len), Some(1), "{list:#}");
        for words in [&["stop", name.as_str()][..], &["exec", name, "--", "true"], &["start", "other", "-d"]] {
            let done = away(words);
            assert_eq!(done.code, 69, "{words:?}: {done:#?}");
            assert!(done.err.contains("/nowhere/"), "{done:#?}");
        }
        assert_eq!(away(&["inspect", name]).code, 0);
        assert_eq!(place.session(name)["status"], "running", "it is as it was");
        assert_eq!(place.list()["sessions"].as_array().map(Vec::len), Some(1), "no half of another");
    }

    /// Lesson 13, 20: a container that somebody removed is lost, not made again in silence.
    fn a_container_removed_by_hand(place: Place) {
        let name = &place.name("gone");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let container = format!("sessctl-{name}");
        super::images::engine(&place, &["rm", "-f", &container]);
        let session = place.session(name);
        assert_eq!(session["status"], "lost", "{session:#}");
        let complaint = place.bad(&["attach", name], 64);
        assert!(complaint.contains("no terminal"), "{complaint}");
        place.bad(&["start", name, "-d"], 80);
        place.good(&["remove", "--force", name]);
    }
}
