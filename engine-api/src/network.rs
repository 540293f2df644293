//! Which network a container joins.

use bollard::errors::Error as Failure;
use bollard::query_parameters::InspectNetworkOptions;
use session_core::{Error, ErrorKind, Network, ResolvedSpec, Result};

use crate::Engine;

const OPERATION: &str = "engine.create";

/// As the engine takes it; `None` is its default.
pub(crate) fn mode(network: Option<&Network>) -> Option<String> {
    match network? {
        Network::None => Some("none".to_owned()),
        Network::Named(name) => Some(name.clone()),
        _ => None,
    }
}

/// Refuses a network that is not there, or that is the host's own: Docker would say so only when
/// the container is started.
pub(crate) async fn check_network(engine: &Engine, spec: &ResolvedSpec) -> Result<()> {
    let Some(Network::Named(name)) = &spec.container.network else { return Ok(()) };
    let refuse = |message: String| Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    if name == "host" {
        return refuse("a session does not get the host's own network; name another".to_owned());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let usable = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain);
    if !usable {
        return refuse(format!("`{}` is no network's name; check it", name.escape_debug()));
    }
    match engine.short().inspect_network(name, None::<InspectNetworkOptions>).await {
        Ok(_) => Ok(()),
        Err(Failure::DockerResponseServerError { status_code: 404, .. }) => {
            let word = engine.identity().kind.word();
            let message = format!(
                "there is no network `{name}`; make it (`{word} network create {name}`), or name \
                 another (`{word} network ls`)"
            );
            Err(Error::new(ErrorKind::NotFound, OPERATION, message))
        }
        Err(failure) => Err(engine.error(OPERATION, "look for the network", failure)),
    }
}
