//! What runs beside a session's main process, and what that wrote.

use crate::place::Place;
use crate::screen::Screen;

/// S0.19, S2 exec: exact codes, both streams, input, binary.
#[test]
fn exec_is_transparent() {
    let place = Place::with_repository();
    place.good(&["start", "x", "-d", "--", "sleep", "600"]);
    let done = place.run(&["exec", "x", "--", "sh", "-c", "echo out; echo err >&2; exit 42"]);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (42, "out\n", "err\n"));
    place.bad(&["exec", "x", "--", "no-such-program"], 64);
    let inside = place.good(&["exec", "x", "--", "env"]);
    assert!(inside.lines().any(|line| line.starts_with("PWD=") && line.ends_with("/project")));
    let below = place.good(&["exec", "x", "-w", "src", "--", "env"]);
    assert!(!below.lines().any(|line| line.starts_with("PWD=")), "not where it runs: {below}");

    use std::io::Write;
    use std::process::Stdio;
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let mut child = place
        .command(&["exec", "x", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("no panic").expect("all written");
    assert!(output.stdout == bytes, "{} bytes came back", output.stdout.len());
}

/// S0.19: a shell beside the main process, at a terminal.
#[test]
fn shell_beside_the_main_process() {
    let place = Place::with_repository();
    place.good(&["start", "s", "-d", "--", "sleep", "600"]);
    let screen = Screen::run(&place, &["shell", "s"]);
    screen.wait_for("READY>");
    screen.type_in("stty size; exit 5\r");
    screen.wait_for("24 80");
    assert_eq!(screen.end(), 5);
    assert_eq!(place.session("s")["status"], "running");
}

/// S0.20, S4.40: plain text, the last lines, following to the end.
#[test]
fn logs() {
    let place = Place::with_repository();
    let script = "printf '\\033[31mred\\033[0m\\n'; for i in 1 2 3; do echo line-$i; done; read x";
    place.good(&["start", "l", "-d", "--", "sh", "-c", script]);
    let mut follow = place
        .command(&["logs", "l", "--follow"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    place.good(&["stop", "l"]);
    assert!(follow.wait().expect("it ends with the session").success());
    let all = place.good(&["logs", "l"]);
    assert!(all.contains("red\n") && all.contains("line-3") && !all.contains('\u{1b}'), "{all:?}");
    let tail = place.good(&["logs", "l", "--tail", "1"]);
    assert_eq!(tail.lines().count(), 1, "{tail:?}");
}
