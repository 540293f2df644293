//! A person's terminal joined to a session's.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libtest_mimic::Trial;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use session_core::{AttachOptions, ErrorKind, TerminalSize};
use session_terminal::client::{InteractiveOptions, Outcome, interactive};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::place::{Place, bounded};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("interactive::detaches_by_the_chord", detaches_by_the_chord),
        trial("interactive::ends_with_the_session", ends_with_the_session),
        trial("interactive::a_closed_terminal_detaches", a_closed_terminal_detaches),
        trial("interactive::a_signal_detaches", a_signal_detaches),
        trial("interactive::a_window_change_is_passed_on", a_window_change_is_passed_on),
        trial("interactive::dropping_it_sets_the_terminal_back", dropping_sets_back),
        trial("interactive::a_pipe_is_refused", a_pipe_is_refused),
    ]
}

/// S2.11.
async fn detaches_by_the_chord() {
    let place = Place::in_process();
    place
        .hold("printf '\\033[?1049h\\033[?25l\\033[?1002h\\033[?2004hfull'; stty -echo; cat")
        .await;
    let mut person = Person::sit_down();
    let client = person.attach(&place).await;
    person.sees("full").await;
    assert!(!person.is_cooked());
    person.types("x\x1c");
    assert_eq!(bounded(client).await.expect("no panic"), Outcome::Detached);
    for undone in ["\x1b[?1049l", "\x1b[?1002l", "\x1b[?2004l", "\x1b[?25h"] {
        person.sees(undone).await;
    }
    assert!(person.is_cooked());
    assert!(place.is_held().await);
}

async fn ends_with_the_session() {
    let place = Place::in_process();
    place.hold("read line; echo \"got $line\"; exit 9").await;
    let mut person = Person::sit_down();
    let client = person.attach(&place).await;
    person.types("hello\r");
    person.sees("got hello").await;
    match bounded(client).await.expect("no panic") {
        Outcome::Exited(exit) => assert_eq!(exit.code, 9),
        other => panic!("{other:?}"),
    }
    assert!(person.is_cooked());
}

/// S2.11: closing the terminal detaches.
async fn a_closed_terminal_detaches() {
    let place = Place::in_process();
    place.hold("echo here; cat").await;
    let mut person = Person::sit_down();
    let client = person.attach(&place).await;
    person.sees("here").await;
    person.leave();
    assert_eq!(bounded(client).await.expect("no panic"), Outcome::Detached);
    assert!(place.is_held().await);
}

async fn a_signal_detaches() {
    let place = Place::in_process();
    place.hold("echo here; cat").await;
    for signal in [rustix::process::Signal::HUP, rustix::process::Signal::TERM] {
        let mut person = Person::sit_down();
        let client = person.attach(&place).await;
        person.sees("here").await;
        rustix::process::kill_process(rustix::process::getpid(), signal).expect("it is us");
        assert_eq!(bounded(client).await.expect("no panic"), Outcome::Detached);
        assert!(person.is_cooked());
    }
}

async fn a_window_change_is_passed_on() {
    let place = Place::in_process();
    place.hold("stty -echo; echo ready; while read line; do stty size; done").await;
    let mut person = Person::sit_down();
    let client = person.attach(&place).await;
    person.sees("ready").await;
    let size = Winsize { ws_row: 33, ws_col: 111, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&person.terminal, size).expect("a terminal");
    let window = rustix::process::Signal::WINCH;
    rustix::process::kill_process(rustix::process::getpid(), window).expect("it is us");
    bounded(async {
        while !person.seen.contains("33 111") {
            person.types("\r");
            person.hears().await;
        }
    })
    .await;
    person.types("\x1c");
    bounded(client).await.expect("no panic");
}

async fn dropping_sets_back() {
    let place = Place::in_process();
    place.hold("echo here; cat").await;
    let mut person = Person::sit_down();
    let client = person.attach(&place).await;
    person.sees("here").await;
    assert!(!person.is_cooked());
    client.abort();
    assert!(bounded(client).await.expect_err("it was aborted").is_cancelled());
    assert!(person.is_cooked());
}

async fn a_pipe_is_refused() {
    let place = Place::in_process();
    place.hold("cat").await;
    let options = AttachOptions::new(TerminalSize::default());
    let attachment = place.try_attach(&options).await.expect("it is held");
    let (_reader, writer) = std::io::pipe().expect("a pipe");
    let refused = interactive(attachment, writer.into(), &InteractiveOptions::new()).await;
    assert_eq!(refused.expect_err("no terminal").kind(), ErrorKind::InvalidInput);
}

/// A person at a terminal of their own, played by the other side of a pty.
struct Person {
    window: Option<std::fs::File>,
    heard: mpsc::UnboundedReceiver<Vec<u8>>,
    terminal: OwnedFd,
    closed: Arc<AtomicBool>,
    seen: String,
}

impl Person {
    fn sit_down() -> Self {
        let window = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pty");
        rustix::pty::grantpt(&window).expect("it is ours");
        rustix::pty::unlockpt(&window).expect("it is ours");
        let name = rustix::pty::ptsname(&window, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).expect("it was unlocked");
        let mut reader = std::fs::File::from(window.try_clone().expect("a descriptor is free"));
        let (sender, heard) = mpsc::unbounded_channel();
        let closed = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&closed);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 4096];
            // The thread has the window open, too: it must let go of it to close it.
            while !stop.load(Ordering::Relaxed) {
                let mut polled = [PollFd::new(&reader, PollFlags::IN)];
                let timeout = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
                if poll(&mut polled, Some(&timeout)).is_ok_and(|ready| ready > 0) {
                    let Ok(read @ 1..) = reader.read(&mut buffer) else { return };
                    if sender.send(buffer[..read].to_vec()).is_err() {
                        return;
                    }
                }
            }
        });
        Self { window: Some(window.into()), heard, terminal, closed, seen: String::new() }
    }

    async fn attach(&self, place: &Place) -> JoinHandle<Outcome> {
        let options = AttachOptions::new(TerminalSize::default());
        let attachment = place.try_attach(&options).await.expect("it is held");
        let terminal = self.terminal.try_clone().expect("a descriptor is free");
        tokio::spawn(async move {
            interactive(attachment, terminal, &InteractiveOptions::new()).await.expect("a terminal")
        })
    }

    fn types(&mut self, keys: &str) {
        let window = self.window.as_mut().expect("the person is there");
        window.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    async fn hears(&mut self) {
        let bytes = bounded(self.heard.recv()).await.expect("the terminal is open");
        self.seen.push_str(&String::from_utf8_lossy(&bytes));
    }

    async fn sees(&mut self, text: &str) {
        while !self.seen.contains(text) {
            self.hears().await;
        }
    }

    /// Closes the window, as a terminal program does that is told to.
    fn leave(&mut self) {
        drop(self.window.take());
        self.closed.store(true, Ordering::Relaxed);
    }

    fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.terminal).expect("a terminal");
        modes.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}
