//! A home for sessions, and clients to hold against a condition with a bound.

use std::time::Duration;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    AttachOptions, Attachment, Exit, HoldRequest, Launch, Layout, Result, SessionId, TerminalEvent,
    TerminalInput, TerminalSize, Terminals,
};
use session_terminal::{HolderCommand, Holders};

use crate::backend;

/// The bound of every wait: far above what anything here takes.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// A home in a temporary directory, and one session in it.
#[derive(Debug)]
pub(crate) struct Place {
    _directory: tempfile::TempDir,
    pub(crate) home: Utf8PathBuf,
    pub(crate) id: SessionId,
    pub(crate) holders: Holders,
}

impl Place {
    /// With holders as processes.
    pub(crate) fn by_command() -> Self {
        Self::with(|_| Holders::by_command(command()), "")
    }

    /// With holders in this process.
    pub(crate) fn in_process() -> Self {
        Self::with(|home| Holders::in_process(backend::parts(home)), "")
    }

    pub(crate) fn with(holders: impl FnOnce(&Utf8Path) -> Holders, below: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let home = Utf8Path::from_path(directory.path()).expect("UTF-8").join(below);
        let holders = holders(&home);
        Self { _directory: directory, home, id: SessionId::new(), holders }
    }

    /// Starts `sh -c script` in the session.
    pub(crate) async fn hold(&self, script: &str) {
        self.try_hold(&["/bin/sh", "-c", script]).await.expect("the session starts");
    }

    pub(crate) async fn try_hold(&self, argv: &[&str]) -> Result<()> {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        let environment = [("PATH", "/usr/bin:/bin"), ("TERM", "xterm"), ("PS1", "$ ")];
        let environment =
            environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let launch = Launch::new(argv).with_environment(environment);
        let request =
            HoldRequest::new(self.id, "a-session", backend::KIND, &self.home, Some(launch));
        bounded(self.holders.hold(request)).await
    }

    pub(crate) async fn attach(&self) -> Client {
        self.attach_with(&AttachOptions::new(TerminalSize::new(80, 24))).await
    }

    pub(crate) async fn attach_with(&self, options: &AttachOptions) -> Client {
        Client::new(self.try_attach(options).await.expect("there is a holder"))
    }

    pub(crate) async fn try_attach(&self, options: &AttachOptions) -> Result<Attachment> {
        bounded(self.holders.attach(&self.home, &self.id, options)).await
    }

    pub(crate) async fn is_held(&self) -> bool {
        self.holders.is_held(&self.home, &self.id).await.expect("the lock can be looked at")
    }

    /// Waits for the recorded end.
    pub(crate) async fn recorded(&self) -> Exit {
        let path = backend::end_of(&self.home, &self.id);
        let json = until("the end is recorded", || std::fs::read(&path).ok()).await;
        serde_json::from_slice(&json).expect("an exit")
    }

    pub(crate) fn run(&self) -> Utf8PathBuf {
        Layout::new(&self.home).run(&self.id)
    }

    /// A file for a script to write to.
    pub(crate) fn file(&self, name: &str) -> Utf8PathBuf {
        self.home.join(name)
    }
}

/// This test program as a holder.
pub(crate) fn command() -> HolderCommand {
    let program = std::env::current_exe().expect("this program is a file");
    HolderCommand::new(Utf8PathBuf::try_from(program).expect("UTF-8"))
}

/// One client, and all that it was sent.
#[derive(Debug)]
pub(crate) struct Client {
    output: Box<dyn session_core::TerminalOutput>,
    pub(crate) input: Box<dyn TerminalInput>,
    pub(crate) seen: Vec<u8>,
}

impl Client {
    pub(crate) fn new(attachment: Attachment) -> Self {
        Self { output: attachment.output, input: attachment.input, seen: Vec::new() }
    }

    pub(crate) async fn send(&mut self, keys: &str) {
        self.input.send(keys.as_bytes()).await.expect("the holder takes input");
    }

    /// Reads until `text` was sent after the last such find.
    pub(crate) async fn sees(&mut self, text: &str) {
        let mut from = 0;
        loop {
            if let Some(at) = find(&self.seen[from..], text.as_bytes()) {
                self.seen.drain(..from + at + text.len());
                return;
            }
            from = self.seen.len().saturating_sub(text.len());
            let Ok(next) = tokio::time::timeout(BOUND, self.output.next()).await else {
                panic!("{text:?} was not sent; seen: {:?}", self.shown());
            };
            match next.expect("the holder is well") {
                TerminalEvent::Output(bytes) => self.seen.extend_from_slice(&bytes),
                other => panic!("{other:?} before {text:?}; seen: {:?}", self.shown()),
            }
        }
    }

    /// Reads to the end; gives everything not found before and how it ended.
    pub(crate) async fn end(&mut self) -> TerminalEvent {
        loop {
            match bounded(self.output.next()).await.expect("the holder is well") {
                TerminalEvent::Output(bytes) => self.seen.extend_from_slice(&bytes),
                end => return end,
            }
        }
    }

    /// Waits for one piece of output.
    pub(crate) async fn piece(&mut self) -> Bytes {
        match bounded(self.output.next()).await.expect("the holder is well") {
            TerminalEvent::Output(bytes) => bytes,
            other => panic!("{other:?} instead of output"),
        }
    }

    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, text)
}

/// Waits for a future, but not for ever.
pub(crate) async fn bounded<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(BOUND, future).await.expect("it takes far less time")
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(BOUND, asked).await {
        Ok(answer) => answer,
        Err(_) => panic!("never: {what}"),
    }
}

/// Waits until a process is gone (or dead and not awaited).
pub(crate) async fn gone(pid: i32) {
    until(&format!("process {pid} is gone"), || (!is_alive(pid)).then_some(())).await;
}

pub(crate) fn is_alive(pid: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")),
        Err(_) => false,
    }
}

/// Waits for a script to have written its number to a file.
pub(crate) async fn pid_in(path: &Utf8Path) -> i32 {
    until("a process writes its id", || {
        std::fs::read_to_string(path).ok()?.strip_suffix('\n')?.parse().ok()
    })
    .await
}
