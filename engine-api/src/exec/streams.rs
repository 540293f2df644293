//! The streams of a process, out of and into one connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf, WriteHalf};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::engine::Link;

/// How many bytes may wait for a reader before the process has to.
const WAITING: usize = 1 << 18;

/// The end of a stream that is written to.
#[derive(Debug)]
pub(super) struct Lane {
    chunks: mpsc::UnboundedSender<Bytes>,
    room: Arc<Semaphore>,
}

/// The end of a stream that the caller reads. Dropped, it takes nothing more and holds up nobody.
#[derive(Debug)]
pub(super) struct Reading {
    chunks: mpsc::UnboundedReceiver<Bytes>,
    room: Arc<Semaphore>,
    chunk: Bytes,
}

/// A stream with its two ends.
pub(super) fn lane() -> (Lane, Reading) {
    let (sender, chunks) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(WAITING));
    let reading = Reading { chunks, room: Arc::clone(&room), chunk: Bytes::new() };
    (Lane { chunks: sender, room }, reading)
}

impl Lane {
    /// Waits until there is room for `chunk`, or nobody reads any more.
    pub(super) async fn room_for(&self, chunk: &Bytes) {
        let count = u32::try_from(chunk.len().min(WAITING)).unwrap_or(u32::MAX);
        tokio::select! {
            permits = self.room.acquire_many(count) => {
                // Given back by the reader.
                if let Ok(permits) = permits { permits.forget(); }
            }
            () = self.chunks.closed() => {}
        }
    }

    /// Passes `chunk` on, whether there is room or not.
    pub(super) fn send(&self, chunk: Bytes) {
        // A reader that went away is no reason to stop: the process would be held up.
        let _ = self.chunks.send(chunk);
    }
}

impl AsyncRead for Reading {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.chunk.is_empty() {
            match ready!(self.chunks.poll_recv(cx)) {
                Some(chunk) => self.chunk = chunk,
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.chunk.len().min(buf.remaining());
        buf.put_slice(&self.chunk[..count]);
        self.chunk.advance(count);
        self.room.add_permits(count);
        Poll::Ready(Ok(()))
    }
}

/// Where the caller writes to.
pub(super) struct Writing {
    connection: Option<WriteHalf<Link>>,
    ends: bool,
    runtime: Handle,
}

impl Writing {
    /// A pipe: dropping or shutting it down is the end of the process's input.
    pub(super) fn pipe(connection: WriteHalf<Link>) -> Self {
        Self::new(connection, true)
    }

    /// A keyboard, which has no end: Docker would take its end as that of the screen too.
    pub(super) fn keyboard(connection: WriteHalf<Link>) -> Self {
        Self::new(connection, false)
    }

    fn new(connection: WriteHalf<Link>, ends: bool) -> Self {
        Self { connection: Some(connection), ends, runtime: Handle::current() }
    }
}

impl AsyncWrite for Writing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.connection {
            Some(connection) => Pin::new(connection).poll_write(cx, buf).map_err(as_pipe),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.connection {
            Some(connection) => Pin::new(connection).poll_flush(cx).map_err(as_pipe),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ends = self.ends;
        match &mut self.connection {
            Some(connection) if ends => {
                let shut = ready!(Pin::new(connection).poll_shutdown(cx));
                self.connection = None;
                // The process may have ended, and the connection with it.
                Poll::Ready(shut.or(Ok(())))
            }
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let (true, Some(mut connection)) = (self.ends, self.connection.take()) {
            self.runtime.spawn(async move { connection.shutdown().await });
        }
    }
}

/// To whoever writes to a pipe, a peer that is gone is a broken pipe.
fn as_pipe(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::ConnectionReset => io::ErrorKind::BrokenPipe.into(),
        _ => error,
    }
}
