//! The files that a session's state is read from, and the lock that says that it runs.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Mode, OFlags};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_core::{Error, Exit, Result, SessionId, Timestamp};

use crate::host::program::Runner;
use crate::host::tree::ProcessKey;

/// Longer than any file that we write; what is longer is not ours.
const MAX_BYTES: u64 = 1 << 20;
const LOCK: &str = "main.lock";
const MAIN: &str = "main.json";

/// One session on this host: its backend's own directory, `sessions/<id>/<kind>`, and its processes.
///
/// A handle: dropping it does nothing. The operations are what [`session_core::Session`] and the
/// traits above it ask for, and keep their contracts. They need a tokio runtime with I/O and time.
#[derive(Debug, Clone)]
pub struct Place {
    id: SessionId,
    directory: Utf8PathBuf,
    runner: Runner,
}

/// What is found where the directory should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Absent,
    Directory,
    /// A link or a file: not ours, but in our place.
    Odd,
}

/// `session.json`: what it was made with.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionFile {
    pub(crate) version: u32,
    pub(crate) id: SessionId,
    pub(crate) working_directory: Utf8PathBuf,
    /// Where its projects are: in its workspace, or where they live if they are mounted.
    #[serde(default)]
    pub(crate) projects: Vec<Utf8PathBuf>,
    pub(crate) spec_hash: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
}

/// `main.json`: the last main process that was started.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MainFile {
    pub(crate) run: String,
    /// Absent while it is being started: if the holder dies then, the run is known all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) process: Option<ProcessKey>,
    pub(crate) holder: ProcessKey,
    pub(crate) boot: String,
    pub(crate) started_at: Timestamp,
}

/// `exit.json`: how that one ended.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExitFile {
    pub(crate) run: String,
    pub(crate) exit: Exit,
}

/// What is there, nothing, or the reason why it can't be understood.
pub(crate) type Stored<T> = Result<Option<T>, String>;

impl SessionFile {
    pub(crate) const NAME: &str = "session.json";
    pub(crate) const VERSION: u32 = 1;

    /// The directories that the session works in, none of them below another.
    pub(crate) fn directories(&self) -> Vec<Utf8PathBuf> {
        let mut all: Vec<_> = self.projects.iter().chain([&self.working_directory]).collect();
        // A directory comes before what is below it.
        all.sort_unstable();
        let mut directories: Vec<Utf8PathBuf> = Vec::new();
        for directory in all {
            if !directories.iter().any(|above| directory.starts_with(above)) {
                directories.push(directory.clone());
            }
        }
        directories
    }
}

impl Place {
    pub(crate) fn new(directory: Utf8PathBuf, id: &SessionId, runner: Runner) -> Self {
        Self { id: *id, directory, runner }
    }

    /// Which session this is.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    pub(crate) fn runner(&self) -> &Runner {
        &self.runner
    }

    pub(crate) fn directory(&self) -> &Utf8Path {
        &self.directory
    }

    /// Looks without following a link, neither at the directory nor at the session's above it:
    /// whatever a link leads to was not made here and must not be removed from here.
    pub(crate) fn presence(&self) -> Presence {
        let kind = |path: &Utf8Path| fs::symlink_metadata(path).ok().map(|found| found.file_type());
        let parent = self.directory.parent().and_then(kind);
        if !parent.is_some_and(|parent| parent.is_dir()) {
            return Presence::Absent;
        }
        match kind(&self.directory) {
            None => Presence::Absent,
            Some(found) if found.is_dir() => Presence::Directory,
            Some(_) => Presence::Odd,
        }
    }

    pub(crate) fn session(&self) -> Stored<SessionFile> {
        let session: Option<SessionFile> = self.read(SessionFile::NAME)?;
        match session {
            Some(session) if session.id != self.id => {
                Err("session.json is another session's".to_owned())
            }
            Some(session) if session.version > SessionFile::VERSION => {
                Err("session.json was written by a newer version".to_owned())
            }
            session => Ok(session),
        }
    }

    pub(crate) fn main(&self) -> Stored<MainFile> {
        self.read(MAIN)
    }

    pub(crate) fn exit(&self) -> Stored<ExitFile> {
        self.read("exit.json")
    }

    pub(crate) fn write_session(&self, session: &SessionFile) -> Result<()> {
        self.write("host.create", SessionFile::NAME, session, Durability::Disk)
    }

    /// A crash of the machine ends the process too, so this need not reach the disk.
    pub(crate) fn write_main(&self, main: &MainFile) -> Result<()> {
        self.write("host.start", MAIN, main, Durability::Memory)
    }

    /// Puts back what was there before a start that failed.
    pub(crate) fn restore_main(&self, earlier: Option<&MainFile>) -> Result<()> {
        match earlier {
            Some(main) => self.write_main(main),
            None => fs::remove_file(self.directory.join(MAIN))
                .map_err(|error| Error::io("host.start", format!("can't remove {MAIN}"), error)),
        }
    }

    pub(crate) fn write_exit(&self, exit: &ExitFile) -> Result<()> {
        self.write("host.record-exit", "exit.json", exit, Durability::Disk)
    }

    /// Takes the lock that its holder keeps; `None` while somebody has it.
    pub(crate) fn try_lock(&self) -> Result<Option<RunLock>> {
        let refused = |error| Error::io("host.lock", format!("can't lock {LOCK}"), error);
        let file = self.open_file(LOCK, OFlags::RDWR | OFlags::CREATE).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {
                // Marks the moment, for a status asked for before main.json is written.
                file.set_modified(SystemTime::now()).map_err(refused)?;
                Ok(Some(RunLock(file)))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }

    /// Since when somebody has the lock; `None` if nobody does, or if there is none.
    ///
    /// The look itself takes a *shared* lock for a moment: looks don't disturb each other, and
    /// `start` tries again.
    pub(crate) fn locked_since(&self) -> Option<Timestamp> {
        let file = self.open_file(LOCK, OFlags::RDONLY).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let modified = file.metadata().and_then(|found| found.modified()).ok()?;
                let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let milliseconds = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
                Some(Timestamp::from_milliseconds(milliseconds))
            }
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Stored<T> {
        let damaged = |error: &dyn std::fmt::Display| format!("{name} is damaged: {error}");
        let file = match self.open_file(name, OFlags::RDONLY) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(damaged(&error)),
        };
        let length = file.metadata().map_or(0, |found| found.len().min(MAX_BYTES));
        let mut json = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
        file.take(MAX_BYTES).read_to_end(&mut json).map_err(|error| damaged(&error))?;
        serde_json::from_slice(&json).map(Some).map_err(|error| damaged(&error))
    }

    /// Opens a plain file of ours: never through a link, never waiting at a fifo.
    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        if self.presence() != Presence::Directory {
            return Err(io::ErrorKind::NotFound.into());
        }
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let path = self.directory.join(name);
        let file = File::from(rustix::fs::open(path.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a plain file"));
        }
        Ok(file)
    }

    /// Writes the whole file or none of it.
    fn write<T: Serialize>(
        &self,
        operation: &'static str,
        name: &str,
        value: &T,
        durability: Durability,
    ) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(value).expect("plain data with string keys");
        json.push(b'\n');
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(&json)?;
            if matches!(durability, Durability::Disk) {
                file.as_file().sync_all()?;
            }
            file.persist(self.directory.join(name)).map_err(|error| error.error)?;
            if matches!(durability, Durability::Disk) {
                File::open(&self.directory)?.sync_all()?;
            }
            Ok(())
        };
        write().map_err(|error: io::Error| {
            let message = format!("can't write `{}`", self.directory.join(name));
            Error::io(operation, message, error).with_session(self.id.to_string())
        })
    }
}

enum Durability {
    Disk,
    Memory,
}

/// Held by the process that owns the main process's terminal, for as long as it does.
#[derive(Debug)]
pub(crate) struct RunLock(File);

impl Drop for RunLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread forks at this moment has a copy of
        // the handle until it execs. If this fails, closing has to do.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_told_once() {
        let told = |working_directory: &str, projects: &[&str]| {
            let session = SessionFile {
                version: SessionFile::VERSION,
                id: SessionId::new(),
                working_directory: working_directory.into(),
                projects: projects.iter().map(|path| (*path).into()).collect(),
                spec_hash: String::new(),
                labels: BTreeMap::new(),
                created_at: Timestamp::now(),
            };
            session.directories().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(told("/s/w/a", &["/s/w/a"]), ["/s/w/a"]);
        assert_eq!(told("/s/w/a/sub", &["/s/w/a"]), ["/s/w/a"]);
        assert_eq!(told("/s/w", &["/s/w/a", "/s/w/b"]), ["/s/w"]);
        assert_eq!(told("/s/w", &["/live", "/s/w/b"]), ["/live", "/s/w"]);
        assert_eq!(told("/s/a-b", &["/s/a", "/s/a/c"]), ["/s/a", "/s/a-b"]);
        assert_eq!(told("/s", &[]), ["/s"]);
    }
}
