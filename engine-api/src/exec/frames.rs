//! What a process writes, as engines send it: framed, or a terminal's bytes as they are.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, ReadHalf};

use crate::engine::Link;

/// How much is read at once.
const CHUNK: usize = 1 << 16;
/// A kind, three zero bytes, a length.
const HEADER: usize = 8;

/// Where a chunk was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Output,
    Error,
}

/// The chunks of one connection. A chunk is given as soon as it is there, however long its frame.
pub(super) struct Frames<R = ReadHalf<Link>> {
    connection: R,
    buffer: BytesMut,
    framed: bool,
    source: Source,
    left: usize,
}

impl<R: tokio::io::AsyncRead + Unpin> Frames<R> {
    /// The chunks of `connection`, of which `early` was read already.
    pub(super) fn new(connection: R, early: BytesMut, framed: bool) -> Self {
        Self { connection, buffer: early, framed, source: Source::Output, left: 0 }
    }

    /// The next chunk, never empty; `None` at the end, also where the connection broke: how the
    /// process ended is asked of the engine in any case.
    pub(super) async fn next(&mut self) -> Option<(Source, Bytes)> {
        loop {
            if let Some(chunk) = self.take() {
                return Some((self.source, chunk));
            }
            self.buffer.reserve(CHUNK);
            match self.connection.read_buf(&mut self.buffer).await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::debug!(%error, "the connection to a process broke");
                    return None;
                }
            }
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        if !self.framed {
            return (!self.buffer.is_empty()).then(|| self.buffer.split().freeze());
        }
        while self.left == 0 {
            let header = self.buffer.get(..HEADER)?;
            self.source = if header[0] == 2 { Source::Error } else { Source::Output };
            let length = header.last_chunk().map_or(0, |length| u32::from_be_bytes(*length));
            self.left = length as usize;
            self.buffer.advance(HEADER);
        }
        let count = self.left.min(self.buffer.len());
        self.left -= count;
        (count > 0).then(|| self.buffer.split_to(count).freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn chunks(bytes: &[u8], early: &[u8], framed: bool) -> Vec<(Source, Vec<u8>)> {
        let mut frames = Frames::new(bytes, BytesMut::from(early), framed);
        let mut chunks: Vec<(Source, Vec<u8>)> = Vec::new();
        while let Some((source, chunk)) = frames.next().await {
            match chunks.last_mut().filter(|last| last.0 == source) {
                Some(last) => last.1.extend_from_slice(&chunk),
                None => chunks.push((source, chunk.to_vec())),
            }
        }
        chunks
    }

    #[tokio::test]
    async fn frames_are_split_anywhere() {
        let sent = b"\x01\0\0\0\0\0\0\x03one\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x02no\x01\0\0\0\0\0\0\x01\0";
        let expected = vec![
            (Source::Output, b"one".to_vec()),
            (Source::Error, b"no".to_vec()),
            (Source::Output, b"\0".to_vec()),
        ];
        for at in 0..sent.len() {
            assert_eq!(chunks(&sent[at..], &sent[..at], true).await, expected, "split at {at}");
        }
    }

    #[tokio::test]
    async fn a_terminal_may_begin_with_any_byte() {
        for first in 0..=2 {
            let sent = [first, 0, 0, 0, 0, 0, 0, 9, b'x'];
            let came = chunks(&sent, b"", false).await;
            assert_eq!(came, [(Source::Output, sent.to_vec())]);
        }
    }
}
