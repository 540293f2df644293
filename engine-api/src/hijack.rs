//! A raw stream to an engine: a request that turns its connection into one.
//!
//! Not by bollard's `attach_container`, whose decoder takes a terminal's output that begins with
//! the byte 0, 1 or 2 for a header (docs/engines.md).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use session_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use crate::failure::engine_error;
use crate::{Endpoint, Engine};

/// Longer than any head of an answer, and any message of an error.
const MAX_HEAD: usize = 64 * 1024;

/// Both directions of a connection.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that belongs to a process's streams.
pub(crate) struct Hijacked {
    pub(crate) reader: Reader,
    pub(crate) writer: tokio::io::WriteHalf<Box<dyn Duplex>>,
}

/// The reading side; begins with what came along with the head of the answer.
pub(crate) struct Reader {
    first: Bytes,
    rest: tokio::io::ReadHalf<Box<dyn Duplex>>,
}

/// Sends a `POST` of `path` (with its query) and takes the connection over.
///
/// `body` is JSON. `operation` and `doing` are for the error.
pub(crate) async fn hijack(
    engine: &Engine,
    operation: &'static str,
    doing: &str,
    path: &str,
    body: &[u8],
) -> Result<Hijacked> {
    let broken = |error: std::io::Error| {
        Error::new(ErrorKind::BackendUnavailable, operation, format!("{doing}: {error}"))
            .with_source(error)
    };
    let mut stream = dial(engine).await.map_err(broken)?;
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    stream.write_all(&request).await.map_err(broken)?;
    let mut head = BytesMut::new();
    let end = loop {
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if head.len() > MAX_HEAD || stream.read_buf(&mut head).await.map_err(broken)? == 0 {
            return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
        }
    };
    let rest = head.split_off(end);
    let head = String::from_utf8_lossy(&head).into_owned();
    let status = head.split(' ').nth(1).and_then(|word| word.parse::<u16>().ok()).unwrap_or(0);
    if !matches!(status, 101 | 200) {
        let message = message(stream, rest, &head).await;
        let failure =
            bollard::errors::Error::DockerResponseServerError { status_code: status, message };
        return Err(engine_error(operation, doing, failure));
    }
    let (reader, writer) = tokio::io::split(stream);
    Ok(Hijacked { reader: Reader { first: rest.freeze(), rest: reader }, writer })
}

async fn dial(engine: &Engine) -> std::io::Result<Box<dyn Duplex>> {
    match engine.endpoint() {
        Endpoint::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
    }
}

/// What an answer that is an error says.
async fn message(mut stream: Box<dyn Duplex>, mut body: BytesMut, head: &str) -> String {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let length = length.unwrap_or(0).min(MAX_HEAD);
    while body.len() < length {
        match stream.read_buf(&mut body).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let text = || String::from_utf8_lossy(&body).trim().to_owned();
    serde_json::from_slice::<serde_json::Value>(&body)
        .ok()
        .and_then(|json| json.get("message")?.as_str().map(str::to_owned))
        .unwrap_or_else(text)
}

impl Reader {
    /// Puts back what was read too far.
    pub(crate) fn unread(&mut self, bytes: Vec<u8>) {
        let mut whole = BytesMut::from(bytes.as_slice());
        whole.extend_from_slice(&self.first);
        self.first = whole.freeze();
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
