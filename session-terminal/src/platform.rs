//! What each system does in its own way: nothing else in this crate asks which one it runs on.
//!
//! A port is a file beside `linux.rs` with the same names; `.ci/platform` keeps such calls in here.

use std::collections::BTreeMap;

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    SocketPath, adopt_orphans, end_with_parent, open_again, processes, this_program,
};

#[cfg(not(target_os = "linux"))]
compile_error!(
    "session-terminal runs on Linux so far: write src/platform/<system>.rs and name it in src/platform.rs"
);

/// The processes of this machine by their numbers, as far as they may be seen.
pub(crate) type Processes = BTreeMap<i32, Seen>;

/// A process as the system shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) parent: i32,
    /// It has ended, and its parent has not taken notice.
    pub(crate) is_zombie: bool,
}
