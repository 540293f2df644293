//! G16 attach, G17 throughput, G18 echo: a local session's terminal against tmux and dtach.
//!
//! All three clients run on a pty of their own that is read as fast as it can be, and all three
//! sessions run the same script. This program is its own holder and its own client.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backend_local::LocalBackend;
use camino::{Utf8Path, Utf8PathBuf};
use pty_process::Size;
use pty_process::blocking::{self, Pty};
use session_core::{
    AttachOptions, Backend, Backends, Error, ErrorKind, HoldRequest, Launch, Layout, ResolvedSpec,
    Result, SessionId, SessionName, TerminalSize, Terminals,
};
use session_terminal::client::{InteractiveOptions, interactive};
use session_terminal::{Ending, HolderCommand, HolderParts, Holders, Recorder, run_if_holder};

use crate::pairs::{Goals, pair, timed};

const CLIENT: &str = "__attach";
const SIZE: (u16, u16) = (24, 80);
pub(crate) const FLOOD_BYTES: usize = 200 << 20;
const KEYS: usize = 300;

/// Becomes a holder or a client where this process was started as one.
pub(crate) fn take_over() {
    run_if_holder(|_| Ok(HolderParts::new(backends(), Arc::new(Nowhere))));
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, home, id] = &arguments[..]
        && first == CLIENT
    {
        let id = id.parse::<SessionId>().expect("given by this program");
        client(Utf8Path::new(home), &id).expect("a session and a terminal");
        std::process::exit(0);
    }
}

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    if goals.wants(&["G16", "G17", "G18"]) {
        let place = goals.place().join("terminal");
        std::fs::create_dir_all(&place).expect("the place is ours");
        attach(goals, &place);
        throughput(goals, &place);
        echo(goals, &place);
    }
}

fn attach(goals: &mut Goals, place: &Path) {
    if !goals.wants(&["G16"]) {
        return;
    }
    let script = "echo on-the-screen; exec cat";
    let sessions = Trio::start(place, "attach", script);
    let seen = |client: &mut dyn FnMut() -> Client| {
        let mut attached = None;
        timed(|| {
            let mut client = client();
            client.sees("on-the-screen");
            attached = Some(client);
        })
    };
    let row = pair(
        "G16 attach until the screen is shown, against tmux",
        1.5,
        31,
        || seen(&mut || sessions.tmux()),
        || seen(&mut || sessions.ours()),
    );
    goals.add(&row);
}

fn throughput(goals: &mut Goals, place: &Path) {
    if !goals.wants(&["G17"]) {
        return;
    }
    let flood = place.join("flood.txt");
    std::fs::write(&flood, flood_text()).expect("the place has room");
    let script = format!(
        "stty -echo; while read line; do cat {}; echo the-$line-end; done",
        flood.display()
    );
    let sessions = Trio::start(place, "flood", &script);
    let (mut tmux, mut dtach, mut ours) = (sessions.tmux(), sessions.dtach(), sessions.ours());
    let mut turn = 0;
    let mut flow = |client: &mut Client, whole: bool| {
        turn += 1;
        let mark = format!("the-{turn}-end");
        timed(|| {
            client.types(&format!("{turn}\n"));
            let bytes = client.sees(&mark);
            assert!(!whole || bytes >= FLOOD_BYTES, "{bytes} bytes of {FLOOD_BYTES}");
        })
    };
    let flow = std::cell::RefCell::new(&mut flow);
    let row = pair(
        "G17 200 MB to the client, against tmux",
        0.8,
        5,
        || flow.borrow_mut()(&mut tmux, false),
        || flow.borrow_mut()(&mut ours, true),
    );
    goals.add(&row);
    let row = pair(
        "G17 200 MB to the client, against dtach",
        1.1,
        5,
        || flow.borrow_mut()(&mut dtach, false),
        || flow.borrow_mut()(&mut ours, true),
    );
    goals.add(&row);
}

fn echo(goals: &mut Goals, place: &Path) {
    if !goals.wants(&["G18"]) {
        return;
    }
    let sessions = Trio::start(place, "echo", "stty raw -echo; echo ready; exec cat");
    let (mut tmux, mut dtach, mut ours) = (sessions.tmux(), sessions.dtach(), sessions.ours());
    // dtach shows nothing of what was before it.
    for client in [&mut tmux, &mut ours] {
        client.sees("ready");
    }
    for client in [&mut tmux, &mut dtach, &mut ours] {
        client.settle();
    }
    let ours = std::cell::RefCell::new(ours);
    for (name, goal, theirs) in [
        ("G18 echo of a key, median, against tmux", 1.1, &mut tmux),
        ("G18 echo of a key, median, against dtach (no goal)", 9.9, &mut dtach),
    ] {
        let row = pair(name, goal, 9, || theirs.echo_median(), || ours.borrow_mut().echo_median());
        goals.add(&row);
    }
}

/// Lines of 76 characters, as `base64` writes them.
pub(crate) fn flood_text() -> Vec<u8> {
    let mut state = 1_u32;
    let mut text = Vec::with_capacity(FLOOD_BYTES + 77);
    while text.len() < FLOOD_BYTES {
        for _ in 0..76 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push(b'A' + u8::try_from(state >> 27).expect("five bits") % 26);
        }
        text.push(b'\n');
    }
    text
}

/// The same script in a session of each kind.
struct Trio {
    home: Utf8PathBuf,
    id: SessionId,
    tmux: PathBuf,
    dtach: PathBuf,
    daemon: Child,
}

impl Trio {
    fn start(place: &Path, name: &str, script: &str) -> Self {
        let tmux = place.join(format!("{name}.tmux"));
        let quiet = ["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24"];
        let started = Command::new("tmux")
            .arg("-S")
            .arg(&tmux)
            .args(quiet)
            .args(["sh", "-c", script])
            .status()
            .expect("tmux is installed");
        assert!(started.success());
        let dtach = place.join(format!("{name}.dtach"));
        let daemon = Command::new("dtach")
            .arg("-N")
            .arg(&dtach)
            .args(["-r", "none", "-z", "-E", "sh", "-c", script])
            .spawn()
            .expect("dtach is installed");
        let home = Utf8PathBuf::try_from(place.join(name)).expect("UTF-8");
        let id = SessionId::new();
        runtime().block_on(hold(&home, id, script)).expect("a local session can be started");
        while !dtach.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Self { home, id, tmux, dtach, daemon }
    }

    fn tmux(&self) -> Client {
        let socket = self.tmux.to_str().expect("UTF-8");
        Client::start("tmux", &["-S", socket, "attach"])
    }

    fn dtach(&self) -> Client {
        let socket = self.dtach.to_str().expect("UTF-8");
        Client::start("dtach", &["-a", socket, "-r", "none", "-z", "-E"])
    }

    fn ours(&self) -> Client {
        let program = std::env::current_exe().expect("this program is a file");
        let program = program.to_str().expect("UTF-8").to_owned();
        Client::start(&program, &[CLIENT, self.home.as_str(), &self.id.to_string()])
    }
}

impl Drop for Trio {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(&self.tmux).arg("kill-server").status();
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        let layout = Layout::new(&self.home);
        let _ = runtime().block_on(async {
            LocalBackend::new(&layout).open(&self.id).await?.stop(Duration::ZERO).await
        });
    }
}

async fn hold(home: &Utf8Path, id: SessionId, script: &str) -> Result<()> {
    let layout = Layout::new(home);
    let directory = layout.session(&id);
    std::fs::create_dir_all(&directory)
        .map_err(|error| Error::io("bench.start", "make the session's directory", error))?;
    let argv: Vec<String> = ["sh", "-c", script].map(str::to_owned).into();
    let name = SessionName::try_from("bench".to_owned())?;
    let spec = ResolvedSpec::new(name, "local", argv.clone(), directory);
    LocalBackend::new(&layout).create(&id, &spec).await?;
    let launch = Launch::new(argv)
        .with_environment(std::env::vars().collect())
        .with_size(TerminalSize::new(SIZE.1, SIZE.0));
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| Utf8PathBuf::try_from(path).ok())
        .ok_or_else(|| Error::new(ErrorKind::Internal, "bench.start", "no path of our own"))?;
    Holders::by_command(HolderCommand::new(program))
        .hold(HoldRequest::new(id, "bench", "local", home, Some(launch)))
        .await
}

fn backends() -> Backends {
    Backends::new().with("local", |layout| Ok(Arc::new(LocalBackend::new(layout))))
}

/// What the client process does.
fn client(home: &Utf8Path, id: &SessionId) -> Result<()> {
    runtime().block_on(async {
        let holders = Holders::in_process(HolderParts::new(backends(), Arc::new(Nowhere)));
        let size = TerminalSize::new(SIZE.1, SIZE.0);
        let attachment = holders.attach(home, id, &AttachOptions::new(size)).await?;
        let tty = rustix::io::dup(rustix::stdio::stdin())
            .map_err(|error| Error::io("bench.attach", "take the terminal", error.into()))?;
        interactive(attachment, tty, &InteractiveOptions::new()).await.map(drop)
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be had")
}

/// A client of any kind, on a pty.
pub(crate) struct Client {
    pty: Pty,
    process: Child,
    buffer: Vec<u8>,
    tail: Vec<u8>,
}

impl Client {
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let (pty, user_side) = blocking::open().expect("a pty can be had");
        pty.resize(Size::new(SIZE.0, SIZE.1)).expect("it is a pty");
        let process = blocking::Command::new(program)
            .args(arguments)
            .env("TERM", "xterm-256color")
            .env_remove("TMUX")
            .spawn(user_side)
            .expect("it is installed");
        Self { pty, process, buffer: vec![0; 64 << 10], tail: Vec::new() }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).expect("the client takes keys");
    }

    /// Reads until `text` is shown; gives how many bytes that took.
    pub(crate) fn sees(&mut self, text: &str) -> usize {
        let mut bytes = 0;
        loop {
            let read = self.pty.read(&mut self.buffer).expect("the client lives");
            bytes += read;
            self.tail.extend_from_slice(&self.buffer[..read]);
            if memchr::memmem::find(&self.tail, text.as_bytes()).is_some() {
                self.tail.clear();
                return bytes;
            }
            self.tail.drain(..self.tail.len().saturating_sub(text.len()));
        }
    }

    /// Waits until the client has nothing more to say about the start.
    pub(crate) fn settle(&mut self) {
        for key in ["q", "w"] {
            self.types(key);
            self.sees(key);
        }
        std::thread::sleep(Duration::from_millis(300));
    }

    pub(crate) fn echo_median(&mut self) -> Duration {
        let mut times = Vec::with_capacity(KEYS);
        for key in (0..KEYS).map(|turn| ["a", "b", "c", "d"][turn % 4]) {
            let begun = Instant::now();
            self.types(key);
            self.sees(key);
            times.push(begun.elapsed());
        }
        times.sort();
        times[KEYS / 2]
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Debug)]
struct Nowhere;

#[async_trait::async_trait]
impl Recorder for Nowhere {
    async fn ended(&self, _: &Ending) -> Result<()> {
        Ok(())
    }
}
