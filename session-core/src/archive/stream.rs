//! Between asynchronous streams of chunks and blocking readers and writers.

use std::io::{self, BufWriter, Read, Write};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::{ByteStream, Error, ErrorKind, Result};

/// The size of a chunk, and how many wait for a slow reader.
const CHUNK: usize = 128 << 10;
const CHUNKS: usize = 4;

/// Reads `stream` on a thread that may block. Needs the runtime's context where it is made.
pub(super) fn reader(stream: ByteStream) -> Source<impl Read> {
    Source { inner: SyncIoBridge::new(StreamReader::new(stream)), failed: false }
}

/// The stream of what `work` writes, on a thread of its own that ends by itself: with the work, or
/// when nobody reads any more. An error of `work` is the stream's last item.
pub(super) fn written(
    work: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> ByteStream {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::with_capacity(CHUNK, Chunks(sender.clone()));
        if let Err(error) = work(&mut out).and_then(|()| out.flush()) {
            // If nobody reads any more, nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
        // What is still in the buffer would come after the error.
        let _ = out.into_parts();
    });
    received(receiver)
}

/// A writer that hands what it is given on as archives, one after another; for a thread that may
/// block.
pub(super) struct Sending {
    runtime: Handle,
    send: Box<dyn Fn(ByteStream) -> BoxFuture<'static, Result<()>>>,
    part: Option<Part>,
    closed: bool,
}

struct Part {
    out: BufWriter<Chunks>,
    sending: JoinHandle<Result<()>>,
    broken: bool,
}

impl Sending {
    pub(super) fn new(
        runtime: Handle,
        send: impl Fn(ByteStream) -> BoxFuture<'static, Result<()>> + 'static,
    ) -> Self {
        Self { runtime, send: Box::new(send), part: None, closed: false }
    }

    /// Whoever takes what is written has ended before us.
    pub(super) fn is_broken(&self) -> bool {
        self.part.as_ref().is_some_and(|part| part.broken)
    }

    /// Ends what was begun, well or with an error, and waits until it was taken.
    pub(super) fn finish(&mut self, end: io::Result<()>) -> Result<()> {
        let Some(Part { mut out, sending, .. }) = self.part.take() else { return Ok(()) };
        // Whether it was taken is told by who takes it.
        let _ = out.flush();
        if let Err(error) = end {
            let _ = out.get_ref().0.blocking_send(Err(error));
        }
        drop(out.into_parts());
        self.runtime.block_on(sending).unwrap_or_else(|error| {
            let message = "the sender of an archive panicked; please report it";
            Err(Error::new(ErrorKind::Internal, "archive.send", message).with_source(error))
        })
    }

    /// Lets nothing more through.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }
}

impl Write for Sending {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(buf.len());
        }
        let part = self.part.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(CHUNKS);
            let sending = self.runtime.spawn((self.send)(received(receiver)));
            let out = BufWriter::with_capacity(CHUNK, Chunks(sender));
            Part { out, sending, broken: false }
        });
        let written = part.out.write(buf);
        part.broken |= written.is_err();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn received(receiver: mpsc::Receiver<io::Result<Bytes>>) -> ByteStream {
    Box::pin(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    }))
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
