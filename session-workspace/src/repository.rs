//! The `.git` of a copy: a repository of its own, written by us.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use session_core::{Error, Result, Uncommitted};

use crate::config::Settings;
use crate::copy::{Move, failed};
use crate::identity::Identity;
use crate::layout::Layout;
use crate::plan::Context;
use crate::refs::{Head, Refs, check_branch};
use crate::store::{Objects, stores};
use crate::tree::{Tree, scan};

/// Which branch a new repository is on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum On<'a> {
    /// A new one, from the source's HEAD.
    NewBranch(&'a str),
    /// The one that the source is on, or its commit.
    AsIs,
}

/// All that a new `.git` holds, found before anything is made.
#[derive(Debug)]
pub(crate) struct Repository {
    settings: Settings,
    work: PathBuf,
    refs: Refs,
    head: Head,
    stores: Vec<Tree>,
    files: Vec<(&'static str, Vec<u8>)>,
}

/// Files that all work trees share.
const SHARED: &[&str] = &["shallow", "info/exclude", "info/attributes"];
/// Files of one work tree.
const OWN: &[&str] = &["info/sparse-checkout"];
/// What git was in the middle of; it belongs to the uncommitted work. A rebase is not continued in a copy:
/// it would move a branch of another name.
const UNDERWAY: &[&str] =
    &["MERGE_HEAD", "MERGE_MODE", "MERGE_MSG", "SQUASH_MSG", "CHERRY_PICK_HEAD", "REVERT_HEAD"];

impl Repository {
    /// Reads what a copy of `layout`'s repository will hold.
    pub(crate) fn plan(
        layout: &Layout,
        on: On<'_>,
        uncommitted: Uncommitted,
        context: &Context<'_>,
    ) -> Result<Self> {
        let settings = layout.settings()?;
        let refs = Refs::read(&layout.common)?.for_copy();
        let mut head = Head::read(&layout.git, &refs)?;
        if let On::NewBranch(name) = on {
            check_branch(name, &refs)?;
            head.branch = Some(format!("refs/heads/{name}").into_bytes());
        }
        let mut files = Vec::new();
        let mut take = |dir: &Path, names: &[&'static str]| -> Result<()> {
            for name in names {
                match fs::read(dir.join(name)) {
                    Ok(content) => files.push((*name, content)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => {
                        let message = format!("can't read `{}`", dir.join(name).display());
                        return Err(Error::io("workspace.survey", message, error));
                    }
                }
            }
            Ok(())
        };
        take(&layout.common, SHARED)?;
        take(&layout.git, OWN)?;
        if uncommitted == Uncommitted::Carry {
            take(&layout.git, UNDERWAY)?;
        }
        let found = stores(&layout.common)?;
        let alone = found.len() == 1;
        let mut trees = Vec::new();
        for store in &found {
            trees.push(scan(store, &Objects { alone }, &[], context.threads, context.progress)?);
        }
        Ok(Self { settings, work: layout.work.clone(), refs, head, stores: trees, files })
    }

    /// The commit that HEAD names.
    pub(crate) fn commit(&self) -> Option<&str> {
        self.head.commit.as_deref()
    }

    /// Where the source keeps its objects.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        self.stores.iter().map(|store| store.root.clone()).collect()
    }

    /// Says who its user is to git, where its settings don't.
    pub(crate) fn identify(&mut self, identity: &Identity) {
        self.settings.complete(identity);
    }

    /// Writes everything but the objects and the index into `dest/.git`.
    pub(crate) fn make(&self, dest: &Path) -> Result<()> {
        let git = dest.join(".git");
        let write = || -> io::Result<()> {
            for dir in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"] {
                fs::create_dir_all(git.join(dir))?;
            }
            for (name, content) in &self.files {
                fs::write(git.join(name), content)?;
            }
            let mut refs = self.refs.clone();
            let head = match (&self.head.branch, &self.head.commit) {
                (Some(branch), commit) => {
                    if let Some(commit) = commit {
                        refs.0.insert(branch.clone(), crate::refs::Target::Object(commit.clone()));
                    }
                    [b"ref: ", branch.as_slice(), b"\n"].concat()
                }
                (None, Some(commit)) => format!("{commit}\n").into_bytes(),
                (None, None) => Vec::new(),
            };
            refs.write(&git)?;
            fs::write(git.join("HEAD"), head)?;
            fs::write(git.join("config"), self.settings.for_copy(&self.work, true))
        };
        write().map_err(|error| failed(&git, error))
    }

    /// The copying that brings the objects in.
    pub(crate) fn moves(&self, dest: &Path) -> Vec<Move<'_>> {
        let to = dest.join(".git/objects");
        self.stores
            .iter()
            .map(|tree| Move { tree, dest: to.clone(), keep_existing: true })
            .collect()
    }

    /// Writes files of HEAD that the source's work tree does not have in that form.
    pub(crate) fn check_out(&self, dest: &Path, paths: &[Vec<u8>]) -> Result<()> {
        let config = dest.join(".git/config");
        let plain = |text: String| fs::write(&config, text).map_err(|error| failed(&config, error));
        // libgit2 refuses a partial clone by its mere setting; what is checked out here is present.
        plain(self.settings.for_copy(&self.work, false))?;
        let check_out = || -> Result<(), git2::Error> {
            let flags = git2::RepositoryOpenFlags::NO_SEARCH | git2::RepositoryOpenFlags::NO_DOTGIT;
            let ceiling: [&std::ffi::OsStr; 0] = [];
            let repository = git2::Repository::open_ext(dest.join(".git"), flags, ceiling)?;
            let mut options = git2::build::CheckoutBuilder::new();
            options.force().update_index(false).disable_pathspec_match(true);
            for path in paths {
                options.path(std::ffi::OsStr::from_bytes(path).to_owned());
            }
            let tree = repository.head()?.peel_to_tree()?;
            repository.checkout_tree(tree.as_object(), Some(&mut options))
        };
        check_out().map_err(|error| {
            let kind = if error.class() == git2::ErrorClass::Os && error.message().contains("space")
            {
                session_core::ErrorKind::StorageFull
            } else {
                session_core::ErrorKind::Io
            };
            let message = format!(
                "can't write the committed form of `{}`",
                String::from_utf8_lossy(&paths[0])
            );
            Error::new(kind, "workspace.checkout", message).with_source(error)
        })?;
        plain(self.settings.for_copy(&self.work, true))
    }
}
