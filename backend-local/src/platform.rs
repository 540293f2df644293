//! What each system does in its own way: nothing else in this crate asks which one it runs on.
//!
//! A port is a file beside `linux.rs` with the same names; `.ci/platform` keeps such calls in here.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    PROCESSES_FOUND, PROCESSES_REMEDY, TERMINALS_REMEDY, boot_id, carries, ignored_by_us, ignores,
    open_again, open_terminal, row, rows, signal,
};

#[cfg(not(target_os = "linux"))]
compile_error!(
    "backend-local runs on Linux so far: write src/platform/<system>.rs and name it in src/platform.rs"
);
