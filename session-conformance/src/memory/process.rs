//! Processes that are tasks, and their streams.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use session_core::{
    Error, ErrorKind, Exit, Input, Output, ProcessControl, Result, SessionId, Signal, TerminalSize,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::{Mutex, mpsc, watch};

use super::MemoryWorld;
use crate::mutants::Mutant;

/// As much as a pipe holds before its writer waits.
const PIPE_BYTES: usize = 65_536;

/// A process, as far as others can act on it.
pub(super) struct Proc {
    pub(super) number: u64,
    pub(super) session: SessionId,
    pub(super) is_main: bool,
    pub(super) exit: watch::Sender<Option<Exit>>,
    pub(super) size: watch::Sender<TerminalSize>,
    pub(super) out: Sink,
    signals: mpsc::UnboundedSender<i32>,
    /// Kept by processes on a terminal: their input never ends.
    keys: Option<mpsc::UnboundedSender<Vec<u8>>>,
}

/// What only the process itself has.
pub(super) struct Inside {
    pub(super) signals: mpsc::UnboundedReceiver<i32>,
    pub(super) keys: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Proc {
    /// A process on a terminal.
    pub(super) fn on_terminal(
        number: u64,
        session: SessionId,
        is_main: bool,
        size: TerminalSize,
    ) -> (Self, Inside) {
        let (keys, receiver) = mpsc::unbounded_channel();
        let (mut process, inside) = Self::with_pipes(number, session, Some(receiver));
        process.keys = Some(keys);
        process.is_main = is_main;
        process.size.send_replace(size);
        (process, inside)
    }

    /// A process with pipes; without `keys` its input is at its end.
    pub(super) fn with_pipes(
        number: u64,
        session: SessionId,
        keys: Option<mpsc::UnboundedReceiver<Vec<u8>>>,
    ) -> (Self, Inside) {
        let (signals, signals_in) = mpsc::unbounded_channel();
        let process = Self {
            number,
            session,
            is_main: false,
            exit: watch::Sender::new(None),
            size: watch::Sender::new(TerminalSize::default()),
            out: Sink::default(),
            signals,
            keys: None,
        };
        let keys = keys.unwrap_or_else(|| mpsc::unbounded_channel().1);
        (process, Inside { signals: signals_in, keys })
    }

    pub(super) fn send(&self, signal: i32) {
        // Nobody receives it once the process has ended.
        let _ = self.signals.send(signal);
    }

    pub(super) async fn ended(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        match exit.wait_for(Option::is_some).await.map(|exit| exit.clone()) {
            Ok(Some(exit)) => exit,
            _ => std::future::pending().await,
        }
    }

    /// A new keyboard, where it has a terminal.
    pub(super) fn keyboard(&self, world: &MemoryWorld) -> Input {
        let keys = self.keys.clone().filter(|_| !world.breaks(Mutant::InputSwallowed));
        Box::new(Keyboard { keys, ends: true })
    }
}

/// Where a process writes to; can be led elsewhere while it runs.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Option<DuplexStream>>>);

impl Sink {
    /// Leads what is written from now on to a new reader.
    pub(super) async fn lead(&self) -> Output {
        let (writer, reader) = tokio::io::duplex(PIPE_BYTES);
        *self.0.lock().await = Some(writer);
        Box::new(OneByte(reader))
    }

    pub(super) async fn write(&self, bytes: &[u8]) {
        if let Some(writer) = &mut *self.0.lock().await {
            // A reader that went away is no reason to stop.
            let _ = writer.write_all(bytes).await;
        }
    }

    /// Waits until nobody waits for a reader.
    pub(super) async fn read(&self) {
        drop(self.0.lock().await);
    }

    pub(super) async fn close(&self) {
        *self.0.lock().await = None;
    }
}

/// Gives one byte at each read.
struct OneByte(DuplexStream);

impl AsyncRead for OneByte {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut byte = [0; 1];
        let mut one = ReadBuf::new(&mut byte);
        if buffer.remaining() > 0 {
            std::task::ready!(Pin::new(&mut self.0).poll_read(cx, &mut one))?;
        }
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

/// The writing end of an input; never full.
pub(super) struct Keyboard {
    pub(super) keys: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// Whether shutting it down has an effect.
    pub(super) ends: bool,
}

impl AsyncWrite for Keyboard {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(keys) = &self.keys {
            // Nobody reads any more: a pipe would complain, and a terminal would not.
            let _ = keys.send(bytes.to_vec());
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ends {
            self.keys = None;
        }
        Poll::Ready(Ok(()))
    }
}

/// The hold on a process.
pub(super) struct Control {
    pub(super) process: Arc<Proc>,
    pub(super) world: MemoryWorld,
    pub(super) told: AtomicBool,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("number", &self.process.number).finish_non_exhaustive()
    }
}

#[async_trait]
impl ProcessControl for Control {
    async fn wait(&self) -> Result<Exit> {
        if self.told.swap(true, Ordering::Relaxed) && self.world.breaks(Mutant::WaitOnce) {
            return Err(Error::new(ErrorKind::NotFound, "memory.wait", "no such process"));
        }
        Ok(self.process.ended().await)
    }

    async fn resize(&self, size: TerminalSize) -> Result<()> {
        let deaf =
            if self.process.is_main { Mutant::ResizeIgnored } else { Mutant::ExecResizeIgnored };
        if !self.world.breaks(deaf) {
            self.process.size.send_replace(size);
        }
        Ok(())
    }

    async fn signal(&self, signal: Signal) -> Result<()> {
        if self.process.exit.borrow().is_some() {
            if self.world.breaks(Mutant::LateSignalFails) {
                return Err(Error::new(ErrorKind::NotFound, "memory.signal", "no such process"));
            }
            return Ok(());
        }
        self.process.send(signal.0);
        if !self.world.breaks(Mutant::SignalMissesChildren) {
            let number = self.process.number;
            let stays = |child: &super::world::Child| child.parent != number || child.is_daemon;
            self.world.state().children.retain(stays);
        }
        Ok(())
    }
}
