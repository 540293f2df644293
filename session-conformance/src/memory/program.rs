//! Runs the steps of a program.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{Exit, TerminalSize, Timestamp};
use tokio::sync::mpsc;

use super::MemoryWorld;
use super::process::{Inside, Proc, Sink};
use super::world::Child;
use crate::Step;
use crate::mutants::Mutant;

/// The word that the argument list of every program of a memory backend begins with.
const PROGRAM: &str = "program";

/// The argument list that makes a [`MemoryBackend`](super::MemoryBackend) do `steps`.
pub fn memory_program(steps: &[Step]) -> Vec<String> {
    let steps = serde_json::to_string(steps).expect("steps are plain data");
    vec![PROGRAM.to_owned(), steps]
}

/// The steps of an argument list; `None` if there is no such program.
pub(super) fn steps_of(argv: &[String]) -> Option<Vec<Step>> {
    match argv {
        [program, steps, ..] if program == PROGRAM => serde_json::from_str(steps).ok(),
        _ => None,
    }
}

/// A program that is about to run.
pub(super) struct Program {
    pub(super) world: MemoryWorld,
    pub(super) process: Arc<Proc>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) directory: Utf8PathBuf,
    pub(super) on_terminal: bool,
    /// Where standard error goes; `None` is where standard output goes.
    pub(super) errors: Option<Sink>,
    /// Where a copy of the output goes, by mistake.
    pub(super) astray: Option<Sink>,
}

/// What it does when it is asked to end.
#[derive(Clone, Copy)]
enum Manners {
    Ends,
    Stays,
    EndsWith(i32),
    HangsUp(i32),
}

enum End {
    Code(i32),
    Signal(i32),
}

impl Program {
    /// Runs to the end, and tells everybody.
    pub(super) async fn run(mut self, steps: Vec<Step>, inside: Inside) {
        let Inside { mut signals, keys } = inside;
        let manners = Mutex::new(Manners::Ends);
        let mut input = Keys { keys, rest: Vec::new() };
        let end = tokio::select! {
            biased;
            end = judge(&mut signals, &manners) => end,
            end = self.interpret(&steps, &mut input, &manners) => end,
        };
        let now = Timestamp::now();
        let broken = |mutant| self.world.breaks(mutant);
        let is_main = self.process.is_main;
        let exit = match end {
            End::Code(_) if !is_main && broken(Mutant::ExecIsAlwaysWell) => Exit::with_code(0, now),
            End::Code(code) if broken(Mutant::ExitCodeIsABool) => Exit::with_code(code.min(1), now),
            End::Code(code) => Exit::with_code(code, now),
            End::Signal(signal) if broken(Mutant::SignalIsTheCode) => Exit::with_code(signal, now),
            End::Signal(signal) => Exit::with_signal(signal, now),
        };
        {
            let mut state = self.world.state();
            state.processes.retain(|other| other.number != self.process.number);
            let place = state.places.get_mut(&self.process.session);
            if let Some(place) = place.filter(|_| is_main && !broken(Mutant::ExitForgotten)) {
                place.exit = Some(exit.clone());
            }
        }
        self.process.exit.send_replace(Some(exit));
        self.process.out.close().await;
        if let Some(errors) = &self.errors {
            errors.close().await;
        }
    }

    async fn interpret(
        &mut self,
        steps: &[Step],
        input: &mut Keys,
        manners: &Mutex<Manners>,
    ) -> End {
        let behave = |new| *manners.lock().unwrap_or_else(PoisonError::into_inner) = new;
        let mut written = 0;
        if self.process.is_main && self.world.breaks(Mutant::FirstByteLost) {
            written = usize::MAX;
        }
        for step in steps {
            match step {
                Step::Print(text) => self.say(text, &mut written).await,
                Step::PrintError(text) => match &self.errors {
                    Some(errors) => errors.write(format!("{text}\n").as_bytes()).await,
                    None => self.say(text, &mut written).await,
                },
                Step::PrintBytes(bytes) => self.write(bytes, &mut written).await,
                Step::Lines(count) => {
                    for number in 1..=*count {
                        self.say(&format!("line {number}"), &mut written).await;
                    }
                }
                Step::Size => {
                    let size = *self.process.size.borrow();
                    self.say(&shown(size), &mut written).await;
                }
                Step::SizeOnResize => {
                    let mut sizes = self.process.size.subscribe();
                    self.say("ready", &mut written).await;
                    while sizes.changed().await.is_ok() {
                        let size = *sizes.borrow_and_update();
                        self.say(&shown(size), &mut written).await;
                    }
                }
                Step::Directory => {
                    let text = format!("directory {}", self.directory);
                    self.say(&text, &mut written).await;
                }
                Step::Variable(name) => {
                    let value = self.environment.get(name).map_or("unset", String::as_str);
                    let text = format!("{name}={value}");
                    self.say(&text, &mut written).await;
                }
                Step::Show(path) => match self.read(Utf8Path::new(path)) {
                    Some(content) => self.write(&content, &mut written).await,
                    None => return End::Code(1),
                },
                Step::Link { target, name } => {
                    let mut state = self.world.state();
                    let Some(place) = state.places.get_mut(&self.process.session) else { continue };
                    place.tree.link(&self.directory.join(name), target.as_bytes());
                }
                Step::ReadLine => {
                    let line = input.line().await;
                    self.write(&[b"got ", line.as_slice(), b"\n"].concat(), &mut written).await;
                }
                Step::Copy => {
                    while let Some(chunk) = input.chunk().await {
                        self.write(&chunk, &mut written).await;
                    }
                }
                Step::Child(token) => {
                    self.child(token, false);
                    self.say("child up", &mut written).await;
                }
                Step::Daemon(token) => {
                    self.child(token, true);
                    self.say("daemon up", &mut written).await;
                }
                Step::IgnoreTermination => behave(Manners::Stays),
                Step::ExitOnTermination(code) => behave(Manners::EndsWith(*code)),
                Step::ExitOnHangup(code) => behave(Manners::HangsUp(*code)),
                Step::KillSelf(signal) => return End::Signal(*signal),
                Step::Wait => std::future::pending().await,
                Step::Exit(code) => return End::Code(*code),
            }
        }
        End::Code(0)
    }

    async fn say(&self, text: &str, written: &mut usize) {
        self.write(format!("{text}\n").as_bytes(), written).await;
    }

    async fn write(&self, bytes: &[u8], written: &mut usize) {
        let mut bytes = bytes.to_vec();
        let is_main = self.process.is_main;
        if self.on_terminal {
            bytes = bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
        }
        if !is_main && self.world.breaks(Mutant::ExecDropsNul) {
            bytes.retain(|byte| *byte != 0);
        }
        if !is_main && self.world.breaks(Mutant::OutputMadeText) {
            bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes();
        }
        if *written == usize::MAX {
            bytes.remove(0);
            *written = 0;
        }
        *written += bytes.len();
        if is_main && *written > 1_000_000 && self.world.breaks(Mutant::OutputCutShort) {
            return;
        }
        self.process.out.write(&bytes).await;
        if let Some(astray) = &self.astray {
            astray.write(&bytes).await;
        }
    }

    fn read(&self, path: &Utf8Path) -> Option<Vec<u8>> {
        let state = self.world.state();
        state.places.get(&self.process.session)?.tree.content(&self.directory.join(path))
    }

    fn child(&self, token: &str, is_daemon: bool) {
        let process = &self.process;
        let (token, session, parent) = (token.to_owned(), process.session, process.number);
        self.world.state().children.push(Child { token, session, parent, is_daemon });
    }
}

fn shown(size: TerminalSize) -> String {
    format!("size {} {}", size.columns, size.rows)
}

/// Waits for a signal that ends the program.
async fn judge(signals: &mut mpsc::UnboundedReceiver<i32>, manners: &Mutex<Manners>) -> End {
    while let Some(signal) = signals.recv().await {
        let manners = *manners.lock().unwrap_or_else(PoisonError::into_inner);
        match (signal, manners) {
            (1 | 2 | 15, Manners::Stays) => {}
            (15, Manners::HangsUp(_)) => {}
            (15, Manners::EndsWith(code)) | (1, Manners::HangsUp(code)) => return End::Code(code),
            _ => return End::Signal(signal),
        }
    }
    std::future::pending().await
}

/// What was typed and not read yet.
struct Keys {
    keys: mpsc::UnboundedReceiver<Vec<u8>>,
    rest: Vec<u8>,
}

impl Keys {
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        if !self.rest.is_empty() {
            return Some(std::mem::take(&mut self.rest));
        }
        self.keys.recv().await
    }

    /// A line without its end; what there is, at the end of the input.
    async fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        while let Some(chunk) = self.chunk().await {
            line.extend_from_slice(&chunk);
            if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                self.rest = line.split_off(end + 1);
                line.pop();
                break;
            }
        }
        line
    }
}
