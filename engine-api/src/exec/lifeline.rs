//! What ends a process in a container when its client is gone, and brings signals to it: an engine
//! does neither.
//!
//! Where this host's directories are mounted, it is a fifo that the kernel closes with the client.
//! Elsewhere it is the input of a second process, which the engine closes with the connection.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, Mode, OFlags};
use session_core::{Error, Result, Signal};
use tokio::io::{AsyncWriteExt as _, WriteHalf};
use tokio::sync::Mutex;

use super::OPERATION;
use crate::engine::Link;
use crate::platform;

/// A fifo in a directory of this host that the container sees.
pub(super) struct Fifo {
    file: File,
    path: Utf8PathBuf,
    /// Which boot of which kernel this is: a fifo does not reach into another one.
    pub(super) boot: String,
}

impl Fifo {
    /// Makes one; blocks, but not for long. The directory may be writable by the container.
    pub(super) fn make(directory: &Utf8Path, name: &str) -> Result<Self> {
        let path = directory.join(name);
        let failed = |error| Error::io(OPERATION, format!("can't make {path}"), error);
        let boot = platform::boot_id().unwrap_or_default();
        let everyone = Mode::from_raw_mode(0o666);
        rustix::fs::mkfifoat(CWD, path.as_std_path(), everyone).map_err(|e| failed(e.into()))?;
        // Open for both, or it would have to wait for the container. A link that was put in its
        // place is not followed.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        let open = OpenOptions::new().read(true).write(true).custom_flags(flags as i32).open(&path);
        let file = open.map_err(failed)?;
        let is_fifo = file.metadata().map_err(failed)?.file_type().is_fifo();
        if !is_fifo {
            return Err(failed(std::io::ErrorKind::InvalidData.into()));
        }
        // The container's user need not be this one; who may look into the directory is not
        // decided here.
        rustix::fs::fchmod(&file, everyone).map_err(|errno| failed(errno.into()))?;
        Ok(Self { file, path, boot })
    }

    /// Without its name; whoever has it open keeps it.
    pub(super) fn unlinked(self) -> Self {
        self.unlink();
        self
    }

    fn unlink(&self) {
        // Left behind, it goes with the session.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        self.unlink();
    }
}

/// What keeps a process alive. Dropping it ends the process.
pub(super) enum Lifeline {
    Fifo(Fifo),
    /// The whole connection: its output is nothing, and must stay open.
    Apart(Mutex<WriteHalf<Link>>),
}

impl Lifeline {
    /// Sends a signal to the process and what it started.
    pub(super) async fn signal(&self, signal: Signal) -> Result<()> {
        self.say(&format!("{}\n", signal.0)).await
    }

    /// Says that the process has ended: what it left behind may stay.
    pub(super) async fn quit(&self) {
        // If nobody hears it, nobody watches.
        let _ = self.say("q\n").await;
    }

    async fn say(&self, line: &str) -> Result<()> {
        let said = match self {
            Self::Fifo(fifo) => (&fifo.file).write_all(line.as_bytes()),
            Self::Apart(connection) => {
                let mut connection = connection.lock().await;
                match connection.write_all(line.as_bytes()).await {
                    Ok(()) => connection.flush().await,
                    failed => failed,
                }
            }
        };
        said.map_err(|error| Error::io("engine.signal", "can't reach the process", error))
    }
}

impl std::fmt::Debug for Lifeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fifo(fifo) => f.debug_tuple("Fifo").field(&fifo.path).finish(),
            Self::Apart(_) => f.write_str("Apart"),
        }
    }
}
