//! `sessctl login` and `logout`: once for all sessions, and no secret anywhere else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::agents::{robot, write_program};
use crate::place::Place;
use crate::screen::Screen;

const SECRET: &str = "SECRET-TOKEN-1234567890";
const PROFILE: &str = r#"
[arguments]
login = ["login"]
[environment.set]
ROBOT_HOME = "${STATE}"
ROBOT_LOGIN = "${CREDENTIALS}"
[credentials]
required = true
files = ["login.json"]
environment = ["ROBOT_KEY"]
"#;

/// A program that can log in: it writes where it was told, and says what it was given.
fn with_login(place: &Place, write: &str) {
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = login ]; then\n  echo \"LOGIN $2 in $PWD key=$ROBOT_KEY.\"\n  [ \"$2\" = no ] && exit 3\n  umask 022\n  {write}\n  exit\nfi\necho \"ROBOT $(cat \"$ROBOT_LOGIN/login.json\")\"\nexec sleep 600\n"
    );
    write_program(place, "robot", &script);
}

fn login(place: &Place, words: &[&str]) -> Screen {
    let words: Vec<_> = ["login", "-a", "robot"].iter().chain(words).copied().collect();
    Screen::with(place, &words, &[("ROBOT_KEY", "another")], 24, 200)
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("it is there").permissions().mode() & 0o777
}

/// Every file below `directory` that has the secret in it.
fn holders(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            holders(&path, found);
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap_or_default();
            if memchr::memmem::find(&bytes, SECRET.as_bytes()).is_some() {
                found.push(path.display().to_string());
            }
        }
    }
}

/// S0.21, S0.24, S4.39: the agent's own login, in a directory that sessions share, one for each name.
#[test]
fn once_for_all_sessions() {
    let place = Place::new();
    robot(&place, PROFILE);
    with_login(
        &place,
        &format!(
            "echo '{{\"token\":\"{SECRET}\"}}' > \"$ROBOT_LOGIN/login.json\"; touch \"$ROBOT_HOME/litter\""
        ),
    );
    let complaint = place.bad(&["start", "early", "-d", "--empty", "-a", "robot"], 64);
    assert!(
        complaint.contains("nobody is logged in") && complaint.contains("sessctl login -a robot"),
        "{complaint}"
    );
    assert!(place.bad(&["login", "-a", "robot"], 64).contains("no terminal"));
    assert_eq!(place.run(&["login", "--status", "-a", "robot"]).code, 1);

    let screen = login(&place, &["--", "now"]);
    let shown = screen.wait_for("logged in to robot, as `default`");
    assert!(
        shown.contains("LOGIN now in") && shown.contains("key=."),
        "no other login is handed over:\n{shown}"
    );
    assert!(!shown.contains("/project"), "nothing of the project is near:\n{shown}");
    assert_eq!(screen.end(), 0);
    let directory = place.path("home/credentials/robot/default");
    assert_eq!((mode(&directory), mode(&directory.join("login.json"))), (0o700, 0o600));
    let above: Vec<_> = std::fs::read_dir(place.path("home/credentials")).expect("one").collect();
    assert_eq!(above.len(), 1, "what it wrote elsewhere is gone: {above:?}");

    let screen = login(&place, &["--credentials", "work"]);
    screen.wait_for("logged in to robot, as `work`");
    screen.end();
    let status = place.good(&["login", "--status", "-a", "robot"]);
    let lines: Vec<_> =
        status.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!((lines[0][1], lines[1][1], lines.len()), ("default", "work", 2), "{status}");

    for (name, words) in [("one", &[][..]), ("two", &["--credentials", "work"])] {
        let words = [&["start", name, "-d", "--empty", "-a", "robot"], words].concat();
        place.good(&words);
        let said = || place.good(&["logs", name]).contains("ROBOT");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !said() {
            assert!(std::time::Instant::now() < deadline, "{}", place.good(&["logs", name]));
            std::thread::yield_now();
        }
        assert!(place.good(&["logs", name]).contains(SECRET), "it finds the login");
    }
    place.bad(&["start", "x", "-d", "--empty", "-a", "robot", "--credentials", "private"], 64);
    for wrong in ["../work", "/etc", "", ".aside-x", "a/b"] {
        for words in [
            &["start", "x", "-d", "--empty", "-a", "robot", "--credentials", wrong][..],
            &["login", "--status", "-a", "robot", "--credentials", wrong],
            &["logout", "-f", "-a", "robot", "--credentials", wrong],
        ] {
            assert!(place.bad(words, 64).contains("can't be the name of a login"), "{wrong}");
        }
    }
}

/// Who says how needs no terminal: a key may come by standard input.
#[test]
fn a_login_that_reads_a_key() {
    let place = Place::new();
    robot(&place, PROFILE);
    with_login(&place, "cat > \"$ROBOT_LOGIN/login.json\"");
    let mut command = place.command(&["login", "-a", "robot", "--", "--key"]);
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut writer, SECRET.as_bytes()).expect("it takes a line");
    drop(writer);
    let output = command.stdin(reader).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("logged in to robot"), "{output:?}");
    let kept = place.path("home/credentials/robot/default/login.json");
    assert_eq!(std::fs::read_to_string(kept).expect("it is there"), SECRET);
}

/// A login that fails or is left says what is true: the one from before stays, or nobody is logged in. One that is written anew by an agent
/// that fails is not told as a success, either.
#[test]
fn a_login_that_changes_nothing() {
    let place = Place::new();
    robot(&place, PROFILE);
    with_login(
        &place,
        "[ \"$2\" = leave ] || echo \"$2\" > \"$ROBOT_LOGIN/login.json\"; [ \"$2\" != half ]",
    );
    let said = |word: &str| {
        let done = place.run(&["login", "-a", "robot", "--json", "--", word]);
        // The agent's own line comes first.
        let document =
            done.out.split_once('\n').map(|(_, document)| serde_json::from_str(document));
        let document: Value = document.expect("a document").expect("JSON");
        (done.code, document["ready"] == true, document["changed"] == true, done.out + &done.err)
    };
    let (code, ready, changed, text) = said("leave");
    assert_eq!((code, ready, changed), (79, false, false), "{text}");
    assert!(text.contains("nobody is logged in to robot: it ended, without a login"), "{text}");
    let (code, ready, changed, text) = said("one");
    assert_eq!((code, ready, changed), (0, true, true), "{text}");
    assert!(text.contains("logged in to robot, as `default`"), "{text}");
    let (code, ready, changed, text) = said("leave");
    assert_eq!((code, ready, changed), (0, true, false), "{text}");
    assert!(text.contains("nothing changed: robot is still logged in as `default`"), "{text}");
    let (code, ready, changed, text) = said("no");
    assert_eq!((code, ready, changed), (79, true, false), "{text}");
    assert!(text.contains("nothing changed: it ended with code 3, and robot is still"), "{text}");
    let (code, ready, changed, text) = said("half");
    assert_eq!((code, ready, changed), (79, true, true), "{text}");
    assert!(
        text.contains("it ended with code 1, though the login `default` of robot is"),
        "{text}"
    );
}

/// An agent that replaces a link to its login: what it wrote is brought to where the link led.
#[test]
fn a_link_that_is_replaced() {
    let place = Place::new();
    let profile = PROFILE.replace("ROBOT_LOGIN = \"${CREDENTIALS}\"\n", "")
        + "links = { \"login.json\" = \"deep/login.json\" }\n";
    robot(&place, &profile);
    for write in [
        // In place, through the link; and as a new file in its place.
        format!("echo {SECRET} > \"$ROBOT_HOME/deep/login.json\""),
        format!(
            "echo {SECRET} > \"$ROBOT_HOME/new\"; mv \"$ROBOT_HOME/new\" \"$ROBOT_HOME/deep/login.json\""
        ),
    ] {
        with_login(&place, &write);
        let screen = login(&place, &[]);
        screen.wait_for("logged in to robot");
        assert_eq!(screen.end(), 0);
        let file = place.path("home/credentials/robot/default/login.json");
        assert_eq!(
            (std::fs::read_to_string(&file).expect("it is there").trim(), mode(&file)),
            (SECRET, 0o600)
        );
        place.good(&["logout", "-a", "robot", "--force"]);
        assert!(!file.exists());
    }
}

/// S0.21: `logout` asks, and removes the login and nothing else.
#[test]
fn logging_out() {
    let place = Place::new();
    robot(&place, PROFILE);
    with_login(
        &place,
        &format!("echo {SECRET} > \"$ROBOT_LOGIN/login.json\"; echo x > \"$ROBOT_LOGIN/other\""),
    );
    login(&place, &[]).wait_for("logged in to robot");
    login(&place, &["--credentials", "work"]).wait_for("logged in to robot");
    assert!(place.bad(&["logout", "-a", "robot"], 79).contains("--force"));
    let ask = |answer: &str| {
        let screen = Screen::with(&place, &["logout", "-a", "robot"], &[], 24, 200);
        screen.wait_for("[y/N]");
        screen.type_in(answer);
        screen.end()
    };
    let file = place.path("home/credentials/robot/default/login.json");
    assert_eq!((ask("\n"), file.exists()), (1, true));
    assert_eq!((ask("y\n"), file.exists()), (0, false));
    assert!(place.path("home/credentials/robot/default/other").exists());
    assert!(place.path("home/credentials/robot/work/login.json").exists());
    place.good(&["logout", "-a", "robot", "--force"]);
    let work = place.path("home/credentials/robot/work");
    std::fs::remove_dir_all(&work).expect("it is there");
    with_login(&place, &format!("echo {SECRET} > \"$ROBOT_LOGIN/login.json\""));
    login(&place, &["--credentials", "work"]).wait_for("logged in to robot");
    place.good(&["start", "one", "-d", "--empty", "-a", "robot", "--credentials", "work"]);
    let forget = ["logout", "-a", "robot", "--credentials", "work", "--force"];
    place.good(&forget);
    assert!(work.exists() && !work.join("login.json").exists(), "a session has it mounted");
    place.good(&["remove", "--force", "one"]);
    place.good(&forget);
    assert!(!work.exists());
    let failed = login(&place, &["--", "no"]);
    failed.wait_for("it ended with code 3, without a login");
    assert_ne!(failed.end(), 0);
    assert!(place.bad(&["login", "-a", "shell"], 64).contains("no terminal"));
    let screen = Screen::with(&place, &["login", "-a", "aider"], &[], 24, 200);
    screen.wait_for("has no login that sessions could share: set the variable");
}

/// Invariant 11: what is a login stands in its directory and nowhere else: not in the record, `inspect`, `list`, logs,
/// the audit log, nor in anybody's arguments.
#[test]
fn no_secret_is_anywhere_else() {
    let place = Place::new();
    robot(&place, PROFILE);
    with_login(&place, &format!("echo {SECRET} > \"$ROBOT_LOGIN/login.json\""));
    let quiet = "#!/bin/sh\nexec sleep 600\n";
    login(&place, &[]).wait_for("logged in to robot");
    write_program(&place, "robot", quiet);
    let mut command = place.command(&["start", "one", "-d", "--empty", "-a", "robot"]);
    let done = crate::place::finish(command.env("ROBOT_KEY", format!("{SECRET}-too")).output());
    assert_eq!(done.code, 0, "{done:#?}");

    let mut found = Vec::new();
    holders(&place.path("home"), &mut found);
    let file = place.path("home/credentials/robot/default/login.json");
    assert_eq!(found, [file.display().to_string()]);
    for words in [
        &["inspect", "one"][..],
        &["list", "--json"],
        &["logs", "one"],
        &["agents", "check", "robot", "--json"],
        &["agents", "show", "robot", "--json"],
        &["login", "--status", "--json"],
    ] {
        let done = place.run(words);
        assert!(!done.out.contains(SECRET) && !done.err.contains(SECRET), "{words:?}: {done:#?}");
    }
    let inspected: Value = serde_json::from_str(&place.good(&["inspect", "one"])).expect("JSON");
    assert_eq!(inspected["record"]["spec"]["agent"], "robot");
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        assert!(memchr::memmem::find(&line, SECRET.as_bytes()).is_none(), "{:?}", entry.path());
    }
}

/// Where nobody is logged in any more, a session is entered all the same, and that is said at each start.
#[test]
fn a_login_that_is_gone_is_missed() {
    let place = Place::new();
    robot(&place, PROFILE);
    with_login(&place, &format!("echo {SECRET} > \"$ROBOT_LOGIN/login.json\""));
    login(&place, &[]).wait_for("logged in to robot");
    let start = ["start", "one", "-d", "--empty", "-a", "robot"];
    assert!(!place.run(&start).err.contains("nobody is logged in"));
    place.good(&["stop", "one"]);
    place.good(&["logout", "-a", "robot", "--force"]);
    let told = "nobody is logged in to Robot";
    for words in [&["start", "one", "-d"][..], &["restart", "one", "--detach", "--force"]] {
        let done = place.run(words);
        assert!(done.code == 0 && done.err.contains(told), "{words:?}: {done:#?}");
    }
    place.good(&["stop", "one"]);
    Screen::sized(&place, &["attach", "one"], 24, 200).wait_for(told);
}
