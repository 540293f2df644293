//! From `start` to `remove`: what a person does, in a container.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::on_each_engine;
use crate::place::finish;
use crate::screen::Screen;

/// The prompt of the image's shell.
const PROMPT: &str = "bash-";

on_each_engine! {
    /// S0.1, S0.9, S0.10, S2.8, S2.10, S2.11: start, leave, look, work beside, stop, come back,
    /// remove; at a terminal.
    fn whole_life(place: Place) {
        let name = &place.name("life");
        let screen = Screen::run(&place, &["start", name]);
        screen.wait_for(PROMPT);
        screen.wait_for("leaves session");
        screen.type_in("echo in-$(basename \"$PWD\")-$((40+2)); stty size\r");
        screen.wait_for("in-project-42");
        screen.wait_for("24 80");
        screen.type_in("\u{1c}");
        assert_eq!(screen.end(), 0);

        let session = place.session(name);
        assert_eq!((&session["status"], &session["agent"]), (&"running".into(), &"shell".into()));
        assert_eq!(session["branch"], format!("session/{name}"));
        let screen = Screen::run(&place, &["attach", name]);
        screen.wait_for("in-project-42");
        screen.type_in("exit 3\r");
        assert_eq!(screen.end(), 3);
        let session = place.session(name);
        assert_eq!((&session["status"], &session["exit_code"]), (&"stopped".into(), &3.into()));

        let screen = Screen::run(&place, &["attach", name]);
        screen.wait_for(PROMPT);
        screen.type_in("git status --short --branch\r");
        screen.wait_for(&format!("## session/{name}"));
        screen.type_in("\u{1c}");
        assert_eq!(screen.end(), 0);
        place.good(&["stop", name]);
        place.good(&["stop", name]);
        assert_eq!(place.session(name)["status"], "stopped");
        place.good(&["remove", "--force", name]);
        assert_eq!(place.list()["sessions"], Value::Array(Vec::new()));
        assert_eq!(place.list()["notices"], Value::Array(Vec::new()), "nothing is left");
        place.good(&["restore", name]);
        place.good(&["start", name, "-d"]);
        assert_eq!(place.session(name)["status"], "running");
    }

    /// S2.12: more of the host in a container, by option and by environment; read-only unless it is said otherwise.
    fn more_of_the_host(place: Place) {
        place.write("notes/one", "seen\n");
        place.write("cache/old", "");
        let name = &place.name("volumes");
        let notes = format!("{}:/notes", place.path("notes").display());
        let cache = format!("{}:/var/cache/mine:rw", place.path("cache").display());
        let mut command = place.command(&["start", name, "-d", "-v", &notes, "--", "sleep", "600"]);
        let started = finish(command.env("AGENT_SESSION_MOUNTS", &cache).output());
        assert_eq!(started.code, 0, "{started:?}");
        let script = "cat /notes/one; touch /notes/two 2>/dev/null || echo refused; echo new > /var/cache/mine/new";
        assert_eq!(place.good(&["exec", name, "--", "sh", "-c", script]), "seen\nrefused\n");
        assert_eq!(place.read("cache/new"), "new\n");
        assert!(!place.path("notes/two").exists());
    }

    /// S0.19, S0.28: exact codes, both streams, input and binary; while it runs and while it does
    /// not.
    fn exec_is_transparent(place: Place) {
        let name = &place.name("exec");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        for _ in 0..2 {
            let script = "echo out; echo err >&2; exit 42";
            let done = place.run(&["exec", name, "--", "sh", "-c", script]);
            assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (42, "out\n", "err\n"));
            let killed = place.run(&["exec", name, "--", "sh", "-c", "kill -9 $$"]);
            assert_eq!(killed.code, 137, "{killed:?}");
            place.bad(&["exec", name, "--", "no-such-program"], 64);
            let here = place.good(&["exec", name, "--", "pwd"]);
            assert_eq!(here, "/workspace/project\n");
            let below = place.good(&["exec", name, "-w", "src", "-e", "A=b c", "--", "sh", "-c", "pwd; echo $A"]);
            assert_eq!(below, "/workspace/project/src\nb c\n");
            place.good(&["stop", "--time", "0", name]);
        }

        let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
        let mut command = place.command(&["exec", name, "--", "cat"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("it starts");
        let mut stdin = child.stdin.take().expect("piped");
        let sent = bytes.clone();
        let writer = std::thread::spawn(move || stdin.write_all(&sent));
        let output = child.wait_with_output().expect("an end");
        writer.join().expect("no panic").expect("all written");
        assert!(output.stdout == bytes, "{} bytes came back", output.stdout.len());
    }

    /// S0.19: a shell of the image beside the main process, at a terminal of its own.
    fn shell_beside_the_main_process(place: Place) {
        let name = &place.name("shell");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let screen = Screen::sized(&place, &["shell", name], 30, 100);
        screen.wait_for(PROMPT);
        screen.type_in("stty size; exit 5\r");
        screen.wait_for("30 100");
        assert_eq!(screen.end(), 5);
        assert_eq!(place.session(name)["status"], "running");
    }

    /// S0.20: plain text, the last lines, following to the end.
    fn logs(place: Place) {
        let name = &place.name("logs");
        let script = "printf '\\033[31mred\\033[0m\\n'; for i in 1 2 3; do echo line-$i; done; read x";
        place.good(&["start", name, "-d", "--", "sh", "-c", script]);
        let mut follow = place.command(&["logs", name, "--follow"]);
        let follow = follow.stdout(Stdio::piped()).spawn().expect("it starts");
        place.good(&["stop", "--time", "0", name]);
        let followed = finish(follow.wait_with_output());
        for line in ["red", "line-1", "line-3"] {
            assert!(followed.out.lines().any(|it| it == line), "no {line} in {followed:?}");
        }
        assert!(!followed.out.contains('\u{1b}'), "{followed:?}");
        assert_eq!(place.good(&["logs", name, "--tail", "2"]), "line-2\nline-3\n");
    }

    /// Files made inside are the caller's outside, and a command in it leaves the project as it is
    /// (S0.7, S0.8).
    fn files_are_the_callers(place: Place) {
        let name = &place.name("files");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let script = "echo made > made; mkdir -p d/e; cd /workspace/work; cat README.md; rm -rf ./src";
        assert_eq!(place.good(&["exec", name, "--", "sh", "-c", script]), "hello\n");
        let made = place.directory(name).join("workspace/project/made");
        assert_eq!(std::fs::read_to_string(&made).expect("it is there"), "made\n");
        use std::os::unix::fs::MetadataExt as _;
        let uid = rustix::process::getuid().as_raw();
        assert_eq!(made.metadata().expect("it is there").uid(), uid);
        assert!(place.path("project/src/main.rs").exists());
        assert!(!place.directory(name).join("workspace/project/src").exists());
    }

    /// S1.19: the person's git knows who they are at a host, the session's does not; nor has it what their ssh knows.
    fn no_git_login_comes_along(place: Place) {
        let login = "https://me:hunter2@example.invalid";
        place.write("user/.git-credentials", &format!("{login}\n"));
        place.write("user/.config/git/credentials", &format!("{login}\n"));
        place.write("user/.netrc", "machine example.invalid login me password hunter2\n");
        place.write("user/.ssh/id_ed25519", "hunter2\n");
        place.write(
            "user/.gitconfig",
            &format!(
                "[user]\nname = Me\nemail = me@example.invalid\n[credential]\nhelper = store\n[url \"{login}/\"]\ninsteadOf = x:\n[http]\nextraHeader = hunter2\n"
            ),
        );
        let name = &place.name("quiet");
        let mut start = place.command(&["start", name, "-d", "--", "sleep", "600"]);
        assert_eq!(finish(start.env_remove("GIT_CONFIG_GLOBAL").output()).code, 0);
        let configured = place.good(&["exec", name, "--", "git", "config", "--list", "--show-origin"]);
        assert!(configured.contains("user.email=me@example.invalid"), "{configured}");
        let commit = ["exec", name, "--", "git", "commit", "-q", "--allow-empty", "-m", "mine"];
        place.good(&commit);
        for part in ["hunter2", "credential.helper"] {
            assert!(!configured.contains(part), "{configured}");
        }
        let script = "grep -rl hunter2 / --exclude-dir=proc --exclude-dir=sys 2>/dev/null; true";
        assert_eq!(place.good(&["exec", name, "--", "sh", "-c", script]), "");
    }

    /// S2.14: what runs is entered as it is; by force it is started again.
    fn restart(place: Place) {
        let name = &place.name("again");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let first = place.session(name)["started_at"].clone();
        place.good(&["restart", name, "--detach"]);
        assert_eq!(place.session(name)["started_at"], first);
        place.good(&["restart", name, "--detach", "--force"]);
        let session = place.session(name);
        assert_eq!(session["status"], "running");
        assert_ne!(session["started_at"], first);
    }

    /// S0.28: the engine's own commands keep working on it, as the guide says.
    fn the_engines_own_commands(place: Place) {
        let name = &place.name("direct");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let container = &format!("sessctl-{name}");
        let engine = |words: &[&str]| super::images::engine(&place, words);
        let filter = format!("label=sessctl.name={name}");
        let listed = engine(&["ps", "--filter", &filter, "--format", "{{.Names}}"]);
        assert_eq!(listed.trim(), container);
        assert_eq!(engine(&["exec", container, "cat", "README.md"]), "hello\n");
        let tools = session_conformance::engines::TOOLS_IMAGE;
        let image = engine(&["inspect", "--format", "{{.Image}}", container]);
        let wanted = engine(&["image", "inspect", "--format", "{{.Id}}", tools]);
        assert_eq!(image, wanted);
        let copied = place.path("copied");
        let copied = copied.to_str().expect("UTF-8");
        engine(&["cp", &format!("{container}:/workspace/work/README.md"), copied]);
        assert_eq!(place.read("copied"), "hello\n");
    }

    /// Issue 3: what it uses, as a document and as a table.
    fn stats(place: Place) {
        let name = &place.name("stats");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let stats: Value =
            serde_json::from_str(&place.good(&["stats", name, "--json"])).expect("JSON");
        assert!(stats["usage"]["processes"].as_u64().is_some_and(|count| count >= 1), "{stats}");
        assert!(place.good(&["stats", name]).contains("MEMORY"));
    }

    /// Nothing secret is shown: variables of an `exec` are nobody's afterwards, and the engine's
    /// inspection has none of the terminal's.
    fn inspect_shows_no_secret(place: Place) {
        let name = &place.name("secret");
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let mut command = place.command(&["exec", name, "-e", "TOKEN=hunter2", "--", "sh", "-c", "test \"$TOKEN\" = hunter2"]);
        assert_eq!(finish(command.output()).code, 0);
        for shown in [place.good(&["inspect", name]), place.good(&["list", "--json"])] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let mut found = Vec::new();
        secrets(&place.path("home"), &mut found);
        assert_eq!(found, Vec::<std::path::PathBuf>::new());
    }
}

/// The files below that have the secret in them.
fn secrets(directory: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => secrets(&entry.path(), found),
            Ok(kind) if kind.is_file() => {
                let text = std::fs::read(entry.path()).unwrap_or_default();
                if memchr::memmem::find(&text, b"hunter2").is_some() {
                    found.push(entry.path());
                }
            }
            _ => {}
        }
    }
}
