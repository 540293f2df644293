//! Linux.

use std::time::{Duration, SystemTime};

/// `USER_HZ`, which is 100 on all of Linux.
const TICKS: u64 = 100;

/// When a process began, where the system tells (`proc_pid_stat(5)`).
pub(crate) fn process_began(id: i32) -> Option<SystemTime> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // A name may hold anything, also blanks and brackets.
    let ticks: u64 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()?;
    let system = std::fs::read_to_string("/proc/stat").ok()?;
    let boot = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot: u64 = boot.trim().parse().ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_millis(boot * 1000 + ticks * 1000 / TICKS))
}

/// The processes of this machine by their numbers, each with the program it was started as and its first argument.
pub(crate) fn first_words() -> Vec<(u32, Vec<Vec<u8>>)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            Some((id, command.split(|byte| *byte == 0).take(2).map(<[u8]>::to_vec).collect()))
        })
        .collect()
}
