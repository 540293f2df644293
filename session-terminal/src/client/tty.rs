//! A person's terminal in raw mode.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use session_core::{Error, ErrorKind, Result, TerminalSize};
use tokio::io::unix::AsyncFd;

use super::leave::Leave;
use crate::platform;

/// How long a terminal that does not take bytes is tried at the end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A terminal in raw mode; dropping it sets it back.
#[derive(Debug)]
pub(super) struct Tty {
    /// Opened anew: what is set on a shared one (not to block) would be set for the shell, too.
    own: AsyncFd<OwnedFd>,
    before: Termios,
    raw: Termios,
    /// The flags of the shared opening, where no other could be had.
    shared_flags: Option<OFlags>,
    leave: Mutex<Leave>,
    restored: AtomicBool,
}

impl Tty {
    pub(super) fn open(tty: OwnedFd, is_painted: bool) -> Result<Self> {
        let failed =
            |what: &'static str| move |error: io::Error| Error::io("client.start", what, error);
        if !isatty(&tty) {
            let message = "not a terminal; attach from one, or use `exec` or `logs`";
            return Err(Error::new(ErrorKind::InvalidInput, "client.start", message));
        }
        let (own, shared_flags) =
            open_anew(tty).map_err(failed("set the terminal not to block"))?;
        #[allow(deprecated, reason = "its successor is unsafe; an `OwnedFd` keeps what that asks")]
        let own = AsyncFd::new(own).map_err(failed("wait for the terminal"))?;
        let before =
            tcgetattr(&own).map_err(|error| failed("read the terminal's mode")(error.into()))?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&own, OptionalActions::Now, &raw)
            .map_err(|error| failed("set the terminal's mode")(error.into()))?;
        let leave = Mutex::new(Leave::new(is_painted));
        Ok(Self { own, before, raw, shared_flags, leave, restored: AtomicBool::new(false) })
    }

    /// Scrolls what the terminal shows away, so that the session's screen does not erase it.
    pub(super) async fn make_room(&self) -> Result<()> {
        let rows = self.size().unwrap_or_default().rows;
        let lines = format!("\x1b[{rows};1H{}", "\n".repeat(usize::from(rows)));
        self.write_all(lines.as_bytes())
            .await
            .map_err(|error| Error::io("client.start", "write to the terminal", error))
    }

    /// Takes notice of what will be shown, for what must be undone.
    pub(super) fn note(&self, bytes: &[u8]) {
        self.leave.lock().unwrap_or_else(PoisonError::into_inner).note(bytes);
    }

    pub(super) fn set_raw(&self) {
        if let Err(error) = tcsetattr(&self.own, OptionalActions::Now, &self.raw) {
            tracing::debug!(%error, "the terminal's mode can't be set");
        }
    }

    pub(super) fn size(&self) -> Option<TerminalSize> {
        let size = tcgetwinsize(&self.own).ok()?;
        Some(TerminalSize::new(size.ws_col, size.ws_row))
    }

    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.own.readable().await?;
            match ready.try_io(|own| Ok(rustix::io::read(own, &mut *buffer)?)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => return read,
                Err(_) => {}
            }
        }
    }

    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.own.writable().await?;
            match ready.try_io(|own| Ok(rustix::io::write(own, bytes)?)) {
                Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(Ok(written)) => bytes = &bytes[written..],
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Undoes what the session left on, then sets the mode back. Blocks, but not for long.
    pub(super) fn restore(&self) {
        if self.restored.swap(true, Ordering::Relaxed) {
            return;
        }
        let until = std::time::Instant::now() + LAST_WORDS;
        let undo = self.leave.lock().unwrap_or_else(PoisonError::into_inner).sequence();
        let mut rest = undo.as_bytes();
        while !rest.is_empty() && std::time::Instant::now() < until {
            match rustix::io::write(&self.own, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::AGAIN) => std::thread::sleep(Duration::from_millis(1)),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        if let Err(error) = tcsetattr(self.own.as_fd(), OptionalActions::Now, &self.before) {
            tracing::debug!(%error, "the terminal's mode can't be set back");
        }
        if let Some(flags) = self.shared_flags {
            let _ = rustix::fs::fcntl_setfl(&self.own, flags);
        }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Opens the terminal once more. Where that is not allowed (it belongs to another user, after
/// `su`), the given opening is changed, and its flags are returned to be set back.
fn open_anew(tty: OwnedFd) -> io::Result<(OwnedFd, Option<OFlags>)> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if let Ok(own) = platform::open_again(&tty, flags) {
        return Ok((own, None));
    }
    let before = rustix::fs::fcntl_getfl(&tty)?;
    rustix::fs::fcntl_setfl(&tty, before | OFlags::NONBLOCK)?;
    Ok((tty, Some(before)))
}
