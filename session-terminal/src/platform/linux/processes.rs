//! Processes: which there are, and who hears of whose end.

use std::io;
use std::path::PathBuf;

use rustix::process::{Signal, getpid, set_child_subreaper, set_parent_process_death_signal};

use crate::platform::{Processes, Seen};

/// Makes this process the parent of all that descends from it and whose own parent ends.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Has this process told by SIGTERM when the thread that started it ends. An end before this call
/// is not told.
pub(crate) fn end_with_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::TERM))?)
}

/// The program that this process runs, for starting it once more: this very file, even when
/// another has its name by now.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    Ok("/proc/self/exe".into())
}

/// The processes that there are; none where that can't be seen.
pub(crate) fn processes() -> Processes {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Processes::new() };
    entries
        .filter_map(|entry| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
            parse_stat(&stat).map(|seen| (pid, seen))
        })
        .collect()
}

/// Reads state and parent; the command before them may hold anything, parentheses included.
fn parse_stat(stat: &[u8]) -> Option<Seen> {
    let after = &stat[memchr::memrchr(b')', stat)? + 1..];
    let mut fields = std::str::from_utf8(after).ok()?.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some(Seen { parent, is_zombie: matches!(state, "Z" | "X" | "x") })
}
