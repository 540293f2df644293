//! Requests whose connection becomes the stream of a process.
//!
//! Bollard can make them too, but guesses from a chunk's first byte whether it is framed; what a
//! program writes to a terminal may begin with any byte (docs/engines.md, "bollard"), so these
//! bytes are not shown to it.

use std::io;

use bytes::{Buf as _, BytesMut};
use session_core::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::Engine;
use crate::engine::Link;
use crate::failure::{cause_error, transport_cause};

/// The longest answer that is not a stream.
const LONGEST_ANSWER: usize = 1 << 20;

/// A connection that is now a stream, with what came along with the answer.
pub(crate) struct Hijacked {
    pub(crate) connection: Link,
    pub(crate) early: BytesMut,
}

/// A request that was answered with an error.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) message: String,
}

/// Posts `body` to `path`, which must be escaped, and gives the stream that the engine makes of the
/// connection; the inner error is the engine's refusal.
pub(crate) async fn hijack(
    engine: &Engine,
    operation: &'static str,
    path: &str,
    body: &str,
) -> Result<std::result::Result<Hijacked, Answer>> {
    exchange(engine, path, body).await.map_err(|error| {
        let (cause, text) = transport_cause(&error);
        let doing = "open a stream to the container";
        cause_error(operation.into(), doing, &engine.peer(), cause, &text).with_source(error)
    })
}

async fn exchange(
    engine: &Engine,
    path: &str,
    body: &str,
) -> io::Result<std::result::Result<Hijacked, Answer>> {
    let mut connection = engine.dial().await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    connection.flush().await?;
    let mut early = BytesMut::with_capacity(4096);
    let length = loop {
        if let Some(at) = early.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if early.len() > LONGEST_ANSWER || connection.read_buf(&mut early).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&early[..length]).into_owned();
    early.advance(length + 4);
    let status = head.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    if matches!(status, 101 | 200) {
        return Ok(Ok(Hijacked { connection, early }));
    }
    let said = content_length(&head).unwrap_or(LONGEST_ANSWER).min(LONGEST_ANSWER);
    while early.len() < said && connection.read_buf(&mut early).await? > 0 {}
    Ok(Err(Answer { status, message: message(&early) }))
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}

/// The text in an error document; the document itself where it is none.
fn message(body: &[u8]) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(body).ok();
    let said = said.as_ref().and_then(|said| said.get("message")?.as_str());
    match said {
        Some(said) => said.to_owned(),
        None => String::from_utf8_lossy(body).trim().to_owned(),
    }
}
