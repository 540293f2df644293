//! `sessctl` as a person uses it: the real program, real git, a real terminal.

mod config;
mod containers;
mod damage;
mod devcontainer;
mod input;
mod path;
mod place;
mod promises;
mod screen;
mod updates;
mod words;
