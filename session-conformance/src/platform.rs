//! What each system does in its own way: nothing else in this crate asks which one it runs on.
//!
//! A port is a file beside `linux.rs` with the same functions; `.ci/platform` keeps such calls in here.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(crate) use linux::{command_line, command_lines, is_there, shows_command_lines, user};

#[cfg(not(target_os = "linux"))]
compile_error!(
    "session-conformance runs on Linux so far: write src/platform/<system>.rs and name it in src/platform.rs"
);
