//! A process on a terminal of its own.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use pty_process::{OwnedReadPty, OwnedWritePty};
use session_core::{Error, Result, TerminalSize};
use tokio::process::{Child, Command};

use crate::host::child::set_size;
use crate::host::program::Program;

/// A started process with the master side of its terminal.
pub(crate) struct OnTerminal {
    pub(crate) child: Child,
    pub(crate) output: OwnedReadPty,
    pub(crate) input: OwnedWritePty,
    /// For its size, and to keep it open.
    pub(crate) terminal: OwnedFd,
}

impl OnTerminal {
    /// Starts `command`, made of `program`, as the leader of a process session whose terminal has
    /// `size` from its first moment. Needs a tokio runtime.
    pub(crate) fn start(
        operation: &'static str,
        program: &Program<'_>,
        command: Command,
        size: TerminalSize,
    ) -> Result<Self> {
        let no_terminal = |error: io::Error| {
            let message = "no terminal can be had; is /dev/pts mounted and below its limit";
            Error::io(operation, message, error)
        };
        // It is close-on-exec only a moment after it is opened (pty-process, for other systems):
        // another thread that forks just then gives its child a copy, and then a holder's death
        // does not hang the terminal up. `stop` finds the processes all the same.
        let (pty, user_side) = pty_process::open().map_err(into_io).map_err(no_terminal)?;
        let terminal = pty.as_fd().try_clone_to_owned().map_err(no_terminal)?;
        set_size(&terminal, size)?;
        let command = pty_process::Command::from(command);
        // The user's side is consumed: while we had it open, the output would never end.
        let child = command.spawn(user_side).map_err(|error| program.refused(into_io(error)))?;
        let (output, input) = pty.into_split();
        Ok(Self { child, output, input, terminal })
    }
}

fn into_io(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(errno) => errno.into(),
        other => io::Error::other(other.to_string()),
    }
}
