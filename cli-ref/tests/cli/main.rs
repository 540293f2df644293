//! `sessctl` as a person uses it: the real program, real git, a real terminal.

mod agents;
mod beside;
mod carrying;
#[path = "../common/commands.rs"]
mod commands;
mod config;
mod containers;
mod conversations;
mod copies;
mod damage;
mod devcontainer;
mod input;
mod logins;
mod path;
mod place;
mod promises;
mod removing;
mod screen;
mod sharing;
mod sights;
mod trace;
mod updates;
mod words;
