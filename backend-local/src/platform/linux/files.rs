//! Files by the handles that this process has, and terminals.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::pty::OpenptFlags;

/// Opens the same file for reading by a handle of its own, as another process would have it;
/// works for a file without a name, too.
pub(crate) fn open_again(file: &File) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Opens the master side of a new terminal, which no child inherits.
pub(crate) fn open_terminal() -> rustix::io::Result<OwnedFd> {
    rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
}
