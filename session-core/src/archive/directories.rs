//! Directories alone, as an archive: how an engine is asked to make them, or to change whose they are.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream;
use rustix::fs::Timespec;
use tar::{Builder, EntryType};

use super::write::{self, Facts};
use crate::ByteStream;

/// A list of directories that becomes an archive; a few thousand at most, for it is in memory.
#[derive(Debug, Clone)]
pub struct Directories {
    owner: (u32, u32),
    entries: Vec<(PathBuf, Facts)>,
}

impl Directories {
    /// No directories; those that are added are user `uid`'s and group `gid`'s.
    pub fn new(uid: u32, gid: u32) -> Self {
        Self { owner: (uid, gid), entries: Vec::new() }
    }

    /// Adds one, a relative path, with its permissions and its modification time (seconds since
    /// 1970 and nanoseconds). Its parents are not added by themselves. `.` is the place itself.
    #[must_use]
    pub fn with(mut self, path: impl AsRef<Path>, mode: u32, modified: (i64, i64)) -> Self {
        let time = Timespec { tv_sec: modified.0, tv_nsec: modified.1 };
        let mode = mode & 0o777;
        let facts = Facts { kind: EntryType::Directory, mode, time, size: 0, owner: self.owner };
        self.entries.push((path.as_ref().to_owned(), facts));
        self
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The archive, without a mark at its end (see [`Screen`](super::Screen)). A path that is
    /// absolute or has `..` in it is an error in the stream.
    pub fn stream(self) -> ByteStream {
        Box::pin(stream::iter([self.bytes().map(Bytes::from)]))
    }

    fn bytes(self) -> io::Result<Vec<u8>> {
        let mut builder = Builder::new(Vec::new());
        for (path, facts) in &self.entries {
            write::append(&mut builder, path, facts, io::empty())?;
        }
        // Not `into_inner`, which writes the mark.
        Ok(std::mem::take(builder.get_mut()))
    }
}
