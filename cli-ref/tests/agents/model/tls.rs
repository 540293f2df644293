//! What a vendor's own hosts are reached by: a proxy that answers for every host, with certificates of an authority of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The hosts that agents ask though they are told of another: where a login is renewed, above all.
const HOSTS: &str = "subjectAltName=DNS:api.anthropic.com,DNS:console.anthropic.com,\
                     DNS:platform.claude.com,DNS:claude.ai,DNS:auth.openai.com,DNS:chatgpt.com";

/// An authority that vouches for [`HOSTS`], for two days.
#[derive(Debug)]
pub(crate) struct Authority {
    place: TempDir,
    config: Arc<ServerConfig>,
}

impl Authority {
    /// Makes one with the program `openssl`; the error is why it can't, for a visible skip.
    pub(crate) fn new() -> Result<Self, String> {
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = place.path();
        let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(
            at,
            &format!("req -x509 {curve} -days 2 -subj /CN=test -keyout ca.key -out ca.pem"),
        )?;
        openssl(at, &format!("req {curve} -subj /CN=hosts -keyout hosts.key -out request"))?;
        std::fs::write(at.join("extension"), HOSTS).map_err(|error| error.to_string())?;
        openssl(
            at,
            "x509 -req -in request -CA ca.pem -CAkey ca.key -set_serial 0x1 -days 2 \
             -extfile extension -out hosts.pem",
        )?;
        let config = config(at).map_err(|error| error.to_string())?;
        Ok(Self { config: Arc::new(config), place })
    }

    /// The certificate to trust, as a PEM file (`NODE_EXTRA_CA_CERTS`).
    pub(crate) fn certificate(&self) -> PathBuf {
        self.place.path().join("ca.pem")
    }

    pub(super) fn accept<S: std::io::Read + std::io::Write>(
        &self,
        stream: S,
    ) -> Result<StreamOwned<ServerConnection, S>, std::io::Error> {
        let session = ServerConnection::new(Arc::clone(&self.config));
        Ok(StreamOwned::new(session.map_err(std::io::Error::other)?, stream))
    }
}

fn config(at: &Path) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let chain = vec![CertificateDer::from_pem_file(at.join("hosts.pem"))?];
    let key = PrivateKeyDer::from_pem_file(at.join("hosts.key"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn openssl(at: &Path, line: &str) -> Result<(), String> {
    let output = Command::new("openssl").args(line.split_whitespace()).current_dir(at).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("openssl: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("no openssl (package openssl): {error}")),
    }
}
