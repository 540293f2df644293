//! Between asynchronous streams of chunks and the blocking reader and writer of archives.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, Write};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::stream;
use session_core::{ByteStream, Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::places::blocking;
use crate::program::missing_directory;
use crate::state::Place;
use crate::{archive, pack, status};

/// The size of a chunk, and how many wait for a slow reader.
const CHUNK: usize = 128 << 10;
const CHUNKS: usize = 4;

pub(crate) async fn put(place: &Place, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
    let (place, dest) = (place.clone(), dest.to_owned());
    let reader = SyncIoBridge::new(StreamReader::new(tar));
    blocking("host.put", move || {
        let dest = under(&place, "host.put", &dest)?;
        fs::create_dir_all(&dest).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                let message = format!("`{dest}` is no directory; name another");
                Error::new(ErrorKind::InvalidInput, "host.put", message).with_source(error)
            }
            _ => Error::io("host.put", format!("can't make `{dest}`"), error),
        })?;
        archive::unpack(reader, dest.as_std_path())
            .map_err(|error| error.with_session(place.id().to_string()))
    })
    .await
}

pub(crate) async fn get(place: &Place, src: &Utf8Path) -> Result<ByteStream> {
    const OPERATION: &str = "host.get";
    let (place, src) = (place.clone(), src.to_owned());
    let found = blocking(OPERATION, move || {
        let src = under(&place, OPERATION, &src)?;
        let failed = |error| Error::io(OPERATION, format!("can't read `{src}`"), error);
        src.symlink_metadata().map_err(failed)?;
        // `.` and `..` have a name too, where they lead.
        let name = match src.file_name() {
            Some(name) if !src.as_str().ends_with("/.") => Some(OsString::from(name)),
            _ => src.canonicalize().map_err(failed)?.file_name().map(OsString::from),
        };
        let name = name.ok_or_else(|| {
            let message = "the root directory has no name; name what is wanted of it";
            Error::new(ErrorKind::InvalidInput, OPERATION, message)
        })?;
        Ok((src, name))
    });
    let (src, name) = found.await?;
    let (sender, receiver) = mpsc::channel(CHUNKS);
    // Ends by itself: with the tree, or when nobody reads any more.
    tokio::task::spawn_blocking(move || {
        let out = BufWriter::with_capacity(CHUNK, Chunks(sender.clone()));
        if let Err(error) = pack::pack(src.as_std_path(), name.as_ref(), out) {
            // If nobody reads any more, nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
    });
    Ok(Box::pin(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    })))
}

fn under(place: &Place, operation: &'static str, path: &Utf8Path) -> Result<Utf8PathBuf> {
    let session = status::whole(place, operation)?;
    if path.is_relative() && !session.working_directory.is_dir() {
        return Err(missing_directory(operation, &session.working_directory));
    }
    Ok(session.working_directory.join(path))
}

struct Chunks(mpsc::Sender<io::Result<Bytes>>);

impl Write for Chunks {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(buf)));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
