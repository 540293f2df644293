//! Between asynchronous streams of chunks and blocking readers and writers.

use std::io::{self, BufWriter, Read, Write};

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::ByteStream;

/// The size of a chunk, and how many wait for a slow reader.
const CHUNK: usize = 128 << 10;
const CHUNKS: usize = 4;

/// Reads `stream` on a thread that may block. Needs the runtime's context where it is made.
pub(super) fn reader(stream: ByteStream) -> Source<impl Read> {
    Source { inner: SyncIoBridge::new(StreamReader::new(stream)), failed: false }
}

/// The stream of what `work` writes, on a thread of its own that ends by itself: with the work, or
/// when nobody reads any more. An error of `work` is the stream's last item; what it gives beside
/// that comes by the handle.
pub(super) fn written<T: Send + 'static>(
    work: impl FnOnce(&mut dyn Write) -> (io::Result<()>, T) + Send + 'static,
) -> (ByteStream, JoinHandle<T>) {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let working = tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::with_capacity(CHUNK, Chunks(sender.clone()));
        let (written, beside) = work(&mut out);
        if let Err(error) = written.and_then(|()| out.flush()) {
            // If nobody reads any more, nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
        // What is still in the buffer would come after the error.
        let _ = out.into_parts();
        beside
    });
    let stream = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    (Box::pin(stream), working)
}

/// A reader that remembers whether it failed itself: not what was read is at fault then.
pub(super) struct Source<R> {
    inner: R,
    pub(super) failed: bool,
}

impl<R> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, failed: false }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf);
        self.failed |= read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        read
    }
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
