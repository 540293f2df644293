//! A container's terminal, as two streams of bytes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use session_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, ReadBuf, ReadHalf, WriteHalf};

use crate::engine::Link;
use crate::hijack::{Answer, Hijacked, hijack};
use crate::{Dialect, Engine};

/// Both directions. Dropping it closes the connection.
pub(crate) struct Streams {
    pub(crate) reader: Reader,
    pub(crate) writer: WriteHalf<Link>,
}

/// The reading side, to which bytes can be given back.
pub(crate) struct Reader {
    first: BytesMut,
    rest: ReadHalf<Link>,
}

/// Attaches to the terminal of a container that runs, or that is about to be started.
pub(crate) async fn attach(
    engine: &Engine,
    operation: &'static str,
    container: &str,
) -> Result<Streams> {
    let keys = if engine.dialect().has_detach_keys {
        format!("&detachKeys={}", Dialect::DETACH_KEYS.replace('^', "%5E"))
    } else {
        String::new()
    };
    let path = format!("/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1{keys}");
    let Hijacked { connection, early } =
        hijack(engine, operation, &path, "").await?.map_err(|answer| refused(operation, answer))?;
    let (rest, writer) = tokio::io::split(connection);
    Ok(Streams { reader: Reader { first: early, rest }, writer })
}

fn refused(operation: &'static str, answer: Answer) -> Error {
    let kind = match answer.status {
        404 => ErrorKind::Lost,
        _ => ErrorKind::Io,
    };
    let message = format!("can't attach to the container: {}", answer.message);
    Error::new(kind, operation, message)
}

impl Reader {
    /// Puts back what was read too far.
    pub(crate) fn unread(&mut self, bytes: &[u8]) {
        let mut whole = BytesMut::from(bytes);
        whole.extend_from_slice(&self.first);
        self.first = whole;
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.rest).poll_read(cx, buffer);
        }
        let count = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..count]);
        self.first.advance(count);
        Poll::Ready(Ok(()))
    }
}
