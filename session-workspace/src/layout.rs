//! Where the parts of a source's repository lie.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use session_core::{Error, ErrorKind, Result};

use crate::config::Settings;
use crate::tree::shown;

/// A work tree and its repository.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The work tree.
    pub(crate) work: PathBuf,
    /// What belongs to this work tree: HEAD, the index.
    pub(crate) git: PathBuf,
    /// What all work trees of the repository share: refs, objects, configuration.
    pub(crate) common: PathBuf,
    /// Whether `.git` is a file that names the repository (a linked work tree or a submodule).
    pub(crate) linked: bool,
}

impl Layout {
    /// Finds the repository whose work tree has its top at `work`; `None` if there is none.
    pub(crate) fn find(work: &Path) -> Result<Option<Self>> {
        let dot = work.join(".git");
        let Ok(found) = fs::metadata(&dot) else { return Ok(None) };
        let linked = fs::symlink_metadata(&dot).is_ok_and(|dot| !dot.is_dir());
        let git = if found.is_file() {
            let content = fs::read(&dot)
                .map_err(|error| Error::io("workspace.survey", "can't read `.git`", error))?;
            let Some(target) = gitfile(&content) else {
                return Err(broken(&dot, "is a file, but names no repository"));
            };
            work.join(target)
        } else {
            dot.clone()
        };
        let common = match fs::read(git.join("commondir")) {
            Ok(content) => git.join(OsStr::from_bytes(content.trim_ascii_end())),
            Err(_) => git.clone(),
        };
        if !git.join("HEAD").is_file() || !common.join("objects").is_dir() {
            if linked {
                return Err(broken(&dot, "names a repository that is not there"));
            }
            return Ok(None);
        }
        let whole = |path: PathBuf| {
            path.canonicalize().map_err(|error| {
                Error::io("workspace.survey", format!("can't find `{}`", shown(&path)), error)
            })
        };
        Ok(Some(Self { work: work.to_owned(), git: whole(git)?, common: whole(common)?, linked }))
    }

    /// Its settings; fails with `Unsupported` and the way out where this library can't read the repository.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let mut files = vec![self.common.join("config")];
        let own = self.git.join("config.worktree");
        if own.exists() {
            files.push(own);
        }
        let settings = Settings::read(&files)?;
        let work = shown(&self.work);
        let unsupported = |what: &str, way_out: &str| {
            let message = format!("`{work}` {what}; {way_out}");
            Err(Error::new(ErrorKind::Unsupported, "workspace.survey", message))
        };
        let copy = "take it as a plain copy (`--no-worktree`)";
        for (key, value) in settings.extensions() {
            match key {
                "objectformat" if value.eq_ignore_ascii_case("sha1") => {}
                "refstorage" if value.eq_ignore_ascii_case("files") => {}
                "partialclone" | "worktreeconfig" | "noop" | "preciousobjects"
                | "relativeworktrees" => {}
                "objectformat" => return unsupported(&format!("uses {value} object names"), copy),
                "refstorage" => {
                    return unsupported(&format!("keeps its refs in {value} format"), copy);
                }
                key => return unsupported(&format!("uses the git extension `{key}`"), copy),
            }
        }
        if let Some(elsewhere) = settings.value("core.worktree") {
            let elsewhere = self.git.join(elsewhere).canonicalize().ok();
            if elsewhere.as_deref() != Some(&self.work) {
                return unsupported(
                    "has its work tree elsewhere (core.worktree)",
                    "start from there",
                );
            }
        }
        Ok(settings)
    }
}

/// What a `.git` file names.
pub(crate) fn gitfile(content: &[u8]) -> Option<PathBuf> {
    let target = content.strip_prefix(b"gitdir:")?.trim_ascii();
    let target = target.split(|byte| *byte == b'\n').next()?;
    (!target.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(target)))
}

/// `path` without `.` and `..`, judged by its text alone; `None` if it leaves the root.
pub(crate) fn lexical(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !clean.pop() {
                    return None;
                }
            }
            part => clean.push(part),
        }
    }
    Some(clean)
}

fn broken(path: &Path, what: &str) -> Error {
    let message = format!(
        "`{}` {what}; mend it (`git worktree repair`), or take the directory without it (`--no-worktree --exclude /.git`)",
        shown(path)
    );
    Error::new(ErrorKind::InvalidInput, "workspace.survey", message)
}
