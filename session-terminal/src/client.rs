//! The loop of a command-line client: a person's terminal joined to a session's.

mod keys;
mod leave;
mod process;
mod tty;

use std::os::fd::OwnedFd;

use session_core::{Attachment, Error, Exit, Result, TerminalEvent, TerminalInput, TerminalOutput};
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::keys::{Chord, Keys};
use self::tty::Tty;

pub use self::process::attach_process;

/// The byte that Ctrl-\ sends.
pub const DETACH_BYTE: u8 = 0x1c;

const SIGCONT: i32 = 18;

/// How a person leaves a session without ending it, and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InteractiveOptions {
    /// The control character that detaches; `None` passes every key on.
    pub detach: Option<u8>,
    /// One line of text that is shown once on the last row, cut to its width.
    pub greeting: Option<String>,
    /// Whether the attachment begins with a paint of the whole screen, as a session's does. What
    /// the terminal shows is scrolled away for it.
    pub is_painted: bool,
}

impl InteractiveOptions {
    /// Detaches with Ctrl-\.
    pub fn new() -> Self {
        Self { detach: Some(DETACH_BYTE), greeting: None, is_painted: true }
    }

    /// Detaches with another control character (below 0x20), or with none.
    #[must_use]
    pub fn with_detach(mut self, detach: Option<u8>) -> Self {
        self.detach = detach;
        self
    }

    /// Shows a line of text once, until the session draws over it. Must hold no control characters.
    #[must_use]
    pub fn with_greeting(mut self, greeting: impl Into<String>) -> Self {
        self.greeting = Some(greeting.into());
        self
    }

    /// For what goes on where the terminal's cursor stands: a process beside the main one.
    #[must_use]
    pub fn without_paint(mut self) -> Self {
        self.is_painted = false;
        self
    }
}

impl Default for InteractiveOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Why an interactive client returned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The person left, or their terminal went away; the session runs on.
    Detached,
    /// The main process ended.
    Exited(Exit),
    /// The holder went away or let this client go; the session's status says what is left.
    HolderGone,
}

/// Joins the terminal `tty` to an attachment until one of them ends.
///
/// `tty` must be open for reading and writing. It is set to raw mode and always set back, with
/// everything undone that the session may have left on (mouse, alternate screen, …): when this
/// returns, when its future is dropped, and when it panics. The end of `tty`, SIGHUP and SIGTERM
/// are taken for the wish to detach; what the program does then is its own affair. Fails with
/// `InvalidInput` where `tty` is no terminal.
///
/// Must run on a runtime with its drivers enabled. The size at the start is the attachment's
/// affair ([`AttachOptions::size`](session_core::AttachOptions)); later changes are passed on.
pub async fn interactive(
    attachment: Attachment,
    tty: OwnedFd,
    options: &InteractiveOptions,
) -> Result<Outcome> {
    let Attachment { mut output, mut input, .. } = attachment;
    let Signals { mut window, mut goes_on, mut hangup, mut terminate } = Signals::listen()?;
    let tty = Tty::open(tty, options.is_painted)?;
    if options.is_painted {
        tty.make_room().await?;
    }
    let outcome = tokio::select! {
        outcome = show(output.as_mut(), &tty, options) => outcome,
        outcome = type_in(input.as_mut(), &tty, &mut window, options) => outcome,
        _ = hangup.recv() => Ok(Outcome::Detached),
        _ = terminate.recv() => Ok(Outcome::Detached),
        never = stay_raw(&tty, &mut goes_on) => never,
    };
    tty.restore();
    outcome
}

/// Shows what the session sends.
async fn show(
    output: &mut dyn TerminalOutput,
    tty: &Tty,
    options: &InteractiveOptions,
) -> Result<Outcome> {
    let mut greeting = options.greeting.as_deref();
    loop {
        match output.next().await? {
            TerminalEvent::Output(bytes) => {
                tty.note(&bytes);
                if tty.write_all(&bytes).await.is_err() {
                    return Ok(Outcome::Detached);
                }
                if let (Some(text), Some(size)) = (greeting.take(), tty.size()) {
                    // A line that wraps would scroll the session's screen.
                    let text: String =
                        text.chars().take(usize::from(size.columns).saturating_sub(1)).collect();
                    // Cursor and attributes are kept (DECSC, DECRC); the row is drawn over later.
                    let line = format!("\x1b7\x1b[{};1H\x1b[7m{text}\x1b[0m\x1b8", size.rows);
                    if tty.write_all(line.as_bytes()).await.is_err() {
                        return Ok(Outcome::Detached);
                    }
                }
            }
            TerminalEvent::Exited(exit) => return Ok(Outcome::Exited(exit)),
            _ => return Ok(Outcome::HolderGone),
        }
    }
}

/// Sends what the person types and how their window changes.
async fn type_in(
    input: &mut dyn TerminalInput,
    tty: &Tty,
    window: &mut Signal,
    options: &InteractiveOptions,
) -> Result<Outcome> {
    let chord = options.detach.map(Chord::new);
    let mut buffer = vec![0; 16 << 10];
    loop {
        let sent = tokio::select! {
            read = tty.read(&mut buffer) => {
                let Ok(read @ 1..) = read else { return Ok(Outcome::Detached) };
                match Keys::split(&buffer[..read], chord.as_ref()) {
                    Keys::All(keys) => input.send(keys).await,
                    Keys::Detach(before) => {
                        // Leaving matters more than what was typed before it.
                        let _ = input.send(before).await;
                        return Ok(Outcome::Detached);
                    }
                }
            }
            Some(()) = window.recv() => match tty.size() {
                Some(size) => input.resize(size).await,
                None => Ok(()),
            },
        };
        if sent.is_err() {
            // What is left of the output says better how it ended.
            return std::future::pending().await;
        }
    }
}

/// Sets raw mode again after a stop, when the shell has set its own.
async fn stay_raw(tty: &Tty, goes_on: &mut Signal) -> Result<Outcome> {
    while goes_on.recv().await.is_some() {
        tty.set_raw();
    }
    std::future::pending().await
}

#[derive(Debug)]
struct Signals {
    window: Signal,
    goes_on: Signal,
    hangup: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|error| Error::io("client.start", "listen for signals", error))
        };
        Ok(Self {
            window: listen(SignalKind::window_change())?,
            goes_on: listen(SignalKind::from_raw(SIGCONT))?,
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }
}
