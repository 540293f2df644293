//! Where everything lies on disk, in one place.

use camino::{Utf8Path, Utf8PathBuf};

use crate::{SessionId, SessionName};

/// The link in a workspace that leads to its first project, where a backend makes one (S0.8).
pub const WORK_LINK: &str = "work";

/// The directory that holds all sessions (`$SESSCTL_HOME` for `sessctl`), mode 0700.
///
/// ```text
/// registry.db                an index of the records, rebuildable
/// sessions/<id>/record.json  the truth about intent
/// sessions/<id>/workspace/   private copies of the projects
/// sessions/<id>/state/       the agent's own files
/// sessions/<id>/run/         sockets and what else is only true while it runs
/// sessions/<id>/log/         terminal output
/// active/<name>              links to the sessions that run
/// trash/<id>/                removed sessions, whole
/// credentials/<agent>/<name>/ logins, shared by sessions
/// ports/<number>             which session has a port
/// updates/<agent>.json       what is known of newer versions of agents
/// locks/<id>.lock            held while an operation works on a session
/// audit.log                  one JSON line for each operation
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    home: Utf8PathBuf,
}

impl Layout {
    /// The layout under `home`, which must be absolute; nothing is made.
    pub fn new(home: impl Into<Utf8PathBuf>) -> Self {
        Self { home: home.into() }
    }

    /// The top directory.
    pub fn home(&self) -> &Utf8Path {
        &self.home
    }

    /// The index.
    pub fn registry(&self) -> Utf8PathBuf {
        self.home.join("registry.db")
    }

    /// All sessions' directories.
    pub fn sessions(&self) -> Utf8PathBuf {
        self.home.join("sessions")
    }

    /// One session's directory.
    pub fn session(&self, id: &SessionId) -> Utf8PathBuf {
        self.sessions().join(id.to_string())
    }

    /// One session's record.
    pub fn record(&self, id: &SessionId) -> Utf8PathBuf {
        self.session(id).join("record.json")
    }

    /// One session's projects.
    pub fn workspace(&self, id: &SessionId) -> Utf8PathBuf {
        self.session(id).join("workspace")
    }

    /// What is only true while a session runs.
    pub fn run(&self, id: &SessionId) -> Utf8PathBuf {
        self.session(id).join("run")
    }

    /// One session's logs.
    pub fn log(&self, id: &SessionId) -> Utf8PathBuf {
        self.session(id).join("log")
    }

    /// The agent's login directory that is called `name`.
    pub fn credentials(&self, agent: &str, name: &str) -> Utf8PathBuf {
        self.home.join("credentials").join(agent).join(name)
    }

    /// Which session has which port.
    pub fn ports(&self) -> Utf8PathBuf {
        self.home.join("ports")
    }

    /// Held while ports are given out.
    pub(crate) fn ports_lock(&self) -> Utf8PathBuf {
        self.locks().join("ports.lock")
    }

    /// The link to a running session.
    pub fn active(&self, name: &SessionName) -> Utf8PathBuf {
        self.home.join("active").join(name.as_str())
    }

    /// Removed sessions.
    pub fn trash(&self) -> Utf8PathBuf {
        self.home.join("trash")
    }

    /// The lock that one operation at a time holds.
    pub fn lock(&self, id: &SessionId) -> Utf8PathBuf {
        self.locks().join(format!("{id}.lock"))
    }

    /// All locks.
    pub(crate) fn locks(&self) -> Utf8PathBuf {
        self.home.join("locks")
    }

    /// What is known of newer versions of agents, and where registries' clients run.
    pub fn updates(&self) -> Utf8PathBuf {
        self.home.join("updates")
    }

    /// The audit log.
    pub fn audit(&self) -> Utf8PathBuf {
        self.home.join("audit.log")
    }
}
