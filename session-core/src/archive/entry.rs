//! One entry of an archive, read and judged by itself.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::Timespec;
use tar::{Entry, EntryType};

use super::names::{components, link_components, time};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "archive.unpack";

/// Which symbolic links are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Links {
    /// Those that lead to somewhere inside; the others are refused.
    Inside,
    /// All, as they are. Still nothing is written through one: for a tree that a session may fill
    /// with any links anyway, and that nobody follows.
    Any,
}

/// An entry that may be made, as far as can be said without looking at the place.
pub(super) struct Item {
    /// As it stands in the archive, for messages.
    pub(super) path: Vec<u8>,
    /// Empty for the place itself.
    pub(super) names: Vec<OsString>,
    pub(super) kind: Kind,
    /// Permissions, without set-user-id and the like.
    pub(super) mode: u32,
    pub(super) time: Timespec,
}

pub(super) enum Kind {
    File { size: u64 },
    Directory,
    Link { target: Vec<u8> },
    HardLink { names: Vec<OsString> },
}

impl Item {
    /// `None` for an entry that says something about the archive and is nothing to be made.
    pub(super) fn read(entry: &mut Entry<'_, impl Read>, links: Links) -> Result<Option<Self>> {
        let path = entry.path_bytes().into_owned();
        let entry_type = entry.header().entry_type();
        if entry_type == EntryType::XGlobalHeader {
            return Ok(None);
        }
        let names = components(&path).map_err(|why| refuse(&path, why))?;
        if names.is_empty() && entry_type != EntryType::Directory {
            return Err(refuse(&path, "it has no name"));
        }
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        Self::judge(entry, path, names, &target, links).map(Some)
    }

    /// The same for an engine's own archive, whose names may begin with a slash or be empty.
    pub(super) fn of_engine(entry: &mut Entry<'_, impl Read>) -> Result<Self> {
        let path = entry.path_bytes().into_owned();
        let names = components(below_root(&path)).map_err(|why| refuse(&path, why))?;
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        let target = match entry.header().entry_type() {
            EntryType::Link => below_root(&target),
            _ => &target,
        };
        Self::judge(entry, path, names, target, Links::Any)
    }

    /// The names of an entry that is not to be made, in an engine's own archive.
    pub(super) fn names_of_engine(entry: &Entry<'_, impl Read>) -> Option<Vec<OsString>> {
        components(below_root(&entry.path_bytes())).ok()
    }

    fn judge(
        entry: &mut Entry<'_, impl Read>,
        path: Vec<u8>,
        names: Vec<OsString>,
        target: &[u8],
        links: Links,
    ) -> Result<Self> {
        let mode = entry.header().mode().map_err(damaged)? & 0o777;
        let time = modified(entry)?;
        let kind = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                Kind::File { size: entry.size() }
            }
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => {
                link_components(target, names.len().saturating_sub(1), links)
                    .map_err(|why| refuse(&path, why))?;
                Kind::Link { target: target.to_vec() }
            }
            EntryType::Link => {
                let names = components(target).map_err(|why| refuse(&path, why))?;
                if names.is_empty() {
                    return Err(refuse(&path, "it links to nothing"));
                }
                Kind::HardLink { names }
            }
            EntryType::Char | EntryType::Block => return Err(refuse(&path, "it is a device")),
            EntryType::Fifo => return Err(refuse(&path, "it is a fifo")),
            _ => return Err(refuse(&path, "it is of an unknown type")),
        };
        Ok(Self { path, names, kind, mode, time })
    }
}

fn below_root(mut path: &[u8]) -> &[u8] {
    while let [b'/', rest @ ..] = path {
        path = rest;
    }
    path
}

/// The modification time: to the nanosecond where the archive has it (git's index compares it).
fn modified(entry: &mut Entry<'_, impl Read>) -> Result<Timespec> {
    let seconds = entry.header().mtime().unwrap_or(0);
    let mut modified = Timespec { tv_sec: i64::try_from(seconds).unwrap_or(0), tv_nsec: 0 };
    for extension in entry.pax_extensions().map_err(damaged)?.into_iter().flatten() {
        let extension = extension.map_err(damaged)?;
        if extension.key_bytes() == b"mtime" {
            let text = extension.value().unwrap_or_default();
            modified = time(text).unwrap_or(modified);
        }
    }
    Ok(modified)
}

/// A path of an archive, fit to be printed.
pub(super) fn shown(path: &[u8]) -> String {
    OsString::from_vec(path.to_vec()).to_string_lossy().escape_debug().to_string()
}

pub(super) fn refuse(path: &[u8], why: &str) -> Error {
    let message = format!("the archive's entry `{}` is refused: {why}", shown(path));
    Error::new(ErrorKind::InvalidInput, OPERATION, message)
}

pub(super) fn failed(path: &[u8], error: impl Into<io::Error>) -> Error {
    Error::io(OPERATION, format!("can't make `{}`", shown(path)), error.into())
}

pub(super) fn unwritten(path: &[u8], error: io::Error) -> Error {
    Error::io(OPERATION, format!("can't write `{}`", shown(path)), error)
}

pub(super) fn damaged(error: impl Into<io::Error>) -> Error {
    let message = "the stream is no whole tar archive; send it again";
    Error::new(ErrorKind::InvalidInput, OPERATION, message).with_source(error.into())
}

/// Not the archive is at fault but what it came from.
pub(super) fn source_failed(error: Error) -> Error {
    let message = "the archive's source failed; try again";
    Error::new(ErrorKind::Io, OPERATION, message).with_source(error)
}
