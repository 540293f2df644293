//! A small MCP server on standard input and output, with a memory and a TCP port.

use std::io::{BufRead as _, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

/// Answers until its input ends.
#[expect(clippy::zombie_processes, reason = "whether somebody else ends it is what is tested")]
pub(crate) fn serve() -> ExitCode {
    let memory = std::env::var_os("MEMORY_DATA_DIR").map(PathBuf::from).expect("a directory");
    if std::env::var_os("LEAVE_ONE_BEHIND").is_some() {
        let program = std::env::current_exe().expect("a program");
        let mut command = Command::new(program);
        command.arg("linger").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.process_group(0).spawn().expect("a process of its own");
        std::fs::write(memory.join("left-behind"), child.id().to_string()).expect("a file");
    }
    if let Ok(port) = std::env::var("PORT") {
        let listener = TcpListener::bind(("127.0.0.1", port.parse().expect("a port")));
        let listener = listener.expect("nobody else listens there");
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.write_all(std::process::id().to_string().as_bytes());
            }
        });
    }
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(id) = message.get("id") else { continue };
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "memory", "version": "1" },
            }),
            Some("tools/list") => {
                json!({ "tools": [tool("remember"), tool("recall"), tool("about")] })
            }
            Some("tools/call") => {
                let text = call(&message["params"], &memory);
                json!({ "content": [{ "type": "text", "text": text }] })
            }
            _ => json!({}),
        };
        let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "description": name, "inputSchema": { "type": "object" } })
}

fn call(call: &Value, memory: &std::path::Path) -> String {
    let file = memory.join("memory");
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    match call["name"].as_str() {
        Some("remember") => {
            let text = call["arguments"]["text"].as_str().unwrap_or_default();
            std::fs::write(&file, format!("{kept}{text};")).expect("its directory is there");
            "ok".to_owned()
        }
        Some("recall") => kept,
        _ => json!({
            "pid": std::process::id(),
            "memory": memory,
            "port": std::env::var("PORT").ok(),
            "token": std::env::var("TOKEN").ok(),
            "arguments": std::env::args().skip(2).collect::<Vec<_>>(),
        })
        .to_string(),
    }
}

/// Runs, far from any terminal, until it is killed.
pub(crate) fn linger() -> ExitCode {
    let _ = rustix::process::setsid();
    loop {
        std::thread::park();
    }
}
