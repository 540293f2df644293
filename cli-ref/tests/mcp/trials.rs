//! What sessions and their servers promise.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

use crate::place::{Place, until};

const PROFILE: &str = r#"
title = "Probe"
program = "PROGRAM"

[arguments]
always = ["agent"]
prompt = ["--told", "${PROMPT}"]
mcp = ["--mcp-config", "${MCP_FILE}"]
version = ["--version"]

[environment.set]
PROBE_STATE = "${STATE}"

[mcp]
file = "mcp.json"
format = "json"
key = "mcpServers"
project = ".mcp.json"
person = [{ file = "${HOME}/.probe.json", format = "json", key = "mcpServers" }]
reference = "${NAME}"
expands = ["${"]
local = { command = "${COMMAND}", args = "${ARGUMENTS}", env = "${ENVIRONMENT}" }

[overrides]
resource = "settings"

[overrides.rules]
disallowedTools = { into = "permissions.deny" }
appendSystemPrompt = { arguments = ["--append", "${VALUE}"] }

[[resources]]
name = "settings"
kind = "file"
source = "${HOME}/.probe-settings.json"
target = "settings.json"
policy = "shared-ro"
format = "json"
"#;

pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials: [(&str, fn()); 9] = [
        ("two_sessions_have_servers_of_their_own", two_sessions_have_servers_of_their_own),
        ("servers_end_with_their_session", servers_end_with_their_session),
        ("a_port_that_somebody_took_is_exchanged", a_port_that_somebody_took_is_exchanged),
        ("ports_of_many_at_once", ports_of_many_at_once),
        ("secrets_stay_out_of_files", secrets_stay_out_of_files),
        ("unset_variables_are_refused_before_anything_is_made", unset_variables),
        ("a_projects_servers_get_nothing_of_the_persons", a_projects_servers),
        ("scripts_find_their_variables", scripts_find_their_variables),
        ("settings_of_one_session", settings_of_one_session),
    ];
    let trials = trials.map(|(name, trial)| {
        Trial::test(name, move || {
            trial();
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

/// A place whose person has the agent `probe`.
fn place() -> Place {
    let place = Place::with_repository();
    place.write("user/.config/sessctl/agents/probe.toml", &PROFILE.replace("PROGRAM", &program()));
    place
}

fn program() -> String {
    let program = std::env::current_exe().expect("this program");
    program.into_os_string().into_string().expect("UTF-8 paths")
}

/// S4's own example, with this program as the server and a port.
fn memory(more: &Value) -> String {
    let mut server = json!({
        "command": program(),
        "args": ["serve"],
        "env": {
            "MEMORY_DATA_DIR": "${CLAUDE_SESSION_DIR}/mcp-state/memory-local",
            "PORT": "${SESSCTL_PORT_memory}",
        },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        server["env"][name] = value.clone();
    }
    json!({ "mcpServers": { "memory-local": server } }).to_string()
}

/// What the agent wrote down since it was started last.
fn said(place: &Place, name: &str) -> Value {
    let file = place.directory(name).join("workspace/project/said.json");
    let mut said = Value::Null;
    until("the agent has asked its servers", || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        said = serde_json::from_str(&text).unwrap_or_default();
        !said.is_null()
    });
    std::fs::remove_file(&file).expect("it was there");
    said
}

fn about(said: &Value) -> Value {
    said["servers"]["memory-local"]["about"].clone()
}

fn is_alive(pid: &Value) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Ended, and not yet waited for, is ended.
    !status.is_empty() && !status.contains(") Z ")
}

fn record(place: &Place, name: &str) -> Value {
    let text = std::fs::read_to_string(place.directory(name).join("record.json"));
    serde_json::from_str(&text.expect("a record")).expect("JSON")
}

fn leases(place: &Place) -> BTreeSet<String> {
    let entries = std::fs::read_dir(place.path("home/ports")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// S4.22, S4.23, S4.T6, S4.5, S4.11: separate processes, states and ports, and each remembers after a restart.
fn two_sessions_have_servers_of_their_own() {
    let place = place();
    place.write("user/mcp.json", &memory(&json!({})));
    let file = place.path("user/mcp.json").display().to_string();
    for (name, told) in [("one", "first"), ("two", "second")] {
        place.good(&["start", name, "-d", "-a", "probe", "--mcp-config", &file, "--prompt", told]);
    }
    std::fs::remove_file(&file).expect("what the session was asked for with is kept");
    let (one, two) = (said(&place, "one"), said(&place, "two"));
    let (a, b) = (about(&one), about(&two));
    assert_ne!(a["pid"], b["pid"]);
    assert_ne!(a["port"], b["port"]);
    for (name, about) in [("one", &a), ("two", &b)] {
        assert!(is_alive(&about["pid"]), "{about}");
        let state = place.directory(name).join("mcp-state/memory-local");
        assert_eq!(about["memory"].as_str().map(PathBuf::from), Some(state));
        let port: u16 = about["port"].as_str().expect("a port").parse().expect("a number");
        let mut pid = String::new();
        let connected = TcpStream::connect(("127.0.0.1", port));
        connected.expect("it listens").read_to_string(&mut pid).expect("its number");
        assert_eq!(pid, about["pid"].to_string(), "the server of {name} listens on its port");
        assert_eq!(record(&place, name)["ports"], json!({ "memory": port }));
    }
    let recalled = |said: &Value| said["servers"]["memory-local"]["recalled"].clone();
    assert_eq!((recalled(&one), recalled(&two)), (json!("first;"), json!("second;")));
    assert_eq!(leases(&place).len(), 2);

    place.good(&["stop", "one"]);
    until("the server of one ends", || !is_alive(&a["pid"]));
    assert!(is_alive(&b["pid"]));
    place.good(&["start", "one", "-d"]);
    let again = said(&place, "one");
    // It was told that once, before the restart.
    assert_eq!(recalled(&again), "first;");
    assert_eq!(about(&again)["port"], a["port"], "it keeps its port");
    place.good(&["remove", "--force", "one", "two"]);
    assert_eq!(leases(&place).len(), 0, "ports are released");
}

/// S4.21, S4.11: also a process that the server detached from everything.
fn servers_end_with_their_session() {
    let place = place();
    place.write("user/mcp.json", &memory(&json!({ "LEAVE_ONE_BEHIND": "1" })));
    let file = place.path("user/mcp.json").display().to_string();
    place.good(&["start", "one", "-d", "-a", "probe", "--mcp-config", &file]);
    let about = about(&said(&place, "one"));
    let left = place.directory("one").join("mcp-state/memory-local/left-behind");
    let left: Value = std::fs::read_to_string(left).expect("a number").parse().expect("a number");
    assert!(is_alive(&left) && is_alive(&about["pid"]));
    place.good(&["stop", "one"]);
    until("both end", || !is_alive(&left) && !is_alive(&about["pid"]));
}

/// S4.E3: somebody who listens on the session's port while it is stopped does not keep it from starting.
fn a_port_that_somebody_took_is_exchanged() {
    let place = place();
    place.write("user/mcp.json", &memory(&json!({})));
    let file = place.path("user/mcp.json").display().to_string();
    place.good(&["start", "one", "-d", "-a", "probe", "--mcp-config", &file]);
    let port = about(&said(&place, "one"))["port"].clone();
    place.good(&["stop", "one"]);
    let number: u16 = port.as_str().expect("a port").parse().expect("a number");
    let taken = TcpListener::bind(("127.0.0.1", number)).expect("it is free now");
    place.good(&["start", "one", "-d"]);
    let now = about(&said(&place, "one"))["port"].clone();
    drop(taken);
    assert_ne!(now, port);
    assert_eq!(record(&place, "one")["ports"]["memory"].to_string(), now.as_str().expect("a port"));
}

/// S4.23: processes that start sessions at once give no port twice; a plain command has ports, too.
fn ports_of_many_at_once() {
    let place = place();
    let names: Vec<_> = (0..6).map(|number| format!("s{number}")).collect();
    let mut starting: Vec<_> = names
        .iter()
        .map(|name| {
            let words = [
                "start", name, "-d", "--empty", "--port", "web", "--port", "db", "--", "sleep",
                "600",
            ];
            place.command(&words).stdout(std::process::Stdio::null()).spawn().expect("it runs")
        })
        .collect();
    for child in &mut starting {
        assert!(child.wait().expect("it ends").success());
    }
    let mut all = BTreeSet::new();
    for name in &names {
        let printed = place.good(&[
            "exec",
            name,
            "--",
            "sh",
            "-c",
            "echo $SESSCTL_PORT_web $SESSCTL_PORT_db",
        ]);
        let ports = record(&place, name)["ports"].clone();
        assert_eq!(printed.trim(), format!("{} {}", ports["web"], ports["db"]));
        all.extend(printed.split_whitespace().map(str::to_owned));
    }
    assert_eq!(all.len(), 12, "{all:?}");
    assert_eq!(leases(&place), all);
    let said = place.bad(&["start", "odd", "-d", "--port", "a-b", "--", "true"], 64);
    assert!(said.contains("`a-b`"), "{said}");
}

/// S1.18: what comes from the person's environment reaches the server, and is in no file, record or argument.
fn secrets_stay_out_of_files() {
    let place = place();
    // The person's own file, of the agent and of sessctl.
    place.write("user/.probe.json", &memory(&json!({ "TOKEN": "Bearer ${PROBE_TOKEN}" })));
    place.write(
        "user/.config/sessctl/mcp.json",
        &json!({"mcpServers": {"memory-local": {"args": ["serve", "more"]}}}).to_string(),
    );
    let secret = "tok-5c1f9e";
    let started =
        place.command(&["start", "one", "-d", "-a", "probe"]).env("PROBE_TOKEN", secret).output();
    assert!(started.expect("it runs").status.success());
    let said = said(&place, "one");
    assert_eq!(about(&said)["token"], format!("Bearer {secret}"));
    assert_eq!(about(&said)["arguments"], json!(["more"]), "levels are merged");
    assert!(!said["arguments"].to_string().contains(secret));
    let directory = place.directory("one");
    let rendered = directory.join("state/probe/mcp.json");
    let mode = rendered.metadata().expect("it is rendered").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(files_with(&place.path("home"), secret), Vec::<PathBuf>::new());
    let inspected = place.good(&["inspect", "one"]);
    assert!(!inspected.contains(secret), "{inspected}");
    // Without the person's servers.
    place
        .command(&["start", "bare", "-d", "-a", "probe", "--preset", "bare"])
        .output()
        .expect("it runs");
    assert_eq!(self::said(&place, "bare")["servers"], json!({}));
}

/// All files below `directory` that hold `text`.
fn files_with(directory: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file() && path.file_name().is_none_or(|name| name != "said.json") {
            let bytes = std::fs::read(&path).unwrap_or_default();
            if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

/// S4.22: the error names server, key and variable, and nothing is made.
fn unset_variables() {
    let place = place();
    place.write("user/mcp.json", &memory(&json!({ "TOKEN": "${NOPE}/x" })));
    let file = place.path("user/mcp.json").display().to_string();
    let said = place.bad(&["start", "one", "-d", "-a", "probe", "--mcp-config", &file], 64);
    for part in ["`memory-local`", "`env.TOKEN`", "`NOPE`", &file] {
        assert!(said.contains(part), "no {part} in: {said}");
    }
    assert_eq!(place.list()["sessions"], json!([]));
    let said =
        place.bad(&["start", "one", "-d", "-a", "probe", "--mcp-config", "nowhere.json"], 64);
    assert!(said.contains("nowhere.json") && said.contains("is not there"), "{said}");
    place.write("user/mcp.json", "{ not json");
    let said = place.bad(&["start", "one", "-d", "-a", "probe", "--mcp-config", &file], 64);
    assert!(said.contains(&file), "{said}");
    for nothing in ["", "{ \"mcpServer\": {} }"] {
        place.write("user/mcp.json", nothing);
        let said = place.bad(&["start", "one", "-d", "-a", "probe", "--mcp-config", &file], 64);
        assert!(said.contains("has no `mcpServers`"), "{said}");
    }
    let said = place.bad(&["start", "one", "-d", "--mcp-config", &file, "--", "true"], 64);
    assert!(said.contains("--agent"), "{said}");
    assert_eq!(place.list()["sessions"], json!([]));
}

/// A clone's `.mcp.json` has the session's variables and its own defaults only.
fn a_projects_servers() {
    let place = place();
    let commit = |text: &str| {
        place.write("project/.mcp.json", text);
        place.git(&["add", "."]);
        place.git(&["commit", "-q", "--allow-empty", "-m", "servers"]);
    };
    commit(&memory(&json!({ "TOKEN": "${PROBE_TOKEN}" })));
    let start = |name: &str| {
        let mut command = place.command(&["start", name, "-d", "-a", "probe"]);
        command.env("PROBE_TOKEN", "tok-5c1f9e").output().expect("it runs")
    };
    let refused = start("one");
    let complained = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && complained.contains("`PROBE_TOKEN`"), "{complained}");
    assert!(
        complained.contains(".mcp.json") && complained.contains("--mcp-config"),
        "{complained}"
    );
    assert_eq!(place.list()["sessions"], json!([]));
    commit(&memory(&json!({ "TOKEN": "${PROBE_TOKEN:-none}" })));
    assert!(start("two").status.success());
    let about = about(&said(&place, "two"));
    assert_eq!(about["token"], "none");
    // A link that leads to a file of the person's is none of the project's.
    place.write("user/secret.json", &memory(&json!({ "TOKEN": "of the person" })));
    std::fs::remove_file(place.path("project/.mcp.json")).expect("it was there");
    std::os::unix::fs::symlink(place.path("user/secret.json"), place.path("project/.mcp.json"))
        .expect("a link");
    assert!(start("three").status.success());
    assert_eq!(said(&place, "three")["servers"], json!({}));
}

/// S4.15, S4.16, S4.20: each variable has a value, and each directory is there.
fn scripts_find_their_variables() {
    let place = place();
    let mut command = place.command(&["start", "one", "-d", "-a", "probe"]);
    let outer = [
        ("SSH_CLIENT", "192.0.2.1 5000 22"),
        ("CLAUDE_SESSION_ID", "of another"),
        ("CLAUDE_PROJECT_DIR", "/elsewhere"),
    ];
    assert!(command.envs(outer).output().expect("it runs").status.success());
    let environment = said(&place, "one")["environment"].clone();
    let record = record(&place, "one");
    let directory = place.directory("one").display().to_string();
    for (name, value) in [
        ("CLAUDE_SESSION_ID", record["id"].as_str().expect("an id")),
        ("CLAUDE_SESSION_NAME", "one"),
        ("CLAUDE_SESSION_DIR", &directory),
        ("SESSCTL_SESSION_DIR", &directory),
        ("CLAUDE_SESSION_USER", "tester"),
        ("CLAUDE_SESSION_SSH_CLIENT", "192.0.2.1 5000 22"),
        ("CLAUDE_MCP_STATE_DIR", &format!("{directory}/mcp-state")),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    let time = environment["CLAUDE_SESSION_START_TIME"].as_str().expect("a time");
    assert!(time.len() == 10 && time.bytes().all(|byte| byte.is_ascii_digit()), "{time}");
    // What the agent itself sets is not set by us.
    assert_eq!(environment.get("CLAUDE_PROJECT_DIR"), None);
    let names = ["CLAUDE_", "SESSCTL_", "PROBE_"];
    for (name, value) in environment.as_object().expect("a table") {
        let ours = names.iter().any(|prefix| name.starts_with(prefix));
        assert!(!ours || value != "", "{name} is empty");
    }
    let active = std::fs::canonicalize(place.path("home/active/one")).expect("a link");
    assert_eq!(active, std::fs::canonicalize(&directory).expect("a directory"));
}

/// S4.24: each key where the agent reads it; other sessions and the person's own file are left alone.
fn settings_of_one_session() {
    let place = place();
    let own = r#"{ "model": "usual", "permissions": { "deny": ["Read"] } }"#;
    place.write("user/.probe-settings.json", own);
    place.write(
        "user/override.json",
        r#"{ "model": "better", "outputStyle": "Concise", "disallowedTools": ["Bash(rm:*)", "Read"], "appendSystemPrompt": "Be ${HOME} brief" }"#,
    );
    let file = place.path("user/override.json").display().to_string();
    place.good(&["start", "one", "-d", "-a", "probe", "--settings", &file]);
    place.good(&["start", "two", "-d", "-a", "probe"]);
    let settings = |name: &str| -> Value {
        let file = place.directory(name).join("state/probe/settings.json");
        serde_json::from_str(&std::fs::read_to_string(file).expect("settings")).expect("JSON")
    };
    assert_eq!(
        settings("one"),
        json!({ "model": "better", "outputStyle": "Concise", "permissions": { "deny": ["Read", "Bash(rm:*)"] } })
    );
    assert_eq!(settings("two"), serde_json::from_str::<Value>(own).expect("JSON"));
    assert_eq!(place.read("user/.probe-settings.json"), own);
    let arguments = said(&place, "one")["arguments"].clone();
    assert_eq!(arguments, json!(["--append", "Be ${HOME} brief"]));
    assert_eq!(said(&place, "two")["arguments"], json!([]));
    // By hand, for the next start.
    std::fs::write(place.directory("two").join("settings-override.json"), r#"{"model": "mine"}"#)
        .expect("a file");
    place.good(&["restart", "--force", "-d", "two"]);
    said(&place, "two");
    assert_eq!(settings("two")["model"], "mine");
    let said =
        place.bad(&["start", "three", "-d", "-a", "probe", "--settings", "nowhere.json"], 64);
    assert!(said.contains("nowhere.json") && said.contains("--settings"), "{said}");
    assert_eq!(place.list()["sessions"].as_array().map(Vec::len), Some(2));
}
