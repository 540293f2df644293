//! `sessctl` as a person uses it: the real program, real git, a real terminal.

mod agents;
mod carrying;
#[path = "../common/commands.rs"]
mod commands;
mod config;
mod containers;
mod conversations;
mod damage;
mod devcontainer;
mod input;
mod logins;
mod path;
mod place;
mod promises;
mod screen;
mod sharing;
mod trace;
mod updates;
mod words;
