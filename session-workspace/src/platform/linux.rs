//! Linux.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self as sys, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};

/// Opens `relative` below `top` in one step, where no component may be a link; `None` where the system can't.
pub(crate) fn open_beneath(
    top: BorrowedFd<'_>,
    relative: &Path,
    flags: OFlags,
) -> Option<Result<OwnedFd>> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match sys::openat2(top, relative, flags, Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM) => None,
        answer => Some(answer),
    }
}

/// Makes the empty file `dest` share the content of `source` until one of them is written to; `false` where these
/// two can't.
///
/// Fails with `NOSPC` where the disk or the quota is full, and with nothing else.
pub(crate) fn share_content(source: &OwnedFd, dest: &OwnedFd) -> Result<bool> {
    match sys::ioctl_ficlone(dest, source) {
        Ok(()) => Ok(true),
        Err(Errno::NOSPC | Errno::DQUOT) => Err(Errno::NOSPC),
        Err(_) => Ok(false),
    }
}

/// Copies up to `length` bytes without bringing them into this process, from `read` to `written`, and moves both on.
///
/// Gives how many it copied, 0 at the end of `source`; `None` where these two can't.
pub(crate) fn copy_in_kernel(
    source: &OwnedFd,
    read: &mut u64,
    dest: &OwnedFd,
    written: &mut u64,
    length: usize,
) -> Option<Result<usize>> {
    match sys::copy_file_range(source, Some(read), dest, Some(written), length) {
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => None,
        answer => Some(answer),
    }
}
