//! Where a project's `devcontainer.json` is, and how it is read and written.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Mode, OFlags};

use super::OPERATION;
use crate::{Error, ErrorKind, Result};

const DIRECTORY: &str = ".devcontainer";
const NAME: &str = "devcontainer.json";
const HIDDEN_NAME: &str = ".devcontainer.json";
/// More than anybody writes by hand.
const LIMIT: u64 = 1024 * 1024;

/// What a project without a file gets: an image that has the user `vscode`.
///
/// A file that says just this is ours, and is removed with the mounts.
const FRESH: &str =
    "// Made by `sessctl devcontainer apply`; https://containers.dev says what else can stand here.
{
  \"image\": \"mcr.microsoft.com/devcontainers/base:ubuntu\"
}
";

/// A project's `devcontainer.json`, read, or the one that it could have.
#[derive(Debug)]
pub struct DevContainerFile {
    /// The file itself, with all links resolved.
    path: Utf8PathBuf,
    /// What it said when it was read; `None` if there is none yet.
    found: Option<String>,
}

impl DevContainerFile {
    /// Finds and reads the file of a project's directory, or the file that `path` is. Only reads.
    ///
    /// `InvalidInput` where a project has several of them; name one then.
    ///
    /// A link is followed only as long as it stays in the project: a project may come from
    /// anybody, and must not choose which of the user's files is rewritten.
    pub fn find(path: &Utf8Path) -> Result<Self> {
        let kind = fs::metadata(path).map_err(|error| failed("can't look at", path, error));
        if kind.is_err() && path.extension() == Some("json") {
            return Self::new_file(path);
        }
        let kind = kind?;
        if !kind.is_dir() {
            return Self::read(path, &project_of(path)?);
        }
        let project = resolved(path)?;
        match candidates(&project)?.as_slice() {
            [] => {
                let mut directory = project.join(DIRECTORY);
                if fs::symlink_metadata(&directory).is_ok() {
                    directory = within(&project, &directory)?;
                }
                Ok(Self { path: directory.join(NAME), found: None })
            }
            [one] => Self::read(one, &project),
            several => {
                let list: Vec<_> =
                    several.iter().map(|path| format!("`{}`", shown(path))).collect();
                let message = format!("there are several files; name one: {}", list.join(", "));
                Err(Error::new(ErrorKind::InvalidInput, OPERATION, message))
            }
        }
    }

    /// Where it is, or will be.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// What it says, or what a new one says.
    pub(super) fn text(&self) -> &str {
        self.found.as_deref().unwrap_or(FRESH)
    }

    /// Whether there is a file.
    pub fn is_there(&self) -> bool {
        self.found.is_some()
    }

    /// Writes it whole or not at all, with the access and the owner that it had; tells whether
    /// anything changed. A file that was made for the mounts and has none any more is removed.
    pub(super) fn write(&self, text: &str) -> Result<bool> {
        if self.found.as_deref() == Some(text) || (self.found.is_none() && text == FRESH) {
            return Ok(false);
        }
        let parent = parent_of(&self.path);
        if text == FRESH {
            fs::remove_file(&self.path)
                .map_err(|error| failed("can't remove", &self.path, error))?;
            if parent.file_name() == Some(DIRECTORY) {
                let _ = fs::remove_dir(parent); // others' files keep it
            }
            return Ok(true);
        }
        if self.found.is_none() && !parent.is_dir() {
            fs::create_dir(parent).map_err(|error| failed("can't make", parent, error))?;
        }
        self.replace(parent, text).map(|()| true)
    }

    fn replace(&self, parent: &Utf8Path, text: &str) -> Result<()> {
        let failed = |error| failed("can't write", &self.path, error);
        // As any new file: the umask takes away what it takes away.
        let mut file = tempfile::Builder::new()
            .prefix(".devcontainer-")
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(parent)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        match &self.found {
            Some(found) => {
                let before = fs::metadata(&self.path).map_err(failed)?;
                let made = file.as_file().metadata().map_err(failed)?;
                if (before.uid(), before.gid()) != (made.uid(), made.gid()) {
                    chown(file.path(), Some(before.uid()), Some(before.gid())).map_err(failed)?;
                }
                file.as_file().set_permissions(before.permissions()).map_err(failed)?;
                file.as_file().sync_all().map_err(failed)?;
                if read(&self.path)? != *found {
                    let reason = "was changed meanwhile; do it again";
                    return Err(Error::new(
                        ErrorKind::Busy,
                        OPERATION,
                        format!("`{}` {reason}", shown(&self.path)),
                    ));
                }
                file.persist(&self.path).map_err(|error| failed(error.error))?;
            }
            None => {
                file.as_file().sync_all().map_err(failed)?;
                file.persist_noclobber(&self.path).map_err(|error| failed(error.error))?;
            }
        }
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)
    }

    fn read(path: &Utf8Path, project: &Utf8Path) -> Result<Self> {
        let real = within(project, path)?;
        let found = Some(read(&real)?);
        Ok(Self { path: real, found })
    }

    fn new_file(path: &Utf8Path) -> Result<Self> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(refused(path, "is a link that leads nowhere; remove it"));
        }
        let directory = within(&project_of(path)?, parent_of(path))?;
        Ok(Self { path: directory.join(path.file_name().unwrap_or(NAME)), found: None })
    }
}

/// The files that a project may have, those that others would take first first. One of the two
/// usual ones comes before all named ones.
fn candidates(project: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    let is_file = |path: &Utf8PathBuf| fs::symlink_metadata(path).is_ok_and(|kind| !kind.is_dir());
    let directory = project.join(DIRECTORY);
    let usual = [directory.join(NAME), project.join(HIDDEN_NAME)];
    if let Some(one) = usual.into_iter().find(is_file) {
        return Ok(vec![one]);
    }
    let Ok(entries) = directory.read_dir_utf8() else { return Ok(Vec::new()) };
    let mut named = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed("can't read", &directory, error))?;
        named.push(entry.path().join(NAME));
    }
    named.retain(is_file);
    named.sort();
    Ok(named)
}

/// The project that a file is of: its directory, or the one above the `.devcontainer` that it is in.
///
/// By the path as it was named: a `.devcontainer` that is a link is still the project's.
fn project_of(file: &Utf8Path) -> Result<Utf8PathBuf> {
    let parent = parent_of(file);
    let above = parent.ancestors().take(2).find(|above| above.file_name() == Some(DIRECTORY));
    resolved(above.map_or(parent, parent_of))
}

fn parent_of(path: &Utf8Path) -> &Utf8Path {
    path.parent().filter(|parent| !parent.as_str().is_empty()).unwrap_or(Utf8Path::new("."))
}

/// The path with all links resolved, if that is in the project.
fn within(project: &Utf8Path, path: &Utf8Path) -> Result<Utf8PathBuf> {
    let real = resolved(path)?;
    if real.starts_with(project) {
        return Ok(real);
    }
    let reason =
        format!("leads out of the project, to `{}`; name what is there itself", shown(&real));
    Err(refused(path, &reason))
}

fn read(path: &Utf8Path) -> Result<String> {
    // Opening a fifo must not wait for somebody to write to it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path.as_std_path(), flags, Mode::empty())
        .map_err(|error| failed("can't read", path, error.into()))?;
    let file = File::from(file);
    let kind = file.metadata().map_err(|error| failed("can't read", path, error))?;
    if !kind.is_file() {
        return Err(refused(path, "is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed("can't read", path, error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(refused(path, "has more than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| refused(path, "is not UTF-8"))
}

fn resolved(path: &Utf8Path) -> Result<Utf8PathBuf> {
    path.canonicalize_utf8().map_err(|error| failed("can't look at", path, error))
}

fn failed(doing: &str, path: &Utf8Path, error: std::io::Error) -> Error {
    Error::io(OPERATION, format!("{doing} `{}`", shown(path)), error)
}

fn refused(path: &Utf8Path, reason: &str) -> Error {
    let message = format!("`{}` {reason}", shown(path));
    Error::new(ErrorKind::InvalidInput, OPERATION, message)
}

/// With nothing in it that a terminal would obey.
fn shown(path: &Utf8Path) -> impl std::fmt::Display {
    path.as_str().escape_debug()
}
