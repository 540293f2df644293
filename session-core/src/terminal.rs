//! The terminal layer as the manager sees it: something holds a running session's terminal and
//! lets clients attach. `session-terminal` implements it.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::{Exit, Launch, Result, SessionId, TerminalSize};

/// What a holder is told; goes to it through a pipe, never to disk or an argument list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HoldRequest {
    /// Which session.
    pub id: SessionId,
    /// The session's name, for process lists and messages.
    pub name: String,
    /// The kind of its backend.
    pub backend: String,
    /// The home of all sessions.
    pub home: Utf8PathBuf,
    /// What to start; `None` takes a running main process again whose holder died.
    pub launch: Option<Launch>,
    /// A client is about to attach: should the main process end before it has, the holder waits
    /// for it a few seconds, so that nothing that was shown is missed.
    #[serde(default)]
    pub awaits_client: bool,
}

impl HoldRequest {
    /// A request to start `launch`.
    pub fn new(
        id: SessionId,
        name: impl Into<String>,
        backend: impl Into<String>,
        home: impl Into<Utf8PathBuf>,
        launch: Option<Launch>,
    ) -> Self {
        Self {
            id,
            name: name.into(),
            backend: backend.into(),
            home: home.into(),
            launch,
            awaits_client: false,
        }
    }

    /// Says that a client is about to attach.
    #[must_use]
    pub fn with_awaited_client(mut self, awaits_client: bool) -> Self {
        self.awaits_client = awaits_client;
        self
    }
}

/// How to attach.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachOptions {
    /// The client's size.
    pub size: TerminalSize,
    /// Only watch: input and resizes of this client are ignored by the holder.
    pub read_only: bool,
    /// Send the kept scrollback before the screen.
    pub replay: bool,
}

impl AttachOptions {
    /// A full client of `size` that gets the present screen.
    pub fn new(size: TerminalSize) -> Self {
        Self { size, read_only: false, replay: false }
    }

    /// Only watches.
    #[must_use]
    pub fn with_read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Asks for the scrollback.
    #[must_use]
    pub fn with_replay(mut self, replay: bool) -> Self {
        self.replay = replay;
        self
    }
}

/// What an attached client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TerminalEvent {
    /// Bytes for the client's terminal.
    Output(Bytes),
    /// The main process ended; nothing follows.
    Exited(Exit),
    /// The holder went away or let this client go; the session may still run. Nothing follows.
    Detached,
}

/// The receiving half of an attachment.
#[async_trait]
pub trait TerminalOutput: Debug + Send {
    /// Waits for the next event. May be cancelled without losing one.
    async fn next(&mut self) -> Result<TerminalEvent>;
}

/// The sending half of an attachment.
#[async_trait]
pub trait TerminalInput: Debug + Send {
    /// Sends key strokes, in order.
    async fn send(&mut self, bytes: &[u8]) -> Result<()>;
    /// Tells the client's new size; the last active client's size is the session's.
    async fn resize(&mut self, size: TerminalSize) -> Result<()>;
}

/// One client at a session's terminal. Dropping both halves detaches.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attachment {
    /// What the session shows.
    pub output: Box<dyn TerminalOutput>,
    /// What the person types.
    pub input: Box<dyn TerminalInput>,
}

impl Attachment {
    /// Puts the halves together.
    pub fn new(output: Box<dyn TerminalOutput>, input: Box<dyn TerminalInput>) -> Self {
        Self { output, input }
    }
}

/// Starts holders and attaches to them.
#[async_trait]
pub trait Terminals: Debug + Send + Sync {
    /// Starts a holder, which opens the session through its backend and starts (or takes again)
    /// its main process. Returns when that runs, or with the error of why it does not; then
    /// nothing is left running.
    async fn hold(&self, request: HoldRequest) -> Result<()>;

    /// Whether the session has a holder that answers.
    async fn is_held(&self, home: &camino::Utf8Path, id: &SessionId) -> Result<bool>;

    /// Attaches a client; `Refused` where there is no holder.
    async fn attach(
        &self,
        home: &camino::Utf8Path,
        id: &SessionId,
        options: &AttachOptions,
    ) -> Result<Attachment>;
}
