//! A directory that is made aside and appears whole, or not at all.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use session_core::{Error, Result};

/// Makes `root/name` by `make`, which fills a directory aside; after an error nothing is there.
///
/// `make` gets that directory and the process's umask. What a killed run left aside is replaced; so is an
/// existing `root/name`, in the last step: callers make sure beforehand that it holds no work.
pub(crate) fn staged<T>(
    root: &Path,
    name: &str,
    make: impl FnOnce(&Path, u32) -> Result<T>,
) -> Result<T> {
    let partial = root.join(format!(".{name}.partial"));
    let target = root.join(name);
    let failed = |what: &str, path: &Path, error: io::Error| {
        Error::io("workspace.provision", format!("can't {what} `{}`", path.display()), error)
    };
    remove(&partial).map_err(|error| failed("clear", &partial, error))?;
    let umask = create(&partial).map_err(|error| failed("make", &partial, error))?;
    let made = make(&partial, umask).and_then(|made| {
        remove(&target).map_err(|error| failed("replace", &target, error))?;
        fs::rename(&partial, &target).map_err(|error| failed("make", &target, error))?;
        Ok(made)
    });
    if made.is_err() {
        // The first error is the one to tell; what could not be cleared is replaced by the next run.
        let _ = remove(&partial);
    }
    made
}

/// Removes a tree, read-only directories included; there may be none. Links are not followed.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let done = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.is_dir() => return fs::remove_file(path),
        Ok(_) => fs::remove_dir_all(path),
    };
    match done {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        done => done,
    }
}

fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes the directory and learns from it what the process takes from every mode.
fn create(path: &PathBuf) -> io::Result<u32> {
    fs::DirBuilder::new().mode(0o777).create(path)?;
    let umask = !fs::symlink_metadata(path)?.permissions().mode() & 0o777;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    Ok(umask)
}
