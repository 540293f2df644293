//! Processes in a session: what is asked for and the streams that come back.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use futures_util::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Exit, Result};

/// Bytes that a process writes.
pub type Output = Box<dyn AsyncRead + Send + Unpin>;
/// Where a process reads from; shutting it down is end-of-file for a pipe.
pub type Input = Box<dyn AsyncWrite + Send + Unpin>;
/// A stream of chunks, for archives.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<bytes::Bytes>> + Send>>;

/// A terminal's size in cells; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TerminalSize {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl TerminalSize {
    /// A size; a zero, as terminals without a window report it, becomes 80 or 24.
    pub fn new(columns: u16, rows: u16) -> Self {
        let or = |value: u16, default| if value == 0 { default } else { value };
        Self { columns: or(columns, 80), rows: or(rows, 24) }
    }
}

impl Default for TerminalSize {
    fn default() -> Self {
        Self::new(80, 24)
    }
}

/// What the main process is, *this* time.
///
/// It travels to the holder through a pipe and is not written to disk: the environment may hold
/// secrets. `Debug` shows the environment's names only.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Launch {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// The whole environment where the backend runs processes on the host, else what is added.
    pub environment: BTreeMap<String, String>,
    /// The terminal's size at the start.
    pub size: TerminalSize,
}

impl Launch {
    /// A launch of `argv` with an empty environment at 80x24.
    pub fn new(argv: Vec<String>) -> Self {
        Self { argv, environment: BTreeMap::new(), size: TerminalSize::default() }
    }

    /// Sets the environment.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the terminal's size.
    #[must_use]
    pub fn with_size(mut self, size: TerminalSize) -> Self {
        self.size = size;
        self
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("argv", &self.argv)
            .field("environment", &self.environment.keys())
            .field("size", &self.size)
            .finish()
    }
}

/// A process to be run beside the main one.
///
/// `Debug` shows the environment's names only.
#[derive(Clone)]
#[non_exhaustive]
pub struct ExecRequest {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// The whole environment where the backend runs processes on the host, else what is added.
    pub environment: BTreeMap<String, String>,
    /// Where it runs; `None` is the session's working directory. Relative paths start there.
    pub directory: Option<Utf8PathBuf>,
    /// A terminal of this size instead of pipes; then stdout and stderr are one stream.
    pub terminal: Option<TerminalSize>,
    /// Whether something will be written to it; else its input is empty.
    pub input: bool,
}

impl ExecRequest {
    /// A request to run `argv` with pipes, without input, in the working directory.
    pub fn new(argv: Vec<String>) -> Self {
        Self { argv, environment: BTreeMap::new(), directory: None, terminal: None, input: false }
    }

    /// Adds the environment.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// Chooses the directory.
    #[must_use]
    pub fn with_directory(mut self, directory: impl Into<Utf8PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Asks for a terminal; implies input.
    #[must_use]
    pub fn with_terminal(mut self, size: TerminalSize) -> Self {
        self.terminal = Some(size);
        self.input = true;
        self
    }

    /// Says that something will be written to it.
    #[must_use]
    pub fn with_input(mut self) -> Self {
        self.input = true;
        self
    }
}

impl fmt::Debug for ExecRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecRequest")
            .field("argv", &self.argv)
            .field("environment", &self.environment.keys())
            .field("directory", &self.directory)
            .field("terminal", &self.terminal)
            .field("input", &self.input)
            .finish()
    }
}

/// A signal by its POSIX number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[expect(clippy::exhaustive_structs, reason = "a signal is its number and nothing else")]
pub struct Signal(pub i32);

impl Signal {
    /// The terminal went away.
    pub const HANGUP: Self = Self(1);
    /// Ctrl-C.
    pub const INTERRUPT: Self = Self(2);
    /// An end that can't be refused.
    pub const KILL: Self = Self(9);
    /// The polite request to end.
    pub const TERMINATE: Self = Self(15);
}

/// The hold on a running process; dropping it does nothing to the process.
#[async_trait]
pub trait ProcessControl: fmt::Debug + Send + Sync {
    /// Waits for its end. May be called again, and by several at once.
    async fn wait(&self) -> Result<Exit>;
    /// Sets its terminal's size; `Ok` and without effect where it has none or has ended.
    async fn resize(&self, size: TerminalSize) -> Result<()>;
    /// Sends a signal to it and its children; `Ok` if it has ended.
    async fn signal(&self, signal: Signal) -> Result<()>;
}

/// The session's main process with its raw terminal.
///
/// Whoever holds it must read `output` until its end: an unread terminal stops the process. Only a
/// holder should.
#[non_exhaustive]
pub struct MainProcess {
    /// What it writes, escape sequences and all. Ends when the process and all that hold its
    /// terminal have ended.
    pub output: Output,
    /// Its keyboard.
    pub input: Input,
    /// Wait, resize, signal.
    pub control: Arc<dyn ProcessControl>,
}

impl MainProcess {
    /// Puts the parts together.
    pub fn new(output: Output, input: Input, control: Arc<dyn ProcessControl>) -> Self {
        Self { output, input, control }
    }
}

impl fmt::Debug for MainProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MainProcess").field("control", &self.control).finish_non_exhaustive()
    }
}

/// A process beside the main one, with its streams.
#[non_exhaustive]
pub struct Process {
    /// Its input, where one was asked for. Shut it down for end-of-file.
    pub stdin: Option<Input>,
    /// What it writes to standard output, or to its terminal.
    pub stdout: Output,
    /// What it writes to standard error; `None` with a terminal.
    pub stderr: Option<Output>,
    /// Wait, resize, signal.
    pub control: Arc<dyn ProcessControl>,
}

impl Process {
    /// Puts the parts together.
    pub fn new(
        stdin: Option<Input>,
        stdout: Output,
        stderr: Option<Output>,
        control: Arc<dyn ProcessControl>,
    ) -> Self {
        Self { stdin, stdout, stderr, control }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("control", &self.control).finish_non_exhaustive()
    }
}
