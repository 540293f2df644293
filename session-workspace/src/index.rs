//! Git's index file, read and written byte by byte.
//!
//! libgit2 can't keep what git wrote (sparse directories, intent-to-add) through a round trip, and the point is
//! to write stat data that fit a copy's files. The bytes may come from an agent: nothing in them is believed.

use std::collections::HashMap;

use rustix::fs::Stat;
use session_core::{Error, ErrorKind, Result};
use sha1::{Digest as _, Sha1};

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    /// Format: 2, 3 or 4.
    version: u32,
    /// Its entries by path and stage.
    pub(crate) entries: Vec<Entry>,
    /// The extensions that stay true in a copy.
    extensions: Vec<([u8; 4], Vec<u8>)>,
    /// When the file was written: an entry that is not older may have changed unseen.
    pub(crate) written: i64,
}

/// A tracked path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Path below the work tree's top; ends in `/` for a directory of a sparse index.
    pub(crate) path: Vec<u8>,
    /// The blob, the commit of a submodule, or the tree of a sparse directory.
    pub(crate) object: [u8; 20],
    /// Type and exec bit, as in trees.
    pub(crate) mode: u32,
    /// Stat data of the file that had this content.
    stat: StatData,
    flags: u16,
    extended: u16,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct StatData {
    ctime: (u32, u32),
    mtime: (u32, u32),
    dev: u32,
    ino: u32,
    uid: u32,
    gid: u32,
    size: u32,
}

/// A split index names its other part at the end, and has entries without a path before.
const SPLIT: &str = "is split; join it (`git update-index --no-split-index`)";
const EXTENDED: u16 = 0x4000;
const NAME_MASK: u16 = 0x0fff;
/// Mode of a submodule.
pub(crate) const GITLINK: u32 = 0o160_000;
/// Mode of a directory that a sparse index keeps whole.
pub(crate) const DIRECTORY: u32 = 0o040_000;

impl Index {
    /// An empty index.
    pub(crate) fn empty() -> Self {
        Self { version: 2, entries: Vec::new(), extensions: Vec::new(), written: 0 }
    }

    /// Reads an index file that was written at `written` (seconds since 1970).
    pub(crate) fn parse(content: &[u8], written: i64) -> Result<Self> {
        let body = content.len().checked_sub(20).ok_or_else(|| damaged("is too short"))?;
        let mut reader = Reader { bytes: &content[..body], at: 0 };
        if reader.take(4)? != b"DIRC" {
            return Err(damaged("has no index header"));
        }
        let version = reader.number()?;
        if !(2..=4).contains(&version) {
            return Err(unsupported(&format!("has version {version}")));
        }
        let count = reader.number()? as usize;
        // An entry has at least 63 bytes: a count that can't be true reserves no memory.
        let mut entries = Vec::with_capacity(count.min(body / 63));
        let mut last: Vec<u8> = Vec::new();
        for _ in 0..count {
            let entry = reader.entry(version, &last)?;
            last.clone_from(&entry.path);
            entries.push(entry);
        }
        let mut extensions = Vec::new();
        while reader.at < body {
            let name: [u8; 4] = reader.take(4)?.try_into().map_err(|_| damaged("is cut off"))?;
            let length = reader.number()? as usize;
            let data = reader.take(length)?.to_vec();
            match &name {
                b"TREE" | b"REUC" | b"sdir" => extensions.push((name, data)),
                b"link" => {
                    return Err(unsupported(SPLIT));
                }
                _ if name[0].is_ascii_lowercase() => {
                    return Err(unsupported("has an unknown part"));
                }
                // Caches of the old place: untracked files, a file watcher, offsets.
                _ => {}
            }
        }
        Ok(Self { version, entries, extensions, written })
    }

    /// An index of these entries, with the format of this one.
    pub(crate) fn with_entries(&self, entries: Vec<Entry>) -> Self {
        let sparse = entries.iter().any(|entry| entry.mode == DIRECTORY);
        let extensions = if sparse { vec![(*b"sdir", Vec::new())] } else { Vec::new() };
        Self { version: self.version, entries, extensions, written: self.written }
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let wide = self.entries.iter().any(|entry| entry.extended != 0);
        let version = if self.version == 4 { 4 } else { 2 + u32::from(wide) };
        let mut out = Vec::with_capacity(self.entries.len() * 100);
        out.extend_from_slice(b"DIRC");
        out.extend_from_slice(&version.to_be_bytes());
        out.extend_from_slice(&(self.entries.len() as u32).to_be_bytes());
        let mut last: &[u8] = &[];
        for entry in &self.entries {
            entry.write(version, last, &mut out);
            last = &entry.path;
        }
        for (name, data) in &self.extensions {
            out.extend_from_slice(name);
            out.extend_from_slice(&(data.len() as u32).to_be_bytes());
            out.extend_from_slice(data);
        }
        let sum = Sha1::digest(&out);
        out.extend_from_slice(&sum);
        out
    }

    /// The place of each path; of several stages of one path, the first.
    pub(crate) fn places(&self) -> HashMap<Vec<u8>, u32> {
        let mut places = HashMap::with_capacity(self.entries.len());
        for (place, entry) in (0..).zip(&self.entries) {
            places.entry(entry.path.clone()).or_insert(place);
        }
        places
    }

    /// Whether some entry lies below the directory `path`.
    pub(crate) fn has_below(&self, path: &[u8]) -> bool {
        let below = [path, b"/"].concat();
        let first = self.entries.partition_point(|entry| entry.path.as_slice() < below.as_slice());
        self.entries.get(first).is_some_and(|entry| entry.path.starts_with(&below))
    }

    /// Whether the file with `stat` surely has the content that the entry at `place` names.
    pub(crate) fn is_fresh(&self, place: u32, stat: &Stat) -> bool {
        let Some(entry) = self.entries.get(place as usize) else { return false };
        let now = StatData::of(stat);
        let known = entry.stat;
        entry.stage() == 0
            && known.size == now.size
            && known.mtime.0 == now.mtime.0
            && (known.mtime.1 == 0 || known.mtime.1 == now.mtime.1)
            && known.ctime.0 == now.ctime.0
            && (known.ctime.1 == 0 || known.ctime.1 == now.ctime.1)
            && known.ino == now.ino
            && (known.uid, known.gid) == (now.uid, now.gid)
            && now.mtime.0 != 0
            && i64::from(known.mtime.0) < self.written
    }

    /// Gives the entries the stat data of their new files; all others will be compared by content.
    pub(crate) fn settle(&mut self, stats: &[(u32, Stat)]) {
        for entry in &mut self.entries {
            entry.stat = StatData::default();
        }
        for (place, stat) in stats {
            if let Some(entry) = self.entries.get_mut(*place as usize) {
                entry.stat = StatData::of(stat);
            }
        }
    }
}

impl Entry {
    /// An entry for a path of a tree, with nothing known about its file.
    pub(crate) fn new(path: Vec<u8>, mode: u32, object: [u8; 20]) -> Self {
        Self { path, object, mode, stat: StatData::default(), flags: 0, extended: 0 }
    }

    /// 0, or which side of a conflict it is.
    pub(crate) fn stage(&self) -> u16 {
        (self.flags >> 12) & 3
    }

    /// Whether git was told to leave the path out of the work tree (sparse checkout).
    pub(crate) fn is_sparse(&self) -> bool {
        self.extended & 0x4000 != 0
    }

    /// Whether only the intent to add the path is recorded.
    pub(crate) fn is_intent(&self) -> bool {
        self.extended & 0x2000 != 0
    }

    fn write(&self, version: u32, last: &[u8], out: &mut Vec<u8>) {
        let begin = out.len();
        let stat = &self.stat;
        for number in [
            stat.ctime.0,
            stat.ctime.1,
            stat.mtime.0,
            stat.mtime.1,
            stat.dev,
            stat.ino,
            self.mode,
            stat.uid,
            stat.gid,
            stat.size,
        ] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.object);
        let length = self.path.len().min(usize::from(NAME_MASK)) as u16;
        let wide = if self.extended == 0 || version == 2 { 0 } else { EXTENDED };
        out.extend_from_slice(
            &(self.flags & !(NAME_MASK | EXTENDED) | wide | length).to_be_bytes(),
        );
        if wide != 0 {
            out.extend_from_slice(&self.extended.to_be_bytes());
        }
        if version == 4 {
            let shared = last.iter().zip(&self.path).take_while(|(a, b)| a == b).count();
            offset(last.len() - shared, out);
            out.extend_from_slice(&self.path[shared..]);
            out.push(0);
        } else {
            out.extend_from_slice(&self.path);
            let padding = 8 - (out.len() - begin) % 8;
            out.resize(out.len() + padding, 0);
        }
    }
}

impl StatData {
    /// Git keeps the low 32 bits of everything.
    fn of(stat: &Stat) -> Self {
        Self {
            ctime: (stat.st_ctime as u32, stat.st_ctime_nsec as u32),
            mtime: (stat.st_mtime as u32, stat.st_mtime_nsec as u32),
            dev: stat.st_dev as u32,
            ino: stat.st_ino as u32,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size as u32,
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        let taken = end
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or_else(|| damaged("is cut off"))?;
        self.at += count;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32> {
        let bytes = self.take(4)?.try_into().map_err(|_| damaged("is cut off"))?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn short(&mut self) -> Result<u16> {
        let bytes = self.take(2)?.try_into().map_err(|_| damaged("is cut off"))?;
        Ok(u16::from_be_bytes(bytes))
    }

    fn entry(&mut self, version: u32, last: &[u8]) -> Result<Entry> {
        let begin = self.at;
        let ctime = (self.number()?, self.number()?);
        let mtime = (self.number()?, self.number()?);
        let (dev, ino, mode) = (self.number()?, self.number()?, self.number()?);
        let (uid, gid, size) = (self.number()?, self.number()?, self.number()?);
        let object = self.take(20)?.try_into().map_err(|_| damaged("is cut off"))?;
        let flags = self.short()?;
        let wide = version >= 3 && flags & EXTENDED != 0;
        let extended = if wide { self.short()? } else { 0 };
        let kept = if version == 4 {
            let strip = self.offset()?;
            last.len().checked_sub(strip).ok_or_else(|| damaged("has a path that can't be"))?
        } else {
            0
        };
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == 0).ok_or_else(|| damaged("is cut off"))?;
        let path = [&last[..kept], &rest[..end]].concat();
        self.at += end;
        if version == 4 {
            self.at += 1;
        } else {
            let padding = 8 - (self.at - begin) % 8;
            self.take(padding)?;
        }
        if path.is_empty() {
            return Err(unsupported(SPLIT));
        }
        if !safe(&path) {
            return Err(damaged("has a path that can't be"));
        }
        let stat = StatData { ctime, mtime, dev, ino, uid, gid, size };
        Ok(Entry { path, object, mode, stat, flags: flags & !(EXTENDED | NAME_MASK), extended })
    }

    /// Git's variable-length offset.
    fn offset(&mut self) -> Result<usize> {
        let mut byte = self.take(1)?[0];
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.take(1)?[0];
            value = value
                .checked_add(1)
                .and_then(|value| value.checked_mul(128))
                .ok_or_else(|| damaged("has a path that can't be"))?
                | usize::from(byte & 0x7f);
        }
        Ok(value)
    }
}

fn offset(mut value: usize, out: &mut Vec<u8>) {
    let mut bytes = vec![(value & 0x7f) as u8];
    while value > 0x7f {
        value = (value >> 7) - 1;
        bytes.push(0x80 | (value & 0x7f) as u8);
    }
    out.extend(bytes.iter().rev());
}

/// Whether a path stays below the work tree and out of `.git`.
fn safe(path: &[u8]) -> bool {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    path.split(|byte| *byte == b'/').all(|part| {
        !part.is_empty() && part != b"." && part != b".." && !part.eq_ignore_ascii_case(b".git")
    })
}

fn damaged(what: &str) -> Error {
    let message = format!("the index {what}; see what `git status` says there");
    Error::new(ErrorKind::Damaged, "workspace.index", message)
}

fn unsupported(what: &str) -> Error {
    let message = format!("the index {what}, or take it as a plain copy (`--no-worktree`)");
    Error::new(ErrorKind::Unsupported, "workspace.index", message)
}

#[cfg(test)]
mod tests;
