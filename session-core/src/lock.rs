//! One operation at a time on one session, over all processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::time::Duration;

use camino::Utf8Path;
use tokio::time::Instant;

use crate::{Error, ErrorKind, Result};

/// A lock on a file, held until dropped; the kernel releases it when the process dies.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock if it is free.
    pub(crate) fn try_take(path: &Utf8Path) -> Result<Option<Self>> {
        const OPERATION: &str = "lock.take";
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(|error| {
                Error::io(OPERATION, format!("can't make `{directory}`"), error)
            })?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = options
            .open(path)
            .map_err(|error| Error::io(OPERATION, format!("can't open `{path}`"), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(Error::io(OPERATION, format!("can't lock `{path}`"), error))
            }
        }
    }

    /// Takes the lock, waiting for it at most `patience`; then fails with `Busy`.
    pub(crate) async fn take(path: &Utf8Path, patience: Duration) -> Result<Self> {
        const BETWEEN_TRIES: Duration = Duration::from_millis(10);
        let deadline = Instant::now() + patience;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            if Instant::now() >= deadline {
                let message = "another process is working on it; try again when that is done";
                return Err(Error::new(ErrorKind::Busy, "lock.take", message));
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
}
