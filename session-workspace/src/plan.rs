//! A repository of its own with its work tree, nested ones included: first planned, then made.

use std::fs;
use std::io;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use session_core::{Error, ErrorKind, Progress, Result, Uncommitted};

use crate::carried::Carried;
use crate::copy::{Move, Run, failed};
use crate::head_index::{head_index, submodule};
use crate::identity::Identity;
use crate::index::{DIRECTORY, GITLINK, Index};
use crate::layout::Layout;
use crate::pattern::Patterns;
use crate::repository::{On, Repository};
use crate::rules::Rules;
use crate::store::database;
use crate::tree::{Tree, scan, shown};

/// How deep repositories may be nested.
const DEPTH: usize = 8;

/// What holds for a whole provision.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// How many threads may work.
    pub(crate) threads: NonZero<usize>,
    /// The line to the caller.
    pub(crate) progress: &'a Progress,
    /// Absolute paths that are never copied: where sessions live.
    pub(crate) omit: Vec<PathBuf>,
    /// The user's ignore file for all repositories.
    pub(crate) ignore_file: Vec<u8>,
    /// What is left out.
    pub(crate) exclude: Patterns,
    /// What comes along although it is ignored.
    pub(crate) include: Patterns,
}

impl Context<'_> {
    /// The paths to omit, as they are below `root`.
    pub(crate) fn omit_below(&self, root: &Path) -> Vec<PathBuf> {
        self.omit
            .iter()
            .filter_map(|path| path.strip_prefix(root).ok().map(Path::to_owned))
            .collect()
    }
}

/// A repository with its work tree, ready to be made.
#[derive(Debug)]
pub(crate) struct Planned {
    repository: Repository,
    index: Option<Index>,
    work: Tree,
    check_out: Vec<Vec<u8>>,
    nested: Vec<(PathBuf, Self)>,
    skipped: Vec<String>,
}

impl Planned {
    /// Looks at everything that will be copied; whatever would fail fails here.
    pub(crate) fn of(
        layout: &Layout,
        on: On<'_>,
        uncommitted: Uncommitted,
        context: &Context<'_>,
    ) -> Result<Self> {
        Self::at_depth(layout, on, uncommitted, context, 0)
    }

    /// The commit that it begins at.
    pub(crate) fn commit(&self) -> Option<&str> {
        self.repository.commit()
    }

    /// What can't come along, nested repositories included.
    pub(crate) fn skipped(&self) -> Vec<String> {
        let mut all = self.skipped.clone();
        for (path, nested) in &self.nested {
            all.extend(nested.skipped().iter().map(|skipped| format!("{}/{skipped}", shown(path))));
        }
        all
    }

    /// Has the copy say who its user is to git, in nested repositories too.
    pub(crate) fn identify(&mut self, identity: &Identity) {
        self.repository.identify(identity);
        self.nested.iter_mut().for_each(|(_, nested)| nested.identify(identity));
    }

    /// Makes it in the existing directory `dest`.
    pub(crate) fn make(&self, dest: &Path, run: &Run<'_>) -> Result<()> {
        self.repository.make(dest)?;
        let mut moves = self.repository.moves(dest);
        moves.push(Move { tree: &self.work, dest: dest.to_owned(), keep_existing: false });
        let mut stats = run.copy(&moves)?.pop().unwrap_or_default();
        run.progress().check("workspace.copy")?;
        if let Some(index) = &self.index {
            let mut index = index.clone();
            if !self.check_out.is_empty() {
                self.repository.check_out(dest, &self.check_out)?;
                let places = index.places();
                for path in &self.check_out {
                    let file = dest.join(std::ffi::OsStr::from_bytes(path));
                    if let (Some(place), Ok(stat)) = (places.get(path), rustix::fs::lstat(&file)) {
                        stats.push((*place, stat));
                    }
                }
            }
            index.settle(&stats);
            let file = dest.join(".git/index");
            fs::write(&file, index.bytes()).map_err(|error| failed(&file, error))?;
        }
        for (path, nested) in &self.nested {
            nested.make(&dest.join(path), run)?;
        }
        Ok(())
    }

    fn at_depth(
        layout: &Layout,
        on: On<'_>,
        uncommitted: Uncommitted,
        context: &Context<'_>,
        depth: usize,
    ) -> Result<Self> {
        if depth > DEPTH {
            let message = format!("`{}` is nested too deeply; exclude it", shown(&layout.work));
            return Err(Error::new(ErrorKind::Unsupported, "workspace.survey", message));
        }
        let repository = Repository::plan(layout, on, uncommitted, context)?;
        let mut index = read_index(&layout.git)?;
        let carry = uncommitted == Uncommitted::Carry;
        if !carry {
            index = match repository.commit() {
                Some(commit) => {
                    let objects = database(&repository.sources())?;
                    Some(head_index(&index.unwrap_or_else(Index::empty), &objects, commit)?)
                }
                None => None,
            };
        }
        let known = index.clone().unwrap_or_else(Index::empty);
        let exclude = fs::read(layout.common.join("info/exclude")).unwrap_or_default();
        let rules = Rules::default()
            .with(Path::new(""), &context.ignore_file)?
            .with(Path::new(""), &exclude)?;
        let select = Carried::new(&known, rules, carry, &context.exclude, &context.include);
        let omit = context.omit_below(&layout.work);
        let mut work = scan(&layout.work, &select, &omit, context.threads, context.progress)?;
        for leaf in work.dirs.iter_mut().flat_map(|dir| &mut dir.leaves) {
            if let Some(place) = leaf.tracked
                && !known.is_fresh(place, &leaf.stat)
            {
                // Without a place the index entry gets no stat data: git will compare the content.
                leaf.tracked = if carry { None } else { Some(u32::MAX) };
            }
        }
        let mut check_out = Vec::new();
        if !carry {
            work.retain(|leaf| leaf.tracked != Some(u32::MAX));
            check_out = missing(&known, &work);
        }
        let mut skipped = std::mem::take(&mut work.skipped);
        let mut nested = Vec::new();
        for path in std::mem::take(&mut work.nested) {
            match Self::nested(layout, &path, &known, uncommitted, context, depth)? {
                Nested::Comes(planned) => nested.push((path, *planned)),
                Nested::StaysEmpty(reason) => skipped.push(format!("{}: {reason}", shown(&path))),
                Nested::Stays(reason) => {
                    work.forget(&path);
                    skipped.push(format!("{}: {reason}", shown(&path)));
                }
            }
        }
        Ok(Self { repository, index, work, check_out, nested, skipped })
    }

    fn nested(
        outer: &Layout,
        path: &Path,
        index: &Index,
        uncommitted: Uncommitted,
        context: &Context<'_>,
        depth: usize,
    ) -> Result<Nested> {
        let wanted = submodule(index, path.as_os_str().as_bytes());
        let layout = match Layout::find(&outer.work.join(path)) {
            Ok(Some(layout)) => layout,
            Ok(None) => return Ok(Nested::Stays("its repository can't be read")),
            Err(error) if wanted.is_none() && error.kind() == ErrorKind::InvalidInput => {
                return Ok(Nested::Stays("its repository is not there"));
            }
            Err(error) => return Err(error),
        };
        if layout.linked && wanted.is_none() {
            return Ok(Nested::Stays(
                "is a linked work tree of a repository; start a session from it",
            ));
        }
        let planned = Self::at_depth(&layout, On::AsIs, uncommitted, context, depth + 1)?;
        if uncommitted == Uncommitted::LeaveOut && planned.commit() != wanted.as_deref() {
            return Ok(Nested::StaysEmpty(
                "is not at the committed state; run `git submodule update`",
            ));
        }
        Ok(Nested::Comes(Box::new(planned)))
    }
}

enum Nested {
    Comes(Box<Planned>),
    StaysEmpty(&'static str),
    Stays(&'static str),
}

/// Reads the index of a repository; `None` if it has none.
pub(crate) fn read_index(git: &Path) -> Result<Option<Index>> {
    let path = git.join("index");
    let failed = |error: io::Error| {
        Error::io("workspace.index", format!("can't read `{}`", shown(&path)), error)
    };
    let content = match fs::read(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let written = fs::metadata(&path).map_err(failed)?.mtime();
    Index::parse(&content, written).map(Some)
}

/// The files of a clean checkout that the source's work tree can't give.
fn missing(index: &Index, work: &Tree) -> Vec<Vec<u8>> {
    let mut given = vec![false; index.entries.len()];
    for (_, leaf) in work.leaves() {
        if let Some(mark) = leaf.tracked.and_then(|place| given.get_mut(place as usize)) {
            *mark = true;
        }
    }
    let plain = |mode: u32| mode != GITLINK && mode != DIRECTORY;
    index
        .entries
        .iter()
        .zip(given)
        .filter(|(entry, given)| !given && !entry.is_sparse() && plain(entry.mode))
        .map(|(entry, _)| entry.path.clone())
        .collect()
}
