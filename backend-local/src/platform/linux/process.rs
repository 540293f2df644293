//! One process: what it was started with, what it ignores, and how it is told something.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::io::{Errno, Result};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::host::tree::ProcessKey;

/// The identity of this boot of the machine, if the system tells.
pub(crate) fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

/// Whether the process is of user `uid` and was started with the variable `mark` (`NAME=value`).
pub(crate) fn carries(pid: i32, uid: u32, mark: &[u8]) -> bool {
    let directory = format!("/proc/{pid}");
    fs::metadata(&directory).is_ok_and(|found| found.uid() == uid)
        && fs::read(format!("{directory}/environ"))
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|entry| entry == mark))
}

/// Sends `signal` to this very process, never to a later one with its number; `Ok` if it is gone.
pub(crate) fn signal(process: ProcessKey, signal: Signal) -> Result<()> {
    let gone = |result: Result<()>| match result {
        Err(Errno::SRCH) => Ok(()),
        result => result,
    };
    let is_the_same = || ProcessKey::of(process.pid) == Some(process);
    // 0 and 1 are no processes of a session, negative numbers are groups.
    let Some(pid) = Pid::from_raw(process.pid).filter(|_| process.pid > 1) else { return Ok(()) };
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        // The handle is on whoever has the number now; look who that is, then use it.
        Ok(_) if !is_the_same() => Ok(()),
        Ok(handle) => gone(rustix::process::pidfd_send_signal(handle, signal)),
        Err(Errno::SRCH | Errno::INVAL) => Ok(()),
        Err(_) if is_the_same() => gone(rustix::process::kill_process(pid, signal)),
        Err(_) => Ok(()),
    }
}

/// Whether the process ignores `signal`; `false` where that can't be seen.
pub(crate) fn ignores(pid: i32, signal: Signal) -> bool {
    let bit = 1_u64 << (signal.as_raw() - 1);
    ignored(&format!("/proc/{pid}/status")).is_some_and(|mask| mask & bit != 0)
}

/// The signals that this process ignores, signal 1 as the lowest bit.
pub(crate) fn ignored_by_us() -> Option<u64> {
    ignored("/proc/self/status")
}

fn ignored(path: &str) -> Option<u64> {
    let status = fs::read(path).ok()?;
    let line =
        status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"SigIgn:"))?;
    u64::from_str_radix(std::str::from_utf8(line).ok()?.trim(), 16).ok()
}
