//! A tree that was looked at: what of it is wanted, found before anything is made.

use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{self as sys, Access, AtFlags, FileType, Stat};
use rustix::io::Errno;
use session_core::{Error, ErrorKind, Progress, Result};

use crate::{file, pool};

/// A directory and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Where it lies.
    pub(crate) root: PathBuf,
    /// Its directories; the first is the root, parents come before children.
    pub(crate) dirs: Vec<Dir>,
    /// What can't come along, with the reason.
    pub(crate) skipped: Vec<String>,
    /// Directories that are repositories of their own; only their name is in `dirs`.
    pub(crate) nested: Vec<PathBuf>,
}

/// A directory of a [`Tree`].
#[derive(Debug)]
pub(crate) struct Dir {
    /// Its path below the root.
    pub(crate) path: PathBuf,
    /// Its stat data.
    pub(crate) stat: Stat,
    /// Its wanted files and links.
    pub(crate) leaves: Vec<Leaf>,
    /// Its wanted directories, as places in [`Tree::dirs`].
    pub(crate) children: Vec<usize>,
    /// Whether it is to be made.
    pub(crate) wanted: bool,
    /// Whether it is a repository of its own, not looked into.
    pub(crate) nested: bool,
}

/// A file or a symbolic link of a [`Dir`].
#[derive(Debug)]
pub(crate) struct Leaf {
    /// Its name.
    pub(crate) name: OsString,
    /// Its stat data.
    pub(crate) stat: Stat,
    /// Its place in the index, if git tracks it.
    pub(crate) tracked: Option<u32>,
}

/// Says which parts of a tree are wanted; asked from several threads.
pub(crate) trait Select: Sync {
    /// What is known in a directory and handed to what lies below.
    type Scope: Clone + Send;

    /// The scope above the root.
    fn top(&self) -> Self::Scope;

    /// The scope inside a directory that was opened; `names` are its entries.
    fn enter(
        &self,
        outer: Self::Scope,
        dir: BorrowedFd<'_>,
        path: &Path,
        names: &[Entry],
    ) -> Result<Self::Scope>;

    /// What becomes of an entry.
    fn pick(&self, scope: &Self::Scope, path: &Path, kind: FileType) -> Pick<Self::Scope>;

    /// Whether a directory below the root with a `.git` is noted and not looked into.
    fn stops_at_repositories(&self) -> bool {
        false
    }
}

/// An entry of a directory, before it was looked at.
pub(crate) type Entry = (OsString, FileType);

/// What becomes of an entry.
#[derive(Debug)]
pub(crate) enum Pick<S> {
    /// It comes along; a number is its place in the index.
    Take(Option<u32>),
    /// It is a directory to be looked into.
    Enter(S, Make),
    /// It stays.
    Leave,
    /// It stays, and that is told.
    Skip(&'static str),
}

/// When a directory is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// If something in it comes along, or it is empty in the source.
    IfFilledOrEmpty,
    /// If something in it comes along.
    IfFilled,
    /// In any case.
    Always,
}

/// Looks through `root` on all threads.
///
/// Fails with `PermissionDenied` and the names if something wanted can't be read.
pub(crate) fn scan<S: Select>(
    root: &Path,
    select: &S,
    omit: &[PathBuf],
    threads: NonZero<usize>,
    progress: &Progress,
) -> Result<Tree> {
    let top = file::open_top(root).map_err(|errno| failed("open", root, errno))?;
    let stat = sys::fstat(&top).map_err(|errno| failed("look at", root, errno))?;
    let first = Dir {
        path: PathBuf::new(),
        stat,
        leaves: Vec::new(),
        children: Vec::new(),
        wanted: true,
        nested: false,
    };
    let found = Found { dirs: vec![first], ..Found::default() };
    let scan = Scan { top, select, omit, found: Mutex::new(found), progress };
    let jobs =
        vec![Job { place: 0, path: PathBuf::new(), scope: select.top(), make: Make::Always }];
    pool::drain(threads, jobs, |job, queue| scan.directory(job, queue))?;
    let mut found = scan.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !found.unreadable.is_empty() {
        return Err(unreadable(found.unreadable));
    }
    spread(&mut found.dirs);
    found.skipped.sort();
    found.nested.sort();
    Ok(Tree { root: root.into(), dirs: found.dirs, skipped: found.skipped, nested: found.nested })
}

impl Tree {
    /// Keeps only the leaves that `keep` wants, and the directories that they need.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Leaf) -> bool) {
        for dir in &mut self.dirs {
            dir.leaves.retain(&keep);
            dir.wanted = !dir.leaves.is_empty() || dir.nested || dir.path.as_os_str().is_empty();
        }
        spread(&mut self.dirs);
    }

    /// Leaves a nested repository out altogether.
    pub(crate) fn forget(&mut self, nested: &Path) {
        for dir in self.dirs.iter_mut().filter(|dir| dir.path == nested) {
            (dir.nested, dir.wanted) = (false, false);
        }
        spread(&mut self.dirs);
    }

    /// The path of every leaf with the leaf.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (PathBuf, &Leaf)> {
        self.dirs
            .iter()
            .flat_map(|dir| dir.leaves.iter().map(|leaf| (dir.path.join(&leaf.name), leaf)))
    }
}

/// A path as it may be shown to a person: control characters are spelled out.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] })
        .collect()
}

/// An error of the operating system about a path of a source.
pub(crate) fn failed(verb: &str, path: &Path, errno: Errno) -> Error {
    Error::io("workspace.scan", format!("can't {verb} `{}`", shown(path)), errno.into())
}

struct Scan<'a, S> {
    top: OwnedFd,
    select: &'a S,
    omit: &'a [PathBuf],
    found: Mutex<Found>,
    progress: &'a Progress,
}

#[derive(Default)]
struct Found {
    dirs: Vec<Dir>,
    skipped: Vec<String>,
    nested: Vec<PathBuf>,
    unreadable: Vec<String>,
}

struct Job<S> {
    place: usize,
    path: PathBuf,
    scope: S,
    make: Make,
}

impl<S: Select> Scan<'_, S> {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory(&self, job: Job<S::Scope>, queue: &pool::Queue<Job<S::Scope>>) -> Result<()> {
        self.progress.check("workspace.scan")?;
        let dir = match file::open_dir(self.top.as_fd(), &job.path) {
            Ok(dir) => dir,
            Err(Errno::ACCESS | Errno::PERM) => {
                self.found().unreadable.push(shown(&job.path));
                return Ok(());
            }
            // Gone, or something else by now: the tree is in use.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(errno) => return Err(failed("open", &job.path, errno)),
        };
        let names = entries(&dir).map_err(|errno| failed("list", &job.path, errno))?;
        let below = !job.path.as_os_str().is_empty();
        let stops = below && job.make != Make::IfFilled && self.select.stops_at_repositories();
        if stops && is_repository(&dir, &names) {
            let mut found = self.found();
            let place = &mut found.dirs[job.place];
            (place.nested, place.wanted) = (true, true);
            found.nested.push(job.path);
            return Ok(());
        }
        let scope = self.select.enter(job.scope, dir.as_fd(), &job.path, &names)?;
        let empty = names.is_empty();
        let (mut leaves, mut below, mut skipped, mut unreadable) = (vec![], vec![], vec![], vec![]);
        for (name, kind) in names {
            let path = job.path.join(&name);
            if self.omit.contains(&path) {
                continue;
            }
            match self.select.pick(&scope, &path, kind) {
                Pick::Leave => {}
                Pick::Skip(reason) => skipped.push(format!("{}: {reason}", shown(&path))),
                Pick::Take(tracked) => match look(&dir, &name) {
                    Ok(Some((stat, readable))) => {
                        if !readable {
                            unreadable.push(shown(&path));
                        }
                        leaves.push(Leaf { name, stat, tracked });
                    }
                    Ok(None) => {}
                    Err(errno) => return Err(failed("look at", &path, errno)),
                },
                Pick::Enter(scope, make) => {
                    match sys::statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => below.push((path, scope, make, stat)),
                        Err(Errno::NOENT) => {}
                        Err(errno) => return Err(failed("look at", &path, errno)),
                    }
                }
            }
        }
        let mut found = self.found();
        found.skipped.append(&mut skipped);
        found.unreadable.append(&mut unreadable);
        let filled = !leaves.is_empty();
        let place = &mut found.dirs[job.place];
        place.wanted = match job.make {
            Make::Always => true,
            Make::IfFilled => filled,
            Make::IfFilledOrEmpty => filled || empty,
        };
        place.leaves = leaves;
        for (path, scope, make, stat) in below {
            let child = found.dirs.len();
            found.dirs[job.place].children.push(child);
            let (leaves, children) = (Vec::new(), Vec::new());
            found.dirs.push(Dir {
                path: path.clone(),
                stat,
                leaves,
                children,
                wanted: false,
                nested: false,
            });
            queue.push(Job { place: child, path, scope, make });
        }
        Ok(())
    }
}

/// Whether a directory is the top of a work tree: `.git` is a file, or a directory with a HEAD.
fn is_repository(dir: &OwnedFd, names: &[Entry]) -> bool {
    names.iter().any(|(name, kind)| {
        name == ".git"
            && match kind {
                FileType::RegularFile | FileType::Symlink => true,
                _ => sys::statat(dir, ".git/HEAD", AtFlags::SYMLINK_NOFOLLOW).is_ok(),
            }
    })
}

/// The entries of a directory, with their kinds.
fn entries(dir: &OwnedFd) -> rustix::io::Result<Vec<Entry>> {
    let mut names = Vec::new();
    for entry in sys::Dir::read_from(dir)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => match sys::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(_) => continue,
            },
            kind => kind,
        };
        names.push((name.to_owned(), kind));
    }
    Ok(names)
}

/// A leaf's stat data and whether it can be read; `None` if it is gone.
fn look(dir: &OwnedFd, name: &OsStr) -> rustix::io::Result<Option<(Stat, bool)>> {
    let stat = match sys::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let plain = stat.st_mode & 0o444 == 0o444 || !file::is_file(&stat);
    let readable =
        plain || sys::accessat(dir, name, Access::READ_OK, AtFlags::EACCESS) != Err(Errno::ACCESS);
    Ok(Some((stat, readable)))
}

/// Makes every directory wanted that has a wanted one below it, and forgets the others.
fn spread(dirs: &mut [Dir]) {
    for place in (0..dirs.len()).rev() {
        let children = std::mem::take(&mut dirs[place].children);
        let children: Vec<usize> =
            children.into_iter().filter(|child| dirs[*child].wanted).collect();
        dirs[place].wanted |= !children.is_empty();
        dirs[place].children = children;
    }
}

fn unreadable(mut paths: Vec<String>) -> Error {
    paths.sort();
    let more = paths.len().saturating_sub(10);
    let mut names: Vec<String> = paths.iter().take(10).map(|path| format!("`{path}`")).collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let message = format!(
        "can't read {}; make them readable, or leave them out (`--exclude`, `.gitignore`)",
        names.join(", ")
    );
    Error::new(ErrorKind::PermissionDenied, "workspace.scan", message)
}
