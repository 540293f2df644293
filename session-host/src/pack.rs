//! Packs a file or directory as a tar stream.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use tar::{Builder, EntryType, Header};

/// Writes `src` to `out`, names beginning with `name`; sorted, so that equal trees give equal
/// streams. Blocks.
///
/// Links are kept as links. Sockets, fifos and devices are left out: no reader would take them.
pub(crate) fn pack(src: &Path, name: &Path, out: impl Write) -> io::Result<()> {
    let mut builder = Builder::new(out);
    one(&mut builder, src, name)?;
    builder.into_inner()?.flush()
}

fn one(builder: &mut Builder<impl Write>, src: &Path, name: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(src)?;
    if found.is_symlink() {
        let target = fs::read_link(src)?;
        let mut header = header(&found, EntryType::Symlink, 0);
        write_time(builder, &found)?;
        builder.append_link(&mut header, name, target)
    } else if found.is_dir() {
        let mut header = header(&found, EntryType::Directory, 0);
        write_time(builder, &found)?;
        builder.append_data(&mut header, name, io::empty())?;
        let mut names: Vec<_> =
            fs::read_dir(src)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort_unstable();
        names.iter().try_for_each(|child| match one(builder, &src.join(child), &name.join(child)) {
            // It was removed while we walked, as builds do.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        })
    } else if found.is_file() {
        file(builder, src, name)
    } else {
        Ok(())
    }
}

fn file(builder: &mut Builder<impl Write>, src: &Path, name: &Path) -> io::Result<()> {
    // A link or a fifo that was put in its place meanwhile must neither be followed nor waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(src)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Ok(());
    }
    let mut header = header(&found, EntryType::Regular, found.len());
    write_time(builder, &found)?;
    // Exactly as much as the header says, if the file grows or shrinks while we read.
    let whole = file.take(found.len()).chain(io::repeat(0)).take(found.len());
    builder.append_data(&mut header, name, whole)
}

fn header(found: &Metadata, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_metadata(found);
    header.set_entry_type(kind);
    header.set_size(size);
    // Whose it was on this machine says nothing on another.
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// The header has whole seconds; git's index and build tools compare nanoseconds.
fn write_time(builder: &mut Builder<impl Write>, found: &Metadata) -> io::Result<()> {
    let (seconds, nanoseconds) = (found.mtime(), found.mtime_nsec());
    if seconds < 0 || nanoseconds == 0 {
        return Ok(());
    }
    let text = format!("{seconds}.{nanoseconds:09}");
    builder.append_pax_extensions([("mtime", text.as_bytes())])
}
