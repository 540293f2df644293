//! This command's own terminal.

use std::fs::OpenOptions;
use std::io::IsTerminal as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use session_core::{Attachment, Error, Exit, Process, Result, Signal, TerminalSize};
use session_terminal::client::{self, InteractiveOptions, Outcome};

use crate::chord::Chord;
use crate::pipes;

/// How the person left a session.
#[derive(Debug)]
pub(crate) enum Left {
    /// By the chord, or by closing the terminal; the session goes on.
    Detached,
    /// The main process ended.
    Exited(Exit),
    /// The holder went away.
    Cut,
}

/// The present size; 80x24 where there is no terminal.
pub(crate) fn size() -> TerminalSize {
    rustix::termios::tcgetwinsize(std::io::stdin()).map_or_else(
        |_| TerminalSize::default(),
        |size| TerminalSize::new(size.ws_col, size.ws_row),
    )
}

/// How wide the terminal is that results are printed to; `None` where they are not.
pub(crate) fn width() -> Option<usize> {
    let output = std::io::stdout();
    let size = rustix::termios::tcgetwinsize(&output).ok().filter(|size| size.ws_col > 0);
    size.filter(|_| output.is_terminal()).map(|size| size.ws_col.into())
}

/// Joins the terminal to a session until one of them leaves.
///
/// The greeting stands on the last row until the session draws there.
pub(crate) async fn enter(
    attachment: Attachment,
    chord: Chord,
    greeting: Option<String>,
) -> Result<Left> {
    let mut options = InteractiveOptions::new().with_detach(Some(chord.byte()));
    options.greeting = greeting;
    Ok(match client::interactive(attachment, own()?, &options).await? {
        Outcome::Exited(exit) => Left::Exited(exit),
        Outcome::Detached => Left::Detached,
        _ => Left::Cut,
    })
}

/// Runs a process at this terminal or on this command's pipes; gives its exit code.
pub(crate) async fn run(process: Process, with_terminal: bool) -> Result<u8> {
    if !with_terminal {
        return pipes::run(process).await;
    }
    let control = Arc::clone(&process.control);
    let options = InteractiveOptions::new().with_detach(None).without_paint();
    let attachment = client::attach_process(process);
    match client::interactive(attachment, own()?, &options).await? {
        Outcome::Exited(exit) => Ok(u8::try_from(exit.code).unwrap_or(u8::MAX)),
        _ => {
            // The window was closed: there is nobody to read what the process writes.
            control.signal(Signal::HANGUP).await?;
            Ok(128 + 1)
        }
    }
}

/// The terminal that this command was started at.
fn own() -> Result<OwnedFd> {
    let file = OpenOptions::new().read(true).write(true).open("/dev/tty");
    file.map(OwnedFd::from)
        .map_err(|error| Error::io("sessctl.terminal", "can't open the terminal (/dev/tty)", error))
}
