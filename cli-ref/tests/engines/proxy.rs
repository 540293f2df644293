//! Stands between a client and its engine, counts the requests, and strikes at one of them.

use std::io::{Read, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What happens at the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Whoever sends the request dies; the engine never hears of it.
    KilledBefore,
    /// The engine has done what it was asked; whoever asked dies without hearing that.
    KilledAfter,
    /// The engine answers with a server error and does nothing.
    Refused,
    /// The connection ends and nothing was done.
    CutBefore,
    /// The connection ends after all was done.
    CutAfter,
    /// The engine never hears of it, and whoever asks waits for an answer.
    Silent,
    /// The connection ends, and the engine is away until whoever asked has ended; then it does what it was asked.
    Late,
}

/// At which request it happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    /// The one of this number, from 1 on.
    Number(usize),
    /// The first whose request line holds this.
    Line(&'static str),
}

/// What else is done at that moment: before the request goes on, or after it was answered.
type Blow = Box<dyn FnOnce() + Send>;

/// A socket like the engine's.
pub(crate) struct Proxy {
    directory: TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    engine: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many requests there were.
    count: usize,
    /// Where to strike, until that has happened.
    plan: Option<(At, Fault)>,
    /// What is done at the same time.
    blow: Option<Blow>,
    /// The request that was struck.
    struck: Option<String>,
    /// No request gets through.
    is_away: bool,
}

impl Proxy {
    /// A way to the engine on which one request meets with `fault`.
    pub(crate) fn new(engine: &Path, at: At, fault: Fault) -> Self {
        Self::with_blow(engine, at, fault, || {})
    }

    /// The same; `blow` is struck at that moment, too.
    pub(crate) fn with_blow(
        engine: &Path,
        at: At,
        fault: Fault,
        blow: impl FnOnce() + Send + 'static,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let listener = UnixListener::bind(directory.path().join("engine.sock")).expect("a socket");
        let state = Mutex::new(State {
            plan: Some((at, fault)),
            blow: Some(Box::new(blow)),
            ..State::default()
        });
        let shared = Arc::new(Shared { engine: engine.to_owned(), state });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || serve(&shared, client));
            }
        });
        Self { directory, shared }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    /// Waits until the engine has heard of a late request.
    pub(crate) fn until_back(&self) {
        while self.shared.state.lock().expect("no holder panics").is_away {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets everything through from now on; gives the request that was struck, if one was.
    pub(crate) fn disarm(&self) -> Option<String> {
        let mut state = self.shared.state.lock().expect("no holder panics");
        state.plan = None;
        state.struck.clone()
    }
}

impl State {
    /// Counts a request; says whether it is the one.
    fn next(&mut self, line: &str) -> (Option<Fault>, Blow) {
        self.count += 1;
        let it = self.plan.filter(|(at, _)| match at {
            At::Number(number) => *number == self.count,
            At::Line(part) => line.contains(part),
        });
        let Some((_, fault)) = it else { return (None, Box::new(|| {})) };
        self.plan = None;
        self.struck = Some(format!("request {} ({line})", self.count));
        (Some(fault), self.blow.take().unwrap_or_else(|| Box::new(|| {})))
    }
}

/// Carries one request. Every answer ends its connection, so that each connection has one.
fn serve(shared: &Shared, mut client: UnixStream) -> Option<()> {
    let peer = rustix::net::sockopt::socket_peercred(&client).ok()?.pid;
    let (head, rest) = read_head(&mut client)?;
    let line = head.lines().next().unwrap_or_default();
    let (fault, blow) = {
        let mut state = shared.state.lock().expect("no holder panics");
        if state.is_away {
            return None;
        }
        let (fault, blow) = state.next(line);
        state.is_away = fault == Some(Fault::Late);
        (fault, blow)
    };
    let mut blow = Some(blow);
    if !matches!(fault, Some(Fault::KilledAfter | Fault::CutAfter)) {
        blow.take().into_iter().for_each(|blow| blow());
    }
    match fault {
        Some(Fault::KilledBefore) => return kill(peer),
        Some(Fault::CutBefore) => return None,
        Some(Fault::Silent) => {
            let _ = std::io::copy(&mut client, &mut std::io::sink());
            return None;
        }
        Some(Fault::Refused) => {
            drain(&mut client, &head, rest.len());
            let body = r#"{"message":"injected by a test"}"#;
            let length = body.len();
            return write!(
                client,
                "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .ok();
        }
        _ => {}
    }
    let upgrade = head.to_ascii_lowercase().contains("\r\nupgrade:");
    let mut engine = UnixStream::connect(&shared.engine).ok()?;
    let head = if upgrade { head } else { closing(&head) };
    if fault == Some(Fault::Late) {
        let _ = client.shutdown(Shutdown::Both);
        while rustix::process::test_kill_process(peer).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    engine.write_all(head.as_bytes()).ok()?;
    engine.write_all(&rest).ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, engine.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        // To an engine, half an end of a request is the end of who sent it.
        if upgrade {
            let _ = to.shutdown(Shutdown::Write);
        }
    });
    match fault {
        Some(fault) => {
            if upgrade {
                read_head(&mut engine);
            } else {
                let _ = engine.read_to_end(&mut Vec::new());
            }
            blow.take().into_iter().for_each(|blow| blow());
            if fault == Fault::KilledAfter {
                kill(peer);
            }
        }
        None => drop(std::io::copy(&mut engine, &mut client)),
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = engine.shutdown(Shutdown::Both);
    if fault == Some(Fault::Late) {
        shared.state.lock().expect("no holder panics").is_away = false;
    }
    Some(())
}

fn kill(process: Pid) -> Option<()> {
    kill_process(process, Signal::KILL).ok()
}

/// Reads up to the empty line; what was read behind it is the second part.
fn read_head(stream: &mut UnixStream) -> Option<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&chunk[..count]);
        if let Some(end) = memchr::memmem::find(&seen, b"\r\n\r\n") {
            let rest = seen.split_off(end + 4);
            return Some((String::from_utf8(seen).ok()?, rest));
        }
    }
}

/// The same head, asking the engine to end the connection after its answer.
fn closing(head: &str) -> String {
    let lines = head.trim_end().split("\r\n");
    let kept: Vec<_> =
        lines.filter(|line| !line.to_ascii_lowercase().starts_with("connection:")).collect();
    format!("{}\r\nConnection: close\r\n\r\n", kept.join("\r\n"))
}

/// Reads the rest of a body of known length: who is not listened to does not hear, either.
fn drain(client: &mut UnixStream, head: &str, read: usize) {
    let length = head.to_ascii_lowercase();
    let length =
        length.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let left = length.unwrap_or(0_usize).saturating_sub(read);
    let _ = client.take(left as u64).read_to_end(&mut Vec::new());
}
