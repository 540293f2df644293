//! One operation at a time on one session, over all processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::time::Duration;

use camino::Utf8Path;
use tokio::time::Instant;

use crate::catalog::make_private;
use crate::{Error, ErrorKind, Result};

/// A lock on a file, held until dropped; the kernel releases it when the process dies.
///
/// Whoever holds it may remove the file: those who wait for it then find out that what they got
/// is the lock of a file that is gone, and take that of the new one.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
}

impl FileLock {
    /// Takes the lock if it is free.
    pub(crate) fn try_take(path: &Utf8Path) -> Result<Option<Self>> {
        Self::attempt(path, File::try_lock)
    }

    /// Takes the lock together with others who take it so, if nobody has it alone.
    pub(crate) fn try_share(path: &Utf8Path) -> Result<Option<Self>> {
        Self::attempt(path, File::try_lock_shared)
    }

    fn attempt(
        path: &Utf8Path,
        lock: impl Fn(&File) -> std::result::Result<(), TryLockError>,
    ) -> Result<Option<Self>> {
        const OPERATION: &str = "lock.take";
        if let Some(directory) = path.parent() {
            make_private(directory)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        loop {
            let file = options
                .open(path)
                .map_err(|error| Error::io(OPERATION, format!("can't open `{path}`"), error))?;
            match lock(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => {
                    return Err(Error::io(OPERATION, format!("can't lock `{path}`"), error));
                }
            }
            let lock = Self { file };
            if lock.is_of(path) {
                return Ok(Some(lock));
            }
        }
    }

    /// Whether the file that is locked is still the one at `path`.
    fn is_of(&self, path: &Utf8Path) -> bool {
        let (Ok(locked), Ok(there)) = (self.file.metadata(), path.metadata()) else {
            return false;
        };
        (locked.dev(), locked.ino()) == (there.dev(), there.ino())
    }

    /// Takes the lock, waiting for it at most `patience`; then fails with `Busy`.
    pub(crate) async fn take(path: &Utf8Path, patience: Duration) -> Result<Self> {
        const BETWEEN_TRIES: Duration = Duration::from_millis(10);
        let deadline = Instant::now() + patience;
        let mut told = false;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            if !std::mem::replace(&mut told, true) {
                tracing::debug!(%path, "waits for a lock that somebody else has");
            }
            if Instant::now() >= deadline {
                let message = "another process is working on it; try again when that is done";
                return Err(Error::new(ErrorKind::Busy, "lock.take", message));
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A lock file that its holder removes must not let two in at once.
    #[test]
    fn removed_lock_files_let_one_in_at_a_time() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = camino::Utf8PathBuf::try_from(directory.path().join("locks/a.lock"))
            .expect("temporary paths are UTF-8");
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut turns = 0;
                    while turns < 500 {
                        let Some(_lock) = FileLock::try_take(&path).expect("a lock can be taken")
                        else {
                            std::thread::yield_now();
                            continue;
                        };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two are inside");
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        let _ = std::fs::remove_file(&path);
                        turns += 1;
                    }
                });
            }
        });
    }
}
