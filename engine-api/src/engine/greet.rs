//! The proof of identity, before anything else is asked.

use std::time::Duration;

use serde::Deserialize;
use session_core::{Error, ErrorKind, Result};

use super::wire::{Answer, Wire};
use super::{facts, peer};
use crate::failure::{Cause, cause_error, failed};
use crate::{Endpoint, EngineKind, Identity, Platform};

const OPERATION: &str = "engine.connect";
/// The operation of an error that says that something else answered.
pub(crate) const IDENTIFY: &str = "engine.identify";
/// The operation of an error that says that the engine is too old.
pub(crate) const VERSION: &str = "engine.version";
/// The number that stands for users whom a namespace does not know.
const NOBODY: u32 = 65_534;

/// `/version`, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    #[serde(default)]
    version: String,
    #[serde(default)]
    api_version: String,
    components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Component {
    name: String,
}

/// Who answers at `endpoint`, which must be a `kind`.
pub(super) async fn greet(wire: &Wire, endpoint: &Endpoint, kind: EngineKind) -> Result<Identity> {
    let doing = format!("connect to {endpoint}");
    let failure = |failure| failed(OPERATION.into(), &doing, &peer(endpoint, kind), failure);
    let answer = wire.get("/_ping", patience(endpoint)).await.map_err(failure)?;
    let mut identity = match answer.header("server").and_then(Identity::from_server) {
        Some(identity) => identity,
        None => ask_version(wire, endpoint, kind, &answer).await?,
    };
    if identity.kind != kind {
        let message = format!(
            "{endpoint} is {} {}, not {}; name the socket of {}, or use `--backend {}`",
            identity.kind.title(),
            identity.version,
            kind.title(),
            kind.title(),
            identity.kind.word(),
        );
        return Err(Error::new(ErrorKind::Unsupported, IDENTIFY, message));
    }
    if !answer.status.is_success() {
        let text = format!("it answered {}", answer.status);
        let peer = peer(endpoint, kind);
        return Err(cause_error(OPERATION.into(), &doing, &peer, Cause::Silent, &text));
    }
    if let Some(version) = answer.header("api-version") {
        identity.api_version = version.to_owned();
    }
    let (major, minor) = kind.oldest();
    // A development build may call itself anything.
    if identity.major > 0 && !identity.is_at_least(major, minor) {
        let message = format!(
            "{endpoint} is {} {}, which is too old; {major}.{minor} or newer is needed",
            kind.title(),
            identity.version
        );
        return Err(Error::new(ErrorKind::Unsupported, VERSION, message));
    }
    identity.rootless = match rootless_by_owner(endpoint, kind).await {
        Some(rootless) => rootless,
        None => facts::ask(wire, endpoint, kind).await?.rootless,
    };
    Ok(identity)
}

/// How long an answer may take. A socket that systemd holds is answered by an engine that is only
/// started then.
fn patience(endpoint: &Endpoint) -> Duration {
    Duration::from_secs(match endpoint {
        Endpoint::Unix(_) => 2,
        Endpoint::Tcp(_) | Endpoint::Tls(..) => 5,
        Endpoint::Ssh(_) => 20,
    })
}

/// Where something between took the header away, the version's parts tell (docs/engines.md, E2).
async fn ask_version(
    wire: &Wire,
    endpoint: &Endpoint,
    kind: EngineKind,
    greeting: &Answer,
) -> Result<Identity> {
    let stranger = || {
        let server = greeting.header("server").unwrap_or("something that does not say what it is");
        let server: String = server.chars().filter(|c| !c.is_control()).take(100).collect();
        let message = format!(
            "{endpoint} is not {}: {server} answered ({}); name the right socket",
            kind.title(),
            greeting.status
        );
        Error::new(ErrorKind::Unsupported, IDENTIFY, message)
    };
    let answer = wire.get("/version", patience(endpoint)).await.map_err(|_| stranger())?;
    let version: Version = serde_json::from_slice(&answer.body).map_err(|_| stranger())?;
    let has = |name: &str| version.components.iter().any(|component| component.name == name);
    let found = match (has("Podman Engine"), has("Engine")) {
        (true, _) => EngineKind::Podman,
        (false, true) => EngineKind::Docker,
        (false, false) => return Err(stranger()),
    };
    Ok(Identity { api_version: version.api_version, ..Identity::new(found, version.version) })
}

/// Whether the owner of the socket's other end lacks root's powers, where that shows it
/// (docs/engines.md, E3): asking Podman itself takes half a second.
async fn rootless_by_owner(endpoint: &Endpoint, kind: EngineKind) -> Option<bool> {
    let Endpoint::Unix(path) = endpoint else { return None };
    if Platform::current() != Platform::Linux || path.as_str().contains("machine") {
        return None;
    }
    let stream = tokio::net::UnixStream::connect(path).await.ok()?;
    match (stream.peer_cred().ok()?.uid(), kind) {
        (0, _) => Some(false),
        // A user's process may stand before Docker in a virtual machine.
        (_, EngineKind::Docker) | (NOBODY, _) => None,
        (_, EngineKind::Podman) => Some(true),
    }
}
