//! What the backend remembers on the host, and the lock that lets one start at a time.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Mode, OFlags};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_core::{Error, ErrorKind, Exit, Layout, Result, SessionId, TerminalSize, Timestamp};

use crate::container::Observed;

/// There while the container is being ended.
const ENDING: &str = "ending";
/// How often who holds up output looks for that.
const ENDING_LOOK: Duration = Duration::from_millis(100);

/// Longer than any file that we write; what is longer is not ours.
const MAX_BYTES: u64 = 1 << 20;
/// Where [`Place::run`] is in the container.
pub(crate) const RUN_DIRECTORY: &str = "/run/sessctl";

/// One session's own directory on the host, `sessions/<id>/<kind>`.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    id: SessionId,
    directory: Utf8PathBuf,
}

/// `session.json`: what it was made with. Written last, so it marks a whole session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionFile {
    pub(crate) version: u32,
    pub(crate) id: SessionId,
    /// The container's full id.
    pub(crate) container: String,
    /// The container's name.
    pub(crate) name: String,
    /// Where processes begin, on the host.
    pub(crate) working_directory: Utf8PathBuf,
    /// The same in the container.
    pub(crate) inner_directory: Utf8PathBuf,
    /// The session's directory on the host.
    pub(crate) directory: Utf8PathBuf,
    /// User and group of the processes, as the container sees them.
    pub(crate) user: String,
    /// The user's home in the container, where it is not the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) home: Option<Utf8PathBuf>,
    /// The workspace is in a volume of the engine.
    pub(crate) upload: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
}

/// `state.json`: what the container's runs are for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The run that was asked for last; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<Run>,
    /// How the last main process before that run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<Exit>,
}

/// One run of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) purpose: Purpose,
    /// The container's `StartedAt` before it.
    pub(crate) before: String,
    /// Its own; absent until its main process was let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<String>,
    /// The number of its first process on the engine's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<i64>,
    /// One of its ends on networks, where the engine has such; another run has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// What its markers are told by.
    pub(crate) nonce: String,
    /// The terminal's size at its start.
    pub(crate) size: TerminalSize,
    /// How its main process ended, once somebody saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<Exit>,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Purpose {
    /// A main process.
    Main,
    /// `exec` beside no main process.
    Idle,
}

/// What is there, nothing, or the reason why it can't be understood.
pub(crate) type Stored<T> = Result<Option<T>, String>;

impl Run {
    /// Writes down what the engine says of it.
    pub(crate) fn is_seen(&mut self, seen: &Observed) {
        self.started_at = Some(seen.started_at().to_owned());
        self.pid = seen.state.pid;
        self.endpoint.clone_from(&seen.endpoint);
    }
}

impl SessionFile {
    /// User and group of the processes, as numbers.
    pub(crate) fn numbers(&self) -> (u32, u32) {
        let mut parts = self.user.split(':').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    pub(crate) const NAME: &str = "session.json";
    pub(crate) const VERSION: u32 = 1;
}

impl Place {
    pub(crate) fn new(layout: &Layout, kind: &str, id: &SessionId) -> Self {
        Self { id: *id, directory: layout.session(id).join(kind) }
    }

    pub(crate) fn id(&self) -> &SessionId {
        &self.id
    }

    pub(crate) fn directory(&self) -> &Utf8Path {
        &self.directory
    }

    /// What is mounted at [`RUN_DIRECTORY`].
    pub(crate) fn run(&self) -> Utf8PathBuf {
        self.directory.join("run")
    }

    /// The launch script, whose environment may be secret.
    pub(crate) fn launch(&self) -> Utf8PathBuf {
        self.run().join("launch")
    }

    /// Says, also to other processes, that the container is being ended, or no longer is.
    ///
    /// A mark that is left behind does little: who holds up output keeps some more of it.
    pub(crate) async fn mark_ending(&self, is_ending: bool) {
        let mark = self.directory.join(ENDING);
        // Without it, `stop` takes as long as the engine does.
        let _ = match is_ending {
            true => tokio::fs::write(mark, b"").await,
            false => tokio::fs::remove_file(mark).await,
        };
    }

    /// Waits until the container is being ended by a process of ours.
    pub(crate) async fn ending(&self) {
        let mark = self.directory.join(ENDING);
        while !matches!(tokio::fs::try_exists(&mark).await, Ok(true)) {
            tokio::time::sleep(ENDING_LOOK).await;
        }
    }

    /// Whether something is there, be it half-made; a link is not ours and counts as nothing.
    pub(crate) fn exists(&self) -> bool {
        let is_directory =
            |path: &Utf8Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
        self.directory.parent().is_some_and(is_directory) && is_directory(&self.directory)
    }

    /// Makes the directory; making it is what decides between two who create the same id at once.
    pub(crate) fn make(&self, operation: &'static str) -> Result<()> {
        let parent = self.directory.parent().expect("it is <sessions>/<id>/<kind>");
        let refused =
            |path: &Utf8Path, error| Error::io(operation, format!("can't make `{path}`"), error);
        let private = |recursive| {
            let mut builder = fs::DirBuilder::new();
            builder.mode(0o700).recursive(recursive);
            builder
        };
        private(true).create(parent).map_err(|error| refused(parent, error))?;
        if let Err(error) = private(false).create(&self.directory) {
            if error.kind() == io::ErrorKind::AlreadyExists {
                let message = format!("the id {} is in use; destroy that session first", self.id);
                return Err(Error::new(ErrorKind::AlreadyExists, operation, message));
            }
            return Err(refused(&self.directory, error));
        }
        private(false).create(self.run()).map_err(|error| refused(&self.run(), error))
    }

    /// Removes the directory, its mark first: who dies half way leaves a half-made session.
    pub(crate) fn remove(&self, operation: &'static str) -> Result<()> {
        let gone = |path: &Utf8Path, result: io::Result<()>| match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(operation, format!("can't remove `{path}`"), error)
                    .with_session(self.id.to_string()))
            }
            _ => Ok(()),
        };
        if !self.exists() {
            return Ok(());
        }
        let mark = self.directory.join(SessionFile::NAME);
        gone(&mark, fs::remove_file(&mark))?;
        gone(&self.directory, fs::remove_dir_all(&self.directory))
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

    pub(crate) fn state(&self) -> Result<State, String> {
        self.read("state.json").map(Option::unwrap_or_default)
    }

    pub(crate) fn write_session(&self, session: &SessionFile) -> Result<()> {
        self.write("engine.create", SessionFile::NAME, session)
    }

    pub(crate) fn write_state(&self, state: &State) -> Result<()> {
        self.write("engine.start", "state.json", state)
    }

    /// Puts the launch script where the container's boot script finds it, for `user` (`1000:100`).
    pub(crate) fn write_launch(&self, script: &str, user: (u32, u32)) -> Result<()> {
        let path = self.launch();
        let write = || {
            // What was left by a start that died may be read by nobody else, either.
            let _ = fs::remove_file(&path);
            let mut options = fs::OpenOptions::new();
            let mut file = options.create_new(true).write(true).mode(0o600).open(&path)?;
            // A program of root's may work for somebody else.
            if user.0 != 0 && rustix::process::geteuid().is_root() {
                std::os::unix::fs::fchown(&file, Some(user.0), Some(user.1))?;
            }
            file.write_all(script.as_bytes())
        };
        write().map_err(|error: io::Error| {
            Error::io("engine.start", format!("can't write `{path}`"), error)
        })
    }

    /// Takes the launch script away; it removes itself if it was read.
    pub(crate) fn remove_launch(&self) {
        let _ = fs::remove_file(self.launch());
    }

    /// Takes the lock that lets one start at a time; waits for another who has it, at most
    /// `patience`.
    pub(crate) async fn lock(&self, patience: Duration) -> Result<StartLock> {
        const OPERATION: &str = "engine.lock";
        let path = self.directory.join("start.lock");
        let refused = |error| Error::io(OPERATION, format!("can't lock `{path}`"), error);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(path.as_str(), flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| refused(errno.into()))?;
        let file = File::from(file);
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(StartLock(file)),
                Err(TryLockError::Error(error)) => return Err(refused(error)),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() >= deadline => {
                    let message = "another process is starting it; try again when that is done";
                    return Err(Error::new(ErrorKind::Busy, OPERATION, message)
                        .with_session(self.id.to_string()));
                }
                Err(TryLockError::WouldBlock) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Stored<T> {
        let damaged = |error: &dyn std::fmt::Display| format!("{name} is damaged: {error}");
        if !self.exists() {
            return Ok(None);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(self.directory.join(name).as_str(), flags, Mode::empty())
        {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(damaged(&errno)),
        };
        let mut json = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut json).map_err(|error| damaged(&error))?;
        serde_json::from_slice(&json).map(Some).map_err(|error| damaged(&error))
    }

    /// Writes the whole file or none of it.
    fn write<T: Serialize>(&self, operation: &'static str, name: &str, value: &T) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(value).expect("plain data with string keys");
        json.push(b'\n');
        let path = self.directory.join(name);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(&json)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error: io::Error| {
            Error::io(operation, format!("can't write `{path}`"), error)
                .with_session(self.id.to_string())
        })
    }
}

/// Held while a start works on the session; the kernel releases it when the process dies.
#[derive(Debug)]
pub(crate) struct StartLock(File);

impl Drop for StartLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread forks at this moment has a copy of
        // the handle until it execs. If this fails, closing has to do.
        let _ = self.0.unlock();
    }
}
