//! Looks an entry up in an engine's archive.

use std::ffi::OsString;
use std::io::Read as _;

use super::There;
use super::entry::{Item, Kind, damaged};
use super::{records, stream};
use crate::catalog::blocking;
use crate::{ByteStream, Result};

/// What an archive of a directory's content (`./a`, `a` or `/a`) has at its top by this name.
///
/// Reads no further than to that entry. Where an engine follows links when it is asked about one
/// path, this is how to learn of them. Needs a tokio runtime.
pub async fn find(tar: ByteStream, name: impl Into<OsString>) -> Result<There> {
    let (mut source, name) = (stream::reader(tar), name.into());
    blocking(move || {
        let mut archive = records::archive(&mut source);
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            let kind = entry.header().entry_type();
            if !(kind.is_file() || kind.is_dir() || kind.is_symlink() || kind.is_hard_link()) {
                continue;
            }
            let item = Item::of_engine(&mut entry)?;
            if item.names.as_slice() != [name.as_os_str()] {
                continue;
            }
            return Ok(match item.kind {
                Kind::Directory => There::Directory,
                Kind::Link { .. } => There::Other,
                Kind::File { .. } | Kind::HardLink { .. } => {
                    There::File { mode: item.mode, modified: (item.time.tv_sec, item.time.tv_nsec) }
                }
            });
        }
        Ok(There::Nothing)
    })
    .await
}

/// The content of an archive's first entry if that is a plain file of at most `most` bytes.
///
/// For a file of which an engine was asked by its path. Holds it in memory, and no more than that;
/// reads no further. Needs a tokio runtime.
pub async fn first_file(tar: ByteStream, most: u64) -> Result<Option<Vec<u8>>> {
    let mut source = stream::reader(tar);
    blocking(move || {
        let mut archive = records::archive(&mut source);
        let Some(entry) = archive.entries().map_err(damaged)?.next() else { return Ok(None) };
        let mut entry = entry.map_err(damaged)?;
        let size = entry.size();
        if !entry.header().entry_type().is_file() || size > most {
            return Ok(None);
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(damaged)?;
        // The archive's reader does not mind an archive that ends too early.
        if content.len() as u64 != size {
            return Err(damaged(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)));
        }
        Ok(Some(content))
    })
    .await
}
