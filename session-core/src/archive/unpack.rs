//! Unpacks into a directory of the host.
//!
//! Everything is made through handles on directories, one name at a time and never through a link,
//! so that neither a name nor a link that is swapped in meanwhile leads out of the destination.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, Timespec, Timestamps};
use rustix::io::Errno;
use tar::Entry;

use super::Links;
use super::entry::{Item, Kind, damaged, failed, refuse, source_failed, unwritten};
use super::records;
use super::stream::{self, Source};
use crate::catalog::blocking;
use crate::{ByteStream, Error, Result};

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Unpacks `tar` into `directory`; the [module](super) says what is refused and what is kept.
///
/// Replaces files and links that are there, never a directory. Fails with `InvalidInput` where an
/// entry is refused or the stream is no archive, and with `Io` where the stream itself fails; what
/// came before stays, and so does what was written of a file that was not finished. Dropping the
/// future does not end the work: that ends with the stream.
///
/// Needs a tokio runtime.
pub async fn unpack(directory: OwnedFd, tar: ByteStream, links: Links) -> Result<()> {
    let reader = stream::reader(tar);
    blocking(move || all(directory, reader, links)).await
}

/// [`unpack`] for a thread that may block, from any reader; needs no runtime.
pub fn unpack_blocking(directory: OwnedFd, tar: impl Read, links: Links) -> Result<()> {
    all(directory, Source::new(tar), links)
}

fn all(directory: OwnedFd, mut source: Source<impl Read>, links: Links) -> Result<()> {
    let mut unpacking = Unpacking { root: directory, links, directories: Vec::new() };
    let result = unpacking.all(&mut source);
    // Also after an error: directories that were made writable for us get their modes.
    let finished = unpacking.finish();
    match result {
        Err(error) if source.failed => Err(source_failed(error)),
        result => result.and(finished),
    }
}

struct Unpacking {
    root: OwnedFd,
    links: Links,
    /// Their modes and times come last: making things in them needs the one and changes the other.
    directories: Vec<(Vec<OsString>, Mode, Timestamps)>,
}

impl Unpacking {
    fn all(&mut self, stream: &mut impl Read) -> Result<()> {
        let mut archive = records::archive(&mut *stream);
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            if let Some(item) = Item::read(&mut entry, self.links)? {
                self.one(item, &mut entry)?;
            }
        }
        // The padding, so that whoever sends it can finish.
        io::copy(stream, &mut io::sink()).map_err(damaged)?;
        Ok(())
    }

    fn one(&mut self, item: Item, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        let Item { path, names, kind, mode, time } = item;
        let Some((name, parents)) = names.split_last() else {
            return Ok(());
        };
        let parent = self.parent(parents).map_err(|errno| through(&path, errno))?;
        let (times, mode) = (times(time), Mode::from_bits_truncate(mode as RawMode));
        let failed = |errno: Errno| failed(&path, errno);
        match kind {
            Kind::File { size } => {
                clear(&parent, name).map_err(|errno| occupied(&path, errno))?;
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR);
                let mut file = File::from(file.map_err(failed)?);
                if copy(entry, &mut file, &path)? != size {
                    return Err(damaged(io::ErrorKind::UnexpectedEof));
                }
                rustix::fs::fchmod(&file, mode).map_err(failed)?;
                rustix::fs::futimens(&file, &times).map_err(failed)
            }
            Kind::Directory => {
                let directory = enter(&parent, name).map_err(|errno| through(&path, errno))?;
                // One that is there may be read-only. If it is not ours to change, what is made in
                // it will say so.
                let _ = rustix::fs::fchmod(&directory, mode | Mode::RWXU);
                self.directories.push((names, mode, times));
                Ok(())
            }
            Kind::Link { target } => {
                clear(&parent, name).map_err(|errno| occupied(&path, errno))?;
                rustix::fs::symlinkat(OsStr::from_bytes(&target), &parent, name).map_err(failed)?;
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::utimensat(&parent, name, &times, flags).map_err(failed)
            }
            Kind::HardLink { names: target } => {
                if target == names {
                    return self.linkable(&path, &target).map(|_| ());
                }
                let (from, target_name) = self.linkable(&path, &target)?;
                clear(&parent, name).map_err(|errno| occupied(&path, errno))?;
                rustix::fs::linkat(&from, target_name, &parent, name, AtFlags::empty())
                    .map_err(|errno| absent(&path, errno))
            }
        }
    }

    /// The directory and the name of the plain file `names`; refused if it is none. A symbolic link
    /// is as good where all are taken: elsewhere it might lead out from another place.
    fn linkable<'n>(&self, path: &[u8], names: &'n [OsString]) -> Result<(OwnedFd, &'n OsStr)> {
        let Some((name, parents)) = names.split_last() else {
            return Err(refuse(path, "it links to nothing"));
        };
        let refused = |errno| absent(path, errno);
        let from = open(&self.root, parents).map_err(refused)?;
        let found = rustix::fs::statat(&from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(refused)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Ok((from, name)),
            FileType::Symlink if self.links == Links::Any => Ok((from, name)),
            _ => Err(refuse(path, "it links to something that is no plain file")),
        }
    }

    /// The directory of these names, made where missing; an error where one is a link.
    fn parent(&self, names: &[OsString]) -> Result<OwnedFd, Errno> {
        let root = rustix::io::fcntl_dupfd_cloexec(&self.root, 0)?;
        names.iter().try_fold(root, |directory, name| enter(&directory, name))
    }

    fn finish(&mut self) -> Result<()> {
        // Deepest last in, so first out: a directory's mode may shut us out of those below.
        for (names, mode, times) in self.directories.drain(..).rev() {
            let set = open(&self.root, &names).and_then(|directory| {
                rustix::fs::futimens(&directory, &times)?;
                rustix::fs::fchmod(&directory, mode)
            });
            match set {
                // Replaced by a later entry or by somebody else: then it is not ours to set.
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => {
                    return Err(failed(names.last().map_or(b"", |name| name.as_bytes()), errno));
                }
            }
        }
        Ok(())
    }
}

/// Opens the directory of these names, none of which may be a link.
fn open(root: &OwnedFd, names: &[OsString]) -> Result<OwnedFd, Errno> {
    let root = rustix::io::fcntl_dupfd_cloexec(root, 0)?;
    names.iter().try_fold(root, |directory, name| {
        rustix::fs::openat(&directory, name, DIRECTORY, Mode::empty())
    })
}

/// Opens the directory `name`, made if missing.
fn enter(parent: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => {
            match rustix::fs::mkdirat(parent, name, Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            rustix::fs::openat(parent, name, DIRECTORY, Mode::empty())
        }
        opened => opened,
    }
}

/// Removes a file or link that is in the way, so that nothing is written through it.
fn clear(parent: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}

/// Copies and tells a broken archive from a full disk.
fn copy(from: &mut impl Read, to: &mut File, path: &[u8]) -> Result<u64> {
    let mut buffer = vec![0; 64 << 10];
    let mut copied = 0;
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        io::Write::write_all(to, &buffer[..length]).map_err(|error| unwritten(path, error))?;
        copied += length as u64;
    }
}

fn times(last_modification: Timespec) -> Timestamps {
    let last_access = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    Timestamps { last_access, last_modification }
}

fn absent(path: &[u8], errno: Errno) -> Error {
    refuse(path, "what it links to is not there").with_source(io::Error::from(errno))
}

fn through(path: &[u8], errno: Errno) -> Error {
    match errno {
        Errno::LOOP | Errno::NOTDIR => {
            refuse(path, "it goes through a link or a file that is there")
                .with_source(io::Error::from(errno))
        }
        errno => failed(path, errno),
    }
}

fn occupied(path: &[u8], errno: Errno) -> Error {
    match errno {
        Errno::ISDIR => {
            refuse(path, "a directory is in its place").with_source(io::Error::from(errno))
        }
        errno => failed(path, errno),
    }
}
