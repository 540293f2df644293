//! From program, arguments and environment to a command that can be run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::{fmt, io};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::Access;
use session_core::{Error, ErrorKind, Result};
use tokio::process::Command;

use crate::host::state::Place;
use crate::host::{RUN_VARIABLE, SESSION_VARIABLE};

/// Where programs are looked up if the environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What programs are run through: gives the words before a program's own.
#[derive(Clone)]
pub(crate) struct Runner(Arc<Words>);

type Words = dyn Fn(&[Utf8PathBuf]) -> Vec<String> + Send + Sync;

impl Runner {
    /// `words` is given the directories that the session works in.
    pub(crate) fn new(
        words: impl Fn(&[Utf8PathBuf]) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(words))
    }

    pub(crate) fn words(&self, directories: &[Utf8PathBuf]) -> Vec<String> {
        self.0(directories)
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").finish_non_exhaustive()
    }
}

/// A program that was found, with where it runs.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    operation: &'static str,
    path: Utf8PathBuf,
    argv: &'a [String],
    environment: &'a BTreeMap<String, String>,
    directory: &'a Utf8Path,
    /// What it is run through.
    before: Vec<String>,
}

impl<'a> Program<'a> {
    /// Looks `argv[0]` up in the `PATH` of `environment`; a name with a slash is a path, relative
    /// ones begin in `directory`.
    pub(crate) fn find(
        operation: &'static str,
        argv: &'a [String],
        environment: &'a BTreeMap<String, String>,
        directory: &'a Utf8Path,
    ) -> Result<Self> {
        let refuse = |message: String| Err(Error::new(ErrorKind::InvalidInput, operation, message));
        let Some(name) = argv.first().filter(|name| !name.is_empty()) else {
            return refuse("no program is named; give its name first".to_owned());
        };
        let made =
            |path| Ok(Self { operation, path, argv, environment, directory, before: Vec::new() });
        let shown = name.escape_debug();
        if name.contains('/') {
            let path = directory.join(name);
            return match look(&path) {
                Look::Runs => made(path),
                Look::Absent => refuse(format!("no such program `{shown}`; check its path")),
                Look::NotExecutable => {
                    refuse(format!("`{shown}` is not executable; run chmod +x on it"))
                }
            };
        }
        let list = environment.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        let mut unusable = None;
        for entry in list.split(':') {
            // An empty entry means where the process runs, by tradition.
            let path = directory.join(entry).join(name);
            match look(&path) {
                Look::Runs => return made(path),
                Look::NotExecutable => unusable = unusable.or(Some(path)),
                Look::Absent => {}
            }
        }
        match unusable {
            Some(path) => refuse(format!("`{path}` is not executable; run chmod +x on it")),
            None => refuse(format!(
                "no such program `{shown}` in PATH; install it, or give its path (PATH is `{}`)",
                list.escape_debug()
            )),
        }
    }

    /// Has it run through `words`, the first of which is the path of a program; none for by itself.
    pub(crate) fn through(self, words: Vec<String>) -> Self {
        Self { before: words, ..self }
    }

    /// The command, with exactly the environment asked for and the marks of the session and,
    /// for a main process, of its run.
    pub(crate) fn command(&self, place: &Place, run: Option<&str>) -> Command {
        let mut command = match self.before.split_first() {
            Some((runner, words)) => {
                let mut command = Command::new(runner);
                command.args(words).arg(&self.path);
                command
            }
            None => {
                let mut command = Command::new(&self.path);
                command.arg0(&self.argv[0]);
                command
            }
        };
        command.args(&self.argv[1..]).current_dir(self.directory).env_clear();
        command.envs(self.environment).env(SESSION_VARIABLE, place.id().to_string());
        match run {
            Some(run) => command.env(RUN_VARIABLE, run),
            None => command.env_remove(RUN_VARIABLE),
        };
        command
    }

    /// Why it could not be started, as an error of the right kind.
    pub(crate) fn refused(&self, error: io::Error) -> Error {
        use io::ErrorKind as Io;
        let started = self.before.first().or(self.argv.first());
        let shown = started.map_or("", String::as_str).escape_debug();
        if !self.directory.is_dir() {
            return missing_directory(self.operation, self.directory);
        }
        // A system that has no more processes or memory is no fault of the program.
        match error.kind() {
            Io::OutOfMemory | Io::WouldBlock => {
                Error::io(self.operation, format!("can't start `{shown}`"), error)
            }
            Io::NotFound => {
                let message =
                    format!("`{shown}` can't be run: the interpreter it asks for is missing");
                Error::new(ErrorKind::InvalidInput, self.operation, message).with_source(error)
            }
            _ => {
                let message = format!("`{shown}` can't be run: {error}");
                Error::new(ErrorKind::InvalidInput, self.operation, message).with_source(error)
            }
        }
    }
}

/// The error for a working directory that is gone.
pub(crate) fn missing_directory(operation: &'static str, directory: &Utf8Path) -> Error {
    let message =
        format!("the working directory `{directory}` is gone; put it back, or remove the session");
    Error::new(ErrorKind::Lost, operation, message)
}

enum Look {
    Runs,
    NotExecutable,
    Absent,
}

fn look(path: &Utf8Path) -> Look {
    match path.metadata() {
        Err(_) => Look::Absent,
        Ok(found) if found.is_dir() => Look::Absent,
        Ok(_) => match rustix::fs::access(path.as_str(), Access::EXEC_OK) {
            Ok(()) => Look::Runs,
            Err(_) => Look::NotExecutable,
        },
    }
}
