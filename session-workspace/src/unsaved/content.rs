//! Files compared by content, opened without following a link.

use std::fs;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{self as sys, FileType, Mode, OFlags};

use crate::file;
use crate::tree::Leaf;

/// The mode that git would record for a file.
pub(super) fn kind_of(leaf: &Leaf) -> u32 {
    match FileType::from_raw_mode(leaf.stat.st_mode) {
        FileType::Symlink => 0o120_000,
        _ if leaf.stat.st_mode & 0o100 != 0 => 0o100_755,
        _ => 0o100_644,
    }
}

/// The name that git gives to a file's content.
pub(super) fn hash(top: &OwnedFd, path: &Path, leaf: &Leaf) -> Option<[u8; 20]> {
    use sha1::Digest as _;
    let mut sum = sha1::Sha1::new();
    if kind_of(leaf) == 0o120_000 {
        let target = link(top, path)?;
        sum.update(format!("blob {}\0", target.len()));
        sum.update(target);
    } else {
        let mut content = open(top, path)?;
        sum.update(format!("blob {}\0", leaf.stat.st_size));
        let mut buffer = vec![0; 1 << 16];
        loop {
            match content.read(&mut buffer).ok()? {
                0 => break,
                got => sum.update(&buffer[..got]),
            }
        }
    }
    Some(sum.finalize().into())
}

/// Whether the source has the same file at the same path.
pub(super) fn equal(mine: &OwnedFd, source: &OwnedFd, path: &Path, leaf: &Leaf) -> bool {
    if kind_of(leaf) == 0o120_000 {
        let target = link(mine, path);
        return target.is_some() && target == link(source, path);
    }
    let (Some(mut one), Some(mut other)) = (open(mine, path), open(source, path)) else {
        return false;
    };
    if one.metadata().ok().map(|found| found.len())
        != other.metadata().ok().map(|found| found.len())
    {
        return false;
    }
    let (mut a, mut b) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let Ok(got) = one.read(&mut a) else { return false };
        if got == 0 {
            return true;
        }
        if other.read_exact(&mut b[..got]).is_err() || a[..got] != b[..got] {
            return false;
        }
    }
}

/// Whether there is something at `path`, no link on the way.
pub(super) fn exists(top: &OwnedFd, path: &Path) -> bool {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return false };
    file::open_dir(top.as_fd(), parent)
        .and_then(|dir| sys::statat(dir, name, sys::AtFlags::SYMLINK_NOFOLLOW))
        .is_ok()
}

fn link(top: &OwnedFd, path: &Path) -> Option<Vec<u8>> {
    let dir = file::open_dir(top.as_fd(), path.parent()?).ok()?;
    Some(sys::readlinkat(&dir, path.file_name()?, Vec::new()).ok()?.into_bytes())
}

fn open(top: &OwnedFd, path: &Path) -> Option<fs::File> {
    let dir = file::open_dir(top.as_fd(), path.parent()?).ok()?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = sys::openat(&dir, path.file_name()?, flags, Mode::empty()).ok()?;
    file::is_file(&sys::fstat(&file).ok()?).then(|| file.into())
}
