//! Linux.

mod files;
mod process;
mod table;

pub(crate) use files::{open_again, open_terminal};
pub(crate) use process::{boot_id, carries, ignored_by_us, ignores, signal};
pub(crate) use table::{row, rows};

/// How processes are found, after "processes can be found".
pub(crate) const PROCESSES_FOUND: &str = "through /proc";
/// What to do where processes can't be found: the reason, and the remedy.
pub(crate) const PROCESSES_REMEDY: (&str, &str) =
    ("/proc is not that of this machine", "mount it: mount -t proc proc /proc");
/// What to do where no terminal can be had.
pub(crate) const TERMINALS_REMEDY: &str =
    "mount /dev/pts with ptmxmode=0666, and raise /proc/sys/kernel/pty/max if it is reached";
