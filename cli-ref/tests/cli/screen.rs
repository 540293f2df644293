//! A person at a terminal: types, and reads what stands on the screen.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::place::Place;

/// The longest that anything on a screen is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A pseudo-terminal of 80x24 with a `sessctl` in it.
pub(crate) struct Screen {
    child: std::process::Child,
    pty: Arc<pty_process::blocking::Pty>,
    state: Arc<State>,
}

struct State {
    parser: Mutex<(vt100::Parser, Vec<u8>, bool)>,
    changed: Condvar,
}

impl Screen {
    /// Runs the command at a terminal.
    pub(crate) fn run(place: &Place, arguments: &[&str]) -> Self {
        Self::sized(place, arguments, 24, 80)
    }

    pub(crate) fn sized(place: &Place, arguments: &[&str], rows: u16, columns: u16) -> Self {
        // Nobody is there who could choose from a menu.
        Self::with(place, arguments, &[("SESSCTL_AGENT", "shell")], rows, columns)
    }

    /// Runs the command with these variables besides.
    pub(crate) fn with(
        place: &Place,
        arguments: &[&str],
        variables: &[(&str, &str)],
        rows: u16,
        columns: u16,
    ) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
        pty.resize(pty_process::Size::new(rows, columns)).expect("a size");
        let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_sessctl"))
            .args(arguments)
            .current_dir(place.path("project"))
            .env_clear()
            .envs(place.environment())
            .envs(variables.iter().copied());
        let child = command.spawn(pts).expect("sessctl starts");
        let parser = vt100::Parser::new(
            rows.try_into().expect("rows"),
            columns.try_into().expect("columns"),
            0,
        );
        let state = Arc::new(State {
            parser: Mutex::new((parser, Vec::new(), false)),
            changed: Condvar::new(),
        });
        let pty = Arc::new(pty);
        let (reader, shared) = (Arc::clone(&pty), Arc::clone(&state));
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                let read = (&*reader).read(&mut buffer).unwrap_or(0);
                let mut state = shared.parser.lock().expect("no panic while reading");
                state.0.process(&buffer[..read]);
                state.1.extend_from_slice(&buffer[..read]);
                state.2 = read == 0;
                shared.changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { child, pty, state }
    }

    pub(crate) fn type_in(&self, text: &str) {
        (&*self.pty).write_all(text.as_bytes()).expect("the terminal takes input");
    }

    /// Waits until the screen shows `text`; gives the whole screen.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    pub(crate) fn wait_until(&self, what: &str, good: impl Fn(&str) -> bool) -> String {
        self.wait_at_most(PATIENCE, good).unwrap_or_else(|screen| {
            panic!("no `{what}` on the screen:\n{screen}\n(raw: {})", self.raw().escape_debug())
        })
    }

    /// Waits until the screen is as it should be, for no longer than `limit` and no longer than somebody writes to it;
    /// gives the screen, as an error if it is not.
    pub(crate) fn wait_at_most(
        &self,
        limit: Duration,
        good: impl Fn(&str) -> bool,
    ) -> Result<String, String> {
        let deadline = Instant::now() + limit;
        let mut state = self.state.parser.lock().expect("no panic while reading");
        loop {
            let screen = state.0.screen().contents();
            if good(&screen) {
                return Ok(screen);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.2 {
                return Err(screen);
            }
            state = self.state.changed.wait_timeout(state, left).expect("no panic").0;
        }
    }

    /// Everything that was sent to the terminal so far.
    pub(crate) fn raw(&self) -> String {
        let state = self.state.parser.lock().expect("no panic while reading");
        String::from_utf8_lossy(&state.1).into_owned()
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.pty.resize(pty_process::Size::new(rows, columns)).expect("a size");
        let mut state = self.state.parser.lock().expect("no panic while reading");
        let (rows, columns) =
            (rows.try_into().expect("rows"), columns.try_into().expect("columns"));
        state.0.screen_mut().set_size(rows, columns);
    }

    /// Waits for the command's end; gives its exit code.
    pub(crate) fn end(mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state.parser.lock().expect("no panic while reading");
        while !state.2 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it goes on:\n{}", state.0.screen().contents());
            state = self.state.changed.wait_timeout(state, left).expect("no panic").0;
        }
        drop(state);
        self.child.wait().expect("an end").code().unwrap_or(-1)
    }

    /// Ends the command without asking, as a crashed terminal would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a kill");
        self.child.wait().expect("an end");
    }
}
