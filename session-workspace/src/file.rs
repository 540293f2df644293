//! Single files and directories: opening without following links, and copying in the cheapest way.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{self as sys, AtFlags, Mode, OFlags, SeekFrom, Stat, Timespec};
use rustix::io::Errno;

use crate::platform;

/// What a copy learned about the file systems, and what it must know of its process.
#[derive(Debug)]
pub(crate) struct Ways {
    clone: AtomicBool,
    range: AtomicBool,
    /// The bits that the process takes from every new file.
    umask: Mode,
}

impl Ways {
    /// Supposes the best until the file system says otherwise.
    pub(crate) fn new(umask: u32) -> Self {
        let umask = Mode::from_raw_mode(umask as _);
        Self { clone: AtomicBool::new(true), range: AtomicBool::new(true), umask }
    }
}

/// What a copied file was found to be at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Nothing is asked.
    Nothing,
    /// Its new stat data, if the source was the same file all the while.
    Stat,
}

/// Why a file was not copied.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is gone from the source.
    Vanished,
    /// The destination has that name already.
    Taken,
    /// Anything else.
    Other(io::Error),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Other(errno.into())
    }
}

/// Opens the directory `relative` below `top`; no component may be a link.
pub(crate) fn open_dir(top: BorrowedFd<'_>, relative: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if relative.as_os_str().is_empty() {
        return sys::openat(top, c".", flags, Mode::empty());
    }
    if let Some(opened) = platform::open_beneath(top, relative, flags) {
        return opened;
    }
    let mut dir = sys::openat(top, c".", flags, Mode::empty())?;
    for part in relative.iter() {
        dir = sys::openat(&dir, part, flags | OFlags::NOFOLLOW, Mode::empty())?;
    }
    Ok(dir)
}

/// Opens the top of a tree, which may be reached through links.
pub(crate) fn open_top(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    sys::openat(sys::CWD, path, flags, Mode::empty())
}

/// Reads a small regular file of a directory; `None` if there is none, or it is something else (a link, a
/// fifo), or longer than `limit` bytes.
pub(crate) fn read_small(
    dir: BorrowedFd<'_>,
    name: &OsStr,
    limit: u64,
) -> rustix::io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match sys::openat(dir, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let stat = sys::fstat(&file)?;
    if !is_file(&stat) || stat.st_size as u64 > limit {
        return Ok(None);
    }
    let mut content = Vec::with_capacity(stat.st_size as usize);
    let mut file = std::fs::File::from(file);
    io::Read::read_to_end(&mut io::Read::take(&mut file, limit), &mut content)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(Some(content))
}

/// Whether `stat` is of a regular file.
pub(crate) fn is_file(stat: &Stat) -> bool {
    sys::FileType::from_raw_mode(stat.st_mode) == sys::FileType::RegularFile
}

/// Copies one regular file with its permission bits, modification time and `user.` attributes.
pub(crate) fn copy(
    ways: &Ways,
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &OsStr,
    known: &Stat,
    ask: Ask,
) -> Result<Option<Stat>, Failure> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let source = match sys::openat(from, name, flags, Mode::empty()) {
        Ok(source) => source,
        Err(Errno::NOENT) => return Err(Failure::Vanished),
        Err(errno) => return Err(errno.into()),
    };
    let bits = Mode::from_raw_mode(known.st_mode & 0o777);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dest = match sys::openat(to, name, flags, bits) {
        Ok(dest) => dest,
        Err(Errno::EXIST) => return Err(Failure::Taken),
        Err(errno) => return Err(errno.into()),
    };
    content(ways, &source, &dest, known)?;
    attributes(source.as_fd(), dest.as_fd());
    if bits.intersects(ways.umask) {
        sys::fchmod(&dest, bits)?;
    }
    sys::futimens(&dest, &times(known))?;
    if ask == Ask::Nothing {
        return Ok(None);
    }
    let still = sys::fstat(&source)?;
    let same = still.st_ino == known.st_ino
        && still.st_size == known.st_size
        && (still.st_mtime, still.st_mtime_nsec) == (known.st_mtime, known.st_mtime_nsec)
        && (still.st_ctime, still.st_ctime_nsec) == (known.st_ctime, known.st_ctime_nsec);
    Ok(if same { Some(sys::fstat(&dest)?) } else { None })
}

/// Copies one symbolic link as a link, wherever it points.
pub(crate) fn copy_link(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &OsStr,
    known: &Stat,
    ask: Ask,
) -> Result<Option<Stat>, Failure> {
    let target = match sys::readlinkat(from, name, Vec::new()) {
        Ok(target) => target,
        Err(Errno::NOENT) => return Err(Failure::Vanished),
        Err(errno) => return Err(errno.into()),
    };
    match sys::symlinkat(&target, to, name) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(Failure::Taken),
        Err(errno) => return Err(errno.into()),
    }
    sys::utimensat(to, name, &times(known), AtFlags::SYMLINK_NOFOLLOW)?;
    if ask == Ask::Nothing {
        return Ok(None);
    }
    Ok(Some(sys::statat(to, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// Gives a finished directory the permission bits, time and attributes of its source.
pub(crate) fn finish_dir(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    known: &Stat,
) -> Result<(), Failure> {
    attributes(from, to);
    sys::fchmod(to, Mode::from_raw_mode(known.st_mode & 0o777))?;
    sys::futimens(to, &times(known))?;
    Ok(())
}

fn times(stat: &Stat) -> sys::Timestamps {
    sys::Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: sys::UTIME_OMIT },
        last_modification: Timespec {
            tv_sec: stat.st_mtime as _,
            tv_nsec: stat.st_mtime_nsec as _,
        },
    }
}

/// Shared content, else copied in the kernel, else read and written; holes stay holes.
fn content(ways: &Ways, source: &OwnedFd, dest: &OwnedFd, known: &Stat) -> Result<(), Failure> {
    let size = known.st_size as u64;
    if size == 0 {
        return Ok(());
    }
    if ways.clone.load(Ordering::Relaxed) {
        if platform::share_content(source, dest)? {
            return Ok(());
        }
        ways.clone.store(false, Ordering::Relaxed);
    }
    if (known.st_blocks as u64).saturating_mul(512) < size && size > 64 * 1024 {
        return sparse(ways, source, dest, size);
    }
    range(ways, source, dest, 0, size)
}

/// Copies `begin..end`, or up to the end of a source that became shorter.
fn range(
    ways: &Ways,
    source: &OwnedFd,
    dest: &OwnedFd,
    begin: u64,
    end: u64,
) -> Result<(), Failure> {
    let (mut read, mut written) = (begin, begin);
    while ways.range.load(Ordering::Relaxed) && read < end {
        let length = usize::try_from(end - read).unwrap_or(usize::MAX).min(1 << 30);
        match platform::copy_in_kernel(source, &mut read, dest, &mut written, length) {
            Some(Ok(0)) => return Ok(()),
            Some(Ok(_) | Err(Errno::INTR)) => {}
            Some(Err(errno)) => return Err(errno.into()),
            None => ways.range.store(false, Ordering::Relaxed),
        }
    }
    let mut buffer = vec![0; usize::try_from(end - read).unwrap_or(usize::MAX).min(1 << 17)];
    while read < end {
        let wanted = usize::try_from(end - read).unwrap_or(usize::MAX).min(buffer.len());
        let got =
            rustix::io::retry_on_intr(|| rustix::io::pread(source, &mut buffer[..wanted], read))?;
        if got == 0 {
            break;
        }
        let mut left = &buffer[..got];
        while !left.is_empty() {
            let put = rustix::io::retry_on_intr(|| rustix::io::pwrite(dest, left, read))?;
            left = &left[put..];
            read += put as u64;
        }
    }
    Ok(())
}

fn sparse(ways: &Ways, source: &OwnedFd, dest: &OwnedFd, size: u64) -> Result<(), Failure> {
    let mut at = 0;
    while at < size {
        let begin = match sys::seek(source, SeekFrom::Data(at)) {
            Ok(begin) => begin,
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL) => return range(ways, source, dest, at, size),
            Err(errno) => return Err(errno.into()),
        };
        let end = sys::seek(source, SeekFrom::Hole(begin))?.min(size);
        range(ways, source, dest, begin, end)?;
        at = end.max(begin + 1);
    }
    sys::ftruncate(dest, size)?;
    Ok(())
}

/// Copies the `user.` attributes, as far as the destination takes them.
fn attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) {
    let mut names = [0_u8; 4096];
    let Ok(length) = sys::flistxattr(from, &mut names) else { return };
    for name in names[..length].split(|byte| *byte == 0) {
        if name.starts_with(b"user.") {
            let mut value = vec![0; 65536];
            let name = OsStr::from_bytes(name);
            if let Ok(length) = sys::fgetxattr(from, name, &mut value) {
                let _ = sys::fsetxattr(to, name, &value[..length], sys::XattrFlags::empty());
            }
        }
    }
}
