//! What of a work tree comes along: what git tracks, what it would show as untracked, what was asked for.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::FileType;
use session_core::Result;

use crate::file;
use crate::index::{GITLINK, Index};
use crate::pattern::{Patterns, Verdict};
use crate::rules::Rules;
use crate::tree::{Entry, Make, Pick, Select};

/// More than any ignore file has.
const IGNORE_MAX: u64 = 1 << 20;

/// Wants a work tree as git sees it.
#[derive(Debug)]
pub(crate) struct Carried<'a> {
    index: &'a Index,
    places: HashMap<Vec<u8>, u32>,
    rules: Rules,
    untracked: bool,
    exclude: &'a Patterns,
    include: &'a Patterns,
}

/// What is known in a directory.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    rules: Rules,
    ignored: bool,
    excluded: bool,
    included: bool,
}

impl<'a> Carried<'a> {
    /// `rules` are those outside the tree; `untracked` says whether untracked files come along.
    pub(crate) fn new(
        index: &'a Index,
        rules: Rules,
        untracked: bool,
        exclude: &'a Patterns,
        include: &'a Patterns,
    ) -> Self {
        Self { index, places: index.places(), rules, untracked, exclude, include }
    }
}

impl Select for Carried<'_> {
    type Scope = Scope;

    fn top(&self) -> Scope {
        Scope { rules: self.rules.clone(), ignored: false, excluded: false, included: false }
    }

    fn enter(
        &self,
        mut scope: Scope,
        dir: BorrowedFd<'_>,
        path: &Path,
        names: &[Entry],
    ) -> Result<Scope> {
        let name = OsStr::new(".gitignore");
        if !scope.ignored
            && names.iter().any(|entry| entry.0 == name && entry.1 == FileType::RegularFile)
            && let Ok(Some(content)) = file::read_small(dir, name, IGNORE_MAX)
        {
            scope.rules = scope.rules.with(path, &content)?;
        }
        Ok(scope)
    }

    fn pick(&self, scope: &Scope, path: &Path, kind: FileType) -> Pick<Scope> {
        if path.file_name() == Some(OsStr::new(".git")) {
            return Pick::Leave;
        }
        let bytes = path.as_os_str().as_bytes();
        let place = self.places.get(bytes).copied();
        let dir = kind == FileType::Directory;
        if !dir && let Some(place) = place {
            match kind {
                FileType::RegularFile | FileType::Symlink => return Pick::Take(Some(place)),
                _ => {}
            }
        }
        let excluded = scope.excluded || self.exclude.verdict(path, dir) == Verdict::Named;
        let included = scope.included || self.include.verdict(path, dir) == Verdict::Named;
        let ignored = scope.ignored || scope.rules.ignores(path, dir);
        let wanted = !excluded && (included || self.untracked && !ignored);
        if !dir {
            return match special(kind) {
                _ if !wanted => Pick::Leave,
                Some(what) => Pick::Skip(what),
                None => Pick::Take(None),
            };
        }
        let below = Scope { rules: scope.rules.clone(), ignored, excluded, included };
        let mode =
            place.and_then(|place| self.index.entries.get(place as usize)).map(|entry| entry.mode);
        if mode == Some(GITLINK) {
            Pick::Enter(below, Make::Always)
        } else if self.index.has_below(bytes) {
            Pick::Enter(below, Make::IfFilled)
        } else if wanted {
            Pick::Enter(below, Make::IfFilledOrEmpty)
        } else if !excluded && !self.include.is_empty() {
            Pick::Enter(below, Make::IfFilled)
        } else {
            Pick::Leave
        }
    }

    fn stops_at_repositories(&self) -> bool {
        true
    }
}

/// What a file is called that can't be copied.
pub(crate) fn special(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::Socket => Some("is a socket"),
        FileType::Fifo => Some("is a fifo"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("is a device"),
        _ => None,
    }
}
