//! One client's connection, on the holder's side.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use camino::Utf8PathBuf;
use session_core::{Error, ErrorKind, Result, Session, TerminalSize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use crate::frame::{Frame, PROTOCOL_VERSION};
use crate::hub::{ClientId, Message};
use crate::log;
use crate::outbox::{LOW_BYTES, Next, Outbox};

/// How long a client may take to say what it wants.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Clients served at once.
const CLIENTS_MAX: usize = 64;
/// Bytes of input that may wait for a main process that does not read.
const INPUT_BYTES: u32 = 256 << 10;
/// What a piece of input counts at least: it takes a place in a queue, too.
const INPUT_LEAST: u32 = 64;
/// Lines of scrollback for a client that asks.
const REPLAY_LINES: usize = 2000;

/// What all connections of a holder share.
#[derive(Debug, Clone)]
pub(crate) struct Reception {
    hub: mpsc::Sender<Message>,
    session: Arc<dyn Session>,
    log: Utf8PathBuf,
    places: Arc<Semaphore>,
    input_room: Arc<Semaphore>,
    tracker: TaskTracker,
}

impl Reception {
    pub(crate) fn new(
        hub: mpsc::Sender<Message>,
        session: Arc<dyn Session>,
        log: Utf8PathBuf,
        tracker: TaskTracker,
    ) -> Self {
        Self {
            hub,
            session,
            log,
            places: Arc::new(Semaphore::new(CLIENTS_MAX)),
            input_room: Arc::new(Semaphore::new(INPUT_BYTES as usize)),
            tracker,
        }
    }

    /// Takes in clients until it is cancelled.
    pub(crate) async fn run(self, listener: UnixListener) {
        let mut id: ClientId = 0;
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            match listener.accept().await {
                Ok((stream, _)) => {
                    id += 1;
                    let reception = self.clone();
                    self.tracker.spawn(async move {
                        let _place = place;
                        if let Err(error) = reception.serve(id, stream).await {
                            tracing::debug!(%error, client = id, "a client was dropped");
                        }
                    });
                }
                // Out of file descriptors, most likely: those we have may come free.
                Err(error) => {
                    tracing::warn!(%error, "a client could not be taken in");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn serve(&self, id: ClientId, stream: UnixStream) -> Result<()> {
        let (reader, writer) = stream.into_split();
        let mut frames = FrameReader::new(reader);
        let outbox = Outbox::default();
        let greeted = tokio::select! {
            greeted = tokio::time::timeout(HANDSHAKE, self.greet(&mut frames, &outbox)) => greeted,
            () = self.hub.closed() => return Ok(()),
        };
        let wish = match greeted {
            Ok(Ok(Some(wish))) => wish,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => {
                outbox.frame(&Frame::Goodbye(error.to_string()));
                outbox.finish();
                let _ = tokio::time::timeout(HANDSHAKE, write_all(id, &outbox, writer, None)).await;
                return Err(error);
            }
            Err(_) => return Err(refused("the client said nothing")),
        };
        let replay = if wish.replay { self.replay(wish.size).await } else { Bytes::new() };
        let attached = Message::Attached {
            id,
            outbox: outbox.clone(),
            size: wish.size,
            read_only: wish.read_only,
            replay,
        };
        if self.hub.send(attached).await.is_err() {
            return Err(refused("the session has just ended"));
        }
        let write = async {
            match write_all(id, &outbox, writer, Some(&self.hub)).await {
                Ok(()) => {}
                // It does not read any more, but it may have said something before it left.
                Err(error) => {
                    outbox.abandon();
                    tracing::debug!(%error, client = id, "a client can't be written to");
                    std::future::pending().await
                }
            }
        };
        let listened = tokio::select! {
            listened = self.listen(id, &mut frames, &outbox, wish.read_only) => listened,
            () = write => Ok(()),
        };
        // After the end of the session there is nobody to tell.
        let _ = self.hub.send(Message::Gone { id }).await;
        listened
    }

    /// Reads up to the wish to attach; `None` if the client leaves before.
    async fn greet(&self, frames: &mut FrameReader, outbox: &Outbox) -> Result<Option<Wish>> {
        let Some(first) = frames.next().await? else { return Ok(None) };
        let Frame::Hello { version: version @ 1.. } = first else {
            return Err(refused("the first frame must be a hello with a version from 1"));
        };
        outbox.frame(&Frame::Welcome { version: version.min(PROTOCOL_VERSION) });
        while let Some(frame) = frames.next().await? {
            match frame {
                Frame::Attach { size, read_only, replay } => {
                    return Ok(Some(Wish { size, read_only, replay }));
                }
                Frame::Stop { grace } => self.stop(grace),
                Frame::Detach => break,
                _ => {}
            }
        }
        Ok(None)
    }

    /// Takes the client's frames until it leaves.
    async fn listen(
        &self,
        id: ClientId,
        frames: &mut FrameReader,
        outbox: &Outbox,
        read_only: bool,
    ) -> Result<()> {
        while let Some(frame) = frames.next().await? {
            let message = match frame {
                Frame::Input(bytes) if !read_only => {
                    let length = u32::try_from(bytes.len()).unwrap_or(INPUT_BYTES);
                    let room = length.clamp(INPUT_LEAST, INPUT_BYTES);
                    let room = Arc::clone(&self.input_room).acquire_many_owned(room).await;
                    let Ok(permit) = room else { return Ok(()) };
                    Message::Input { id, bytes, permit }
                }
                Frame::Resize(size) if !read_only => Message::Resized { id, size },
                Frame::Ping(bytes) => {
                    outbox.frame(&Frame::Pong(bytes));
                    continue;
                }
                Frame::Stop { grace } if !read_only => {
                    self.stop(grace);
                    continue;
                }
                Frame::Detach => return Ok(()),
                _ => continue,
            };
            if self.hub.send(message).await.is_err() {
                // The end of the session; the writer has the rest to say.
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }

    fn stop(&self, grace: u32) {
        let session = Arc::clone(&self.session);
        let grace = Duration::from_millis(u64::from(grace));
        tokio::spawn(async move {
            if let Err(error) = session.stop(grace).await {
                tracing::warn!(%error, "the session could not be stopped");
            }
        });
    }

    /// The scrollback, pushed above the screen that is painted next.
    async fn replay(&self, size: TerminalSize) -> Bytes {
        let log = self.log.clone();
        let read = tokio::task::spawn_blocking(move || {
            let raw = log::raw_tail(&log)?;
            let mut text = crate::screen::scrollback(&raw, size, REPLAY_LINES);
            if !text.is_empty() {
                text.push_str(&"\r\n".repeat(usize::from(size.rows)));
            }
            Ok::<_, Error>(Bytes::from(text))
        });
        match read.await {
            Ok(Ok(text)) => text,
            _ => Bytes::new(),
        }
    }
}

/// What a client asked for.
#[derive(Debug, Clone, Copy)]
struct Wish {
    size: TerminalSize,
    read_only: bool,
    replay: bool,
}

/// Reads frames off a socket.
#[derive(Debug)]
pub(crate) struct FrameReader {
    socket: OwnedReadHalf,
    buffer: BytesMut,
}

impl FrameReader {
    pub(crate) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, buffer: BytesMut::new() }
    }

    /// The next frame, unknown ones left out; `None` at the end. May be cancelled.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            match Frame::decode(&mut self.buffer)? {
                Some(Frame::Unknown(_)) => continue,
                Some(frame) => return Ok(Some(frame)),
                None => {}
            }
            self.buffer.reserve(64 << 10);
            match self.socket.read_buf(&mut self.buffer).await {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    return Ok(None);
                }
                Err(error) => return Err(Error::io("terminal.receive", "read a frame", error)),
            }
        }
    }
}

/// Writes what the client's queue holds until it ends.
async fn write_all(
    id: ClientId,
    outbox: &Outbox,
    mut socket: OwnedWriteHalf,
    hub: Option<&mpsc::Sender<Message>>,
) -> Result<()> {
    loop {
        let message = match outbox.next().await {
            Next::Write(mut pieces, left) => {
                let batch: usize = pieces.iter().map(Bytes::len).sum();
                write_pieces(&mut socket, &mut pieces)
                    .await
                    .map_err(|error| Error::io("terminal.send", "write to a client", error))?;
                if left > LOW_BYTES || left + batch <= LOW_BYTES {
                    continue;
                }
                Message::Drained
            }
            Next::CaughtUp => Message::CaughtUp { id },
            Next::End => {
                let _ = socket.shutdown().await;
                return Ok(());
            }
        };
        if let Some(hub) = hub {
            let _ = hub.send(message).await;
        }
    }
}

async fn write_pieces(socket: &mut OwnedWriteHalf, pieces: &mut [Bytes]) -> std::io::Result<()> {
    let mut first = 0;
    while first < pieces.len() {
        let slices: Vec<IoSlice<'_>> =
            pieces[first..].iter().map(|piece| IoSlice::new(piece)).collect();
        let mut written = socket.write_vectored(&slices).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        while first < pieces.len() && written >= pieces[first].len() {
            written -= pieces[first].len();
            first += 1;
        }
        if written > 0 {
            pieces[first].advance(written);
        }
    }
    Ok(())
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Refused, "holder.greet", message)
}
