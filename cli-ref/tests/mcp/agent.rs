//! An agent that starts the servers it is told of, lets the first one remember what it is told, and writes down what they say.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};

use serde_json::{Map, Value, json};

pub(crate) fn run(words: &[String]) -> ExitCode {
    let after = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1).cloned()
    };
    let told = after("--told").unwrap_or_default();
    let servers: Value = after("--mcp-config").map_or(json!({}), |file| {
        let text = std::fs::read_to_string(file).expect("the file that it is given");
        serde_json::from_str::<Value>(&text).expect("JSON")["mcpServers"].clone()
    });
    let mut running = Vec::new();
    let mut said = Map::new();
    for (name, server) in servers.as_object().into_iter().flatten() {
        let mut server = Server::start(server);
        server.ask("initialize", json!({ "protocolVersion": "2025-06-18" }));
        let tools = server.ask("tools/list", json!({}));
        if !told.is_empty() {
            server.call("remember", json!({ "text": told }));
        }
        let about: Value = serde_json::from_str(&server.call("about", json!({}))).expect("JSON");
        let recalled = server.call("recall", json!({}));
        said.insert(
            name.clone(),
            json!({ "about": about, "recalled": recalled, "tools": tools["tools"].as_array().map(Vec::len) }),
        );
        running.push(server);
    }
    let environment: Map<String, Value> =
        std::env::vars().map(|(name, value)| (name, value.into())).collect();
    let all = json!({ "servers": said, "arguments": words, "environment": environment });
    std::fs::write("said.new", all.to_string()).expect("the workspace is writable");
    std::fs::rename("said.new", "said.json").expect("the workspace is writable");
    loop {
        std::thread::park();
    }
}

struct Server {
    child: Child,
    asked: u64,
}

impl Server {
    /// As agents do it: variables in the texts are put in once more, and what is not set stays as it is.
    fn start(server: &Value) -> Self {
        let expanded = |value: &Value| {
            let mut text = value.as_str().expect("a text").to_owned();
            for (name, value) in std::env::vars() {
                text = text.replace(&format!("${{{name}}}"), &value);
            }
            text
        };
        let mut command = Command::new(expanded(&server["command"]));
        command.args(server["args"].as_array().into_iter().flatten().map(expanded));
        for (name, value) in server["env"].as_object().into_iter().flatten() {
            command.env(name, expanded(value));
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        Self { child: child.expect("the server's program"), asked: 0 }
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": parameters });
        writeln!(self.child.stdin.as_mut().expect("a pipe"), "{message}").expect("it listens");
        let mut line = String::new();
        let out = self.child.stdout.as_mut().expect("a pipe");
        // One answer a question: nothing is lost with the buffer.
        BufReader::new(out).read_line(&mut line).expect("it answers");
        serde_json::from_str::<Value>(&line).expect("an answer")["result"].clone()
    }

    fn call(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        result["content"][0]["text"].as_str().expect("a text").to_owned()
    }
}
