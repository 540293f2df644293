//! This command's own terminal.

use session_core::{Attachment, Exit, Process, Result, TerminalSize};

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
    rustix::termios::tcgetwinsize(std::io::stdin())
        .map_or_else(|_| TerminalSize::default(), |size| TerminalSize::new(size.ws_col, size.ws_row))
}

/// Joins the terminal to a session until one of them leaves.
pub(crate) async fn enter(attachment: Attachment, chord: Chord) -> Result<Left> {
    todo!()
}

/// Runs a process at this terminal or on this command's pipes; gives its exit code.
pub(crate) async fn run(process: Process, with_terminal: bool) -> Result<u8> {
    if !with_terminal {
        return pipes::run(process).await;
    }
    todo!()
}
