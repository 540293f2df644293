//! Agents and their MCP servers: this program is also the server, and the agent that starts it.

mod agent;
#[path = "../common/commands.rs"]
#[expect(dead_code, reason = "the tests of the command use all of it")]
mod commands;
#[path = "../cli/place.rs"]
#[allow(dead_code, reason = "the tests of the command use the rest")]
mod place;
mod server;
mod trials;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("serve") => server::serve(),
        Some("linger") => server::linger(),
        Some("agent") => agent::run(&words[1..]),
        _ => trials::run(),
    }
}
