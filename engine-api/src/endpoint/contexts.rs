//! What Docker's own command would speak to: its variables, and its contexts.

use std::fmt::Write as _;

use serde::Deserialize;
use session_core::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

use super::{Endpoint, EngineView, TlsFiles};

/// The context that means "the usual socket".
const DEFAULT: &str = "default";

/// `config.json`, as far as it matters.
#[derive(Deserialize)]
struct Config {
    #[serde(default, rename = "currentContext")]
    current_context: Option<String>,
}

/// `meta.json` of a context, as far as it matters.
#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Endpoints")]
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Option<Docker>,
}

#[derive(Deserialize)]
struct Docker {
    #[serde(default, rename = "Host")]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

/// The endpoint that variables or configuration name, if they do (docs/engines.md, E5).
pub(super) fn named(view: &EngineView) -> Result<Option<Endpoint>> {
    if let Some(host) = view.variable("DOCKER_HOST") {
        let endpoint = Endpoint::read(host, view.tls_files());
        return endpoint.map(Some).map_err(|error| about("DOCKER_HOST", &error));
    }
    if let Some(name) = view.variable("DOCKER_CONTEXT") {
        return context(view, name, "DOCKER_CONTEXT");
    }
    let path = view.docker_config().join("config.json");
    let Some(text) = view.file(&path) else { return Ok(None) };
    let config: Config = serde_json::from_str(&text).map_err(|error| {
        let message = format!("`{path}` can't be read: {error}; mend or remove it");
        Error::new(ErrorKind::Damaged, "engine.connect", message)
    })?;
    match config.current_context.filter(|name| !name.is_empty()) {
        Some(name) => context(view, &name, path.as_str()),
        None => Ok(None),
    }
}

fn context(view: &EngineView, name: &str, origin: &str) -> Result<Option<Endpoint>> {
    if name == DEFAULT {
        return Ok(None);
    }
    let wrong = |kind: ErrorKind, why: String| {
        let message = format!("the Docker context `{name}` (from {origin}) {why}");
        Error::new(kind, "engine.connect", message)
    };
    let directory = Sha256::digest(name).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let contexts = view.docker_config().join("contexts");
    let path = contexts.join("meta").join(&directory).join("meta.json");
    let text = view.file(&path).ok_or_else(|| {
        let advice = "does not exist; `docker context ls` lists those there are";
        wrong(ErrorKind::NotFound, advice.to_owned())
    })?;
    let meta: Meta = serde_json::from_str(&text)
        .map_err(|error| wrong(ErrorKind::Damaged, format!("can't be read: {error}")))?;
    let docker = meta.endpoints.docker.filter(|docker| !docker.host.is_empty());
    let docker = docker.ok_or_else(|| {
        wrong(ErrorKind::Unsupported, "names no Docker engine; choose another".to_owned())
    })?;
    if docker.skip_tls_verify {
        let why = "does not have the engine's certificate checked; give it a CA";
        return Err(wrong(ErrorKind::Unsupported, why.to_owned()));
    }
    let material = contexts.join("tls").join(&directory).join("docker");
    let has = |file: &str| view.file(&material.join(file)).is_some();
    let files = has("ca.pem").then(|| {
        let client = has("cert.pem").then(|| (material.join("cert.pem"), material.join("key.pem")));
        TlsFiles { ca: material.join("ca.pem"), client }
    });
    let endpoint = Endpoint::read(&docker.host, files);
    endpoint
        .map(Some)
        .map_err(|error| wrong(error.kind(), format!("is wrong: {}", error.message())))
}

/// The same error, with where the text came from.
pub(super) fn about(origin: &str, error: &Error) -> Error {
    Error::new(error.kind(), "engine.connect", format!("{origin}: {}", error.message()))
}
