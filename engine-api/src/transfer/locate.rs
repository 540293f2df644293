//! Where a path of a container is on the host.
//!
//! The container's processes make the links in it, so none is followed as the host would: each is
//! read, and leads to a path of the container. On the host everything goes by handles on
//! directories, so that a link that is put in the place of one meanwhile leads nowhere.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use session_core::{Error, ErrorKind, Result};

use super::ground::{Ground, MountKind, normal};

/// How many links may lead to one place; as the kernel has it.
const HOPS: usize = 40;
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Where it is.
pub(super) enum Located {
    Host(Found),
    /// Only the engine gets there, by this path.
    Engine(Utf8PathBuf),
}

/// A place on the host: what is there of the way to it, and the names that are left.
pub(super) struct Found {
    directory: OwnedFd,
    rest: Vec<String>,
}

/// What to do with a link at the path's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// It is meant itself.
    Named,
    /// What it leads to is meant.
    Followed,
}

impl Ground {
    pub(super) async fn locate(
        &self,
        operation: &'static str,
        path: &Utf8Path,
        last: Last,
    ) -> Result<Located> {
        let (ground, path) = (self.clone(), path.to_owned());
        blocking(operation, move || locate(&ground, operation, path, last)).await
    }
}

fn locate(
    ground: &Ground,
    operation: &'static str,
    path: Utf8PathBuf,
    last: Last,
) -> Result<Located> {
    let mut path = path;
    for _ in 0..HOPS {
        if ground.has_mounts_below(&path) {
            return Ok(Located::Engine(path));
        }
        let Some(mount) = ground.mount(&path) else { return Ok(Located::Engine(path)) };
        let MountKind::Host(source) = &mount.kind else { return Ok(Located::Engine(path)) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = match rustix::fs::open(source.as_str(), flags, Mode::empty()) {
            Ok(root) => root,
            // Not on this host under that name, or a single file.
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Located::Engine(path)),
            Err(errno) => return Err(refused(operation, &path, errno)),
        };
        let names: Vec<_> = path
            .strip_prefix(&mount.target)
            .expect("a mount that a path is in is the path's beginning")
            .iter()
            .map(str::to_owned)
            .collect();
        match walk(root, &mount.target, names, last) {
            Ok(Step::Found(found)) => return Ok(Located::Host(found)),
            Ok(Step::Leads(to)) => path = to,
            Err(errno) => return Err(refused(operation, &path, errno)),
        }
    }
    Err(refused(operation, &path, Errno::LOOP))
}

enum Step {
    Found(Found),
    /// To another path of the container.
    Leads(Utf8PathBuf),
}

fn walk(root: OwnedFd, target: &Utf8Path, names: Vec<String>, last: Last) -> Result<Step, Errno> {
    let mut directory = root;
    for (index, name) in names.iter().enumerate() {
        let is_last = index + 1 == names.len();
        let rest = || names[index..].to_vec();
        let found = match rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => FileType::from_raw_mode(found.st_mode),
            Err(Errno::NOENT) => return Ok(Step::Found(Found { directory, rest: rest() })),
            Err(errno) => return Err(errno),
        };
        if is_last && last == Last::Named {
            return Ok(Step::Found(Found { directory, rest: rest() }));
        }
        if found == FileType::Symlink {
            let to = rustix::fs::readlinkat(&directory, name, Vec::new())?;
            let to = to.into_string().map_err(|_| Errno::ILSEQ)?;
            let from: Utf8PathBuf = names[..index].iter().collect();
            let after: Utf8PathBuf = names[index + 1..].iter().collect();
            return Ok(Step::Leads(normal(&target.join(from).join(to).join(after))));
        }
        if is_last && found != FileType::Directory {
            return Ok(Step::Found(Found { directory, rest: rest() }));
        }
        directory = rustix::fs::openat(&directory, name, DIRECTORY, Mode::empty())?;
    }
    Ok(Step::Found(Found { directory, rest: Vec::new() }))
}

/// The directory itself, made where missing.
pub(super) async fn make(
    operation: &'static str,
    found: Found,
    path: &Utf8Path,
) -> Result<OwnedFd> {
    let path = path.to_owned();
    blocking(operation, move || {
        found
            .rest
            .iter()
            .try_fold(found.directory, |directory, name| {
                match rustix::fs::mkdirat(&directory, name, Mode::from_bits_truncate(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno),
                }
                rustix::fs::openat(&directory, name, DIRECTORY, Mode::empty())
            })
            .map_err(|errno| refused(operation, &path, errno))
    })
    .await
}

/// The directory that it lies in and its name there; `NotFound` if it is not there.
pub(super) async fn existing(
    operation: &'static str,
    found: Found,
    path: &Utf8Path,
) -> Result<(OwnedFd, OsString)> {
    let path = path.to_owned();
    blocking(operation, move || {
        let Found { directory, rest } = found;
        let [name] = rest.as_slice() else {
            return match rest.is_empty() {
                true => Ok((directory, OsString::from("."))),
                false => Err(refused(operation, &path, Errno::NOENT)),
            };
        };
        rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| refused(operation, &path, errno))?;
        Ok((directory, name.into()))
    })
    .await
}

fn refused(operation: &'static str, path: &Utf8Path, errno: Errno) -> Error {
    match errno {
        Errno::NOENT => {
            let message = format!("`{path}` is not there; list what is with `sessctl exec`");
            Error::new(ErrorKind::NotFound, operation, message)
                .with_source(std::io::Error::from(errno))
        }
        Errno::NOTDIR | Errno::LOOP | Errno::ILSEQ => {
            let message = format!("`{path}` leads through what is no directory; name another");
            Error::new(ErrorKind::InvalidInput, operation, message)
                .with_source(std::io::Error::from(errno))
        }
        errno => Error::io(operation, format!("can't reach `{path}`"), errno.into()),
    }
}

/// Runs blocking work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, operation, "a worker panicked; please report it")
            .with_source(error))
    })
}
