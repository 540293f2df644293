//! What waits to be sent to one client, and what happens when it does not read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use crate::frame::{FRAME_MAX_BYTES, Frame, OUTPUT, header};

/// The most that may wait for a client, in bytes.
pub(crate) const FULL_BYTES: usize = 8 << 20;
/// The holder pauses reading when so much waits for a client that keeps reading …
pub(crate) const HIGH_BYTES: usize = 4 << 20;
/// … and goes on when so much is left.
pub(crate) const LOW_BYTES: usize = 2 << 20;
/// The most that is taken out to be written at once.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_PIECES: usize = 64;

/// A client's queue; shared by the holder, which fills it, and the client's writer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    lagging: bool,
    /// The writer was told that the client can be painted.
    told: bool,
    finished: bool,
}

/// What the writer is to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Write these; so many bytes wait after them.
    Write(Vec<Bytes>, usize),
    /// Everything old is written: the client lags and can be painted again.
    CaughtUp,
    /// Everything is written and nothing will follow.
    End,
}

impl Outbox {
    /// Queues terminal output, split into frames. A lagging client gets none.
    pub(crate) fn output(&self, bytes: &Bytes) {
        let mut queue = self.queue();
        if queue.lagging || queue.finished || bytes.is_empty() {
            return;
        }
        let mut rest = bytes.clone();
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(FRAME_MAX_BYTES));
            queue.push(Bytes::copy_from_slice(&header(OUTPUT, piece.len())));
            queue.push(piece);
        }
        if queue.bytes > FULL_BYTES {
            queue.lag();
        }
        drop(queue);
        self.0.changed.notify_one();
    }

    /// Queues another frame; one that can't be encoded is not sent.
    pub(crate) fn frame(&self, frame: &Frame) {
        let mut bytes = BytesMut::new();
        if let Err(error) = frame.encode(&mut bytes) {
            tracing::warn!(%error, "a frame for a client could not be encoded");
            return;
        }
        let mut queue = self.queue();
        if !queue.finished {
            queue.push(bytes.freeze());
            // Answers to a client that asks for ever and never reads.
            if queue.bytes > FULL_BYTES {
                queue.lag();
            }
        }
        drop(queue);
        self.0.changed.notify_one();
    }

    /// Lets go of what waits: the client will be painted when it has read what it was sent.
    pub(crate) fn lag(&self) {
        self.queue().lag();
        self.0.changed.notify_one();
    }

    /// Takes output again, beginning with a paint.
    pub(crate) fn repaint(&self, paint: &Bytes) {
        self.queue().lagging = false;
        self.output(paint);
    }

    /// Whether the client was let behind.
    pub(crate) fn is_lagging(&self) -> bool {
        self.queue().lagging
    }

    /// How many bytes wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue().bytes
    }

    /// Says that nothing will follow.
    pub(crate) fn finish(&self) {
        self.queue().finished = true;
        self.0.changed.notify_one();
    }

    /// Lets go of everything: the client can't be written to any more.
    pub(crate) fn abandon(&self) {
        let mut queue = self.queue();
        queue.lag();
        queue.finished = true;
    }

    /// Waits for something to do; for the one writer.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.queue().take() {
                return next;
            }
            self.0.changed.notified().await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No code that runs under it can panic halfway through a change.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push_back(piece);
    }

    fn lag(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
        self.told &= self.lagging;
        self.lagging = true;
    }

    fn take(&mut self) -> Option<Next> {
        let mut batch = Vec::new();
        let mut taken = 0;
        while taken < BATCH_BYTES && batch.len() < BATCH_PIECES {
            let Some(piece) = self.pieces.pop_front() else { break };
            taken += piece.len();
            batch.push(piece);
        }
        self.bytes -= taken;
        if !batch.is_empty() {
            return Some(Next::Write(batch, self.bytes));
        }
        if self.finished {
            return Some(Next::End);
        }
        if self.lagging && !self.told {
            self.told = true;
            return Some(Next::CaughtUp);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{FULL_BYTES, Next, Outbox};
    use bytes::Bytes;

    #[tokio::test]
    async fn a_queue_that_overflows_is_let_go_until_a_paint() {
        let outbox = Outbox::default();
        outbox.output(&Bytes::from(vec![b'x'; FULL_BYTES]));
        assert!(outbox.is_lagging());
        assert_eq!(outbox.waiting(), 0);
        outbox.output(&Bytes::from_static(b"lost"));
        assert!(matches!(outbox.next().await, Next::CaughtUp));
        outbox.repaint(&Bytes::from_static(b"paint"));
        let Next::Write(pieces, 0) = outbox.next().await else { panic!("nothing to write") };
        assert_eq!(pieces[1], "paint");
        outbox.finish();
        assert!(matches!(outbox.next().await, Next::End));
    }
}
