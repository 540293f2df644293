//! HEAD and refs, read from their files and written as one.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use session_core::{Error, ErrorKind, Result};

use crate::file;
use crate::tree::shown;

/// More than any ref file has.
const REF_MAX: u64 = 4096;
/// More than any sane `packed-refs` has.
const PACKED_MAX: u64 = 1 << 30;

/// What a ref holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An object's name, 40 hexadecimal digits.
    Object(String),
    /// Another ref's name.
    Ref(Vec<u8>),
}

/// The refs of a repository by full name, in git's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refs(pub(crate) BTreeMap<Vec<u8>, Target>);

impl Refs {
    /// Reads `packed-refs` and the files below `refs/`, which win. Links and special files are not read.
    pub(crate) fn read(common: &Path) -> Result<Self> {
        let failed = |error: io::Error| {
            Error::io(
                "workspace.refs",
                format!("can't read the refs of `{}`", shown(common)),
                error,
            )
        };
        let top = file::open_top(common).map_err(|errno| failed(errno.into()))?;
        let mut refs = BTreeMap::new();
        let packed =
            file::read_small(std::os::fd::AsFd::as_fd(&top), OsStr::new("packed-refs"), PACKED_MAX)
                .map_err(|errno| failed(errno.into()))?;
        for line in packed.unwrap_or_default().split(|byte| *byte == b'\n') {
            if let Some((object, name)) = packed_line(line) {
                refs.insert(name.to_vec(), Target::Object(object));
            }
        }
        let mut dirs = vec![PathBuf::from("refs")];
        while let Some(dir) = dirs.pop() {
            let Ok(entries) = fs::read_dir(common.join(&dir)) else { continue };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                let path = dir.join(entry.file_name());
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    dirs.push(path);
                } else if kind.is_file()
                    && let Some(target) = read_one(common, &path)?
                {
                    refs.insert(path.as_os_str().as_bytes().to_vec(), target);
                }
            }
        }
        Ok(Self(refs))
    }

    /// The object that a ref comes to in the end; `None` for an unborn branch.
    pub(crate) fn resolve(&self, name: &[u8]) -> Option<&str> {
        let mut name = name;
        for _ in 0..5 {
            match self.0.get(name)? {
                Target::Object(object) => return Some(object),
                Target::Ref(next) => name = next,
            }
        }
        None
    }

    /// Keeps what a copy has a use for: no stash, nothing that belongs to a work tree.
    pub(crate) fn for_copy(mut self) -> Self {
        let own: [&[u8]; 5] = [
            b"refs/stash",
            b"refs/bisect/",
            b"refs/worktree/",
            b"refs/rewritten/",
            b"refs/original/",
        ];
        self.0.retain(|name, _| !own.iter().any(|prefix| name.starts_with(prefix)));
        self
    }

    /// Writes them into a new repository: objects into `packed-refs`, the symbolic ones as files.
    ///
    /// Without a line that says what the file is like: it could only be half of what git writes there (`sorted`, but not
    /// `peeled`), and there are readers that take all of it or none, such as Python's usual one.
    pub(crate) fn write(&self, git: &Path) -> io::Result<()> {
        let mut packed = Vec::new();
        for (name, target) in &self.0 {
            match target {
                Target::Object(object) => {
                    packed.extend_from_slice(object.as_bytes());
                    packed.push(b' ');
                    packed.extend_from_slice(name);
                    packed.push(b'\n');
                }
                Target::Ref(next) => {
                    let path = git.join(OsStr::from_bytes(name));
                    fs::create_dir_all(path.parent().unwrap_or(git))?;
                    fs::write(path, [b"ref: ", next.as_slice(), b"\n"].concat())?;
                }
            }
        }
        fs::write(git.join("packed-refs"), packed)
    }
}

/// Reads HEAD (or another ref outside `refs/`) of a repository; `None` if it is missing or no plain file.
pub(crate) fn read_one(git: &Path, path: &Path) -> Result<Option<Target>> {
    let failed = |error: io::Error| {
        Error::io("workspace.refs", format!("can't read the ref `{}`", shown(path)), error)
    };
    let dir = git.join(path);
    let (Some(dir), Some(name)) = (dir.parent(), path.file_name()) else { return Ok(None) };
    let dir = match file::open_top(dir) {
        Ok(dir) => dir,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(failed(errno.into())),
    };
    let content = file::read_small(std::os::fd::AsFd::as_fd(&dir), name, REF_MAX)
        .map_err(|errno| failed(errno.into()))?;
    let Some(content) = content else { return Ok(None) };
    let content = content.trim_ascii();
    if let Some(target) = content.strip_prefix(b"ref:") {
        let target = target.trim_ascii();
        let sound = target.starts_with(b"refs/") && !target.contains(&b'\n');
        return Ok(sound.then(|| Target::Ref(target.to_vec())));
    }
    Ok(content.get(..40).and_then(object).map(Target::Object))
}

/// Where a work tree stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The full name of the branch's ref; `None` on a detached HEAD.
    pub(crate) branch: Option<Vec<u8>>,
    /// The commit; `None` on an unborn branch.
    pub(crate) commit: Option<String>,
}

impl Head {
    /// Reads the HEAD of `git`.
    pub(crate) fn read(git: &Path, refs: &Refs) -> Result<Self> {
        match read_one(git, Path::new("HEAD"))? {
            Some(Target::Object(commit)) => Ok(Self { branch: None, commit: Some(commit) }),
            Some(Target::Ref(name)) => {
                let commit = refs.resolve(&name).map(str::to_owned);
                Ok(Self { branch: Some(name), commit })
            }
            None => {
                let message = format!(
                    "`{}` has no readable HEAD; see what `git status` says there",
                    shown(git)
                );
                Err(Error::new(ErrorKind::Damaged, "workspace.refs", message))
            }
        }
    }

    /// The branch's short name, lossy where it is not UTF-8.
    pub(crate) fn short(&self) -> Option<String> {
        let name = self.branch.as_deref()?;
        let name = name.strip_prefix(b"refs/heads/").unwrap_or(name);
        Some(String::from_utf8_lossy(name).into_owned())
    }
}

/// Checks the name of a new branch against git's rules and the source's branches.
pub(crate) fn check_branch(name: &str, refs: &Refs) -> Result<()> {
    let shown: String = name.escape_debug().take(100).collect();
    let full = format!("refs/heads/{name}");
    let sound = !name.is_empty()
        && !name.starts_with('-')
        && name != "HEAD"
        && name.len() <= 200
        && git2::Reference::is_valid_name(&full);
    if !sound {
        let message = format!(
            "`{shown}` can't name a branch; use letters, digits and `-`, `_`, `/` between them (`feature/login`)"
        );
        return Err(Error::new(ErrorKind::InvalidInput, "workspace.branch", message));
    }
    let taken = |other: &[u8], why: &str| {
        let other = String::from_utf8_lossy(other.strip_prefix(b"refs/heads/").unwrap_or(other))
            .into_owned();
        let message =
            format!("the source has a branch `{other}`{why}; choose another name (`--branch`)");
        Err(Error::new(ErrorKind::AlreadyExists, "workspace.branch", message))
    };
    for other in refs.0.keys().filter(|other| other.starts_with(b"refs/heads/")) {
        if other == full.as_bytes() {
            return taken(other, "");
        }
        let (long, short) = if other.len() > full.len() {
            (other.as_slice(), full.as_bytes())
        } else {
            (full.as_bytes(), other.as_slice())
        };
        if long.starts_with(short) && long.get(short.len()) == Some(&b'/') {
            return taken(other, &format!(", and git can't keep `{shown}` beside it"));
        }
    }
    Ok(())
}

fn packed_line(line: &[u8]) -> Option<(String, &[u8])> {
    let name = line.get(41..)?.trim_ascii_end();
    let sound = line.get(40) == Some(&b' ') && name.starts_with(b"refs/");
    sound.then_some((object(&line[..40])?, name))
}

fn object(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    (text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| text.to_ascii_lowercase())
}
