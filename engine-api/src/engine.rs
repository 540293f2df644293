//! A connection to an engine that has shown who it is.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use session_core::{Error, ErrorKind, Result};

use crate::failure::engine_error;
use crate::{Dialect, Endpoint, EngineKind, Identity};

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
    short: Docker,
    long: Docker,
    endpoint: Endpoint,
    identity: Identity,
    dialect: Dialect,
}

impl Engine {
    /// Connects to `endpoint` and finds out who answers; `Unsupported` if that is not a `kind`.
    pub async fn connect(endpoint: &Endpoint, kind: EngineKind) -> Result<Self> {
        let operation = "engine.connect";
        let Endpoint::Unix(path) = endpoint;
        let open = |limit: Duration| {
            Docker::connect_with_unix(path.as_str(), limit.as_secs(), bollard::API_DEFAULT_VERSION)
                .map_err(|failure| engine_error(operation, "connect", failure))
        };
        let (short, long) = (open(SHORT)?, open(LONG)?);
        let version = short
            .version()
            .await
            .map_err(|failure| engine_error(operation, "ask for its version", failure))?;
        let podman =
            version.components.iter().flatten().any(|component| component.name == "Podman Engine");
        let found = if podman { EngineKind::Podman } else { EngineKind::Docker };
        if found != kind {
            let message = format!(
                "{endpoint} is {}, not {}; name the right socket",
                found.word(),
                kind.word()
            );
            return Err(Error::new(ErrorKind::Unsupported, operation, message));
        }
        let version = version.version.unwrap_or_default();
        let major = version.split('.').next().and_then(|it| it.parse().ok()).unwrap_or(0);
        let identity = Identity { kind, version, major, rootless: false };
        let dialect = Dialect::of(&identity);
        let endpoint = endpoint.clone();
        Ok(Self { inner: Arc::new(Inner { short, long, endpoint, identity, dialect }) })
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

    /// For requests that are answered at once, and for streams of unlimited length.
    pub(crate) fn short(&self) -> &Docker {
        &self.inner.short
    }

    /// For requests whose body or answer takes its time: uploads, commits, stops, waits.
    pub(crate) fn long(&self) -> &Docker {
        &self.inner.long
    }
}
