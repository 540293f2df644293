//! Object stores: which ones a repository reads, what of them is copied, and reading from them.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use session_core::{Error, ErrorKind, Result};

use crate::tree::{Entry, Make, Pick, Select, shown};

/// The object directories that a repository reads: its own first, then those it borrows from.
pub(crate) fn stores(common: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut next = vec![common.join("objects")];
    while let Some(store) = next.pop() {
        let Ok(store) = store.canonicalize() else {
            let message = format!(
                "the repository borrows objects from `{}`, which is not there; mend its `objects/info/alternates`",
                shown(&store)
            );
            return Err(Error::new(ErrorKind::Damaged, "workspace.objects", message));
        };
        if found.contains(&store) {
            continue;
        }
        if let Ok(content) = fs::read(store.join("info/alternates")) {
            for line in content.split(|byte| *byte == b'\n') {
                let line = line.trim_ascii();
                if !line.is_empty() && !line.starts_with(b"#") {
                    next.push(store.join(OsStr::from_bytes(line)));
                }
            }
        }
        found.push(store);
    }
    Ok(found)
}

/// A view of object stores that reads no configuration.
pub(crate) fn database(stores: &[PathBuf]) -> Result<git2::Repository> {
    let failed = |error: git2::Error| {
        Error::new(ErrorKind::Damaged, "workspace.objects", "can't read the repository's objects")
            .with_source(error)
    };
    let database = git2::Odb::new().map_err(failed)?;
    for store in stores {
        let Some(path) = store.to_str() else {
            let message =
                format!("`{}` holds objects, and its name is not UTF-8; rename it", shown(store));
            return Err(Error::new(ErrorKind::Unsupported, "workspace.objects", message));
        };
        database.add_disk_alternate(path).map_err(failed)?;
    }
    git2::Repository::from_odb(database).map_err(failed)
}

/// Wants of a store its objects, and no pointer to another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Objects {
    /// Whether its caches about other files of the same store come along: not if stores are merged.
    pub(crate) alone: bool,
}

impl Select for Objects {
    type Scope = ();

    fn top(&self) {}

    fn enter(&self, (): (), _: BorrowedFd<'_>, _: &Path, _: &[Entry]) -> Result<()> {
        Ok(())
    }

    fn pick(&self, (): &(), path: &Path, kind: FileType) -> Pick<()> {
        let bytes = path.as_os_str().as_bytes();
        let hex = |text: &[u8]| text.iter().all(u8::is_ascii_hexdigit);
        let dir = kind == FileType::Directory;
        match bytes
            .iter()
            .position(|byte| *byte == b'/')
            .map(|slash| (&bytes[..slash], &bytes[slash + 1..]))
        {
            None if dir && (bytes.len() == 2 && hex(bytes) || bytes == b"pack") => {
                Pick::Enter((), Make::IfFilled)
            }
            None if dir && bytes == b"info" && self.alone => Pick::Enter((), Make::IfFilled),
            Some((b"pack", name)) if !dir && name.starts_with(b"pack-") => Pick::Take(None),
            Some((b"pack", name))
                if !dir && name.starts_with(b"multi-pack-index") && self.alone =>
            {
                Pick::Take(None)
            }
            Some((b"info", b"commit-graph")) if !dir => Pick::Take(None),
            Some((b"info", b"commit-graphs")) if dir => Pick::Enter((), Make::IfFilled),
            Some((b"info", name)) if !dir && name.starts_with(b"commit-graphs/") => {
                Pick::Take(None)
            }
            Some((first, name))
                if !dir && first.len() == 2 && matches!(name.len(), 38 | 62) && hex(name) =>
            {
                Pick::Take(None)
            }
            _ => Pick::Leave,
        }
    }
}
