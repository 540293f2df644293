//! `sessctl agents`, profiles of the person's own, and the menu.

use serde_json::Value;

use crate::place::Place;
use crate::screen::Screen;

const MINE: &str = "user/.config/sessctl/agents";

/// Writes a program that says what it was given, and a profile for it.
pub(crate) fn robot(place: &Place, profile: &str) {
    let program = place.path("robot");
    let script = "#!/bin/sh\necho \"ROBOT $*\"\ncase $1 in --version) echo 'robot 1.2.3'; exit;; esac\nexec sleep 600\n";
    write_program(place, "robot", script);
    let program = program.to_str().expect("UTF-8");
    let head = format!("title = \"Robot\"\nprogram = \"{program}\"\n");
    place.write(&format!("{MINE}/robot.toml"), &format!("{head}{profile}"));
}

pub(crate) fn write_program(place: &Place, path: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    place.write(path, script);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.path(path), mode).expect("a program");
}

fn json(place: &Place, words: &[&str]) -> (i32, Value) {
    let done = place.run(words);
    (
        done.code,
        serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {done:#?}")),
    )
}

fn listed(place: &Place, agent: &str) -> Value {
    let (_, document) = json(place, &["agents", "list", "--json"]);
    let agents = document["agents"].as_array().expect("agents").clone();
    let found = agents.into_iter().find(|listed| listed["agent"] == agent);
    found.unwrap_or_else(|| panic!("no {agent} in {document:#}"))
}

/// S2.5: the shipped ones, and the person's over them; each says where it comes from.
#[test]
fn shipped_ones_and_ones_own() {
    let place = Place::new();
    for agent in ["aider", "claude", "codex", "copilot", "gemini", "opencode", "shell"] {
        assert_eq!(listed(&place, agent)["origin"], "shipped");
    }
    assert_eq!(listed(&place, "shell")["ready"], true);
    robot(&place, "");
    place.write(&format!("{MINE}/claude.toml"), "extends = \"claude\"\ntitle = \"Mine\"\n");
    place.write(&format!("{MINE}/claude.toml~"), "no profile at all");
    place.write(&format!("{MINE}/.robot.toml"), "no profile at all");
    let (mine, robot) = (listed(&place, "claude"), listed(&place, "robot"));
    assert_eq!((&mine["title"], &robot["title"]), (&"Mine".into(), &"Robot".into()));
    assert!(mine["origin"].as_str().expect("a path").ends_with("agents/claude.toml"), "{mine}");
    assert_eq!(robot["ready"], true);
    assert!(place.good(&["agents", "list"]).contains("Robot"));

    let shown = place.good(&["agents", "show", "claude"]);
    for part in [
        "extends = \"claude\"",
        "title = \"Mine\"",
        "CLAUDE_CONFIG_DIR = \"${STATE}\"",
        "user/.claude/skills",
    ] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    let (_, shown) = json(&place, &["agents", "show", "claude", "--json"]);
    assert_eq!(shown["profile"]["program"], "claude");
    let outside = place.good(&["agents", "show", "aider"]);
    let own = place.path("user/.aider");
    assert!(outside.contains(&format!("# writes {}: its id, ", own.display())), "{outside}");
    let (_, outside) = json(&place, &["agents", "show", "aider", "--json"]);
    assert_eq!(
        (&outside["outside"][0]["path"], &outside["outside"][0]["access"]),
        (&own.to_str().into(), &"write".into())
    );
    assert!(place.bad(&["agents", "show", "nobody"], 64).contains("known agents: "));
}

/// A file that is wrong says where and why, wherever its agent is meant, and takes nothing else away.
#[test]
fn a_profile_that_is_not_valid() {
    let place = Place::new();
    place.write(&format!("{MINE}/claude.toml"), "extends = \"claude\"\n\nprogramm = \"x\"\n");
    place.write(&format!("{MINE}/Bad Name.toml"), "title = \"x\"\n");
    let parts = ["claude.toml", "line 3", "`programm`", "did you mean `program`?"];
    for words in [
        &["agents", "show", "claude"][..],
        &["start", "x", "-d", "--empty", "-a", "claude"],
        &["start", "x", "-d", "--empty", "-a", "claude", "--", "ls"],
        &["login", "--status", "-a", "claude"],
    ] {
        let complaint = place.bad(words, 64);
        parts.iter().for_each(|part| assert!(complaint.contains(part), "no {part} in {complaint}"));
    }
    let done = place.run(&["agents", "check", "claude"]);
    assert_eq!(done.code, 1, "{done:#?}");
    parts.iter().for_each(|part| assert!(done.out.contains(part), "no {part} in {}", done.out));
    assert_eq!(place.run(&["agents", "check"]).code, 1);
    assert_eq!(listed(&place, "claude")["ready"], false);
    assert!(
        listed(&place, "Bad Name")["why_not"][0].as_str().expect("a reason").contains("lowercase")
    );
    place.good(&["list"]);
    place.good(&["start", "x", "-d", "--empty", "--", "sleep", "600"]);
}

/// A project comes with a clone: it brings no agent, and names none.
#[test]
fn a_project_brings_no_agents() {
    let place = Place::with_repository();
    for directory in [".sessctl/agents", "sessctl/agents", "agents", ".config/sessctl/agents"] {
        place.write(
            &format!("project/{directory}/evil.toml"),
            "title = \"Evil\"\nprogram = \"/bin/sh\"\n",
        );
    }
    let (_, document) = json(&place, &["agents", "list", "--json"]);
    assert!(!document.to_string().contains("vil"), "{document:#}");
    place.bad(&["start", "x", "-d", "-a", "evil"], 64);
    place.write("project/.sessctl.toml", "agent = \"shell\"\n");
    assert!(place.bad(&["start", "x", "-d"], 64).contains("`agent` in"));
}

/// S2.3, S2.E7: what keeps an agent from working is found beforehand, with the way to mend it; nothing that
/// stands in a file is told.
#[test]
fn checks_with_remedies() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    write_program(&place, "user/bin/claude", "#!/bin/sh\necho 2.1.329 '(Claude Code)'\n");
    let path =
        format!("{}:{}", place.path("user/bin").display(), std::env::var("PATH").expect("a PATH"));
    let checked = || {
        let mut command = place.command(&["agents", "check", "claude", "--json"]);
        let done = crate::place::finish(command.env("PATH", &path).output());
        (
            done.code,
            serde_json::from_str::<Value>(&done.out).unwrap_or_else(|_| panic!("{done:#?}")),
        )
    };
    let of = |document: &Value, code: &str| {
        let checks = document["checks"].as_array().expect("checks").clone();
        checks
            .into_iter()
            .find(|check| check["code"] == code)
            .unwrap_or_else(|| panic!("no {code}: {document:#}"))
    };
    let set_mode = |file: &str, mode| {
        std::fs::set_permissions(place.path(file), std::fs::Permissions::from_mode(mode))
            .expect("a mode");
    };
    let (code, document) = checked();
    assert_eq!((code, &document["version"]), (1, &"2.1.329 (Claude Code)".into()), "{document:#}");
    let login = of(&document, "login");
    assert_eq!(login["outcome"], "failed");
    assert!(login["remedy"].as_str().expect("one").contains("sessctl login -a claude"), "{login}");

    let secret = "SECRET-TOKEN";
    place.write("user/.claude/.credentials.json", &format!("{{\"token\": \"{secret}\"}}"));
    place.write("user/.claude.json", "{}");
    set_mode("user/.claude/.credentials.json", 0o600);
    set_mode("user/.claude.json", 0o600);
    let (code, document) = checked();
    assert_eq!(code, 0, "{document:#}");

    place.write("user/.claude.json", &format!("{{\"key\": {secret}}}"));
    set_mode("user/.claude/.credentials.json", 0o644);
    let (code, document) = checked();
    assert_eq!(code, 1);
    let (file, login) = (of(&document, "main-file"), of(&document, "login-file"));
    for (check, part) in
        [(&file, "no valid JSON: line 1"), (&login, "permissions 644; 600 is the most")]
    {
        assert!(check["message"].as_str().expect("one").contains(part), "no {part} in {check}");
        assert!(check["remedy"].as_str().expect("one").contains("chmod 600"), "{check}");
    }
    assert!(!document.to_string().contains(secret), "{document:#}");
    let (_, shown) = json(&place, &["agents", "show", "claude", "--json"]);
    assert!(!shown.to_string().contains(secret));
    // `.claude.json` lies in the directory that the variable names, where there is one.
    place.write("elsewhere/.claude.json", "{");
    let mut command = place.command(&["agents", "check", "claude"]);
    command.env("PATH", &path).env("CLAUDE_CONFIG_DIR", place.path("elsewhere"));
    let done = crate::place::finish(command.output());
    assert!(done.out.contains("elsewhere/.claude.json") && done.code == 1, "{done:#?}");
}

/// Who can work without a login is ready, and says that there is none.
#[test]
fn ready_without_a_login() {
    let place = Place::new();
    robot(&place, "[credentials]\nenvironment = [\"ROBOT_KEY\"]\n");
    let ready = |key: &str| {
        let mut command = place.command(&["agents", "list"]);
        let done = crate::place::finish(command.env("ROBOT_KEY", key).output());
        let line = done.out.lines().find(|line| line.starts_with("robot"));
        line.expect("it is in the list").to_owned()
    };
    assert!(ready("").contains("ready, but nobody is logged in"), "{}", ready(""));
    assert!(!ready("key").contains("nobody"), "{}", ready("key"));
}

/// The program that says no version is not waited for.
#[test]
fn a_version_that_does_not_come() {
    let place = Place::new();
    robot(&place, "[arguments]\nversion = [\"--wait\"]\n");
    let (code, document) = json(&place, &["agents", "check", "robot", "--json"]);
    assert_eq!((code, &document["version"]), (0, &Value::Null), "{document:#}");
    assert!(document.to_string().contains("did not say its version"), "{document:#}");
    let left = std::fs::read_dir(place.path("home/credentials")).expect("a directory").count();
    assert_eq!(left, 0, "what was made for it is gone");
}

fn menu(place: &Place, words: &[&str], variables: &[(&str, &str)]) -> Screen {
    Screen::with(place, words, variables, 30, 100)
}

/// S2.9: at a terminal with nothing said, a menu that shows who is ready; Enter takes the marked one.
#[test]
fn the_menu() {
    let place = Place::new();
    robot(&place, "");
    let screen = menu(&place, &["start", "one", "--empty"], &[]);
    let shown = screen.wait_for("Enter for Robot:");
    for part in
        ["*  1  Robot (ready)", "Claude Code (not installed on this host)", "a plain shell (ready)"]
    {
        assert!(shown.contains(part), "no {part} in:\n{shown}");
    }
    screen.type_in("99\n");
    screen.wait_for("there is no `99`; it is a number from 1 to 8");
    screen.type_in("\n");
    screen.wait_for("ROBOT");
    screen.kill();
    assert_eq!(place.session("one")["agent"], "robot");

    let screen = menu(&place, &["start", "two", "--empty"], &[]);
    screen.wait_for("Enter for Robot:");
    screen.type_in("shell\n");
    screen.wait_for("READY>");
    screen.kill();
    assert_eq!(place.session("two")["agent"], "shell");

    // The one of the session that was made last is the one that is meant.
    let screen = menu(&place, &["start", "three", "--empty"], &[]);
    screen.wait_for("Enter for a plain shell:");
    screen.type_in("\u{4}");
    assert_eq!(screen.end(), 130);

    // A session that exists is entered, without a question.
    let screen = menu(&place, &["start", "two"], &[]);
    screen.wait_for("READY>");
    screen.kill();
}

/// No terminal, or a command: what scripts do stays what it was. A configured agent is the default.
#[test]
fn who_is_not_asked() {
    let place = Place::new();
    robot(&place, "");
    place.good(&["start", "plain", "-d", "--empty"]);
    assert_eq!(place.session("plain")["agent"], "sh");
    let screen = menu(
        &place,
        &["start", "command", "--empty", "--", "sh", "-c", "echo HERE; sleep 600"],
        &[("SESSCTL_AGENT", "robot")],
    );
    screen.wait_for("HERE");
    screen.kill();
    assert_eq!(place.session("command")["agent"], "sh");

    let start = |name: &str, agent: &str| {
        let mut command = place.command(&["start", name, "-d", "--empty"]);
        crate::place::finish(command.env("SESSCTL_AGENT", agent).output())
    };
    assert_eq!(start("set", "robot").code, 0);
    assert_eq!(place.session("set")["agent"], "robot");
    let unknown = start("unknown", "robto");
    assert_eq!(unknown.code, 64, "{unknown:#?}");
    for part in ["SESSCTL_AGENT", "`robto`", "robot"] {
        assert!(unknown.err.contains(part), "no {part} in {}", unknown.err);
    }
    place.write("user/.config/sessctl/config.toml", "agent = \"robot\"\n");
    place.good(&["start", "file", "-d", "--empty"]);
    assert_eq!(place.session("file")["agent"], "robot");
    let screen = menu(&place, &["start", "asked", "--empty", "-a", "shell"], &[]);
    screen.wait_for("READY>");
    screen.kill();
}

/// S1.21, S4.37: shown, asked about, removed; running sessions are left out, or refused where they are named.
#[test]
fn what_agents_make_anew_is_freed() {
    let place = Place::new();
    robot(&place, "disposable = [\"logs\"]\n[environment.set]\nROBOT_HOME = \"${STATE}\"\n");
    for name in ["one", "two"] {
        place.good(&["start", name, "-d", "--empty", "-a", "robot"]);
        let logs = place.directory(name).join("state/robot/logs");
        std::fs::create_dir_all(&logs).expect("writable");
        std::fs::write(logs.join("log"), vec![b'x'; 100_000]).expect("writable");
    }
    let there = |name: &str| place.directory(name).join("state/robot/logs/log").exists();
    assert!(place.bad(&["clean", "--force", "one"], 79).contains("it is running"));
    place.good(&["stop", "--time", "0", "one"]);
    let (_, shown) = json(&place, &["clean", "--dry-run", "--json"]);
    assert_eq!((&shown["removed"], &shown["sessions"][0]["name"]), (&false.into(), &"one".into()));
    assert_eq!(shown["sessions"].as_array().map(Vec::len), Some(1), "{shown:#}");
    assert!(shown["bytes"].as_u64() >= Some(100_000), "{shown:#}");
    assert!(shown["notices"][0].as_str().is_some_and(|notice| notice.contains("two")), "{shown:#}");
    let table = place.good(&["clean", "--dry-run", "one"]);
    assert!(table.contains("state/robot/logs") && table.contains("KiB"), "{table}");
    assert!(place.bad(&["clean"], 79).contains("--force"));
    let screen = Screen::run(&place, &["clean", "one"]);
    screen.wait_for("[y/N]");
    screen.type_in("n\r");
    assert_eq!(screen.end(), 1);
    assert!(there("one"));
    place.good(&["clean", "--force"]);
    assert!(!there("one") && there("two"));
    assert_eq!(place.good(&["clean", "one", "--force"]), "there is nothing to clean\n");
}
