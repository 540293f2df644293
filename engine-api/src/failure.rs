//! What engines and bollard report, as errors of this library: mapped here and nowhere else.

mod cause;
mod remedy;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;

use session_core::Error;

pub(crate) use cause::{Cause, classify};
pub(crate) use remedy::{IDS, remedy, start};

use crate::{Endpoint, EngineKind, Platform};

/// The longest text of an engine that is passed on.
const LONGEST: usize = 2_000;

/// Whom a failed request was for, as far as that is known; the advice depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer<'a> {
    pub(crate) kind: Option<EngineKind>,
    pub(crate) endpoint: Option<&'a Endpoint>,
    pub(crate) platform: Platform,
}

impl Peer<'_> {
    /// Nothing is known of the engine.
    pub(crate) fn unknown() -> Self {
        Self { kind: None, endpoint: None, platform: Platform::current() }
    }
}

/// The error for `failure` in `operation` (`docker.create`); `doing` says what was being done.
///
/// Where the engine is at hand, [`Engine::error`](crate::Engine::error) gives better advice.
pub(crate) fn engine_error(
    operation: impl Into<Cow<'static, str>>,
    doing: &str,
    failure: bollard::errors::Error,
) -> Error {
    failed(operation.into(), doing, &Peer::unknown(), failure)
}

/// The error for `failure` of a request to `peer`.
pub(crate) fn failed(
    operation: Cow<'static, str>,
    doing: &str,
    peer: &Peer<'_>,
    failure: bollard::errors::Error,
) -> Error {
    let (cause, text) = cause_of(&failure);
    cause_error(operation, doing, peer, cause, &text).with_source(failure)
}

/// The error for `cause`, of which the engine said `text`.
pub(crate) fn cause_error(
    operation: Cow<'static, str>,
    doing: &str,
    peer: &Peer<'_>,
    cause: Cause,
    text: &str,
) -> Error {
    let text = readable(text);
    let message = match remedy(cause, peer, &text) {
        Some(advice) if text.is_empty() => format!("{doing}: {advice}"),
        Some(advice) => format!("{doing}: {text}; {advice}"),
        None => format!("{doing}: {text}"),
    };
    Error::new(cause.kind(), operation, message)
}

/// What happened, and the words of who noticed it.
pub(crate) fn cause_of(failure: &bollard::errors::Error) -> (Cause, String) {
    use bollard::errors::Error as Failure;
    match failure {
        Failure::DockerResponseServerError { status_code, message } => {
            (classify(*status_code, message), message.clone())
        }
        // docs/engines.md, G2: the status is 200 by then.
        Failure::DockerStreamError { error } => (classify(500, error), error.clone()),
        Failure::DockerContainerWaitError { error, code } if error.is_empty() => {
            (Cause::Other, format!("the process ended with {code}"))
        }
        Failure::DockerContainerWaitError { error, .. } => (classify(500, error), error.clone()),
        Failure::SocketNotFoundError(path) => {
            (Cause::NothingThere, format!("there is no socket `{path}`"))
        }
        Failure::RequestTimeoutError => (Cause::Silent, "no answer in time".to_owned()),
        Failure::JsonDataError { message, .. } => {
            (Cause::Garbled, format!("its answer was not understood: {message}"))
        }
        Failure::URLParseError { .. }
        | Failure::InvalidURIError { .. }
        | Failure::InvalidURIPartsError { .. }
        | Failure::URLEncodedError { .. } => (Cause::Invalid, failure.to_string()),
        // These two hide themselves from who walks down the sources.
        Failure::IOError { err } => transport_cause(err),
        Failure::HyperResponseError { err } => transport_cause(err),
        other => transport_cause(other),
    }
}

/// What became of a connection, from whatever error of the operating system lies at its root.
pub(crate) fn transport_cause(failure: &(dyn StdError + 'static)) -> (Cause, String) {
    let mut next = Some(failure);
    let mut deepest = failure.to_string();
    let mut closed = false;
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            closed |= error.is_incomplete_message() || error.is_closed() || error.is_canceled();
        }
        deepest = error.to_string();
        if let Some(error) = error.downcast_ref::<io::Error>()
            && let Some(cause) = of_io(error.kind())
        {
            let text = match cause {
                Cause::NothingThere => "there is no such socket".to_owned(),
                Cause::NobodyListens => "nobody listens there".to_owned(),
                Cause::Silent => "no answer in time".to_owned(),
                _ => error.to_string(),
            };
            return (cause, text);
        }
        next = error.source();
    }
    (if closed { Cause::Restarted } else { Cause::Unreachable }, deepest)
}

fn of_io(kind: io::ErrorKind) -> Option<Cause> {
    use io::ErrorKind as Kind;
    Some(match kind {
        Kind::NotFound => Cause::NothingThere,
        Kind::ConnectionRefused => Cause::NobodyListens,
        Kind::PermissionDenied => Cause::SocketDenied,
        // The queue of a socket whose owner takes no more connections is full.
        Kind::TimedOut | Kind::WouldBlock => Cause::Silent,
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof
        | Kind::NotConnected => Cause::Restarted,
        Kind::StorageFull | Kind::QuotaExceeded => Cause::StorageFull,
        // An unspecific error may wrap a specific one.
        _ => return None,
    })
}

/// One line without control characters: an engine repeats what programs and images made up.
fn readable(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > LONGEST {
            while line.len() > LONGEST {
                line.pop();
            }
            line.push('…');
            break;
        }
    }
    line.trim_end_matches('.').to_owned()
}
