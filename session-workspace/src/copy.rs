//! Copying whole trees on several threads.

use std::ffi::OsStr;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{self as sys, FileType, Mode, Stat};
use rustix::io::Errno;
use session_core::{Error, ErrorKind, Event, Progress, Result};

use crate::file::{self, Ask, Failure, Ways};
use crate::pool::{self, Queue};
use crate::tree::{Leaf, Tree, shown};

/// How many files of one directory are one piece of work.
const PIECE: usize = 256;

/// How often the progress is told, at most.
const TELL: Duration = Duration::from_millis(100);

/// One project's copying: its threads, its count, its way to be stopped.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    project: &'a str,
    progress: &'a Progress,
    threads: NonZero<usize>,
    ways: Ways,
    files: AtomicU64,
    bytes: AtomicU64,
    total_files: AtomicU64,
    total_bytes: AtomicU64,
    told: Mutex<Instant>,
    vanished: Mutex<Vec<String>>,
}

/// A tree and where it goes.
#[derive(Debug)]
pub(crate) struct Move<'a> {
    /// What is copied.
    pub(crate) tree: &'a Tree,
    /// An existing directory.
    pub(crate) dest: PathBuf,
    /// Whether a file that is there already may stay (stores of objects: same name, same content).
    pub(crate) keep_existing: bool,
}

impl<'a> Run<'a> {
    /// Begins a run.
    pub(crate) fn new(
        project: &'a str,
        progress: &'a Progress,
        threads: NonZero<usize>,
        umask: u32,
    ) -> Self {
        Self {
            project,
            progress,
            threads,
            ways: Ways::new(umask),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            total_files: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            told: Mutex::new(Instant::now()),
            vanished: Mutex::new(Vec::new()),
        }
    }

    /// The line to the caller.
    pub(crate) fn progress(&self) -> &Progress {
        self.progress
    }

    /// Copies all of `moves`; returns the new stat data of the tracked files of each.
    pub(crate) fn copy(&self, moves: &[Move<'_>]) -> Result<Vec<Vec<(u32, Stat)>>> {
        let mut places = Vec::new();
        for one in moves {
            let leaves = one.tree.dirs.iter().flat_map(|dir| &dir.leaves);
            let (files, bytes) = leaves.fold((0, 0), |(files, bytes), leaf| {
                (files + 1, bytes + leaf.stat.st_size.unsigned_abs())
            });
            self.total_files.fetch_add(files, Ordering::Relaxed);
            self.total_bytes.fetch_add(bytes, Ordering::Relaxed);
            let open =
                |path: &Path| file::open_top(path).map_err(|errno| failed(path, errno.into()));
            places.push(Place {
                one,
                from: open(&one.tree.root)?,
                to: open(&one.dest)?,
                stats: Mutex::new(Vec::new()),
            });
        }
        let first = places.iter().map(|place| Job::Directory(place, 0)).collect();
        pool::drain(self.threads, first, |job, queue| match job {
            Job::Directory(place, dir) => self.directory(place, dir, queue),
            Job::Piece(place, open, range) => self.piece(place, &open, range),
        })?;
        self.tell(true);
        Ok(places
            .into_iter()
            .map(|place| place.stats.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect())
    }

    /// The files that were gone when their turn came.
    pub(crate) fn vanished(&self) -> Vec<String> {
        let mut names =
            std::mem::take(&mut *self.vanished.lock().unwrap_or_else(PoisonError::into_inner));
        names.sort();
        names.into_iter().map(|name| format!("{name}: was removed during the copy")).collect()
    }

    fn directory<'p>(
        &self,
        place: &'p Place<'p>,
        number: usize,
        queue: &Queue<Job<'p>>,
    ) -> Result<()> {
        let tree = place.one.tree;
        let dir = &tree.dirs[number];
        let from = match file::open_dir(place.from.as_fd(), &dir.path) {
            Ok(from) => from,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                self.gone(&dir.path);
                return Ok(());
            }
            Err(errno) => return Err(failed(&dir.path, errno.into())),
        };
        let to = file::open_dir(place.to.as_fd(), &dir.path)
            .map_err(|errno| failed(&dir.path, errno.into()))?;
        for child in &dir.children {
            let below = &tree.dirs[*child];
            let name = below.path.file_name().unwrap_or_else(|| OsStr::new("."));
            match sys::mkdirat(&to, name, Mode::from_raw_mode(0o700)) {
                Ok(()) => {}
                Err(Errno::EXIST) if place.one.keep_existing => {}
                Err(errno) => return Err(self.refused(&below.path, errno.into())),
            }
            if !below.nested {
                queue.push(Job::Directory(place, *child));
            }
        }
        let pieces = dir.leaves.len().div_ceil(PIECE).max(1);
        let open = Arc::new(Open { number, from, to, left: AtomicUsize::new(pieces) });
        for piece in 1..pieces {
            let range = piece * PIECE..dir.leaves.len().min((piece + 1) * PIECE);
            queue.push(Job::Piece(place, Arc::clone(&open), range));
        }
        self.piece(place, &open, 0..dir.leaves.len().min(PIECE))
    }

    fn piece(&self, place: &Place<'_>, open: &Open, range: Range<usize>) -> Result<()> {
        let dir = &place.one.tree.dirs[open.number];
        let (mut files, mut bytes, mut stats) = (0, 0, Vec::new());
        for leaf in &dir.leaves[range] {
            self.progress.check("workspace.copy")?;
            match self.leaf(open, leaf) {
                Ok(stat) => stats.extend(leaf.tracked.zip(stat)),
                Err(Failure::Vanished) => self.gone(&dir.path.join(&leaf.name)),
                Err(Failure::Taken) if place.one.keep_existing => {}
                Err(Failure::Taken) => {
                    return Err(self.refused(&dir.path.join(&leaf.name), Errno::EXIST.into()));
                }
                Err(Failure::Other(error)) => {
                    return Err(failed(&dir.path.join(&leaf.name), error));
                }
            }
            files += 1;
            bytes += leaf.stat.st_size as u64;
        }
        if open.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            match file::finish_dir(open.from.as_fd(), open.to.as_fd(), &dir.stat) {
                Err(Failure::Other(error)) => return Err(failed(&dir.path, error)),
                Err(Failure::Vanished | Failure::Taken) | Ok(()) => {}
            }
        }
        if !stats.is_empty() {
            place.stats.lock().unwrap_or_else(PoisonError::into_inner).append(&mut stats);
        }
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.tell(false);
        Ok(())
    }

    fn leaf(&self, open: &Open, leaf: &Leaf) -> Result<Option<Stat>, Failure> {
        let (from, to) = (open.from.as_fd(), open.to.as_fd());
        let ask = if leaf.tracked.is_some() { Ask::Stat } else { Ask::Nothing };
        if FileType::from_raw_mode(leaf.stat.st_mode) == FileType::Symlink {
            return file::copy_link(from, to, &leaf.name, &leaf.stat, ask);
        }
        file::copy(&self.ways, from, to, &leaf.name, &leaf.stat, ask)
    }

    fn gone(&self, path: &Path) {
        self.vanished.lock().unwrap_or_else(PoisonError::into_inner).push(shown(path));
    }

    fn refused(&self, path: &Path, error: io::Error) -> Error {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return failed(path, error);
        }
        let message = format!(
            "`{}` differs from another name only in case or spelling, and the session's file system takes \
             them for one; leave one of them out (`--exclude`)",
            shown(path)
        );
        Error::new(ErrorKind::Unsupported, "workspace.copy", message)
    }

    fn tell(&self, at_the_end: bool) {
        let Ok(mut told) = self.told.try_lock() else { return };
        if at_the_end || told.elapsed() >= TELL {
            *told = Instant::now();
            self.progress.report(Event::Copied {
                project: self.project.to_owned(),
                files: self.files.load(Ordering::Relaxed),
                bytes: self.bytes.load(Ordering::Relaxed),
                total_files: self.total_files.load(Ordering::Relaxed),
                total_bytes: self.total_bytes.load(Ordering::Relaxed),
            });
        }
    }
}

struct Place<'a> {
    one: &'a Move<'a>,
    from: OwnedFd,
    to: OwnedFd,
    stats: Mutex<Vec<(u32, Stat)>>,
}

enum Job<'a> {
    Directory(&'a Place<'a>, usize),
    Piece(&'a Place<'a>, Arc<Open>, Range<usize>),
}

struct Open {
    number: usize,
    from: OwnedFd,
    to: OwnedFd,
    left: AtomicUsize,
}

/// An error of the operating system while something is made.
pub(crate) fn failed(path: &Path, error: io::Error) -> Error {
    let error = Error::io("workspace.copy", format!("can't copy `{}`", shown(path)), error);
    if error.kind() != ErrorKind::StorageFull {
        return error;
    }
    let message = format!(
        "no space left for `{}`; free some, or leave big directories out (`--exclude`)",
        shown(path)
    );
    Error::new(ErrorKind::StorageFull, "workspace.copy", message).with_source(error)
}
