//! One client's connection, on the client's side.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use session_core::{
    AttachOptions, Attachment, Error, ErrorKind, Result, TerminalEvent, TerminalInput,
    TerminalOutput, TerminalSize,
};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;

use crate::connection::FrameReader;
use crate::frame::{FRAME_MAX_BYTES, Frame, PROTOCOL_VERSION};

/// Says hello on a fresh connection and wishes to attach.
pub(crate) async fn attach(stream: UnixStream, options: &AttachOptions) -> Result<Attachment> {
    let (reader, writer) = stream.into_split();
    let mut sender = FrameSender { socket: writer };
    let wish =
        Frame::Attach { size: options.size, read_only: options.read_only, replay: options.replay };
    sender.send(&[Frame::Hello { version: PROTOCOL_VERSION }, wish]).await?;
    let mut frames = FrameReader::new(reader);
    match frames.next().await? {
        Some(Frame::Welcome { .. }) => {}
        Some(Frame::Goodbye(reason)) => return Err(refused(&reason)),
        Some(_) => return Err(refused("what listens there is not a holder of this version")),
        None => return Err(refused("the session has just ended")),
    }
    Ok(Attachment::new(Box::new(Receiver { frames, ended: None }), Box::new(sender)))
}

/// Asks the holder on a fresh connection to stop the session; returns when it has gone.
pub(crate) async fn stop(stream: UnixStream, grace: u32) -> Result<()> {
    let (reader, writer) = stream.into_split();
    let mut sender = FrameSender { socket: writer };
    sender.send(&[Frame::Hello { version: PROTOCOL_VERSION }, Frame::Stop { grace }]).await?;
    let mut frames = FrameReader::new(reader);
    while frames.next().await?.is_some() {}
    Ok(())
}

#[derive(Debug)]
struct Receiver {
    frames: FrameReader,
    ended: Option<TerminalEvent>,
}

#[async_trait]
impl TerminalOutput for Receiver {
    async fn next(&mut self) -> Result<TerminalEvent> {
        if let Some(ended) = &self.ended {
            return Ok(ended.clone());
        }
        loop {
            let end = match self.frames.next().await? {
                Some(Frame::Output(bytes)) => return Ok(TerminalEvent::Output(bytes)),
                Some(Frame::Exited(exit)) => TerminalEvent::Exited(exit),
                Some(Frame::Goodbye(_)) | None => TerminalEvent::Detached,
                Some(_) => continue,
            };
            self.ended = Some(end.clone());
            return Ok(end);
        }
    }
}

#[derive(Debug)]
struct FrameSender {
    socket: OwnedWriteHalf,
}

impl FrameSender {
    async fn send(&mut self, frames: &[Frame]) -> Result<()> {
        let mut bytes = BytesMut::new();
        for frame in frames {
            frame.encode(&mut bytes)?;
        }
        self.socket.write_all(&bytes).await.map_err(|error| {
            let message = "the session's holder has gone; look at the session's status";
            Error::new(ErrorKind::Lost, "terminal.send", message).with_source(error)
        })
    }
}

#[async_trait]
impl TerminalInput for FrameSender {
    async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(FRAME_MAX_BYTES) {
            Self::send(self, &[Frame::Input(Bytes::copy_from_slice(piece))]).await?;
        }
        Ok(())
    }

    async fn resize(&mut self, size: TerminalSize) -> Result<()> {
        Self::send(self, &[Frame::Resize(size)]).await
    }
}

fn refused(reason: &str) -> Error {
    Error::new(ErrorKind::Refused, "terminal.attach", reason.to_owned())
}
