//! A connection to an engine that has shown who it is.

mod dial;
mod facts;
mod greet;
mod ssh;
mod tls;
mod turn;
mod wire;

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use serde::de::DeserializeOwned;
use session_core::{Error, ErrorKind, Result};
use tokio::sync::{Mutex, OnceCell};

pub(crate) use dial::Link;
pub use facts::{Facts, Limits};

use crate::failure::{Cause, Peer, cause_error, classify, failed};
use crate::{Dialect, Endpoint, EngineKind, Identity, Platform};
pub(crate) use greet::{IDENTIFY, VERSION};
use wire::Wire;

/// The time that a short request may take.
const SHORT: Duration = Duration::from_secs(30);
/// The time that a whole upload, a commit or a stop may take.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// A connection to an engine whose identity is proved. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    wire: Wire,
    short: Docker,
    long: Docker,
    endpoint: Endpoint,
    identity: Identity,
    dialect: Dialect,
    facts: OnceCell<Facts>,
    /// Held while a container is made, where one at a time is.
    creates: Mutex<()>,
}

impl Engine {
    /// Connects to `endpoint` and finds out who answers; `Unsupported` if that is not a `kind`.
    ///
    /// An engine that is down is noticed at once, one that accepts and says nothing after two
    /// seconds (five over TCP, twenty over ssh). Changes nothing.
    pub async fn connect(endpoint: &Endpoint, kind: EngineKind) -> Result<Self> {
        let wire = Wire::new(endpoint);
        let identity = greet::greet(&wire, endpoint, kind).await?;
        let (short, long) = (wire.client(SHORT)?, wire.client(LONG)?);
        tracing::debug!(%endpoint, ?identity, "an engine answers");
        let dialect = Dialect::of(&identity);
        let (endpoint, facts) = (endpoint.clone(), OnceCell::new());
        let creates = Mutex::default();
        let inner = Inner { wire, short, long, endpoint, identity, dialect, facts, creates };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Connects to the first of `endpoints` at which a `kind` answers; all are asked at once.
    ///
    /// If none does, the error is that of the place where something came nearest to an answer:
    /// one that may not be used goes before one where nothing is.
    pub async fn connect_first(endpoints: &[Endpoint], kind: EngineKind) -> Result<Self> {
        let asked = endpoints.iter().map(|endpoint| Self::connect(endpoint, kind));
        let mut answers: FuturesOrdered<_> = asked.collect();
        let mut nearest: Option<Error> = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(engine) => return Ok(engine),
                Err(error) => match &nearest {
                    Some(earlier) if rank(earlier) >= rank(&error) => {}
                    _ => nearest = Some(error),
                },
            }
        }
        Err(nearest.unwrap_or_else(|| {
            let message =
                format!("no place to look for {} was given; name its socket", kind.title());
            Error::new(ErrorKind::BackendUnavailable, "engine.connect", message)
        }))
    }

    /// Makes a connection of its own, for a request that turns it into a stream.
    pub(crate) async fn dial(&self) -> io::Result<Link> {
        dial::dial(&self.inner.endpoint).await
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// How to speak to it.
    pub fn dialect(&self) -> &Dialect {
        &self.inner.dialect
    }

    /// What it says of its host and its ways; asked once, by the first call.
    ///
    /// Podman needs half a second for that: ask only for what identity and dialect can't tell.
    pub async fn facts(&self) -> Result<&Facts> {
        let ask = || facts::ask(&self.inner.wire, &self.inner.endpoint, self.identity().kind);
        self.inner.facts.get_or_try_init(ask).await
    }

    /// Gets the document at `path`, which must be escaped; `None` if there is no such thing.
    ///
    /// For answers that bollard reads too strictly: one value that it does not know fails a whole
    /// list (docs/engines.md, S1).
    pub(crate) async fn document<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        doing: &str,
        path: &str,
    ) -> Result<Option<T>> {
        let answer = self.inner.wire.get(path, SHORT).await;
        let answer = answer.map_err(|failure| self.error(operation, doing, failure))?;
        let wrong =
            |cause, text: &str| cause_error(operation.into(), doing, &self.peer(), cause, text);
        if answer.status.is_success() {
            let read = serde_json::from_slice(&answer.body);
            return read.map(Some).map_err(|error| {
                wrong(Cause::Garbled, &format!("its answer was not understood: {error}"))
            });
        }
        let text = answer.message();
        let cause = classify(answer.status.as_u16(), &text);
        match cause.kind() {
            ErrorKind::NotFound => Ok(None),
            _ => Err(wrong(cause, &text)),
        }
    }

    /// The error for `failure` of a request to this engine; `doing` says what was being done.
    pub(crate) fn error(
        &self,
        operation: impl Into<Cow<'static, str>>,
        doing: &str,
        failure: bollard::errors::Error,
    ) -> Error {
        let error = failed(operation.into(), doing, &self.peer(), failure);
        tracing::debug!(doing, %error, "the engine refused");
        error
    }

    /// Whom advice is about.
    pub(crate) fn peer(&self) -> Peer<'_> {
        peer(&self.inner.endpoint, self.identity().kind)
    }

    /// For requests that are answered at once, and for streams of unlimited length.
    pub(crate) fn short(&self) -> &Docker {
        &self.inner.short
    }

    /// For requests whose body or answer takes its time: uploads, commits, stops, waits.
    pub(crate) fn long(&self) -> &Docker {
        &self.inner.long
    }
}

/// A text for the query of an address.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Whom advice is about.
pub(crate) fn peer(endpoint: &Endpoint, kind: EngineKind) -> Peer<'_> {
    Peer { kind: Some(kind), endpoint: Some(endpoint), platform: Platform::current() }
}

/// How near to an engine this came.
fn rank(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::BackendUnavailable => 0,
        ErrorKind::Unsupported => 1,
        _ => 2,
    }
}
