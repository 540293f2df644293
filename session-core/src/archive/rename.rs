//! Makes of an engine's archive what a reader of ours expects.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::Timespec;
use tar::{Builder, Entry, EntryType};

use super::entry::{Item, Kind};
use super::write::{self, Facts};
use super::{records, stream};
use crate::ByteStream;

/// Lets the names of a stream begin with another one, and leaves out what no reader takes.
///
/// For streams of engines, which call the same thing `tree/a`, `./a`, `a` or `/a`. Owners become
/// 0, special bits of the permissions go, devices, fifos and sockets are left out; links stay as
/// they are, wherever they lead. What can't be read is an error in the stream.
#[derive(Debug, Clone)]
pub struct Rename {
    /// How many names at the beginning of each are taken away.
    strip: usize,
    name: PathBuf,
    /// Mode and modification time of the directory, if the stream may lack it.
    top: Option<(u32, i64, i64)>,
    only: Option<OsString>,
}

impl Rename {
    /// Puts `name` in the place of the first `strip` names of each entry.
    pub fn new(strip: usize, name: impl Into<PathBuf>) -> Self {
        Self { strip, name: name.into(), top: None, only: None }
    }

    /// Lets the stream begin with a directory of this mode and modification time (seconds and
    /// nanoseconds), and leaves out the source's own entry of it.
    #[must_use]
    pub fn with_top(mut self, mode: u32, modified: (i64, i64)) -> Self {
        self.top = Some((mode, modified.0, modified.1));
        self
    }

    /// Leaves out all but the entry of this name below those that are taken away.
    #[must_use]
    pub fn with_only(mut self, name: impl Into<OsString>) -> Self {
        self.only = Some(name.into());
        self
    }

    /// Reads and writes while the result is read. Needs a tokio runtime.
    pub fn pass(self, tar: ByteStream) -> ByteStream {
        let mut source = stream::reader(tar);
        stream::written(move |out| self.all(&mut source, out))
    }

    fn all(&self, source: &mut impl Read, out: &mut dyn io::Write) -> io::Result<()> {
        let mut builder = Builder::new(out);
        if let Some((mode, seconds, nanoseconds)) = self.top {
            let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
            let facts = Facts {
                kind: EntryType::Directory,
                mode: mode & 0o777,
                time,
                size: 0,
                owner: (0, 0),
            };
            write::append(&mut builder, &self.name, &facts, io::empty())?;
        }
        let mut archive = records::archive(&mut *source);
        let mut left_out = BTreeSet::new();
        for entry in archive.entries()? {
            self.one(&mut entry?, &mut builder, &mut left_out)?;
        }
        // A source that was cut off at an entry's end would say so now.
        io::copy(source, &mut io::sink())?;
        builder.into_inner()?.flush()
    }

    fn one(
        &self,
        entry: &mut Entry<'_, impl Read>,
        builder: &mut Builder<&mut dyn io::Write>,
        left_out: &mut BTreeSet<Vec<OsString>>,
    ) -> io::Result<()> {
        let kind = entry.header().entry_type();
        let taken = kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse();
        if !(taken || kind.is_dir() || kind.is_symlink() || kind.is_hard_link()) {
            left_out.extend(Item::names_of_engine(entry));
            return Ok(());
        }
        let item = Item::of_engine(entry).map_err(io::Error::other)?;
        let Some(name) = self.named(&item.names) else { return Ok(()) };
        let mode = item.mode;
        let mut facts =
            Facts { kind: EntryType::Regular, mode, time: item.time, size: 0, owner: (0, 0) };
        match item.kind {
            Kind::File { size } => {
                facts.size = size;
                write::append(builder, &name, &facts, entry)
            }
            Kind::Directory => {
                facts.kind = EntryType::Directory;
                write::append(builder, &name, &facts, io::empty())
            }
            Kind::Link { target } => {
                facts.kind = EntryType::Symlink;
                write::append_link(builder, &name, &facts, &target)
            }
            // Another name of a fifo, say.
            Kind::HardLink { names } if left_out.contains(&names) => Ok(()),
            Kind::HardLink { names } => {
                facts.kind = EntryType::Link;
                match self.named(&names) {
                    Some(to) => {
                        write::append_link(builder, &name, &facts, to.as_os_str().as_bytes())
                    }
                    None => Ok(()),
                }
            }
        }
    }

    fn named(&self, names: &[OsString]) -> Option<PathBuf> {
        let rest = names.get(self.strip..)?;
        let first: Option<&OsStr> = rest.first().map(AsRef::as_ref);
        if self.only.is_some() && self.only.as_deref() != first {
            return None;
        }
        if rest.is_empty() && self.top.is_some() {
            return None;
        }
        let below: PathBuf = match self.only {
            Some(_) => rest[1..].iter().collect(),
            None => rest.iter().collect(),
        };
        let whole: &Path = &self.name;
        Some(if below.as_os_str().is_empty() { whole.to_owned() } else { whole.join(below) })
    }
}
