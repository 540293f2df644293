//! Linux.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Whether [`command_lines`] finds any.
pub(crate) fn shows_command_lines() -> bool {
    Path::new("/proc/self/cmdline").exists()
}

/// What each process of this machine was called with, its words in one; empty for a process that
/// ended but was not waited for.
pub(crate) fn command_lines() -> impl Iterator<Item = Vec<u8>> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.map(command_line)
}

/// The same of one process; empty, too, if there is none with that number.
pub(crate) fn command_line(pid: u32) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Whether there is a process with this number, waited for or not.
pub(crate) fn is_there(pid: &OsStr) -> bool {
    Path::new("/proc").join(pid).exists()
}

/// The user that this process runs as, where the system shows it.
pub(crate) fn user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
}
