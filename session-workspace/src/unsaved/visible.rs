//! What of a session's work tree is looked at.

use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::FileType;
use session_core::Result;

use crate::carried::{Carried, Scope};
use crate::tree::{Entry, Make, Pick, Select};

/// Like [`Carried`], but no ignore file can hide itself.
pub(super) struct Visible<'a>(pub(super) Carried<'a>);

impl Select for Visible<'_> {
    type Scope = Scope;

    fn top(&self) -> Scope {
        self.0.top()
    }

    fn enter(
        &self,
        scope: Scope,
        dir: BorrowedFd<'_>,
        path: &Path,
        names: &[Entry],
    ) -> Result<Scope> {
        self.0.enter(scope, dir, path, names)
    }

    fn pick(&self, scope: &Scope, path: &Path, kind: FileType) -> Pick<Scope> {
        match self.0.pick(scope, path, kind) {
            Pick::Leave
                if path.file_name().is_some_and(|name| name == ".gitignore")
                    && kind == FileType::RegularFile =>
            {
                Pick::Take(None)
            }
            pick => pick,
        }
    }

    fn stops_at_repositories(&self) -> bool {
        true
    }
}

/// Wants every file.
pub(super) struct All;

impl Select for All {
    type Scope = ();

    fn top(&self) {}

    fn enter(&self, (): (), _: BorrowedFd<'_>, _: &Path, _: &[Entry]) -> Result<()> {
        Ok(())
    }

    fn pick(&self, (): &(), _: &Path, kind: FileType) -> Pick<()> {
        match kind {
            FileType::Directory => Pick::Enter((), Make::Always),
            FileType::RegularFile | FileType::Symlink => Pick::Take(None),
            _ => Pick::Leave,
        }
    }
}
