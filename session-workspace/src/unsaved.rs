//! Work in a session that exists nowhere else, found in a tree that an agent could write.
//!
//! Nothing in the copy is obeyed: its configuration is not read, no filter or hook runs, links are not
//! followed, and an ignore rule counts only if it is itself in a file that would be saved.

use std::fs;
use std::io;
use std::num::NonZero;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use session_core::{Progress, ProjectRecord, Strategy, UnsavedWork};

use crate::carried::Carried;
use crate::file;
use crate::head_index::head_index;
use crate::index::{DIRECTORY, GITLINK, Index};
use crate::layout::{Layout, gitfile, lexical};
use crate::pattern::Patterns;
use crate::plan::read_index;
use crate::refs::{Head, Refs};
use crate::rules::Rules;
use crate::store::{database, stores};
use crate::tree::{scan, shown};
use crate::whole::LeftOut;

mod commits;
mod content;
mod visible;

use content::{equal, exists, hash, kind_of};
use visible::{All, Visible};

/// How deep repositories may be nested.
const DEPTH: usize = 8;
/// More than any reflog of stashes has.
const LOG_MAX: u64 = 1 << 26;

/// Why the answer can't be known.
struct Unknown(String);

impl From<session_core::Error> for Unknown {
    fn from(error: session_core::Error) -> Self {
        Self(error.message().to_owned())
    }
}

impl From<&str> for Unknown {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

/// Finds the work in `record`'s directory that the source does not have.
pub(crate) fn unsaved(record: &ProjectRecord, ignore_file: &[u8]) -> UnsavedWork {
    let mut work = UnsavedWork::default();
    if record.strategy == Strategy::Mount {
        return work;
    }
    if let Err(Unknown(reason)) = project(record, ignore_file, &mut work) {
        work.unknown = Some(reason);
    }
    work.files.sort();
    work.files.dedup();
    work
}

fn project(
    record: &ProjectRecord,
    ignore_file: &[u8],
    work: &mut UnsavedWork,
) -> Result<(), Unknown> {
    let path = record.path.as_std_path();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(found) if found.is_dir() => {}
        _ => return Err("the project's directory was replaced by something else".into()),
    }
    if record.strategy == Strategy::None {
        let tree = scan(path, &All, &[], NonZero::<usize>::MIN, &Progress::default())?;
        work.files.extend(tree.leaves().map(|(path, _)| shown(&path)));
        return Ok(());
    }
    let git = path.join(".git");
    if fs::symlink_metadata(&git).is_err() {
        let reason = if record.strategy == Strategy::Copy && !record.source.join(".git").exists() {
            "no repository to compare with"
        } else {
            "its repository (`.git`) is gone"
        };
        return Err(reason.into());
    }
    let source = Layout::find(record.source.as_std_path()).ok().flatten();
    let Some(source) = source else {
        return Err("the source repository is gone; there is nothing to compare with".into());
    };
    let left_out = match record.strategy {
        Strategy::Copy => {
            let exclude = Patterns::given(&record.exclude, "exclude")?;
            Some(LeftOut::of(&source.work, &exclude)?)
        }
        _ => None,
    };
    Look { ignore_file, left_out, work, prefix: PathBuf::new() }.repository(
        path,
        &git,
        &git,
        Some(&source),
        0,
    )
}

/// One look at a repository and those nested in it.
struct Look<'a> {
    ignore_file: &'a [u8],
    left_out: Option<LeftOut>,
    work: &'a mut UnsavedWork,
    prefix: PathBuf,
}

impl Look<'_> {
    /// `git` is the repository of the work tree `work`; `top` the outermost one, which holds submodules.
    fn repository(
        &mut self,
        work: &Path,
        git: &Path,
        top: &Path,
        source: Option<&Layout>,
        depth: usize,
    ) -> Result<(), Unknown> {
        if depth > DEPTH {
            return Err("repositories are nested too deeply".into());
        }
        check_plain(git)?;
        let refs = Refs::read(git)?;
        let head = Head::read(git, &refs)?;
        let objects = database(&[git.join("objects")])?;
        let saved = source.map(|source| database(&stores(&source.common)?)).transpose()?;
        self.work.commits += commits::unsaved(&refs, &head, &objects, saved.as_ref())?;
        if refs.0.contains_key(b"refs/stash".as_slice()) {
            self.work.stashes += stashes(git);
        }
        let has = |object: &[u8; 20]| commits::has(saved.as_ref(), object);
        let index = read_index(git)?.unwrap_or_else(Index::empty);
        let committed = match &head.commit {
            Some(commit) => head_index(&Index::empty(), &objects, commit)?,
            None => Index::empty(),
        };
        let below = source.map(|source| file::open_top(&source.work)).and_then(Result::ok);
        let at_source = |path: &Path| below.as_ref().is_some_and(|top| exists(top, path));
        let (places, head_places) = (index.places(), committed.places());
        for entry in &index.entries {
            let before =
                head_places.get(&entry.path).map(|place| &committed.entries[*place as usize]);
            let same = before
                .is_some_and(|before| (before.mode, before.object) == (entry.mode, entry.object));
            if !same && !entry.is_intent() && !has(&entry.object) {
                self.found(&entry.path);
            }
        }
        let sparse: Vec<&[u8]> = index
            .entries
            .iter()
            .filter(|entry| entry.mode == DIRECTORY)
            .map(|entry| entry.path.as_slice())
            .collect();
        for entry in &committed.entries {
            let path = entry.path.as_slice();
            let removed =
                !places.contains_key(path) && !sparse.iter().any(|dir| path.starts_with(dir));
            if removed && at_source(Path::new(std::ffi::OsStr::from_bytes(path))) {
                self.found(path);
            }
        }
        let none = Patterns::given(&[], "exclude")?;
        let exclude = source
            .and_then(|source| fs::read(source.common.join("info/exclude")).ok())
            .unwrap_or_default();
        let rules = Rules::default()
            .with(Path::new(""), self.ignore_file)?
            .with(Path::new(""), &exclude)?;
        let select = Visible(Carried::new(&index, rules, true, &none, &none));
        let tree = scan(work, &select, &[], NonZero::<usize>::MIN, &Progress::default())?;
        let mine = file::open_top(work)
            .map_err(|_| Unknown::from("the project's directory can't be read"))?;
        let mut seen = vec![false; index.entries.len()];
        for (path, leaf) in tree.leaves() {
            if let Some(place) = leaf.tracked {
                seen[place as usize] = true;
                let entry = &index.entries[place as usize];
                if index.is_fresh(place, &leaf.stat) && kind_of(leaf) == entry.mode {
                    continue;
                }
                if kind_of(leaf) == entry.mode && hash(&mine, &path, leaf) == Some(entry.object) {
                    continue;
                }
            }
            if !below.as_ref().is_some_and(|below| equal(&mine, below, &path, leaf)) {
                self.found(path.as_os_str().as_bytes());
            }
        }
        for (entry, seen) in index.entries.iter().zip(seen) {
            let expected = !entry.is_sparse() && !entry.is_intent() && entry.stage() == 0;
            let plain = entry.mode != GITLINK && entry.mode != DIRECTORY;
            if !seen
                && expected
                && plain
                && at_source(Path::new(std::ffi::OsStr::from_bytes(&entry.path)))
                && !self.was_left_out(&entry.path)
            {
                self.found(&entry.path);
            }
        }
        for path in tree.nested {
            let inner = work.join(&path);
            let git = nested_git(&inner, top)?;
            let layout =
                source.and_then(|source| Layout::find(&source.work.join(&path)).ok().flatten());
            let outer = self.prefix.clone();
            self.prefix.push(&path);
            self.repository(&inner, &git, top, layout.as_ref(), depth + 1)?;
            self.prefix = outer;
        }
        Ok(())
    }

    fn was_left_out(&self, path: &[u8]) -> bool {
        let path = self.prefix.join(std::ffi::OsStr::from_bytes(path));
        self.left_out.as_ref().is_some_and(|left_out| left_out.names(&path))
    }

    fn found(&mut self, path: &[u8]) {
        self.work.files.push(shown(&self.prefix.join(std::ffi::OsStr::from_bytes(path))));
    }
}

/// Makes sure that what is read of a repository are plain files and directories of its own.
fn check_plain(git: &Path) -> Result<(), Unknown> {
    if !fs::symlink_metadata(git).is_ok_and(|found| found.is_dir()) {
        return Err("its `.git` is no directory".into());
    }
    for name in ["commondir", "reftable", "objects/info/alternates", "objects/info/http-alternates"]
    {
        if fs::symlink_metadata(git.join(name)).is_ok() {
            return Err(Unknown(format!(
                "its repository has a `{name}`, which a session's repository has not"
            )));
        }
    }
    if fs::read_dir(git.join("worktrees")).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err("it has linked work trees (`git worktree list`), which may hold work".into());
    }
    let mut left = vec![PathBuf::new()];
    while let Some(dir) = left.pop() {
        let top = dir.as_os_str().is_empty();
        // Joined with nothing, a path ends in a slash and would be followed.
        let entries = match fs::symlink_metadata(if top { git.into() } else { git.join(&dir) }) {
            Ok(found) if found.is_dir() => fs::read_dir(git.join(&dir)),
            _ => return Err(Unknown(format!("`.git/{}` is no directory", shown(&dir)))),
        };
        let entries =
            entries.map_err(|_| Unknown(format!("`.git/{}` can't be read", shown(&dir))))?;
        for entry in entries {
            let (path, kind) = match entry
                .and_then(|entry| Ok((dir.join(entry.file_name()), entry.file_type()?)))
            {
                Ok(found) => found,
                Err(_) => return Err("`.git` can't be read".into()),
            };
            let read = ["objects", "refs", "HEAD", "packed-refs", "index"];
            if top && !read.iter().any(|name| path == Path::new(name)) {
                continue;
            }
            if kind.is_dir() {
                left.push(path);
            } else if !kind.is_file() {
                return Err(Unknown(format!(
                    "`.git/{}` is neither file nor directory",
                    shown(&path)
                )));
            }
        }
    }
    Ok(())
}

/// The repository of a nested work tree: its own `.git` directory, or one below `.git/modules` of the top.
fn nested_git(work: &Path, top: &Path) -> Result<PathBuf, Unknown> {
    let dot = work.join(".git");
    match fs::symlink_metadata(&dot) {
        Ok(found) if found.is_dir() => return Ok(dot),
        Ok(found) if found.is_file() && found.len() < 8192 => {}
        _ => return Err(Unknown(format!("`{}` is no repository", shown(&dot)))),
    }
    let target = fs::read(&dot)
        .ok()
        .and_then(|content| gitfile(&content))
        .and_then(|target| lexical(&work.join(target)));
    let inside = target.filter(|target| target.starts_with(top.join("modules")));
    let plain = inside.filter(|target| {
        target
            .ancestors()
            .take_while(|above| *above != top)
            .all(|above| fs::symlink_metadata(above).is_ok_and(|found| found.is_dir()))
    });
    plain.ok_or_else(|| Unknown(format!("`{}` names a repository elsewhere", shown(&dot))))
}

fn stashes(git: &Path) -> u64 {
    let Ok(dir) = file::open_top(git) else { return 1 };
    let log = file::open_dir(dir.as_fd(), Path::new("logs/refs"))
        .and_then(|logs| file::read_small(logs.as_fd(), std::ffi::OsStr::new("stash"), LOG_MAX));
    let lines = log
        .ok()
        .flatten()
        .map_or(0, |log| log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count());
    lines.max(1) as u64
}
