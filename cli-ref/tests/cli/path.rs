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

/// S2.10, S0.E7: the command runs in the terminal by itself; one that ends at once is seen whole, with its code.
#[test]
fn what_a_short_command_printed_is_seen() {
    let place = Place::with_repository();
    let screen =
        Screen::run(&place, &["start", "quick", "--", "/bin/sh", "-c", "echo seen; exit 3"]);
    screen.wait_for("seen");
    assert_eq!(screen.end(), 3);
}

/// S0.7, S0.34, S0.35: what is destroyed in a session is not destroyed outside; uncommitted work comes along.
#[test]
fn the_copy_is_private_and_whole() {
    let place = Place::with_repository();
    place.write("project/README.md", "changed\n");
    place.write("project/new.txt", "untracked\n");
    place.git(&["add", "README.md"]);
    place.good(&["start", "copy", "--detach", "--", "sleep", "600"]);
    let status = place.good(&["exec", "copy", "--", "git", "status", "--porcelain"]);
    assert_eq!(status, "M  README.md\n?? new.txt\n");
    place.good(&["exec", "copy", "--", "sh", "-c", "rm -rf -- * .git"]);
    assert_eq!(place.read("project/README.md"), "changed\n");
    assert_eq!(place.git(&["status", "--porcelain"]), "M  README.md\n?? new.txt\n");
}

/// What the person's git ignores everywhere stays behind, wherever that is written.
#[test]
fn files_ignored_everywhere_stay_behind() {
    let place = Place::with_repository();
    place.write("project/.DS_Store", "x");
    place.write("project/notes.swp", "x");
    let untracked = |name: &str| {
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        place.good(&[
            "exec",
            name,
            "--",
            "git",
            "-c",
            "core.excludesFile=/dev/null",
            "status",
            "--short",
        ])
    };
    assert_eq!(untracked("a"), "?? .DS_Store\n?? notes.swp\n");
    place.write("user/.config/git/ignore", ".DS_Store\n");
    assert_eq!(untracked("b"), "?? notes.swp\n");
    place.write("user/everywhere", "*.swp\n");
    place.write("user/.gitconfig", "[core]\n\texcludesFile = ~/everywhere\n");
    assert_eq!(untracked("c"), "?? .DS_Store\n");
}

/// S0.4, S0.5, S0.6, S0.E4: a branch by name, a plain copy, patterns left out.
#[test]
fn options_of_start() {
    let place = Place::with_repository();
    place.write("project/big/file", "x");
    place.good(&["start", "a", "-d", "--branch", "feature/auth", "--", "sleep", "600"]);
    let branch = place.good(&["exec", "a", "--", "git", "branch", "--show-current"]);
    assert_eq!(branch, "feature/auth\n");
    assert_eq!(place.session("a")["branch"], "feature/auth");
    place.good(&[
        "start",
        "b",
        "-d",
        "--no-worktree",
        "--exclude",
        "big,*.md",
        "--",
        "sleep",
        "600",
    ]);
    let files = place.good(&["exec", "b", "--", "sh", "-c", "ls -A; git branch --show-current"]);
    assert_eq!(files, ".git\nsrc\nmain\n");
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

/// S0.12, S0.13, S2.16, S2.E5, S4.25: running is refused, and so is work that exists nowhere else, which is
/// listed; with force it is in the trash, and comes back.
#[test]
fn remove_refuses_and_restore_brings_back() {
    let place = Place::with_repository();
    place.good(&["start", "keep", "-d", "--", "sleep", "600"]);
    let screen = Screen::run(&place, &["remove", "keep"]);
    screen.wait_for("is running; stop it first");
    assert_eq!(screen.end(), 79);
    place.good(&["stop", "keep"]);
    let here = "echo precious > only-here; git -c user.name=a -c user.email=b commit -q --allow-empty -m x";
    place.good(&["exec", "keep", "--", "sh", "-c", here]);
    let screen = Screen::run(&place, &["remove", "keep"]);
    screen.wait_for("only-here");
    screen.wait_for("commits that are only here: 1");
    assert_eq!(screen.end(), 79);
    assert_eq!(place.session("keep")["status"], "stopped");

    place.good(&["remove", "--force", "keep"]);
    assert!(place.good(&["trash", "list"]).contains("keep"));
    place.good(&["restore", "keep"]);
    assert_eq!(place.session("keep")["status"], "stopped");
    assert_eq!(place.good(&["exec", "keep", "--", "cat", "only-here"]), "precious\n");
    place.good(&["remove", "--force", "keep"]);
    place.good(&["trash", "empty", "--force"]);
    assert!(place.good(&["trash", "list"]).contains("keep"), "its 30 days are not over");
    place.good(&["trash", "empty", "--all", "--force"]);
    assert_eq!(place.good(&["trash", "list"]), "the trash is empty\n");
}

/// S0.12: what loses nothing is removed when the person says yes, and kept otherwise.
#[test]
fn remove_asks() {
    let place = Place::with_repository();
    place.good(&["start", "clean", "-d", "--", "sleep", "600"]);
    place.good(&["stop", "clean"]);
    for (answer, code, left) in [("n", 1, "clean\n"), ("y", 0, "")] {
        let screen = Screen::run(&place, &["remove", "clean"]);
        screen.wait_for("[y/N]");
        screen.type_in(&format!("{answer}\r"));
        assert_eq!(screen.end(), code);
        assert_eq!(place.good(&["list", "--names"]), left);
    }
}

/// What is made in an empty workspace, or beside the projects, exists nowhere else either.
#[test]
fn work_beside_projects_is_not_lost() {
    let place = Place::with_repository();
    place.good(&["start", "empty", "-d", "--empty", "--", "sleep", "600"]);
    place.good(&["exec", "empty", "--", "touch", "made-here"]);
    place.good(&["stop", "empty"]);
    assert!(place.bad(&["remove", "empty"], 79).contains("made-here"));
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

/// S0.8, S2.7: several projects, each at `workspace/<name>`.
#[test]
fn several_projects_in_one_session() {
    let place = Place::with_repository();
    place.write("notes/todo", "x\n");
    place.good(&["start", "both", ".", "../notes", "-d", "--", "sleep", "600"]);
    let listed = place.good(&["exec", "both", "--", "ls"]);
    assert_eq!(listed, "notes\nproject\n");
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

/// A directory whose name is longer than a project's may be is worked on under a shorter one; what it is called stays its affair.
#[test]
fn a_directory_with_a_very_long_name() {
    let place = Place::new();
    let long = "n".repeat(255);
    place.write(&format!("project/{long}/file"), "text");
    for words in [&["--no-worktree"][..], &["--mount"]] {
        let words = [&["start", "-d", "-a", "shell"], words].concat();
        let mut command = place.command(&words);
        let done =
            crate::place::finish(command.current_dir(place.path("project").join(&long)).output());
        assert_eq!(done.code, 0, "{done:#?}");
    }
    let name = place.good(&["list", "--names"]).lines().next().map(str::to_owned);
    let name = name.expect("a session");
    let listed = place.session(&name);
    assert!(listed["sources"][0].as_str().is_some_and(|it| it.ends_with(&long)), "{listed:#}");
    assert_eq!(place.good(&["exec", &name, "--", "cat", "file"]), "text");
}
