//! MCP servers of real agents: each session's own (S4.T6).

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::agent::{CLAUDE, CODEX, COPILOT, OPENCODE};
use crate::screen::Screen;
use crate::sessions::{ask, enter, files_with, leave, start, written_outside};
use crate::tree::Tree;
use crate::world::{HOME, World, until, with};

/// What the person has in a variable and no file may show.
const SECRET: &str = "tok-of-the-person-5c1f9e";

#[test]
fn claude() {
    with(&CLAUDE, "local", each_session_has_its_own);
}

#[test]
fn codex() {
    with(&CODEX, "local", each_session_has_its_own);
}

#[test]
fn copilot() {
    with(&COPILOT, "local", each_session_has_its_own);
}

#[test]
fn opencode() {
    with(&OPENCODE, "local", each_session_has_its_own);
}

#[test]
fn claude_in_containers() {
    with(&CLAUDE, "docker", each_session_has_its_own);
}

#[test]
fn codex_in_containers() {
    with(&CODEX, "docker", each_session_has_its_own);
}

/// What a session's server wrote about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct About {
    process: String,
    port: String,
    arguments: String,
}

impl About {
    /// Its process runs, in the session `name`.
    fn is_alive(&self, world: &World, name: &str) -> bool {
        match world.backend.socket {
            None => Path::new("/proc").join(&self.process).is_dir(),
            Some(_) => {
                world.session(name)["status"] == "running"
                    && world.run(&["exec", name, "--", "kill", "-0", &self.process]).code == 0
            }
        }
    }
}

/// Processes, state and ports of two sessions at once; and the person's secret, which reaches them by no file.
fn each_session_has_its_own(mut world: World) {
    world.set("PROBE_TOKEN", SECRET);
    // Agents start servers in the workspace.
    world.write("project/server.sh", include_str!("server.sh"));
    let servers = json!({"mcpServers": {"probe": {
        "command": "/bin/sh",
        "args": ["server.sh", "of ${SESSCTL_SESSION_NAME}"],
        "env": {
            "MEMORY_DATA_DIR": "${CLAUDE_SESSION_DIR}/mcp-state/probe",
            "PORT": "${SESSCTL_PORT_probe}",
            "TOKEN": "Bearer ${PROBE_TOKEN}",
        },
    }}});
    world.write("user/.config/sessctl/mcp.json", &servers.to_string());
    let names = ["one", "two"].map(|name| world.name(name));
    let before = Tree::of(&world.path(""));
    let screens = names.each_ref().map(|name| start(&world, name, &["--unattended"]));
    let [one, two] = names.each_ref().map(|name| said(&world, name, None));
    assert_ne!(one.port, two.port);
    if world.backend.socket.is_none() {
        assert_ne!(one.process, two.process, "each container counts its own");
    }
    for ((name, about), screen) in names.iter().zip([&one, &two]).zip(&screens) {
        assert!(about.is_alive(&world, name), "{about:?}");
        assert_eq!(about.arguments, format!("of {name}"));
        let record = record(&world, name);
        assert_eq!(record["ports"]["probe"].to_string(), about.port);
        let token = std::fs::read_to_string(state(&world, name).join("token")).expect("written");
        assert_eq!(token.replace('-', ""), format!("Bearer {SECRET}").replace('-', ""));
        assert_eq!(
            called(&world, screen),
            format!("server {} at port {}", about.process, about.port)
        );
    }
    let mut found = Vec::new();
    for place in [HOME, "user", "tmp"] {
        files_with(&world.path(place), SECRET.as_bytes(), &mut found);
    }
    found.sort();
    found.dedup();
    assert_eq!(found, documented(&world, &names));

    let [screen, other] = screens;
    leave(screen);
    leave(other);
    world.good(&["stop", &names[0]]);
    until("the server of the stopped session ends", || !one.is_alive(&world, &names[0]));
    assert!(two.is_alive(&world, &names[1]), "the other session's goes on");
    leave(enter(&world, &["attach", &names[0]]));
    let again = said(&world, &names[0], Some(&one));
    assert_eq!((&again.port, &again.arguments), (&one.port, &one.arguments), "it keeps its port");
    assert_eq!(written_outside(&world, &before), Vec::<String>::new());
}

/// Where a session's server keeps its state.
fn state(world: &World, name: &str) -> PathBuf {
    let seen = world.directory(name);
    // What a container sees of it.
    let seen = if world.backend.socket.is_some() { seen.join("files") } else { seen };
    seen.join("mcp-state/probe")
}

fn record(world: &World, name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(world.directory(name).join("record.json")).expect("there");
    serde_json::from_str(&text).expect("JSON")
}

/// What the server says of itself once it runs; another one than `before`.
fn said(world: &World, name: &str, before: Option<&About>) -> About {
    let file = state(world, name).join("about");
    let mut about = None;
    until("the agent has started its server", || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        if let [process, port, arguments] = lines.as_slice() {
            let (process, port) = (process.clone(), port.clone());
            about = Some(About { process, port, arguments: arguments.clone() });
        }
        about.is_some() && about.as_ref() != before
    });
    about.expect("it was just there")
}

/// Has the model call the server's tool; gives what that answered.
fn called(world: &World, screen: &Screen) -> String {
    ask(screen, "TOOLS", "offered ");
    // Agents ask for a title by the same words, and offer nothing then.
    let tools: Vec<_> = world.model.conversations().into_iter().flat_map(|it| it.tools).collect();
    let is_ours = |tool: &&String| tool.contains("probe") && tool.contains("about");
    // One agent tells of a server's tools only when it is asked about them.
    let later =
        tools.iter().any(|tool| tool == "ToolSearch").then(|| "mcp__probe__about".to_owned());
    let tool = tools.iter().find(is_ours).cloned().or(later);
    let tool = tool.unwrap_or_else(|| panic!("no tool of the server in {tools:?}"));
    ask(screen, &format!("TOOL {tool}"), "result ");
    let results = world.model.conversations().into_iter().filter_map(|it| it.result);
    let results: Vec<_> = results.collect();
    let said = results.iter().rev().find_map(|it| Some(&it[it.find("server ")?..]));
    let said = said.unwrap_or_else(|| panic!("it was not called: {results:?}"));
    said.split(['"', '\\', '\n']).next().unwrap_or_default().trim().to_owned()
}

/// The files that may have the secret: an agent that can't refer to variables has one of its own.
fn documented(world: &World, names: &[String]) -> Vec<PathBuf> {
    if world.agent.name != "codex" {
        return Vec::new();
    }
    let file = |name: &String| world.directory(name).join("state/codex/config.toml");
    let mut files: Vec<_> = names.iter().map(file).collect();
    files.sort();
    for file in &files {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    files
}
