//! What each system does in its own way: nothing else in this crate asks which one it runs on.
//!
//! A port is a file beside `linux.rs` with the same names; `.ci/platform` keeps such calls in here.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(crate) use linux::{first_words, process_began};

/// No other system tells so far.
#[cfg(not(target_os = "linux"))]
pub(crate) fn process_began(_id: i32) -> Option<std::time::SystemTime> {
    None
}

/// No other system tells so far.
#[cfg(not(target_os = "linux"))]
pub(crate) fn first_words() -> Vec<(u32, Vec<Vec<u8>>)> {
    Vec::new()
}
