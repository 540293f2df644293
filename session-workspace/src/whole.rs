//! A copy of a whole directory, `.git` included, minus what is excluded.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use session_core::{Error, ErrorKind, Result, Uncommitted};

use crate::carried::special;
use crate::copy::{Move, Run, failed};
use crate::index::Index;
use crate::layout::{Layout, gitfile, lexical};
use crate::pattern::{DockerIgnore, Patterns, Verdict};
use crate::plan::{Context, read_index};
use crate::repository::{On, Repository};
use crate::store::{Objects, stores};
use crate::tree::{Entry, Make, Pick, Select, Tree, scan, shown};

/// A directory ready to be copied.
#[derive(Debug)]
pub(crate) struct Whole {
    tree: Tree,
    index: Option<Index>,
    /// In place of a `.git` that is a file: a repository of its own.
    repository: Option<Repository>,
    /// Stores that the source borrows from.
    borrowed: Vec<Tree>,
    /// `.git` files that name a repository by an absolute path inside the source.
    gitfiles: Vec<(PathBuf, Vec<u8>)>,
    skipped: Vec<String>,
}

impl Whole {
    /// Looks at everything that will be copied; whatever would fail fails here.
    pub(crate) fn of(
        source: &Path,
        layout: Option<&Layout>,
        context: &Context<'_>,
    ) -> Result<Self> {
        let keeps_git = context.exclude.verdict(Path::new(".git"), true) != Verdict::Named;
        let layout = layout.filter(|_| keeps_git);
        let mut index = None;
        let mut repository = None;
        let mut borrowed = Vec::new();
        if let Some(layout) = layout {
            layout.work_tree_is_here()?;
            index = read_index(&layout.git).ok().flatten();
            if layout.linked {
                repository = Some(Repository::plan(layout, On::AsIs, Uncommitted::Carry, context)?);
            } else {
                for store in stores(&layout.common)?.iter().skip(1) {
                    borrowed.push(scan(
                        store,
                        &Objects { alone: false },
                        &[],
                        context.threads,
                        context.progress,
                    )?);
                }
            }
        }
        let known = index.clone().unwrap_or_else(Index::empty);
        let select = Everything {
            places: known.places(),
            linked: layout.is_some_and(|layout| layout.linked),
            merges: !borrowed.is_empty(),
            left_out: LeftOut::of(source, &context.exclude)?,
        };
        let omit = context.omit_below(source);
        let mut tree = scan(source, &select, &omit, context.threads, context.progress)?;
        for leaf in tree.dirs.iter_mut().flat_map(|dir| &mut dir.leaves) {
            leaf.tracked = leaf.tracked.filter(|place| known.is_fresh(*place, &leaf.stat));
        }
        let mut skipped = std::mem::take(&mut tree.skipped);
        let gitfiles = detach(&mut tree, &mut skipped)?;
        Ok(Self { tree, index, repository, borrowed, gitfiles, skipped })
    }

    /// What can't come along.
    pub(crate) fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Makes it in the existing directory `dest`.
    pub(crate) fn make(&self, dest: &Path, run: &Run<'_>) -> Result<()> {
        let mut moves = Vec::new();
        if let Some(repository) = &self.repository {
            repository.make(dest)?;
            moves = repository.moves(dest);
        }
        moves.push(Move { tree: &self.tree, dest: dest.to_owned(), keep_existing: false });
        let stats = run.copy(&moves)?.pop().unwrap_or_default();
        let objects = dest.join(".git/objects");
        let borrowed: Vec<_> = self
            .borrowed
            .iter()
            .map(|tree| Move { tree, dest: objects.clone(), keep_existing: true })
            .collect();
        run.copy(&borrowed)?;
        for (path, content) in &self.gitfiles {
            let path = dest.join(path);
            fs::write(&path, content).map_err(|error| failed(&path, error))?;
        }
        if let Some(index) = &self.index {
            let mut index = index.clone();
            index.settle(&stats);
            let path = dest.join(".git/index");
            fs::write(&path, index.bytes()).map_err(|error| failed(&path, error))?;
        }
        Ok(())
    }
}

/// The patterns that leave parts of a directory out of a whole copy.
#[derive(Debug)]
pub(crate) struct LeftOut {
    exclude: Patterns,
    own: Patterns,
    docker: DockerIgnore,
}

impl LeftOut {
    /// What was asked for, and what the ignore files at the top of `source` say.
    pub(crate) fn of(source: &Path, exclude: &Patterns) -> Result<Self> {
        Ok(Self {
            exclude: exclude.clone(),
            own: Patterns::file(&top_file(source, ".sessctlignore")?)?,
            docker: DockerIgnore::file(&top_file(source, ".dockerignore")?)?,
        })
    }

    /// Whether a path or a directory above it is left out.
    pub(crate) fn names(&self, path: &Path) -> bool {
        self.docker.leaves_out(path)
            || path.ancestors().any(|part| self.names_itself(part, part != path))
    }

    fn names_itself(&self, path: &Path, is_dir: bool) -> bool {
        let named = |patterns: &Patterns| patterns.verdict(path, is_dir) == Verdict::Named;
        path != Path::new("") && (named(&self.exclude) || named(&self.own))
    }
}

/// Wants everything that no pattern leaves out.
struct Everything {
    places: std::collections::HashMap<Vec<u8>, u32>,
    linked: bool,
    merges: bool,
    left_out: LeftOut,
}

impl Everything {
    /// Parts of a repository that would tie the copy to the source, or are of the moment.
    fn ties(&self, path: &Path) -> bool {
        let Some(parent) = path.parent() else { return false };
        let ends = |name: &str| path.file_name() == Some(OsStr::new(name));
        (ends("worktrees") && parent.file_name() == Some(OsStr::new(".git")))
            || (path.extension() == Some(OsStr::new("lock")) && path.starts_with(".git"))
            || (self.merges
                && path.starts_with(".git/objects/info")
                && (ends("alternates") || ends("commit-graph") || ends("commit-graphs")))
    }
}

impl Select for Everything {
    type Scope = ();

    fn top(&self) {}

    fn enter(&self, (): (), _: BorrowedFd<'_>, _: &Path, _: &[Entry]) -> Result<()> {
        Ok(())
    }

    fn pick(&self, (): &(), path: &Path, kind: FileType) -> Pick<()> {
        use std::os::unix::ffi::OsStrExt as _;
        let dir = kind == FileType::Directory;
        let mut make = Make::Always;
        // No pattern reaches into a repository: `build` must not take a branch of that name away.
        let inside_git = path.iter().any(|part| part == ".git");
        let top_git = path == Path::new(".git");
        if inside_git && self.ties(path) || top_git && self.linked {
            return Pick::Leave;
        }
        if !inside_git || path.file_name() == Some(OsStr::new(".git")) {
            if self.left_out.names_itself(path, dir) {
                return Pick::Leave;
            }
            // A `.dockerignore` is written for images and often names `.git`; a session needs it.
            if !top_git && self.left_out.docker.leaves_out(path) {
                if !dir || !self.left_out.docker.has_exceptions() {
                    return Pick::Leave;
                }
                make = Make::IfFilled;
            }
        }
        if dir {
            return Pick::Enter((), make);
        }
        match special(kind) {
            Some(what) => Pick::Skip(what),
            None => Pick::Take(self.places.get(path.as_os_str().as_bytes()).copied()),
        }
    }
}

/// Sees to nested `.git` files: those that name a repository inside the copy are made relative, the others stay.
fn detach(tree: &mut Tree, skipped: &mut Vec<String>) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut rewritten = Vec::new();
    let root = tree.root.clone();
    for dir in &mut tree.dirs {
        let path = dir.path.clone();
        let mut stays = false;
        for leaf in
            dir.leaves.iter().filter(|leaf| leaf.name == ".git" && !path.as_os_str().is_empty())
        {
            let target =
                fs::read(root.join(&path).join(".git")).ok().and_then(|content| gitfile(&content));
            let inside = target.as_ref().and_then(|target| {
                let whole = lexical(&root.join(&path).join(target))?;
                whole.strip_prefix(&root).ok().map(Path::to_owned)
            });
            match (inside, target) {
                // A linked work tree of the top repository: what it is tied to is not copied.
                (Some(inside), _) if inside.starts_with(".git/worktrees") => stays = true,
                (Some(inside), Some(target)) if target.is_absolute() => {
                    let up = "../".repeat(path.components().count());
                    let text = [
                        b"gitdir: ".as_slice(),
                        up.as_bytes(),
                        {
                            use std::os::unix::ffi::OsStrExt as _;
                            inside.as_os_str().as_bytes()
                        },
                        b"\n",
                    ];
                    rewritten.push((path.join(&leaf.name), text.concat()));
                }
                (Some(_), _) => {}
                (None, _) => stays = true,
            }
        }
        if stays {
            dir.leaves.retain(|leaf| leaf.name != ".git");
            skipped.push(format!(
                "{}: names a repository outside the copy; the files came along without it",
                shown(&path.join(".git"))
            ));
        }
    }
    Ok(rewritten)
}

fn top_file(source: &Path, name: &str) -> Result<Vec<u8>> {
    match fs::read(source.join(name)) {
        Ok(content) => Ok(content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(Vec::new()),
        Err(error) => Err(Error::io("workspace.survey", format!("can't read `{name}`"), error)),
    }
}

impl Layout {
    fn work_tree_is_here(&self) -> Result<()> {
        let settings = crate::config::Settings::read(&[self.common.join("config")])?;
        let elsewhere =
            settings.value("core.worktree").map(|path| self.git.join(path).canonicalize().ok());
        if elsewhere.is_some_and(|path| path.as_deref() != Some(&self.work)) {
            let message =
                "the repository has its work tree elsewhere (core.worktree); start from there";
            return Err(Error::new(ErrorKind::Unsupported, "workspace.survey", message));
        }
        Ok(())
    }
}
