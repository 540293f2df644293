//! Linux.

use std::path::Path;

/// Whether [`command_lines`] finds any.
pub(crate) fn shows_command_lines() -> bool {
    Path::new("/proc/self/cmdline").exists()
}

/// What each process of this machine was called with, its words in one; empty for a process that
/// ended but was not waited for.
pub(crate) fn command_lines() -> impl Iterator<Item = Vec<u8>> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            entry.file_name().to_string_lossy().starts_with(|c: char| c.is_ascii_digit())
        })
        .map(|entry| std::fs::read(entry.path().join("cmdline")).unwrap_or_default())
}
