//! Archives for `put`, good and bad, and what came back from `get`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use session_core::ByteStream;
use tar::{Archive, Builder, EntryType, Header};

use crate::clause::Verdict;

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    /// The content, or where a link leads.
    pub(super) content: Vec<u8>,
}

impl File {
    pub(super) fn plain(name: impl AsRef<[u8]>, content: &str) -> Self {
        let (name, content) = (name.as_ref().to_vec(), content.as_bytes().to_vec());
        Self { name, kind: EntryType::Regular, mode: 0o644, content }
    }

    pub(super) fn directory(name: &str) -> Self {
        Self { kind: EntryType::Directory, mode: 0o755, ..Self::plain(name, "") }
    }

    pub(super) fn link(name: &str, target: &str) -> Self {
        Self { kind: EntryType::Symlink, mode: 0o777, ..Self::plain(name, target) }
    }

    pub(super) fn with_mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    pub(super) fn with_kind(self, kind: EntryType) -> Self {
        Self { kind, ..self }
    }
}

/// Packs the entries as they are, however bad, into a stream of chunks that split headers.
pub(super) fn archive(files: &[File]) -> Verdict<ByteStream> {
    let mut builder = Builder::new(Vec::new());
    for file in files {
        let mut header = Header::new_gnu();
        header.set_entry_type(file.kind);
        header.set_mode(file.mode);
        header.set_mtime(1_700_000_000);
        let is_link = matches!(file.kind, EntryType::Symlink | EntryType::Link);
        let content: &[u8] =
            if is_link || file.kind != EntryType::Regular { b"" } else { &file.content };
        header.set_size(content.len() as u64);
        if is_link {
            header.set_link_name_literal(&file.content)?;
        }
        match header.as_gnu_mut() {
            // Written by hand, for the builder refuses just the names that are of interest here.
            Some(fields) if file.name.len() < fields.name.len() => {
                fields.name[..file.name.len()].copy_from_slice(&file.name);
                header.set_cksum();
                builder.append(&header, content)?;
            }
            _ => builder.append_data(
                &mut header,
                Path::new(OsStr::from_bytes(&file.name)),
                content,
            )?,
        }
    }
    let bytes = builder.into_inner()?;
    let chunks: Vec<_> =
        bytes.chunks(1000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Ok(Box::pin(stream::iter(chunks)))
}

/// Reads an archive to its end; names without a slash at the end.
pub(super) async fn unpack(mut stream: ByteStream) -> Verdict<BTreeMap<Vec<u8>, File>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    let mut files = BTreeMap::new();
    for entry in Archive::new(bytes.as_slice()).entries()? {
        let mut entry = entry?;
        let name = entry.path_bytes().into_owned();
        let name = name.strip_suffix(b"/").unwrap_or(&name).to_vec();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        if let Some(target) = entry.link_name_bytes() {
            content = target.into_owned();
        }
        let mode = entry.header().mode()? & 0o7777;
        let kind = entry.header().entry_type();
        files.insert(name.clone(), File { name, kind, mode, content });
    }
    Ok(files)
}
