//! The ends of pipes and terminals, with the manners that the contract asks for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;

/// What a process writes.
///
/// A terminal whose last user has gone reads as an error (EIO); here that is the end. When it is
/// dropped before that, the rest is read and thrown away, so that the process goes on: dropping a
/// handle does nothing to it.
#[derive(Debug)]
pub(crate) struct Reading<R: AsyncRead + Send + Unpin + 'static> {
    inner: Option<R>,
    runtime: Handle,
}

impl<R: AsyncRead + Send + Unpin + 'static> Reading<R> {
    /// Must be made inside the runtime that is to read the rest.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner: Some(inner), runtime: Handle::current() }
    }
}

impl<R: AsyncRead + Send + Unpin + 'static> AsyncRead for Reading<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(Ok(())) };
        let before = buf.filled().len();
        let read = ready!(Pin::new(inner).poll_read(cx, buf));
        let eio = rustix::io::Errno::IO.raw_os_error();
        let read = match read {
            Err(error) if error.raw_os_error() == Some(eio) => Ok(()),
            read => read,
        };
        if read.is_ok() && buf.filled().len() == before && buf.remaining() > 0 {
            self.inner = None;
        }
        Poll::Ready(read)
    }
}

impl<R: AsyncRead + Send + Unpin + 'static> Drop for Reading<R> {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            // On a runtime that is shutting down this is dropped at once, and the end closed.
            self.runtime.spawn(async move {
                let mut inner = inner;
                let _ = tokio::io::copy(&mut inner, &mut tokio::io::sink()).await;
            });
        }
    }
}

/// Where a process reads from: shutting it down closes it.
#[derive(Debug)]
pub(crate) struct Writing<W>(Option<W>);

impl<W> Writing<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self(Some(inner))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Writing<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Some(inner) => Pin::new(inner).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(inner) => Pin::new(inner).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(self.as_mut().poll_flush(cx));
        self.0 = None;
        Poll::Ready(flushed)
    }
}
