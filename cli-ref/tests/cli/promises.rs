//! Promises of the older tools that no other test answers for.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::place::{Done, Place, finish, git_in, skip};
use crate::screen::Screen;

/// S0.9, S0.10, S2.8, S4.28: the agent has ended; the session is started again where it was, by name alone.
#[test]
fn attach_starts_a_stopped_session() {
    let place = Place::with_repository();
    let screen = Screen::run(&place, &["start", "again"]);
    screen.wait_for("READY>");
    screen.type_in("echo kept > file; exit 3\r");
    assert_eq!(screen.end(), 3);
    assert_eq!(place.session("again")["status"], "stopped");
    let screen = Screen::run(&place, &["attach", "again"]);
    screen.wait_for("READY>");
    screen.type_in("echo in-$(basename \"$PWD\")-$(cat file)\r");
    screen.wait_for("in-project-kept");
    screen.type_in("exit\r");
    assert_eq!(screen.end(), 0);
}

/// S2.14: what does not run is started by `restart`, without force.
#[test]
fn restart_starts_a_stopped_session() {
    let place = Place::with_repository();
    place.good(&["start", "r", "-d", "--", "sleep", "600"]);
    let first = place.session("r")["started_at"].clone();
    place.good(&["stop", "r"]);
    place.good(&["restart", "r", "--detach"]);
    let session = place.session("r");
    assert_eq!(session["status"], "running");
    assert_ne!(session["started_at"], first);
}

/// S0.2, S4.7, S4.26, S2.6: date, time and a hash of the project's path; the id is a UUID.
#[test]
fn a_generated_name_tells_when_and_where() {
    let place = Place::with_repository();
    place.write("other/file", "x");
    let here = place.good(&["start", "-d", "--", "sleep", "600"]);
    let there = finish(
        place
            .command(&["start", "-d", "--", "sleep", "600"])
            .current_dir(place.path("other"))
            .output(),
    );
    let parts = |name: &str| -> Vec<String> { name.trim().split('-').map(str::to_owned).collect() };
    let (here, there) = (parts(&here), parts(&there.out));
    assert_eq!(here.iter().map(String::len).collect::<Vec<_>>(), [8, 6, 8], "{here:?}");
    assert!(here[0].starts_with("20") && here[..2].concat().bytes().all(|b| b.is_ascii_digit()));
    assert!(here[2].bytes().all(|byte| byte.is_ascii_hexdigit()), "{here:?}");
    assert_ne!(here[2], there[2], "another project, another hash");
    let id = place.session(&here.join("-"))["id"].as_str().expect("an id").to_owned();
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
}

/// S2.17: names that differ in case are two sessions.
#[test]
fn names_are_case_sensitive() {
    let place = Place::with_repository();
    place.good(&["start", "One", "-d", "--", "sleep", "600"]);
    place.good(&["start", "one", "-d", "--", "sleep", "600"]);
    assert_ne!(place.session("One")["id"], place.session("one")["id"]);
    place.good(&["stop", "one"]);
    assert_eq!(place.session("One")["status"], "running");
    place.bad(&["stop", "ONE"], 66);
}

/// S0.E3, S4.E1: a name that somebody is at just now can't be entered, and three ways out are named.
#[test]
fn a_taken_name_has_three_ways_out() {
    let place = Place::with_repository();
    place.good(&["start", "one", "-d", "--", "sleep", "600"]);
    place.good(&["stop", "one"]);
    let record = place.directory("one").join("record.json");
    let text = std::fs::read_to_string(&record).expect("a record");
    let _lock = locked(&place, "one");
    std::fs::write(&record, text.replace("\"ready\"", "\"creating\"")).expect("a record");
    let complaint = place.bad(&["start", "one", "-d"], 73);
    for way in ["sessctl attach one", "sessctl remove one", "another name"] {
        assert!(complaint.contains(way), "no `{way}` in {complaint}");
    }
    std::fs::write(&record, text).expect("a record");
}

/// S4.12, S4.T7: an operation on one session waits for nobody at another.
#[test]
fn a_locked_session_holds_up_no_other() {
    let place = Place::with_repository();
    place.good(&["start", "a", "-d", "--", "sleep", "600"]);
    place.good(&["start", "b", "-d", "--", "sleep", "600"]);
    let lock = locked(&place, "a");
    let mut waiting = place.command(&["stop", "a"]).spawn().expect("it starts");
    place.good(&["stop", "b"]);
    place.good(&["restart", "b", "--detach"]);
    place.good(&["remove", "b", "--force"]);
    assert_eq!(place.session("a")["status"], "running", "a list waits for nobody either");
    assert!(waiting.try_wait().expect("a child").is_none(), "the lock is the one that counts");
    drop(lock);
    assert!(waiting.wait().expect("an end").success());
    assert_eq!(place.session("a")["status"], "stopped");
}

/// The session's lock, as another process in the middle of an operation would have it.
fn locked(place: &Place, name: &str) -> std::fs::File {
    let id = place.session(name)["id"].as_str().expect("an id").to_owned();
    let path = place.path(format!("home/locks/{id}.lock"));
    let file = std::fs::File::create(&path).expect("a lock file");
    file.try_lock().expect("nobody is at it");
    file
}

/// S4.1, S4.3, S4.9, S4.10, S4.T9, S0.35: five at once, each with files and processes of its own.
#[test]
fn five_at_once() {
    let place = Place::with_repository();
    let names = ["s1", "s2", "s3", "s4", "s5"];
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let script = "echo $$ > mine; echo $SESSCTL_SESSION_NAME >> mine; exec sleep 600";
            let mut command = place.command(&["start", name, "-d", "--", "sh", "-c", script]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
        })
        .collect();
    for child in children {
        let done = finish(child.wait_with_output());
        assert_eq!(done.code, 0, "{done:#?}");
    }
    let mut pids = std::collections::BTreeSet::new();
    for name in names {
        assert_eq!(place.session(name)["status"], "running");
        // The main process writes it when it comes to that.
        let script =
            "until [ \"$(wc -l 2>/dev/null < mine)\" -eq 2 ]; do sleep 0.05; done; cat mine";
        let mine = place.good(&["exec", name, "--", "sh", "-c", script]);
        let (pid, own) = mine.trim().split_once('\n').expect("two lines");
        assert_eq!(own, name);
        pids.insert(pid.to_owned());
    }
    assert_eq!(pids.len(), names.len());
    assert_eq!(place.git(&["status", "--porcelain"]), "", "the source has none of it");
}

/// S4.4, S4.41, S4.T10, S4.17: sessions made over several connections are one list, and it is written
/// down when, by whom and from where each was made.
#[test]
fn several_connections() {
    let place = Place::with_repository();
    let from = |client: &str, arguments: &[&str]| -> Done {
        let done = finish(place.command(arguments).env("SSH_CLIENT", client).output());
        assert_eq!(done.code, 0, "{done:#?}");
        done
    };
    let (here, there) = ("192.0.2.1 50001 22", "192.0.2.2 50002 22");
    from(here, &["start", "first", "-d", "--", "sleep", "600"]);
    from(there, &["start", "second", "-d", "--", "sleep", "600"]);
    for client in [here, there] {
        assert_eq!(from(client, &["list", "--names"]).out, "second\nfirst\n");
    }
    let inspected: serde_json::Value =
        serde_json::from_str(&place.good(&["inspect", "first"])).expect("JSON");
    assert_eq!(inspected["record"]["ssh_client"], here);
    from(there, &["stop", "first"]);
    let lines: Vec<serde_json::Value> = place
        .read("home/audit.log")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    for (operation, name, client) in
        [("create", "first", here), ("create", "second", there), ("stop", "first", there)]
    {
        let line = lines.iter().find(|line| line["operation"] == operation && line["name"] == name);
        let line = line.unwrap_or_else(|| panic!("no {operation} of {name} in {lines:#?}"));
        assert_eq!((&line["ssh_client"], &line["user"]), (&client.into(), &"tester".into()));
        assert!(line["time"].is_string() && line["session"].is_string(), "{line}");
    }
}

/// S3.10: by default in the person's data directory; a variable says where else, an option wins.
#[test]
fn sessions_live_where_they_are_told() {
    let place = Place::new();
    let list = |arguments: &[&str], variable: Option<&str>| {
        let mut command = place.command(arguments);
        command.env_remove("SESSCTL_HOME");
        command.envs(variable.map(|name| ("SESSCTL_HOME", place.path(name))));
        assert_eq!(finish(command.output()).code, 0);
    };
    let there = |home: &str| place.path(home).join("registry.db").exists();
    list(&["list"], None);
    assert!(there("user/.local/share/sessctl"));
    list(&["list"], Some("one"));
    list(&["list", "--home", "two"], Some("three"));
    assert!(there("one") && there("project/two") && !there("three"));
    for (variable, value) in [("SESSCTL_HOME", "four"), ("HOME", "five")] {
        let mut command = place.command(&["list"]);
        command.env_remove("SESSCTL_HOME").env_remove("XDG_DATA_HOME").env(variable, value);
        let done = finish(command.output());
        assert_eq!(done.code, 64, "{done:#?}");
        assert!(done.err.contains(variable) && done.err.contains("absolute path"), "{done:#?}");
        assert!(!place.path("project").join(value).exists());
    }
}

/// S4.38, S3.8, S4.16: only their owner may read sessions, whatever the person's umask.
#[test]
fn only_the_owner_has_access() {
    let place = Place::with_repository();
    let program = env!("CARGO_BIN_EXE_sessctl");
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "umask 0; exec \"$0\" \"$@\"",
        program,
        "start",
        "s",
        "-d",
        "--",
        "sleep",
        "600",
    ]);
    shell.env_clear().envs(place.environment()).current_dir(place.path("project"));
    assert_eq!(finish(shell.output()).code, 0);
    let home = place.path("home");
    let session = place.directory("s");
    let mut private = vec![home.clone(), home.join("sessions"), session.clone()];
    private.extend(["registry.db", "audit.log", "active"].map(|name| home.join(name)));
    private.extend(
        ["record.json", "run", "run/terminal.sock", "log", "log/terminal.log", "workspace"]
            .map(|name| session.join(name)),
    );
    for path in private {
        let mode = path.symlink_metadata().expect("it is there").mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

/// S3.8, S3.12, S4.20: links to what runs, by name; their sizes are a `du` away, as the guide says.
#[test]
fn links_to_what_runs() {
    let place = Place::with_repository();
    place.good(&["start", "one", "-d", "--", "sleep", "600"]);
    place.good(&["start", "two", "-d", "--", "sleep", "600"]);
    let link = place.path("home/active/one");
    let leads_to = link.canonicalize().expect("a link that leads somewhere");
    assert_eq!(leads_to, place.directory("one").canonicalize().expect("a directory"));
    let mut du = Command::new("sh");
    du.args(["-c", "du -s \"$SESSCTL_HOME\"/active/*/"]).envs(place.environment());
    let listed = finish(du.output()).out;
    assert!(listed.contains("active/one/") && listed.contains("active/two/"), "{listed}");
    place.good(&["stop", "one"]);
    assert!(link.symlink_metadata().is_err(), "it does not run any more");
    assert!(place.path("home/active/two").exists());
}

/// S4.15: who it is is in the environment of what runs in a session.
#[test]
fn a_session_knows_itself() {
    let place = Place::with_repository();
    let screen = Screen::run(&place, &["start", "self", "--", "sh", "-c", "env | grep ^SESSCTL_"]);
    assert_eq!(screen.end(), 0);
    let session = place.session("self");
    let own = [
        format!("SESSCTL_SESSION_ID={}", session["id"].as_str().expect("an id")),
        "SESSCTL_SESSION_NAME=self".to_owned(),
        format!("SESSCTL_SESSION_DIR={}", session["directory"].as_str().expect("a directory")),
    ];
    for shown in [place.good(&["logs", "self"]), place.good(&["exec", "self", "--", "env"])] {
        for variable in &own {
            assert!(shown.lines().any(|line| line == variable), "no {variable} in {shown}");
        }
        assert!(!shown.contains("SESSCTL_HOME"), "{shown}");
    }
}

/// S0.34, S0.11, S0.28: several approaches at once, one is kept and the other is not; other projects beside them.
#[test]
fn several_approaches() {
    let place = Place::with_repository();
    place.write("other/file", "x");
    place.good(&["start", "elsewhere", "../other", "-d", "--", "sleep", "600"]);
    for name in ["fast", "small"] {
        place.good(&["start", name, "-d", "--", "sleep", "600"]);
        let script = format!(
            "echo {name} > way && git add way && git -c user.name=t -c user.email=t@t commit -qm {name}"
        );
        place.good(&["exec", name, "--", "sh", "-c", &script]);
    }
    let work = |name: &str| place.directory(name).join("workspace/project");
    let (fast, small) = (work("fast"), work("small"));
    let [fast_text, small_text] =
        [&fast, &small].map(|path| std::fs::read_to_string(path.join("way")).expect("its work"));
    assert_eq!((fast_text.as_str(), small_text.as_str()), ("fast\n", "small\n"));

    // As the guide says.
    place.git(&["fetch", "-q", fast.to_str().expect("UTF-8"), "session/fast:fast"]);
    assert_eq!(place.git(&["log", "-1", "--format=%s", "fast"]), "fast\n");
    place.good(&["remove", "small", "--force"]);
    assert_eq!(git_in(&fast, &["log", "-1", "--format=%s"]), "fast\n");
    assert_eq!(place.good(&["list", "--names"]), "fast\nelsewhere\n");
}

/// S0.E5: a detached HEAD is a place to begin at; a damaged repository is named, with where to look.
#[test]
fn odd_repositories() {
    let place = Place::with_repository();
    place.git(&["checkout", "-q", "--detach"]);
    place.good(&["start", "detached", "-d", "--", "sleep", "600"]);
    assert_eq!(place.session("detached")["branch"], "session/detached");
    for file in ["HEAD", "index"] {
        let kept = std::fs::read(place.path("project/.git").join(file)).expect("git's file");
        place.write(&format!("project/.git/{file}"), "nonsense\n");
        let complaint = place.bad(&["start", "broken", "-d", "--", "sleep", "600"], 65);
        assert!(complaint.contains(file) && complaint.contains("git status"), "{complaint}");
        assert_eq!(place.good(&["list", "--names"]), "detached\n");
        std::fs::write(place.path("project/.git").join(file), kept).expect("git's file");
    }
}

/// S0.32, S4.30: installed by a link on the PATH under another name; the guide's aliases work.
#[test]
fn short_names() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide.md"))
        .expect("the guide");
    let from = guide.find("alias cs=").expect("the guide has aliases");
    let aliases = &guide[from..][..guide[from..].find("```").expect("the block ends")];

    let place = Place::with_repository();
    std::fs::create_dir(place.path("user/bin")).expect("a directory");
    let program = env!("CARGO_BIN_EXE_sessctl");
    for name in ["sessctl", "other-name"] {
        std::os::unix::fs::symlink(program, place.path("user/bin").join(name)).expect("a link");
    }
    place.write("user/aliases", aliases);
    let sh = |line: &str| {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("PATH=\"$HOME/bin:$PATH\"\n. \"$HOME/aliases\"\n{line}"));
        shell.env_clear().envs(place.environment()).current_dir(place.path("project"));
        finish(shell.stdin(Stdio::null()).output())
    };
    assert_eq!(sh("other-name start linked -d -- sleep 600").code, 0);
    assert_eq!(place.session("linked")["status"], "running", "the holder is found, too");
    assert_eq!(sh("cs stop linked").code, 0);
    assert!(sh("cs-list").out.contains("linked"));
    let refused = sh("csn");
    assert!(refused.code != 0 && refused.err.contains("usage: csn NAME"), "{refused:?}");
    // Both need a terminal; what they ask for is what counts here.
    assert!(sh("csn fresh").err.contains("use --detach"));
    assert!(sh("csl").err.contains("sessctl logs"));
}

/// S4.E4: a home that can't be made is named, and a list goes on.
#[test]
fn a_home_that_cannot_be_made() {
    if !rustix::process::getuid().is_root() {
        skip("needs root to become another user");
        return;
    }
    let place = Place::with_repository();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.path(""), open).expect("a mode");
    let nobody = |arguments: &[&str]| {
        finish(place.command(arguments).uid(65534).gid(65534).stdin(Stdio::null()).output())
    };
    let refused = nobody(&["start", "x", "-d", "--empty"]);
    assert_eq!(refused.code, 77, "{refused:?}");
    let home = place.path("home");
    assert!(refused.err.contains(home.to_str().expect("UTF-8")), "{refused:?}");
    assert!(refused.err.contains("Permission denied"), "{refused:?}");
    assert_eq!(nobody(&["list", "--names"]).code, 0);
    assert!(!home.exists());
}
