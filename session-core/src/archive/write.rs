//! Writes entries to the letter.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fs::Timespec;
use tar::{Builder, EntryType, Header};

use super::names;

/// What an entry says beside its name and content.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    pub(super) time: Timespec,
    pub(super) size: u64,
    pub(super) owner: (u32, u32),
}

impl Facts {
    fn header(&self) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_mtime(u64::try_from(self.time.tv_sec).unwrap_or(0));
        header.set_size(self.size);
        header.set_uid(self.owner.0.into());
        header.set_gid(self.owner.1.into());
        header
    }
}

/// Appends a file or directory; `content` must be as long as `facts` say.
pub(super) fn append(
    builder: &mut Builder<impl Write>,
    name: &Path,
    facts: &Facts,
    content: impl Read,
) -> io::Result<()> {
    write_time(builder, facts.time)?;
    builder.append_data(&mut facts.header(), name, content)
}

/// Appends a link of either kind.
pub(super) fn append_link(
    builder: &mut Builder<impl Write>,
    name: &Path,
    facts: &Facts,
    target: &[u8],
) -> io::Result<()> {
    write_time(builder, facts.time)?;
    let mut header = facts.header();
    // To the letter: the other way would leave out a `./`.
    match header.set_link_name_literal(target) {
        Ok(()) => builder.append_data(&mut header, name, io::empty()),
        Err(_) => builder.append_link(&mut header, name, OsString::from_vec(target.to_vec())),
    }
}

/// The header has whole seconds since 1970; git's index and build tools compare nanoseconds.
fn write_time(builder: &mut Builder<impl Write>, time: Timespec) -> io::Result<()> {
    #[allow(clippy::unnecessary_cast, reason = "other systems have other types")]
    let (seconds, nanoseconds) = (time.tv_sec as i64, time.tv_nsec as i64);
    match names::time_text(seconds, nanoseconds) {
        Some(text) => builder.append_pax_extensions([("mtime", text.as_bytes())]),
        None => Ok(()),
    }
}

/// Where an archive is written to; nowhere, once that was taken.
pub(super) struct Out<'o> {
    inner: Option<&'o mut dyn Write>,
}

impl<'o> Out<'o> {
    pub(super) fn new(inner: &'o mut dyn Write) -> Self {
        Self { inner: Some(inner) }
    }

    /// Lets nothing more through: no mark at the end.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.inner.take().map_or(Ok(()), |out| out.flush())
    }
}

impl Write for Out<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.inner.as_mut().map_or(Ok(buf.len()), |inner| inner.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.as_mut().map_or(Ok(()), |inner| inner.flush())
    }
}
