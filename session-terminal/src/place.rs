//! Where a holder lives: its lock and its socket in the session's run directory.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::FlockOperation;
use session_core::{Error, ErrorKind, Layout, Result, SessionId};
use tokio::net::{UnixListener, UnixStream};

use crate::platform::SocketPath;

/// The socket's name in a session's run directory.
pub const SOCKET_NAME: &str = "terminal.sock";
/// The lock's name in a session's run directory; a holder lives exactly while it is locked.
pub const LOCK_NAME: &str = "holder.lock";

const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// A session's directories as its holder uses them.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) run: Utf8PathBuf,
    pub(crate) log: Utf8PathBuf,
}

impl Place {
    pub(crate) fn new(home: &Utf8Path, id: &SessionId) -> Self {
        let layout = Layout::new(home);
        Self { run: layout.run(id), log: layout.log(id) }
    }

    /// Makes both directories, for the user only.
    pub(crate) fn make(&self) -> Result<()> {
        for directory in [&self.run, &self.log] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(|error| Error::io("holder.prepare", format!("make {directory}"), error))?;
        }
        Ok(())
    }

    /// Whether a holder lives: the lock is held.
    pub(crate) fn is_held(&self) -> Result<bool> {
        let path = self.run.join(LOCK_NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::io("holder.look", format!("open {path}"), error)),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(Error::io("holder.look", format!("lock {path}"), error.into())),
        }
    }

    /// Takes the lock; `Refused` where another holder has it. The file keeps it until dropped.
    pub(crate) async fn lock(&self) -> Result<File> {
        let path = self.run.join(LOCK_NAME);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Error::io("holder.lock", format!("open {path}"), error))?;
        // Whoever asks `is_held` has the lock for a moment; only a lasting one is a holder's.
        for _ in 0..LOCK_TRIES {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(rustix::io::Errno::WOULDBLOCK) => tokio::time::sleep(LOCK_PAUSE).await,
                Err(error) => {
                    return Err(Error::io("holder.lock", format!("lock {path}"), error.into()));
                }
            }
        }
        Err(already_held())
    }

    /// Listens on the socket, in the place of a stale one. Only the lock's owner may.
    pub(crate) fn listen(&self) -> Result<UnixListener> {
        let failed = |error| Error::io("holder.listen", format!("listen in {}", self.run), error);
        let path = SocketPath::new(&self.run, SOCKET_NAME).map_err(failed)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(listener)
    }

    /// Connects to the holder; `Refused` where none listens.
    pub(crate) async fn connect(&self) -> Result<UnixStream> {
        let connected = match SocketPath::new(&self.run, SOCKET_NAME) {
            Ok(path) => UnixStream::connect(&path).await,
            Err(error) => Err(error),
        };
        connected.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                let message = "the session has no holder: it does not run; start it first";
                Error::new(ErrorKind::Refused, "terminal.attach", message)
            }
            _ => Error::io("terminal.attach", format!("connect in {}", self.run), error),
        })
    }

    /// Removes the socket; what can't be removed is stale and harms nobody.
    pub(crate) fn remove_socket(&self) {
        if let Err(error) = std::fs::remove_file(self.run.join(SOCKET_NAME)) {
            tracing::debug!(%error, "the holder's socket was gone before its holder");
        }
    }
}

/// The error for a session that has a holder already.
pub(crate) fn already_held() -> Error {
    let message = "the session is running: it has a holder already; attach to it or stop it first";
    Error::new(ErrorKind::Refused, "holder.lock", message)
}
