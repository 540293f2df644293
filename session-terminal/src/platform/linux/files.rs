//! Files by the handles that this process has.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use rustix::fs::{Mode, OFlags};

/// A path of a file in a directory that fits into a socket's address (108 bytes), however deep
/// the directory is; valid for as long as this lives.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    /// The path goes through the number of this handle.
    _directory: File,
}

impl SocketPath {
    /// The path of `name` in `directory`, which must be there; the file need not.
    pub(crate) fn new(directory: &Utf8Path, name: &str) -> io::Result<Self> {
        let directory = File::open(directory)?;
        let path = format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()).into();
        Ok(Self { path, _directory: directory })
    }
}

impl AsRef<Path> for SocketPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// Opens what `file` is open on once more: the new handle has flags and a position of its own,
/// and the rights are looked at again.
pub(crate) fn open_again(file: impl AsFd, flags: OFlags) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}
