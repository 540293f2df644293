//! The one place that reads a main process's terminal and knows its clients.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use session_core::{Exit, Output, TerminalSize, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use crate::journal::Journal;
use crate::keyboard::Keyboard;
use crate::outbox::{HIGH_BYTES, LOW_BYTES, Outbox};
use crate::screen::{Screen, strip_answers};

/// The most that is read before it is passed on, in bytes.
const READ_BYTES: usize = 64 << 10;
/// How long reading pauses for a client with a full queue to empty half of it.
const GRACE: Duration = Duration::from_millis(250);
/// How long a client that failed to do so is not waited for again.
const PROBATION: Duration = Duration::from_secs(10);

/// How long the end of the output is waited for after the main process and what it left behind
/// have ended.
const DRAIN: Duration = Duration::from_secs(2);

/// A client as connections know it.
pub(crate) type ClientId = u64;

/// What connections tell the hub.
#[derive(Debug)]
pub(crate) enum Message {
    /// A client attached; `replay` goes before the paint.
    Attached { id: ClientId, outbox: Outbox, size: TerminalSize, read_only: bool, replay: Bytes },
    /// A client typed; the permit is given back when the bytes are written.
    Input { id: ClientId, bytes: Bytes, permit: OwnedSemaphorePermit },
    /// A client's window changed.
    Resized { id: ClientId, size: TerminalSize },
    /// A lagging client has read what it was sent.
    CaughtUp { id: ClientId },
    /// A queue has got shorter.
    Drained,
    /// A client is gone.
    Gone { id: ClientId },
}

/// A client as the hub knows it.
#[derive(Debug)]
struct Client {
    outbox: Outbox,
    size: TerminalSize,
    read_only: bool,
    /// Until when reading pauses for it.
    deadline: Option<Instant>,
    /// Until when it is not waited for.
    probation: Option<Instant>,
}

/// The state of a running terminal.
#[derive(Debug)]
pub(crate) struct Hub {
    screen: Screen,
    size: TerminalSize,
    clients: BTreeMap<ClientId, Client>,
    active: Option<ClientId>,
    had_client: bool,
    keyboard: Keyboard,
    journal: Option<Journal>,
    last_activity: Timestamp,
}

impl Hub {
    pub(crate) fn new(
        size: TerminalSize,
        keyboard: Keyboard,
        mut journal: Option<Journal>,
    ) -> Self {
        if let Some(journal) = &mut journal {
            journal.resize(size);
        }
        Self {
            screen: Screen::new(size),
            size,
            clients: BTreeMap::new(),
            active: None,
            had_client: false,
            keyboard,
            journal,
            last_activity: Timestamp::now(),
        }
    }

    /// Shows what an earlier holder of the same run has read; its questions were answered then.
    pub(crate) fn recall(&mut self, earlier: &[u8]) {
        self.screen.feed(earlier);
        drop(self.screen.answers());
    }

    /// Reads `output` and serves clients until the main process has `ended` and its output too,
    /// or until `dismissed`, then without an exit.
    ///
    /// Never waits for a client that does not read, beyond one [`GRACE`].
    pub(crate) async fn run(
        &mut self,
        output: &mut Output,
        messages: &mut mpsc::Receiver<Message>,
        ended: impl Future<Output = Exit>,
        dismissed: impl Future<Output = ()>,
    ) -> Option<Exit> {
        let mut ended = std::pin::pin!(ended);
        let mut dismissed = std::pin::pin!(dismissed);
        let mut buffer = BytesMut::new();
        let mut exit = None;
        let mut drained_by = Instant::now();
        let mut is_open = true;
        while is_open || exit.is_none() {
            let paused = self.paused_until();
            tokio::select! {
                Some(message) = messages.recv() => self.hear(message),
                more = read_batch(output, &mut buffer), if is_open && paused.is_none() => {
                    is_open = more;
                    self.publish(buffer.split().freeze());
                }
                () = until(paused) => self.stop_waiting(),
                how = &mut ended, if exit.is_none() => {
                    exit = Some(how);
                    drained_by = Instant::now() + DRAIN;
                }
                // Something that is not ours to end keeps the terminal open.
                () = until(exit.is_some().then_some(drained_by)) => break,
                () = &mut dismissed => return None,
            }
        }
        exit
    }

    /// Waits, at most `patience`, for the first client if there was none.
    pub(crate) async fn await_first_client(
        &mut self,
        messages: &mut mpsc::Receiver<Message>,
        patience: Duration,
    ) {
        let deadline = Some(Instant::now() + patience);
        while !self.had_client {
            tokio::select! {
                Some(message) = messages.recv() => self.hear(message),
                () = until(deadline) => return,
            }
        }
    }

    /// Closes the way for messages and takes those that are under way: a client that attached in
    /// the last moment hears of the end, too.
    pub(crate) async fn hear_the_last(&mut self, messages: &mut mpsc::Receiver<Message>) {
        messages.close();
        while let Some(message) = messages.recv().await {
            self.hear(message);
        }
    }

    /// When the last byte was written or typed.
    pub(crate) fn last_activity(&self) -> Timestamp {
        self.last_activity
    }

    /// Takes the log, to be closed.
    pub(crate) fn take_journal(&mut self) -> Option<Journal> {
        self.journal.take()
    }

    /// The queues of all clients, each brought to the present state if it lagged.
    pub(crate) fn part(&mut self) -> Vec<Outbox> {
        let lagging: Vec<ClientId> = self.clients.keys().copied().collect();
        for id in lagging {
            self.paint_lagging(id);
        }
        std::mem::take(&mut self.clients).into_values().map(|client| client.outbox).collect()
    }

    fn publish(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.last_activity = Timestamp::now();
        self.screen.feed(&bytes);
        for client in self.clients.values_mut() {
            let was_lagging = client.outbox.is_lagging();
            client.outbox.output(&bytes);
            if !was_lagging && client.outbox.is_lagging() {
                client.deadline = None;
            } else if client.outbox.waiting() > HIGH_BYTES && client.deadline.is_none() {
                client.begin_waiting();
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.append(bytes);
        }
        self.answer_if_alone();
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Attached { id, outbox, size, read_only, replay } => {
                self.attach(id, outbox, size, read_only, &replay);
            }
            Message::Input { id, bytes, permit } => self.type_in(id, bytes, permit),
            Message::Resized { id, size } => {
                if let Some(client) = self.clients.get_mut(&id).filter(|client| !client.read_only) {
                    client.size = size;
                    self.activate(id);
                }
            }
            Message::CaughtUp { id } => self.paint_lagging(id),
            Message::Drained => self.end_waiting(),
            Message::Gone { id } => {
                self.forget_answers();
                self.clients.remove(&id);
                if self.active == Some(id) {
                    self.active = None;
                }
            }
        }
    }

    fn attach(
        &mut self,
        id: ClientId,
        outbox: Outbox,
        size: TerminalSize,
        read_only: bool,
        replay: &Bytes,
    ) {
        self.had_client = true;
        self.forget_answers();
        let same_size = size == self.size;
        if !read_only {
            self.set_size(size);
        }
        outbox.output(replay);
        outbox.output(&self.screen.paint());
        let client = Client { outbox, size, read_only, deadline: None, probation: None };
        self.clients.insert(id, client);
        if read_only {
            return;
        }
        self.active = Some(id);
        // The paint is exact for what the screen parser knows. A full-screen program may show
        // more (images, links), and it redraws when its size changes; a program on the primary
        // screen would only repeat its prompt.
        if same_size && self.screen.is_alternate() {
            self.keyboard.nudge(self.size);
        }
    }

    fn type_in(&mut self, id: ClientId, bytes: Bytes, permit: OwnedSemaphorePermit) {
        let is_viewer = self.clients.get(&id).is_none_or(|client| client.read_only);
        if is_viewer || bytes.is_empty() {
            return;
        }
        // Every attached terminal answers a program's questions; the active one's answers count.
        let bytes = match strip_answers(&bytes) {
            Some(kept) if self.active.is_some_and(|active| active != id) => kept.into(),
            _ => bytes,
        };
        if bytes.is_empty() {
            return;
        }
        self.last_activity = Timestamp::now();
        self.activate(id);
        self.keyboard.write(bytes, Some(permit));
    }

    /// Makes `id` the client whose size is the session's.
    fn activate(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get(&id) {
            let size = client.size;
            self.active = Some(id);
            self.set_size(size);
        }
    }

    fn set_size(&mut self, size: TerminalSize) {
        if size != self.size {
            self.size = size;
            self.screen.resize(size);
            self.keyboard.resize(size);
            if let Some(journal) = &mut self.journal {
                journal.resize(size);
            }
        }
    }

    fn paint_lagging(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get(&id).filter(|client| client.outbox.is_lagging()) {
            client.outbox.repaint(&self.screen.paint());
        }
    }

    /// Answers what the program asks of its terminal while nobody's terminal can.
    fn answer_if_alone(&mut self) {
        if self.clients.values().all(|client| client.read_only) {
            let answers = self.screen.answers();
            if !answers.is_empty() {
                self.keyboard.write(answers.into(), None);
            }
        }
    }

    /// Lets go of answers that the clients' terminals gave.
    fn forget_answers(&mut self) {
        if self.clients.values().any(|client| !client.read_only) {
            drop(self.screen.answers());
        }
    }

    /// The moment until which reading pauses, if it does.
    fn paused_until(&self) -> Option<Instant> {
        self.clients.values().filter_map(|client| client.deadline).min()
    }

    /// Goes on where clients made room.
    fn end_waiting(&mut self) {
        for client in self.clients.values_mut() {
            if client.outbox.waiting() <= LOW_BYTES {
                client.deadline = None;
            }
        }
    }

    /// Drops those that did not make room in time to a repaint.
    fn stop_waiting(&mut self) {
        let now = Instant::now();
        for client in self.clients.values_mut() {
            if client.deadline.is_some_and(|deadline| deadline <= now) {
                client.deadline = None;
                if client.outbox.waiting() > LOW_BYTES {
                    client.outbox.lag();
                    client.probation = Some(now + PROBATION);
                }
            }
        }
    }
}

impl Client {
    fn begin_waiting(&mut self) {
        let now = Instant::now();
        if self.probation.is_none_or(|until| until <= now) {
            self.deadline = Some(now + GRACE);
        }
    }
}

/// Waits for the moment; for ever if there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Reads what is there, at least one byte and at most [`READ_BYTES`]; `false` at the end.
///
/// Cancelling it loses nothing.
async fn read_batch(output: &mut Output, buffer: &mut BytesMut) -> bool {
    std::future::poll_fn(|context| {
        while buffer.len() < READ_BYTES {
            if buffer.capacity() == buffer.len() {
                buffer.reserve(READ_BYTES);
            }
            match poll_read_buf(Pin::new(&mut *output), context, buffer) {
                Poll::Pending if buffer.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                // A terminal that all its processes have closed reads as an error.
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(false),
                Poll::Ready(Ok(_)) => {}
            }
        }
        Poll::Ready(true)
    })
    .await
}
