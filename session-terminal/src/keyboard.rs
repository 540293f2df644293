//! The way to the main process: its input and its terminal's size, neither of which may make the
//! reading of its output wait. A size never waits for input; input waits for the sizes before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use session_core::{Input, ProcessControl, TerminalSize};
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

/// Pieces of input that may wait for a main process that does not read.
const WAITING_PIECES: usize = 8192;
/// The part of them that is kept for what people type; answers get the rest.
const FOR_PEOPLE: usize = 4096;

/// How long input waits for a size: an engine that does not answer must not hold up what is typed.
const SIZE_LIMIT: Duration = Duration::from_secs(1);

/// Input, its permit, and how many sizes came before it.
type Piece = (Bytes, Option<OwnedSemaphorePermit>, u64);

/// Hands input and sizes to two tasks; dropping it ends them.
#[derive(Debug)]
pub(crate) struct Keyboard {
    pieces: mpsc::Sender<Piece>,
    sizes: mpsc::UnboundedSender<TerminalSize>,
    /// How many sizes were queued.
    sized: AtomicU64,
}

impl Keyboard {
    /// Starts the tasks that write to `input` and resize through `control`.
    pub(crate) fn new(input: Input, control: Arc<dyn ProcessControl>) -> Self {
        let (pieces, waiting_pieces) = mpsc::channel(WAITING_PIECES);
        let (sizes, waiting_sizes) = mpsc::unbounded_channel();
        let (applied, applied_sizes) = watch::channel(0);
        tokio::spawn(write_all(input, waiting_pieces, applied_sizes));
        tokio::spawn(resize_all(control, waiting_sizes, applied));
        Self { pieces, sizes, sized: AtomicU64::new(0) }
    }

    /// Queues input. The permit is what bounds it: it is given back once written. Without one
    /// (an answer of ours) it is dropped when a main process lets too much wait.
    pub(crate) fn write(&self, bytes: Bytes, permit: Option<OwnedSemaphorePermit>) {
        if permit.is_none() && self.pieces.capacity() < FOR_PEOPLE {
            return;
        }
        let after = self.sized.load(Ordering::Relaxed);
        if self.pieces.try_send((bytes, permit, after)).is_err() {
            tracing::debug!("input was dropped: the main process has ended or does not read");
        }
    }

    /// Queues a size.
    pub(crate) fn resize(&self, size: TerminalSize) {
        self.sized.fetch_add(1, Ordering::Relaxed);
        // It fails only when the main process is gone.
        let _ = self.sizes.send(size);
    }

    /// Makes a full-screen program redraw: its terminal changes its size and changes it back.
    pub(crate) fn nudge(&self, size: TerminalSize) {
        let rows = if size.rows > 1 { size.rows - 1 } else { 2 };
        self.resize(TerminalSize::new(size.columns, rows));
        self.resize(size);
    }
}

async fn write_all(
    mut input: Input,
    mut pieces: mpsc::Receiver<Piece>,
    mut applied: watch::Receiver<u64>,
) {
    while let Some((bytes, permit, after)) = pieces.recv().await {
        // Late or gone, what is typed is written all the same.
        let sized = applied.wait_for(|applied| *applied >= after);
        let _ = tokio::time::timeout(SIZE_LIMIT, sized).await;
        let written = async {
            input.write_all(&bytes).await?;
            input.flush().await
        };
        if let Err(error) = written.await {
            tracing::debug!(%error, "the main process takes no more input");
            return;
        }
        drop(permit);
    }
}

async fn resize_all(
    control: Arc<dyn ProcessControl>,
    mut sizes: mpsc::UnboundedReceiver<TerminalSize>,
    applied: watch::Sender<u64>,
) {
    while let Some(size) = sizes.recv().await {
        if let Err(error) = control.resize(size).await {
            tracing::debug!(%error, "the main process's terminal could not be resized");
        }
        applied.send_modify(|applied| *applied += 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use session_core::{Exit, Result, Signal};
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// Takes its time for each size, and never for one of a single row.
    #[derive(Debug, Default)]
    struct Slow(Mutex<Vec<TerminalSize>>);

    #[async_trait]
    impl ProcessControl for Slow {
        async fn resize(&self, size: TerminalSize) -> Result<()> {
            match size.rows {
                1 => std::future::pending().await,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
            self.0.lock().expect("no panic").push(size);
            Ok(())
        }

        async fn wait(&self) -> Result<Exit> {
            std::future::pending().await
        }

        async fn signal(&self, _: Signal) -> Result<()> {
            Ok(())
        }
    }

    /// What is typed comes after the sizes before it, and is written even if one of these is never applied.
    #[tokio::test]
    async fn input_waits_for_the_sizes_before_it() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let control = Arc::new(Slow::default());
        let keyboard = Keyboard::new(Box::new(ours), Arc::<Slow>::clone(&control));
        let mut byte = [0];
        keyboard.resize(TerminalSize::new(90, 20));
        keyboard.resize(TerminalSize::new(91, 21));
        keyboard.write(Bytes::from_static(b"a"), None);
        theirs.read_exact(&mut byte).await.expect("it is written");
        assert_eq!(control.0.lock().expect("no panic").len(), 2);
        keyboard.resize(TerminalSize::new(80, 1));
        keyboard.write(Bytes::from_static(b"b"), None);
        theirs.read_exact(&mut byte).await.expect("it is written");
        assert_eq!(&byte, b"b");
    }
}
