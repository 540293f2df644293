//! Packs a file or directory of the host as a tar stream.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use tar::{Builder, EntryType, Header};

use super::{names, stream};
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
}

impl Pack {
    /// `leaf` in the directory `parent`; entry names begin with it. `.` is the directory itself.
    pub fn new(parent: OwnedFd, leaf: impl Into<OsString>) -> Self {
        let leaf = leaf.into();
        Self { parent, name: leaf.clone().into(), leaf, owner: (0, 0) }
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

    /// Packs while the stream is read, and stops when it is dropped. What can't be read is an error
    /// in the stream. Needs a tokio runtime.
    pub fn stream(self) -> ByteStream {
        stream::written(move |out| self.write(out))
    }

    fn write(self, out: impl Write) -> io::Result<()> {
        let mut builder = Builder::new(out);
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
        builder.into_inner()?.flush()
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
            let mut header = header(&found, EntryType::Symlink, 0, owner);
            write_time(builder, &found)?;
            // To the letter: the other way would leave out a `./`.
            match header.set_link_name_literal(&target) {
                Ok(()) => builder.append_data(&mut header, name, io::empty())?,
                Err(_) => builder.append_link(&mut header, name, OsString::from_vec(target))?,
            }
            Ok(None)
        }
        FileType::Directory => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let directory = rustix::fs::openat(&level.directory, child, flags, Mode::empty())?;
            let found = rustix::fs::fstat(&directory)?;
            let mut header = header(&found, EntryType::Directory, 0, owner);
            write_time(builder, &found)?;
            builder.append_data(&mut header, name, io::empty())?;
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
            let size = u64::try_from(found.st_size).unwrap_or(0);
            let mut header = header(&found, EntryType::Regular, size, owner);
            write_time(builder, &found)?;
            // Exactly as much as the header says, if the file grows or shrinks while we read.
            let whole = File::from(file).take(size).chain(io::repeat(0)).take(size);
            builder.append_data(&mut header, name, whole)?;
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

fn header(found: &Stat, kind: EntryType, size: u64, owner: (u32, u32)) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    #[allow(clippy::unnecessary_cast, reason = "it is narrower on macOS")]
    header.set_mode(found.st_mode as u32 & 0o7777);
    header.set_mtime(u64::try_from(found.st_mtime).unwrap_or(0));
    header.set_size(size);
    header.set_uid(owner.0.into());
    header.set_gid(owner.1.into());
    header
}

/// The header has whole seconds since 1970; git's index and build tools compare nanoseconds.
fn write_time(builder: &mut Builder<impl Write>, found: &Stat) -> io::Result<()> {
    #[allow(clippy::unnecessary_cast, reason = "other systems have other types")]
    let (seconds, nanoseconds) = (found.st_mtime as i64, found.st_mtime_nsec as i64);
    match names::time_text(seconds, nanoseconds) {
        Some(text) => builder.append_pax_extensions([("mtime", text.as_bytes())]),
        None => Ok(()),
    }
}
