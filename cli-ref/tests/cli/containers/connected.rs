//! Servers, ports and variables of sessions in containers.

use serde_json::{Value, json};

use super::on_each_engine;

const PROFILE: &str = r#"
title = "Probe"
program = "sh"

[arguments]
always = ["-c", "exec sleep 600"]
mcp = ["${MCP_FILE}"]

[mcp]
file = "mcp.json"
format = "json"
key = "mcpServers"
local = { command = "${COMMAND}", env = "${ENVIRONMENT}" }
"#;

on_each_engine! {
    /// S4.15, S4.16, S4.22, S4.23: what a session calls its directory is there, a server's directory too, and both outlast
    /// a restart.
    fn directories_are_there_inside(place: Place) {
        let name = &place.name("mcp");
        place.write("user/.config/sessctl/agents/probe.toml", PROFILE);
        let servers = json!({ "mcpServers": { "memory-local": { "command": "sh", "env": {
            "MEMORY_DATA_DIR": "${CLAUDE_SESSION_DIR}/mcp-state/memory-local",
            "PORT": "${SESSCTL_PORT_memory}",
        } } } });
        place.write("user/mcp.json", &servers.to_string());
        let file = place.path("user/mcp.json").display().to_string();
        place.good(&["start", name, "-d", "-a", "probe", "--mcp-config", &file]);
        let inside = |script: &str| place.good(&["exec", name, "--", "sh", "-c", script]);
        let rendered: Value = serde_json::from_str(&inside("cat /sessctl/state/mcp.json")).expect("JSON");
        let environment = &rendered["mcpServers"]["memory-local"]["env"];
        assert_eq!(environment["MEMORY_DATA_DIR"], "/sessctl/mcp-state/memory-local");
        let port = environment["PORT"].as_str().expect("a port");
        assert_eq!(inside("echo $SESSCTL_PORT_memory $CLAUDE_SESSION_DIR $SESSCTL_SESSION_DIR").trim(), format!("{port} /sessctl /sessctl"));
        inside("test -d $CLAUDE_MCP_STATE_DIR && echo kept > $CLAUDE_MCP_STATE_DIR/memory-local/memory && echo mine > $CLAUDE_SESSION_DIR/mine");
        place.good(&["restart", "--force", "-d", name]);
        assert_eq!(inside("cat /sessctl/mcp-state/memory-local/memory $CLAUDE_SESSION_DIR/mine"), "kept\nmine\n");
        assert_eq!(inside("echo $SESSCTL_PORT_memory").trim(), port);
        // Nothing of the record is in reach.
        assert_eq!(inside("ls /sessctl/record.json 2>/dev/null || echo none").trim(), "none");
        // A session without an agent has a directory, too.
        let plain = &place.name("plain");
        place.good(&["start", plain, "-d", "--port", "web", "--", "sleep", "600"]);
        let told = place.good(&["exec", plain, "--", "sh", "-c", "test -d $SESSCTL_SESSION_DIR && echo $SESSCTL_PORT_web"]);
        assert_ne!(told.trim(), port);
    }
}
