//! The one reader of tar streams. A stream comes from a session, so it is hostile.
//!
//! Everything is made through handles on directories, one name at a time and never through a link,
//! so that neither a name nor a link that is swapped in meanwhile leads out of the destination.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;
use session_core::{Error, ErrorKind, Result};
use tar::{Archive, Entry, EntryType};

use names::{components, link_components};

mod names;

const OPERATION: &str = "host.put";
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Unpacks `stream` into `dest`, a directory that exists. Blocks.
///
/// Keeps permissions (not set-user-id and the like), modification times and links; not owners.
/// Refuses with `InvalidInput` what would lie outside, devices, fifos, and links that lead out;
/// replaces files and links that are there, never a directory. What came before an error stays.
pub(crate) fn unpack(stream: impl Read, dest: &Path) -> Result<()> {
    let refused = |errno| failed(dest.as_os_str(), errno);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(dest, flags, Mode::empty()).map_err(refused)?;
    let mut stream = Source { inner: stream, failed: false };
    let mut unpacking = Unpacking { root, directories: Vec::new() };
    let result = unpacking.all(&mut stream);
    // Also after an error: directories that were made writable for us get their modes.
    let finished = unpacking.finish();
    match result {
        Err(error) if stream.failed => {
            let message = "the archive's source failed; try again";
            Err(Error::new(ErrorKind::Io, OPERATION, message).with_source(error))
        }
        result => result.and(finished),
    }
}

/// The stream, which remembers whether it failed itself.
struct Source<R> {
    inner: R,
    failed: bool,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf);
        self.failed |= read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        read
    }
}

struct Unpacking {
    root: OwnedFd,
    /// Their modes and times come last: making things in them needs the one and changes the other.
    directories: Vec<(Vec<OsString>, Mode, Timestamps)>,
}

impl Unpacking {
    fn all(&mut self, stream: &mut impl Read) -> Result<()> {
        let mut archive = Archive::new(&mut *stream);
        for entry in archive.entries().map_err(damaged)? {
            self.one(entry.map_err(damaged)?)?;
        }
        // The padding, so that whoever sends it can finish.
        io::copy(stream, &mut io::sink()).map_err(damaged)?;
        Ok(())
    }

    fn one(&mut self, mut entry: Entry<'_, impl Read>) -> Result<()> {
        let path = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let names = components(&path).map_err(|why| refuse(&path, why))?;
        let mode = Mode::from_raw_mode(entry.header().mode().map_err(damaged)? & 0o777);
        let times = times(&mut entry)?;
        let Some((name, parents)) = names.split_last() else {
            return match kind {
                EntryType::Directory => Ok(()),
                _ => Err(refuse(&path, "it has no name")),
            };
        };
        let parent = self.parent(parents).map_err(|errno| through(&path, errno))?;
        let failed = |errno| failed(OsStr::from_bytes(&path), errno);
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                clear(&parent, name).map_err(|errno| occupied(&path, errno))?;
                let size = entry.size();
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR);
                let mut file = File::from(file.map_err(failed)?);
                let copied = copy(&mut entry, &mut file, &path)?;
                if copied != size {
                    return Err(damaged(io::ErrorKind::UnexpectedEof.into()));
                }
                rustix::fs::fchmod(&file, mode).map_err(failed)?;
                rustix::fs::futimens(&file, &times).map_err(failed)
            }
            EntryType::Directory => {
                let directory = enter(&parent, name).map_err(|errno| through(&path, errno))?;
                // One that is there may be read-only. If it is not ours to change, what is made in
                // it will say so.
                let _ = rustix::fs::fchmod(&directory, mode | Mode::RWXU);
                self.directories.push((names, mode, times));
                Ok(())
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                let leads_in = link_components(&target, parents.len());
                leads_in.map_err(|why| refuse(&path, why))?;
                clear(&parent, name).map_err(|errno| occupied(&path, errno))?;
                rustix::fs::symlinkat(OsStr::from_bytes(&target), &parent, name).map_err(failed)?;
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::utimensat(&parent, name, &times, flags).map_err(failed)
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                self.hard_link(&path, &target, &parent, name)
            }
            EntryType::Char | EntryType::Block => Err(refuse(&path, "it is a device")),
            EntryType::Fifo => Err(refuse(&path, "it is a fifo")),
            _ => Err(refuse(&path, "it is of an unknown type")),
        }
    }

    fn hard_link(&self, path: &[u8], target: &[u8], parent: &OwnedFd, name: &OsStr) -> Result<()> {
        let names = components(target).map_err(|why| refuse(path, why))?;
        let Some((target_name, parents)) = names.split_last() else {
            return Err(refuse(path, "it links to nothing"));
        };
        let refused = |errno| refuse_errno(path, "what it links to is not there", errno);
        let mut from = self.root.as_fd().try_clone_to_owned().map_err(damaged)?;
        for next in parents {
            from = rustix::fs::openat(&from, next, DIRECTORY, Mode::empty()).map_err(refused)?;
        }
        let found = rustix::fs::statat(&from, target_name, AtFlags::SYMLINK_NOFOLLOW);
        if FileType::from_raw_mode(found.map_err(refused)?.st_mode) != FileType::RegularFile {
            return Err(refuse(path, "it links to something that is no plain file"));
        }
        if (target, path.len()) == (path, target.len()) {
            return Ok(());
        }
        clear(parent, name).map_err(|errno| occupied(path, errno))?;
        rustix::fs::linkat(&from, target_name, parent, name, AtFlags::empty()).map_err(refused)
    }

    /// The directory of these names, made where missing; an error where one is a link.
    fn parent(&self, names: &[OsString]) -> Result<OwnedFd, Errno> {
        let root = rustix::io::fcntl_dupfd_cloexec(&self.root, 0)?;
        names.iter().try_fold(root, |directory, name| enter(&directory, name))
    }

    fn finish(&mut self) -> Result<()> {
        // Deepest last in, so first out: a directory's mode may shut us out of those below.
        for (names, mode, times) in self.directories.drain(..).rev() {
            let root = rustix::io::fcntl_dupfd_cloexec(&self.root, 0);
            let opened = root.and_then(|root| {
                names.iter().try_fold(root, |directory, name| {
                    rustix::fs::openat(&directory, name, DIRECTORY, Mode::empty())
                })
            });
            let set = opened.and_then(|directory| {
                rustix::fs::futimens(&directory, &times)?;
                rustix::fs::fchmod(&directory, mode)
            });
            match set {
                // Replaced by a later entry or by somebody else: then it is not ours to set.
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => {
                    return Err(failed(names.last().map_or(OsStr::new(""), |n| n), errno));
                }
            }
        }
        Ok(())
    }
}

/// Opens the directory `name`, made if missing.
fn enter(parent: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => {
            match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
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
        io::Write::write_all(to, &buffer[..length]).map_err(|error| {
            Error::io(OPERATION, format!("can't write `{}`", shown(path)), error)
        })?;
        copied += length as u64;
    }
}

/// The modification time: to the nanosecond where the archive has it (git's index compares it).
fn times(entry: &mut Entry<'_, impl Read>) -> Result<Timestamps> {
    let seconds = entry.header().mtime().unwrap_or(0);
    let mut time = Timespec { tv_sec: i64::try_from(seconds).unwrap_or(0), tv_nsec: 0 };
    for extension in entry.pax_extensions().map_err(damaged)?.into_iter().flatten().flatten() {
        if extension.key_bytes() == b"mtime" {
            let text = extension.value().unwrap_or_default();
            time = names::time(text).unwrap_or(time);
        }
    }
    let last_access = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    Ok(Timestamps { last_access, last_modification: time })
}

fn shown(path: &[u8]) -> String {
    OsString::from_vec(path.to_vec()).to_string_lossy().escape_debug().to_string()
}

fn refuse(path: &[u8], why: &str) -> Error {
    let message = format!("the archive's entry `{}` is refused: {why}", shown(path));
    Error::new(ErrorKind::InvalidInput, OPERATION, message)
}

fn refuse_errno(path: &[u8], why: &str, errno: Errno) -> Error {
    refuse(path, why).with_source(io::Error::from(errno))
}

fn through(path: &[u8], errno: Errno) -> Error {
    match errno {
        Errno::LOOP | Errno::NOTDIR => {
            refuse_errno(path, "it goes through a link or a file that is there", errno)
        }
        errno => failed(OsStr::from_bytes(path), errno),
    }
}

fn occupied(path: &[u8], errno: Errno) -> Error {
    match errno {
        Errno::ISDIR => refuse_errno(path, "a directory is in its place", errno),
        errno => failed(OsStr::from_bytes(path), errno),
    }
}

fn failed(path: &OsStr, errno: Errno) -> Error {
    Error::io(OPERATION, format!("can't make `{}`", shown(path.as_bytes())), errno.into())
}

fn damaged(error: io::Error) -> Error {
    let message = "the stream is no whole tar archive; send it again";
    Error::new(ErrorKind::InvalidInput, OPERATION, message).with_source(error)
}
