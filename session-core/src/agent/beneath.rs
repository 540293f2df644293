//! Files below a directory that a session can write: its agent may have put links there to lead us out.
//!
//! Every step goes through a handle and follows no link.

mod removal;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::time::{Duration, SystemTime};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "agent.prepare";
/// More than any configuration has.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// More names than any agent's directory has; the others are not looked at.
const MOST_NAMES: usize = 65_536;

/// A directory and what is below it.
#[derive(Debug)]
pub(super) struct Beneath {
    root: OwnedFd,
    /// For errors only.
    path: Utf8PathBuf,
}

/// What a name in a directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    File,
    Directory,
    Link(String),
    Other,
}

impl Beneath {
    /// Opens `path`, a directory of ours that exists and is no link.
    pub(super) fn open(path: &Utf8Path) -> Result<Self> {
        let root = rustix::fs::open(path.as_std_path(), DIRECTORY, Mode::empty())
            .map_err(|errno| failed("open", path, errno))?;
        Ok(Self { root, path: path.to_owned() })
    }

    /// What is at `path`.
    pub(super) fn kind(&self, path: &str) -> Result<Kind> {
        let (parent, name) = match self.parent(path, false) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Kind::Nothing),
            Err(error) => return Err(error),
        };
        let stat = match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Kind::Nothing),
            Err(errno) => return Err(self.failed("look at", path, errno)),
        };
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&parent, name, Vec::new())
                    .map_err(|errno| self.failed("read", path, errno))?;
                Kind::Link(target.to_string_lossy().into_owned())
            }
            _ => Kind::Other,
        })
    }

    /// The directory at `path`, for what is below that.
    pub(super) fn below(&self, path: &str) -> Result<Self> {
        Ok(Self { root: self.walk(path, false)?, path: self.path.join(path) })
    }

    /// Makes a directory that is not there yet, and those above it; `AlreadyExists` if anything is there.
    pub(super) fn new_directory(&self, path: &str) -> Result<Self> {
        let (parent, name) = self.parent(path, true)?;
        rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o700))
            .map_err(|errno| self.failed("make", path, errno))?;
        self.below(path)
    }

    /// Makes a directory, and those above it; `Ok` if it is there.
    pub(super) fn make_directory(&self, path: &str) -> Result<()> {
        self.walk(path, true).map(drop)
    }

    /// The whole file; `None` if there is none, or something else is there.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        if self.kind(path)? != Kind::File {
            return Ok(None);
        }
        let (parent, name) = self.parent(path, false)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&parent, name, flags, Mode::empty())
            .map_err(|errno| self.failed("read", path, errno))?;
        let mut bytes = Vec::new();
        File::from(file).take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| {
            Error::io(OPERATION, format!("can't read `{}`", self.path.join(path)), error)
        })?;
        Ok((bytes.len() as u64 <= LARGEST_FILE).then_some(bytes))
    }

    /// Writes a file of the person's alone, whole or not at all, in place of whatever file or link
    /// is there. What already has these bytes is left as it is.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        match self.read(path)?.as_deref() == Some(bytes) {
            true => Ok(()),
            false => self.place(path, bytes, 0o600),
        }
    }

    /// Writes a program of the person's alone, as [`write`](Self::write) does a file.
    pub(super) fn write_program(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.place(path, bytes, 0o700)
    }

    fn place(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let (parent, name) = self.parent(path, true)?;
        let new = format!(".{name}.sessctl-{}", std::process::id());
        let _ = rustix::fs::unlinkat(&parent, &new, AtFlags::empty());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&parent, &new, flags, Mode::from_raw_mode(mode))
            .map_err(|errno| self.failed("write", path, errno))?;
        let mut file = File::from(file);
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let placed = written.and_then(|()| Ok(rustix::fs::renameat(&parent, &new, &parent, name)?));
        placed.map_err(|error| {
            let _ = rustix::fs::unlinkat(&parent, &new, AtFlags::empty());
            Error::io(OPERATION, format!("can't write `{}`", self.path.join(path)), error)
        })
    }

    /// Makes a link in place of a link or an empty directory that is there; anything else stays, and is not an error.
    pub(super) fn link(&self, path: &str, target: &str) -> Result<()> {
        match self.kind(path)? {
            Kind::Link(there) if there == target => return Ok(()),
            Kind::Nothing => {}
            Kind::Link(_) => self.remove_link(path)?,
            Kind::Directory => {
                let (parent, name) = self.parent(path, false)?;
                match rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR) {
                    Ok(()) => {}
                    Err(Errno::NOTEMPTY | Errno::EXIST) => return Ok(()),
                    Err(errno) => return Err(self.failed("replace", path, errno)),
                }
            }
            Kind::File | Kind::Other => return Ok(()),
        }
        let (parent, name) = self.parent(path, true)?;
        rustix::fs::symlinkat(target, &parent, name)
            .map_err(|errno| self.failed("make a link at", path, errno))
    }

    /// Removes a link; anything else stays.
    pub(super) fn remove_link(&self, path: &str) -> Result<()> {
        if !matches!(self.kind(path)?, Kind::Link(_)) {
            return Ok(());
        }
        let (parent, name) = self.parent(path, false)?;
        rustix::fs::unlinkat(&parent, name, AtFlags::empty())
            .map_err(|errno| self.failed("remove", path, errno))
    }

    /// Removes what is no directory.
    pub(super) fn remove_file(&self, path: &str) -> Result<()> {
        let (parent, name) = self.parent(path, false)?;
        rustix::fs::unlinkat(&parent, name, AtFlags::empty())
            .map_err(|errno| self.failed("remove", path, errno))
    }

    /// The names in a directory that are text; none if there is no directory.
    pub(super) fn names(&self, path: &str) -> Result<Vec<String>> {
        let directory = match self.walk(path, false) {
            Ok(directory) => directory,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let entries = rustix::fs::Dir::read_from(&directory)
            .map_err(|errno| self.failed("read", path, errno))?;
        let names =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(str::to_owned));
        Ok(names.filter(|name| name != "." && name != "..").take(MOST_NAMES).collect())
    }

    /// When what is at `path` was last changed; `None` unless it is a file or a directory.
    pub(super) fn modified(&self, path: &str) -> Option<SystemTime> {
        let (parent, name) = self.parent(path, false).ok()?;
        let stat = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::Directory => {
                Some(time(stat.st_mtime, stat.st_mtime_nsec as _))
            }
            _ => None,
        }
    }

    /// Whether a file is at `path` in which nothing stands.
    pub(super) fn is_empty_file(&self, path: &str) -> bool {
        let Ok((parent, name)) = self.parent(path, false) else { return false };
        rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_size == 0
        })
    }

    /// What the file at `path` takes on the disk; nothing for anything else.
    pub(super) fn length(&self, path: &str) -> u64 {
        let Ok((parent, name)) = self.parent(path, false) else { return 0 };
        match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => u64::try_from(stat.st_blocks).unwrap_or_default() * 512,
            Err(_) => 0,
        }
    }

    /// Opens a file to read it; `None` if there is none, or something else is there: neither a pipe nor a device is
    /// waited for.
    pub(super) fn file(&self, path: &str) -> Option<File> {
        let (parent, name) = self.parent(path, false).ok()?;
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        if self.modified(path).is_none() || self.kind(path).ok()? != Kind::File {
            return None;
        }
        let file = File::from(rustix::fs::openat(&parent, name, flags, Mode::empty()).ok()?);
        file.metadata().is_ok_and(|found| found.is_file()).then_some(file)
    }

    /// Begins a file of the person's alone that is not there yet, and the directories above it.
    pub(super) fn create(&self, path: &str) -> Result<File> {
        let (parent, name) = self.parent(path, true)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o600))
            .map(File::from)
            .map_err(|errno| self.failed("write", path, errno))
    }

    /// Gives a file its name, in place of one that is there.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let ((old, from_name), (new, to_name)) =
            (self.parent(from, false)?, self.parent(to, true)?);
        rustix::fs::renameat(&old, from_name, &new, to_name)
            .map_err(|errno| self.failed("rename", from, errno))
    }

    /// Removes a file or a link; `Ok` if there is none.
    pub(super) fn remove(&self, path: &str) -> Result<()> {
        let (parent, name) = match self.parent(path, false) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.failed("remove", path, errno)),
        }
    }

    /// Removes a directory and all that is in it; `Ok` if there is none.
    pub(super) fn remove_directory(&self, path: &str) -> Result<()> {
        if self.kind(path)? == Kind::Directory {
            for name in self.names(path)? {
                let inner = format!("{path}/{name}");
                match self.kind(&inner)? {
                    Kind::Directory => self.remove_directory(&inner)?,
                    _ => self.remove(&inner)?,
                }
            }
            let (parent, name) = self.parent(path, false)?;
            rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)
                .map_err(|errno| self.failed("remove", path, errno))?;
        }
        Ok(())
    }

    /// The directory of `path`, and its last name.
    fn parent<'a>(&self, path: &'a str, make: bool) -> Result<(OwnedFd, &'a str)> {
        let (above, name) = match path.rsplit_once('/') {
            Some((above, name)) => (above, name),
            None => ("", path),
        };
        Ok((self.walk(above, make)?, name))
    }

    /// Goes down to a directory, making what is missing if asked to.
    fn walk(&self, path: &str, make: bool) -> Result<OwnedFd> {
        let mut here = rustix::fs::openat(&self.root, ".", DIRECTORY, Mode::empty())
            .map_err(|errno| self.failed("open", path, errno))?;
        for component in Utf8Path::new(path).components() {
            let Utf8Component::Normal(name) = component else {
                let message = format!("`{path}` leads out of the agent's directory");
                return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
            };
            if make {
                match rustix::fs::mkdirat(&here, name, Mode::from_raw_mode(0o700)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(self.failed("make", path, errno)),
                }
            }
            here = rustix::fs::openat(&here, name, DIRECTORY, Mode::empty())
                .map_err(|errno| self.failed("open", path, errno))?;
        }
        Ok(here)
    }

    fn failed(&self, verb: &str, path: &str, errno: Errno) -> Error {
        failed(verb, &self.path.join(path), errno)
    }
}

/// The moment of a file's status.
fn time(seconds: i64, nanoseconds: u32) -> SystemTime {
    let second = Duration::from_secs(seconds.unsigned_abs());
    let whole = match seconds >= 0 {
        true => SystemTime::UNIX_EPOCH.checked_add(second),
        false => SystemTime::UNIX_EPOCH.checked_sub(second),
    };
    let moment =
        whole.and_then(|whole| whole.checked_add(Duration::from_nanos(nanoseconds.into())));
    moment.unwrap_or(SystemTime::UNIX_EPOCH)
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn failed(verb: &str, path: &Utf8Path, errno: Errno) -> Error {
    let error = std::io::Error::from(errno);
    if errno == Errno::NOENT {
        let message = format!("`{path}` is not there");
        return Error::new(ErrorKind::NotFound, OPERATION, message).with_source(error);
    }
    if matches!(errno, Errno::LOOP | Errno::NOTDIR) {
        let message = format!(
            "`{path}` is a link or a file where a directory belongs; remove it and start again"
        );
        return Error::new(ErrorKind::Refused, OPERATION, message).with_source(error);
    }
    Error::io(OPERATION, format!("can't {verb} `{path}`"), error)
}
