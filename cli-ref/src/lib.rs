//! The reference command `sessctl`, as a library: a program with a backend of its own gets the
//! whole command in one `main`.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     cli_ref::App::new().main()
//! }
//! ```

mod amount;
mod app;
mod args;
mod bar;
mod chord;
mod commands;
mod config;
mod engines;
mod explanations;
mod images;
mod pipes;
mod surroundings;
mod table;
mod terminal;
mod trace;
mod ui;

pub use app::App;
