//! A process that this process started: its end, its signals.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, WaitId, WaitIdOptions};
use rustix::termios::Winsize;
use session_core::{
    Error, ErrorKind, Exit, ProcessControl, Result, Signal, TerminalSize, Timestamp,
};
use tokio::process::Child;
use tokio::signal::unix::SignalKind;
use tokio::sync::watch;

use crate::host::places::blocking;
use crate::host::tree::{self, Table};
use crate::platform;

/// Where we are not told of an end, how often we look for it.
const GRAIN: Duration = Duration::from_millis(10);
/// How often we look although we should be told.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The hold on a process of ours.
#[derive(Debug)]
pub(crate) struct Control {
    shared: Arc<Shared>,
    end: watch::Receiver<Option<Exit>>,
}

#[derive(Debug)]
struct Shared {
    pid: i32,
    /// `None` when it has been waited for. Whoever signals has this locked, so that its number
    /// can't become another's in between.
    child: Mutex<Option<Child>>,
    /// The master side of its terminal; kept open for as long as the process runs, so that
    /// dropping the streams does not hang it up.
    terminal: Option<OwnedFd>,
}

impl Control {
    /// Watches `child`, which leads a process group, in a task of its own until its end.
    pub(crate) fn supervise(child: Child, terminal: Option<OwnedFd>) -> Self {
        Self::supervise_with(child, terminal, || (), |_, _| {})
    }

    /// Watches `child`, which leads a process group, in a task of its own until its end. Runs
    /// `before` when it has ended and still has its number, then `at_end`, both where they may
    /// block; and only then lets those who wait know. Needs a tokio runtime.
    ///
    /// If somebody else in this process has waited for it, `before` is not run.
    pub(crate) fn supervise_with<T: Send + 'static>(
        child: Child,
        terminal: Option<OwnedFd>,
        before: impl FnOnce() -> T + Send + 'static,
        at_end: impl FnOnce(Option<T>, &Exit) + Send + 'static,
    ) -> Self {
        // A child that was never polled has its number.
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        let shared = Arc::new(Shared { pid, child: Mutex::new(Some(child)), terminal });
        let (sender, end) = watch::channel(None);
        let watched = Arc::clone(&shared);
        tokio::spawn(async move {
            let seen = match watched.zombie().await {
                true => tokio::task::spawn_blocking(before).await.ok(),
                false => None,
            };
            let exit = watched.end().await;
            drop(watched);
            let told = exit.clone();
            // If the runtime shuts down now, `at_end` is dropped and its lock with it.
            let _ = tokio::task::spawn_blocking(move || at_end(seen, &told)).await;
            sender.send_replace(Some(exit));
        });
        Self { shared, end }
    }
}

#[async_trait]
impl ProcessControl for Control {
    async fn wait(&self) -> Result<Exit> {
        let mut end = self.end.clone();
        let exit = end.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone());
        exit.ok_or_else(|| {
            let message = "the runtime that watched the process was shut down before its end";
            Error::new(ErrorKind::Lost, "host.wait", message)
        })
    }

    async fn resize(&self, size: TerminalSize) -> Result<()> {
        match &self.shared.terminal {
            Some(terminal) if self.end.borrow().is_none() => set_size(terminal, size),
            _ => Ok(()),
        }
    }

    async fn signal(&self, signal: Signal) -> Result<()> {
        const OPERATION: &str = "host.signal";
        let named = rustix::process::Signal::from_named_raw(signal.0).ok_or_else(|| {
            let message = format!("there is no signal {}; use one of 1 to 31", signal.0);
            Error::new(ErrorKind::InvalidInput, OPERATION, message)
        })?;
        let shared = Arc::clone(&self.shared);
        blocking(OPERATION, move || {
            shared.signal(named).map_err(|errno| {
                let message = format!("can't send signal {} to process {}", signal.0, shared.pid);
                Error::io(OPERATION, message, errno.into())
            })
        })
        .await
    }
}

impl Shared {
    /// Waits until it has ended, without waiting *for* it: it keeps its number. `false` if that
    /// can't be known.
    async fn zombie(&self) -> bool {
        let Some(pid) = Pid::from_raw(self.pid) else { return false };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let mut children = tokio::signal::unix::signal(SignalKind::child()).ok();
        loop {
            match rustix::process::waitid(WaitId::Pid(pid), look) {
                Ok(Some(_)) => return true,
                Ok(None) => {}
                Err(_) => return false,
            }
            match &mut children {
                // Looks again from time to time, in case that another part of the program has
                // taken the signal's handler away.
                Some(children) => drop(tokio::time::timeout(LOOK_AGAIN, children.recv()).await),
                None => tokio::time::sleep(GRAIN).await,
            }
        }
    }

    async fn end(&self) -> Exit {
        loop {
            if let Some(exit) = self.reap() {
                return exit;
            }
            tokio::time::sleep(GRAIN).await;
        }
    }

    fn reap(&self) -> Option<Exit> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = child.as_mut()?.try_wait();
        let at = Timestamp::now();
        let exit = match waited {
            Ok(None) => return None,
            Ok(Some(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => Exit::with_code(code, at),
                (None, signal) => Exit::with_signal(signal.unwrap_or_default(), at),
            },
            // Somebody else in this process waits for all children, or ignores SIGCHLD.
            Err(error) => {
                let mut exit = Exit::with_code(255, at);
                exit.reason = Some(format!("its exit code was lost: {error}"));
                exit
            }
        };
        *child = None;
        Some(exit)
    }

    /// To its group, and to its descendants outside of that (the jobs of an interactive shell).
    fn signal(&self, signal: rustix::process::Signal) -> rustix::io::Result<()> {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| child.is_some() && self.pid > 1) else {
            return Ok(());
        };
        let table = Table::read();
        let outside = table.descendants(self.pid).into_iter().filter(|row| row.group != self.pid);
        let outside: Vec<_> = outside.map(tree::Row::key).collect();
        match rustix::process::kill_process_group(pid, signal) {
            Err(rustix::io::Errno::SRCH) => {}
            result => result?,
        }
        outside.into_iter().try_for_each(|process| process.signal(signal))
    }
}

/// Sets a terminal's size; its foreground group is told by the kernel.
pub(crate) fn set_size(terminal: &OwnedFd, size: TerminalSize) -> Result<()> {
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(terminal, size)
        .map_err(|errno| Error::io("host.resize", "can't set the terminal's size", errno.into()))
}

/// Makes sure that children don't inherit an ignored Ctrl-C or hangup, as they would from a holder
/// that was started by `nohup` or in the background of a script.
///
/// A signal with a handler falls back to its default at `exec`, an ignored one does not; and the
/// handler that tokio installs does nothing unless somebody listens, so for this process the
/// signal stays as good as ignored. (The standard library resets the mask and SIGPIPE.)
pub(crate) fn unignore_signals() {
    let Some(mask) = platform::ignored_by_us() else { return };
    let kinds = [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
    ];
    for kind in kinds {
        if mask & (1 << (kind.as_raw_value() - 1)) != 0 {
            // If this fails, the child ignores the signal as we do.
            let _ = tokio::signal::unix::signal(kind);
        }
    }
}
