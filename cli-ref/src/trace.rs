//! What the libraries tell of what they do: how much of it, and where to.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use session_core::{Error, ErrorKind, Result};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::variable;

const OPERATION: &str = "sessctl.trace";
const LEVEL: &str = "SESSCTL_LOG";
const FILE: &str = "SESSCTL_LOG_FILE";
const DEBUG: &str = "SESSCTL_DEBUG";
/// Whose words are told beyond warnings. Other crates' may have anything in them, keys too.
const OURS: [&str; 8] = [
    "backend_docker",
    "backend_local",
    "backend_podman",
    "cli_ref",
    "engine_api",
    "session_core",
    "session_terminal",
    "session_workspace",
];

/// The one trace of this process.
pub(crate) struct Trace {
    filter: Handle<Targets, Registry>,
    level: LevelFilter,
    asked: Result<()>,
}

impl Trace {
    /// Begins it as the environment says: warnings, unless `SESSCTL_LOG` (`error`, `warn`, `info`, `debug`, `trace`) or
    /// `SESSCTL_DEBUG` says more; on standard error, which for a holder is its session's `log/holder.log`, unless
    /// `SESSCTL_LOG_FILE` names a file. What is wrong with these is told by [`settle`](Self::settle): a holder tells nobody.
    pub(crate) fn begin() -> Self {
        let (level, wrong_level) = or_problem(level(), LevelFilter::WARN);
        let (debug, wrong_debug) = or_problem(debug(), false);
        let (file, wrong_file) = or_problem(file(), None);
        let level = if debug { level.max(LevelFilter::DEBUG) } else { level };
        let writer = match file {
            Some(file) => BoxMakeWriter::new(Arc::new(file)),
            None => BoxMakeWriter::new(std::io::stderr),
        };
        let (layer, filter) = reload::Layer::new(targets(level));
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_target(false);
        tracing_subscriber::registry().with(layer).with(lines.with_writer(writer)).init();
        let problem = wrong_level.or(wrong_debug).or(wrong_file);
        Self { filter, level, asked: problem.map_or(Ok(()), Err) }
    }

    /// Whether mistakes are looked for, by the option `--debug` or by what the environment says.
    pub(crate) fn settle(self, asked_for: bool) -> Result<bool> {
        self.asked?;
        let level = if asked_for { self.level.max(LevelFilter::DEBUG) } else { self.level };
        let _ = self.filter.reload(targets(level));
        Ok(asked_for || debug()?)
    }
}

fn targets(level: LevelFilter) -> Targets {
    let others = level.min(LevelFilter::WARN);
    Targets::new().with_default(others).with_targets(OURS.map(|name| (name, level)))
}

fn or_problem<T>(found: Result<T>, default: T) -> (T, Option<Error>) {
    match found {
        Ok(value) => (value, None),
        Err(error) => (default, Some(error)),
    }
}

fn level() -> Result<LevelFilter> {
    let Some(word) = variable(LEVEL)? else { return Ok(LevelFilter::WARN) };
    word.parse::<tracing::Level>()
        .map(LevelFilter::from_level)
        .map_err(|_| refused(LEVEL, &word, "set it to error, warn, info, debug or trace"))
}

fn debug() -> Result<bool> {
    match variable(DEBUG)?.as_deref() {
        None | Some("0" | "false" | "no") => Ok(false),
        Some("1" | "true" | "yes") => Ok(true),
        Some(other) => Err(refused(DEBUG, other, "set it to 1 or 0")),
    }
}

fn file() -> Result<Option<File>> {
    let Some(path) = variable(FILE)? else { return Ok(None) };
    if !Path::new(&path).is_absolute() {
        return Err(refused(FILE, &path, "give an absolute path, for not all processes work here"));
    }
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    opened.map(Some).map_err(|error| {
        let message = format!("can't write `{}`, which {FILE} names", path.escape_debug());
        Error::io(OPERATION, message, error)
    })
}

fn refused(name: &str, value: &str, instead: &str) -> Error {
    let message = format!("{name} is `{}`; {instead}", value.escape_debug());
    Error::new(ErrorKind::InvalidInput, OPERATION, message)
}
