//! What a directory takes on the disk.

use std::ffi::CString;

use camino::Utf8Path;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::Budget;

/// Deeper trees are not gone into.
const DEEPEST: usize = 256;
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The blocks of all that is below `directory`, in bytes, and whether that is all. No link is followed.
pub(crate) fn of(directory: &Utf8Path, budget: &Budget) -> (u64, bool) {
    let Ok(top) = rustix::fs::open(directory.as_std_path(), DIRECTORY, Mode::empty()) else {
        return (0, true);
    };
    of_open(top, budget)
}

/// As [`of`], of a directory that is open.
pub(crate) fn of_open(top: OwnedFd, budget: &Budget) -> (u64, bool) {
    let (mut bytes, mut whole) = (0_u64, true);
    // One open directory for each level, with what is left to go into there.
    let mut levels = vec![level(top, budget, &mut bytes, &mut whole)];
    while let Some((here, below)) = levels.last_mut() {
        let Some(name) = below.pop() else {
            levels.pop();
            continue;
        };
        if budget.is_spent() {
            return (bytes, false);
        }
        let Ok(next) = rustix::fs::openat(here, &name, DIRECTORY, Mode::empty()) else { continue };
        if levels.len() >= DEEPEST {
            whole = false;
            continue;
        }
        levels.push(level(next, budget, &mut bytes, &mut whole));
    }
    (bytes, whole)
}

/// Adds what is in one directory; gives the directories in it.
fn level(
    here: OwnedFd,
    budget: &Budget,
    bytes: &mut u64,
    whole: &mut bool,
) -> (OwnedFd, Vec<CString>) {
    let mut below = Vec::new();
    let Ok(entries) = Dir::read_from(&here) else {
        *whole = false;
        return (here, below);
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if budget.is_spent() {
            *whole = false;
            break;
        }
        let Ok(stat) = rustix::fs::statat(&here, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        *bytes = bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or_default() * 512);
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            below.push(name.to_owned());
        }
    }
    (here, below)
}
