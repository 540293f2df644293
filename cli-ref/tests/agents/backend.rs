//! Where sessions are, as a bystander sees it.

use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;
use session_conformance::engines;

/// Where sessions are made.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) kind: &'static str,
    /// The engine's socket; none for `local`.
    pub(crate) socket: Option<PathBuf>,
}

impl Backend {
    pub(crate) fn find(kind: &'static str) -> Result<Self, String> {
        let address = match kind {
            "docker" => engines::docker()?,
            "podman" => engines::podman()?,
            _ => return Ok(Self { kind, socket: None }),
        };
        let socket = address.strip_prefix("unix://").map(PathBuf::from);
        Ok(Self { kind, socket: Some(socket.ok_or_else(|| format!("{address} is no socket"))?) })
    }

    /// This machine's address on the network that containers have by default.
    pub(crate) fn gateway(&self) -> Option<Result<IpAddr, String>> {
        let network = if self.kind == "docker" { "bridge" } else { "podman" };
        let document = request(self.socket.as_ref()?, &format!("/networks/{network}"));
        let address = document["IPAM"]["Config"][0]["Gateway"].as_str();
        let address = address.and_then(|address| address.parse().ok());
        Some(address.ok_or_else(|| format!("containers have no network: {document}")))
    }

    pub(crate) fn has_image(&self, image: &str) -> bool {
        let Some(socket) = &self.socket else { return true };
        request(socket, &format!("/images/{image}/json"))["Id"].is_string()
    }
}

/// Asks an engine for a document, without any of our code; null if it has none.
fn request(socket: &Path, path: &str) -> Value {
    let ask = || {
        let mut stream = UnixStream::connect(socket)?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    let answer = ask().unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_default()
}
