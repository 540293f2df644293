//! What Podman's own command would speak to: its variables, and its connections.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::Deserialize;
use session_core::{Error, ErrorKind, Result};

use super::contexts::about;
use super::{Endpoint, EngineView};
use crate::Platform;

/// `podman-connections.json` (Podman 5).
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ConnectionsFile {
    connection: Connections,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Connections {
    default: String,
    connections: BTreeMap<String, Connection>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Connection {
    #[serde(rename = "URI", alias = "uri")]
    uri: String,
    #[serde(rename = "Identity", alias = "identity")]
    identity: Option<String>,
    #[serde(rename = "IsMachine", alias = "is_machine")]
    is_machine: bool,
}

/// `containers.conf`, as far as it matters.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainersConf {
    engine: EngineTable,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EngineTable {
    remote: bool,
    active_service: String,
    service_destinations: BTreeMap<String, Connection>,
}

/// The endpoint that variables or configuration name, if they do (docs/engines.md, E6).
///
/// A connection that is merely the default is used where Podman's own command would use it: on
/// Linux, only if the configuration says `remote = true`.
pub(super) fn named(view: &EngineView) -> Result<Option<Endpoint>> {
    if let Some(host) = view.variable("CONTAINER_HOST") {
        let mut endpoint = Endpoint::read(host, view.tls_files())
            .map_err(|error| about("CONTAINER_HOST", &error))?;
        give_key(&mut endpoint, view.variable("CONTAINER_SSHKEY"));
        return Ok(Some(endpoint));
    }
    let known = read(view)?;
    if let Some(name) = view.variable("CONTAINER_CONNECTION") {
        let connection = known.all.get(name).ok_or_else(|| {
            let message = format!(
                "there is no Podman connection `{name}` (from CONTAINER_CONNECTION); \
                 `podman system connection list` lists those there are"
            );
            Error::new(ErrorKind::NotFound, "engine.connect", message)
        })?;
        return endpoint(name, connection).map(Some);
    }
    let used = known.remote || view.platform == Platform::MacOs;
    match known.all.get_key_value(&known.default).filter(|_| used) {
        // A machine of this host is reached by its socket, and sees this host's files.
        Some((_, connection)) if connection.is_machine => Ok(None),
        Some((name, connection)) => endpoint(name, connection).map(Some),
        None => Ok(None),
    }
}

/// All connections; what is in the later files wins.
#[derive(Default)]
struct Known {
    remote: bool,
    default: String,
    all: BTreeMap<String, Connection>,
}

fn read(view: &EngineView) -> Result<Known> {
    let config = match view.variable("XDG_CONFIG_HOME") {
        Some(directory) => Utf8PathBuf::from(directory),
        None => view.home.join(".config"),
    };
    let mut known = Known::default();
    let files = match view.variable("CONTAINERS_CONF") {
        Some(path) => vec![path.into()],
        None => vec![
            "/usr/share/containers/containers.conf".into(),
            "/etc/containers/containers.conf".into(),
            config.join("containers/containers.conf"),
        ],
    };
    for path in files {
        let Some(text) = view.file(&path) else { continue };
        let conf: ContainersConf =
            toml::from_str(&text).map_err(|error| damaged(&path, error.message()))?;
        known.remote |= conf.engine.remote;
        if !conf.engine.active_service.is_empty() {
            known.default = conf.engine.active_service;
        }
        known.all.extend(conf.engine.service_destinations);
    }
    let path = match view.variable("PODMAN_CONNECTIONS_CONF") {
        Some(path) => path.into(),
        None => config.join("containers/podman-connections.json"),
    };
    if let Some(text) = view.file(&path) {
        let file: ConnectionsFile =
            serde_json::from_str(&text).map_err(|error| damaged(&path, &error.to_string()))?;
        if !file.connection.default.is_empty() {
            known.default = file.connection.default;
        }
        known.all.extend(file.connection.connections);
    }
    Ok(known)
}

fn endpoint(name: &str, connection: &Connection) -> Result<Endpoint> {
    let mut endpoint = Endpoint::read(&connection.uri, None)
        .map_err(|error| about(&format!("the Podman connection `{name}`"), &error))?;
    give_key(&mut endpoint, connection.identity.as_deref());
    Ok(endpoint)
}

fn give_key(endpoint: &mut Endpoint, key: Option<&str>) {
    if let (Endpoint::Ssh(place), Some(key)) = (endpoint, key.filter(|key| !key.is_empty())) {
        place.key = Some(key.into());
    }
}

fn damaged(path: &Utf8PathBuf, why: &str) -> Error {
    let message = format!("`{path}` can't be read: {why}; mend or remove it");
    Error::new(ErrorKind::Damaged, "engine.connect", message)
}
