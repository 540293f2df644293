//! Making containers one at a time, where an engine mixes up several.

use std::fs::{File, TryLockError};
use std::time::Duration;

use camino::Utf8Path;
use rustix::fs::{Mode, OFlags};
use tokio::sync::MutexGuard;
use tokio::time::Instant;

use super::Engine;
use crate::Endpoint;

/// A creation takes well under a second; whoever holds the turn for so long hangs or is stopped,
/// and the others go on without it: the harm that it keeps off is rare.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// The right to make a container, until dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    _here: Option<MutexGuard<'a, ()>>,
    _host: Option<File>,
}

impl Engine {
    /// Waits until no other client of ours on this host makes a container; for engines with
    /// [`keep_id`](crate::Dialect::keep_id) only, others answer at once.
    ///
    /// Between processes, the lock is one on the directory of the engine's socket: it is the same
    /// for all who speak to that engine, and there is nothing to make or to clean up. Over ssh and
    /// TCP, only the clients of this process wait for each other. Never fails.
    pub(crate) async fn turn_to_create(&self) -> Turn<'_> {
        if !self.dialect().keep_id {
            return Turn { _here: None, _host: None };
        }
        let here = tokio::time::timeout(PATIENCE, self.inner.creates.lock()).await.ok();
        let host = match self.endpoint() {
            Endpoint::Unix(socket) => lock_beside(socket, PATIENCE).await,
            _ => None,
        };
        Turn { _here: here, _host: host }
    }
}

/// The lock of the directory that a socket is in; `None` where it can't be had in time.
async fn lock_beside(socket: &Utf8Path, patience: Duration) -> Option<File> {
    // One engine may have several names.
    let real = socket.canonicalize_utf8().ok()?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(real.parent()?.as_str(), flags, Mode::empty()).ok()?;
    let directory = File::from(directory);
    let deadline = Instant::now() + patience;
    loop {
        match directory.try_lock() {
            Ok(()) => return Some(directory),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
            Err(error) => {
                tracing::debug!(%error, %socket, "makes a container out of turn");
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;

    fn socket() -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = Utf8Path::from_path(directory.path()).expect("UTF-8").join("engine.sock");
        std::fs::write(&path, "").expect("it is ours");
        (directory, path)
    }

    #[tokio::test]
    async fn one_waits_for_the_other() {
        let (_directory, path) = socket();
        let link = path.with_file_name("other.sock");
        std::os::unix::fs::symlink(&path, &link).expect("it is ours");
        let first = lock_beside(&path, PATIENCE).await.expect("it is free");
        let second = tokio::spawn(async move { lock_beside(&link, PATIENCE).await });
        tokio::time::sleep(BETWEEN_TRIES * 4).await;
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.expect("no panic").is_some());
    }

    #[tokio::test]
    async fn who_hangs_does_not_stop_the_others() {
        let (_directory, path) = socket();
        let _held = lock_beside(&path, PATIENCE).await.expect("it is free");
        assert!(lock_beside(&path, BETWEEN_TRIES * 2).await.is_none());
        assert!(lock_beside("/nowhere/engine.sock".into(), PATIENCE).await.is_none());
    }
}
