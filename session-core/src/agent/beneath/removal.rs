//! Removing what a session wrote, however deep, and never what a link in it leads to.

use std::ffi::{CStr, CString};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode};
use rustix::io::Errno;

use super::{Beneath, DIRECTORY};
use crate::{Error, ErrorKind, Result};

/// Deeper trees are not removed: each level is an open directory.
const DEEPEST: usize = 256;

/// One directory on the way down, its name in the one above, and what is still to be gone into.
struct Level {
    here: OwnedFd,
    name: CString,
    below: Vec<CString>,
}

impl Beneath {
    /// Removes what is at `path`, a directory with all that is in it; a link goes, and what it leads to stays. `Ok` if
    /// there is nothing.
    ///
    /// What can't be removed is an error that leaves the rest, for the next time.
    pub(in crate::agent) fn remove_all(&self, path: &str) -> Result<()> {
        let (parent, name) = match self.parent(path, false) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let failed = |errno| self.failed("remove", path, errno);
        let name = CString::new(name).map_err(|_| failed(Errno::INVAL))?;
        if !is_directory(&parent, &name).map_err(failed)? {
            return remove(&parent, &name, AtFlags::empty()).map_err(failed);
        }
        let top = open(&parent, &name).map_err(failed)?;
        let mut levels = vec![level(top, name.clone()).map_err(failed)?];
        while let Some(last) = levels.last_mut() {
            if let Some(next) = last.below.pop() {
                let directory = open(&last.here, &next).map_err(failed)?;
                if levels.len() >= DEEPEST {
                    let message = format!(
                        "`{}` has more than {DEEPEST} directories in each other; remove it by hand",
                        self.path.join(path)
                    );
                    return Err(Error::new(ErrorKind::Refused, super::OPERATION, message));
                }
                levels.push(level(directory, next).map_err(failed)?);
                continue;
            }
            let done = levels.pop().map(|level| level.name).unwrap_or_default();
            let above = levels.last().map_or(&parent, |level| &level.here);
            remove(above, &done, AtFlags::REMOVEDIR).map_err(failed)?;
        }
        Ok(())
    }

    /// The directory at `path`, if one is there.
    pub(in crate::agent) fn directory(&self, path: &str) -> Option<OwnedFd> {
        self.walk(path, false).ok()
    }
}

/// Removes what is no directory in one; gives the directories.
fn level(here: OwnedFd, name: CString) -> std::result::Result<Level, Errno> {
    // What a session made read-only is removed like everything else.
    let _ = rustix::fs::fchmod(&here, Mode::RWXU);
    let names: Vec<CString> = Dir::read_from(&here)?
        .flatten()
        .map(|entry| entry.file_name().to_owned())
        .filter(|name| name.as_c_str() != c"." && name.as_c_str() != c"..")
        .collect();
    let mut below = Vec::new();
    for name in names {
        match is_directory(&here, &name)? {
            true => below.push(name),
            false => remove(&here, &name, AtFlags::empty())?,
        }
    }
    Ok(Level { here, name, below })
}

fn open(above: &OwnedFd, name: &CStr) -> std::result::Result<OwnedFd, Errno> {
    rustix::fs::openat(above, name, DIRECTORY, Mode::empty())
}

fn is_directory(above: &OwnedFd, name: &CStr) -> std::result::Result<bool, Errno> {
    match rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Somebody else may have been quicker.
fn remove(above: &OwnedFd, name: &CStr, flags: AtFlags) -> std::result::Result<(), Errno> {
    match rustix::fs::unlinkat(above, name, flags) {
        Err(Errno::NOENT) => Ok(()),
        outcome => outcome,
    }
}
