//! Packs a file or directory of the host as a tar stream.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec};
use tar::{Builder, EntryType};

use super::write::{Facts, Out};
use super::{stream, write};
use crate::ByteStream;

/// A tree that is to be packed, by its place in a directory that is held open.
///
/// Nothing below is reached through a link, however often one is put in the place of a directory
/// meanwhile. Entries are sorted, so that equal trees give equal streams; links are kept as links.
/// Sockets, fifos and devices are left out, since no reader would take them, and so is what is
/// removed while we walk, as builds do.
#[derive(Debug)]
pub struct Pack {
    parent: OwnedFd,
    leaf: OsString,
    name: PathBuf,
    owner: (u32, u32),
    end: End,
}

/// Whether an archive has a mark at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Marked,
    Open,
}

impl Pack {
    /// `leaf` in the directory `parent`; entry names begin with it. `.` is the directory itself.
    pub fn new(parent: OwnedFd, leaf: impl Into<OsString>) -> Self {
        let leaf = leaf.into();
        Self { parent, name: leaf.clone().into(), leaf, owner: (0, 0), end: End::Marked }
    }

    /// Lets entry names begin with `name` instead.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<PathBuf>) -> Self {
        self.name = name.into();
        self
    }

    /// Says whose the entries are: user and group; 0 and 0 if nothing is said, for whose they were
    /// on this machine says nothing on another.
    #[must_use]
    pub fn with_owner(mut self, uid: u32, gid: u32) -> Self {
        self.owner = (uid, gid);
        self
    }

    /// Leaves out the mark at the archive's end, for an engine: see [`Screen`](super::Screen).
    #[must_use]
    pub fn with_open_end(mut self) -> Self {
        self.end = End::Open;
        self
    }

    /// Packs while the stream is read, and stops when it is dropped. What can't be read is an error
    /// in the stream. Needs a tokio runtime.
    pub fn stream(self) -> ByteStream {
        stream::written(move |out| self.write(out))
    }

    fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let mut builder = Builder::new(Out::new(out));
        let mut levels = vec![Level {
            directory: self.parent,
            children: vec![self.leaf].into_iter(),
            name: PathBuf::new(),
        }];
        // No recursion: a session may nest deeper than our stack is.
        while let Some(level) = levels.last_mut() {
            let Some(child) = level.children.next() else {
                levels.pop();
                continue;
            };
            let depth = levels.len();
            let level = &levels[depth - 1];
            let name = if depth == 1 { self.name.clone() } else { level.name.join(&child) };
            match one(&mut builder, level, &child, &name, self.owner) {
                Ok(below) => levels.extend(below),
                Err(error) if depth > 1 && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        match self.end {
            End::Marked => builder.into_inner()?.flush(),
            End::Open => builder.get_mut().close(),
        }
    }
}

struct Level {
    directory: OwnedFd,
    children: std::vec::IntoIter<OsString>,
    name: PathBuf,
}

/// Writes one entry; gives the level below if it is a directory.
fn one(
    builder: &mut Builder<impl Write>,
    level: &Level,
    child: &OsStr,
    name: &Path,
    owner: (u32, u32),
) -> io::Result<Option<Level>> {
    let found = rustix::fs::statat(&level.directory, child, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(&level.directory, child, Vec::new())?.into_bytes();
            let facts = facts(&found, EntryType::Symlink, owner);
            write::append_link(builder, name, &facts, &target)?;
            Ok(None)
        }
        FileType::Directory => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let directory = rustix::fs::openat(&level.directory, child, flags, Mode::empty())?;
            let facts = facts(&rustix::fs::fstat(&directory)?, EntryType::Directory, owner);
            write::append(builder, name, &facts, io::empty())?;
            let children = children(&directory)?.into_iter();
            Ok(Some(Level { directory, children, name: name.to_owned() }))
        }
        FileType::RegularFile => {
            // A link or a fifo that was put in its place must neither be followed nor waited for.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&level.directory, child, flags, Mode::empty())?;
            let found = rustix::fs::fstat(&file)?;
            if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
                return Ok(None);
            }
            let facts = facts(&found, EntryType::Regular, owner);
            let size = facts.size;
            // Exactly as much as the header says, if the file grows or shrinks while we read.
            let whole = File::from(file).take(size).chain(io::repeat(0)).take(size);
            write::append(builder, name, &facts, whole)?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn children(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn facts(found: &Stat, kind: EntryType, owner: (u32, u32)) -> Facts {
    let size = match kind {
        EntryType::Regular => u64::try_from(found.st_size).unwrap_or(0),
        _ => 0,
    };
    let time = Timespec { tv_sec: found.st_mtime as _, tv_nsec: found.st_mtime_nsec as _ };
    #[allow(clippy::unnecessary_cast, reason = "it is narrower on macOS")]
    let mode = found.st_mode as u32 & 0o7777;
    Facts { kind, mode, time, size, owner }
}
