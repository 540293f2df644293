//! What is seen at the terminal of a session.

use crate::place::Place;
use crate::screen::Screen;

const DETACH: &str = "\x1c";

/// S2.10, S0.E7: the command runs in the terminal by itself; one that ends at once is seen whole, with its code.
#[test]
fn what_a_short_command_printed_is_seen() {
    let place = Place::with_repository();
    let screen =
        Screen::run(&place, &["start", "quick", "--", "/bin/sh", "-c", "echo seen; exit 3"]);
    screen.wait_for("seen");
    assert_eq!(screen.end(), 3);
}

/// A long copy shows a bar on a terminal, and nothing of it elsewhere or afterwards.
#[test]
fn a_bar_for_long_copies() {
    let place = Place::in_memory();
    for n in 0..60_000 {
        std::fs::write(place.path(format!("project/{n}")), "text").expect("a small file");
    }
    let screen =
        Screen::run(&place, &["start", "long", "-d", "--no-worktree", "--", "sleep", "600"]);
    screen.wait_for("long");
    let raw = screen.raw();
    assert_eq!(screen.end(), 0);
    assert!(raw.contains("copying project"), "{raw:?}");
    let done = place.run(&["start", "quiet", "-d", "--no-worktree", "--", "sleep", "600"]);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("quiet\n", ""));
}

/// S4.4: two people at one session: both see it, the last who does something decides the size.
#[test]
fn two_viewers() {
    let place = Place::with_repository();
    let one = Screen::run(&place, &["start", "two"]);
    one.wait_for("READY>");
    let other = Screen::sized(&place, &["attach", "two"], 30, 100);
    other.wait_for("READY>");
    other.type_in("stty size\r");
    other.wait_for("30 100");
    one.wait_for("30 100");
    one.resize(20, 70);
    one.type_in("stty size\r");
    one.wait_for("20 70");
    let watcher = Screen::run(&place, &["attach", "two", "--read-only"]);
    watcher.wait_for("20 70");
    watcher.type_in("echo ignored-$((1+1))\r");
    one.type_in("echo done-$((2+2))\r");
    let shown = watcher.wait_for("done-4");
    assert!(!shown.contains("ignored"), "{shown}");
    watcher.type_in(DETACH);
    assert_eq!(watcher.end(), 0);
    one.type_in("exit 4\r");
    assert_eq!((one.end(), other.end()), (4, 4));
}

/// On a narrow terminal the greeting is cut, and scrolls nothing away.
#[test]
fn a_greeting_on_a_narrow_terminal() {
    let place = Place::with_repository();
    let screen = Screen::sized(&place, &["start", "narrow"], 6, 30);
    let shown = screen.wait_until("greeting and prompt", |screen| {
        screen.contains("READY>") && screen.contains("Ctrl-\\ leaves")
    });
    assert_eq!(shown.lines().next(), Some("READY> "), "{shown}");
    screen.type_in(DETACH);
    assert_eq!(screen.end(), 0);
}

/// What a session showed stays on the screen when it is left.
#[test]
fn the_screen_stays_when_a_session_is_left() {
    let place = Place::with_repository();
    let screen = Screen::run(&place, &["start", "stay"]);
    screen.wait_for("READY>");
    screen.type_in("echo kept-$((40+2))\r");
    screen.wait_for("kept-42");
    screen.type_in(DETACH);
    let shown = screen.wait_for("left stay running");
    assert_eq!(screen.end(), 0);
    assert!(shown.contains("kept-42"), "{shown}");
}
