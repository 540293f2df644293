//! TLS: both sides show certificates, and the engine's is always checked.

use std::io;
use std::sync::Arc;

use camino::Utf8Path;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::TlsFiles;

/// Speaks TLS on `stream`, to a server that shows a certificate for `host`.
pub(super) async fn secure(
    stream: TcpStream,
    host: &str,
    files: &TlsFiles,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(config(files).await?));
    connector.connect(name, stream).await.map_err(|error| {
        io::Error::other(format!("no TLS connection to {host} came about: {error}"))
    })
}

async fn config(files: &TlsFiles) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&files.ca).await? {
        roots.add(authority).map_err(|error| unusable(&files.ca, error))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots);
    let Some((certificate, key)) = &files.client else {
        return Ok(config.with_no_client_auth());
    };
    let chain = certificates(certificate).await?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key).await?);
    let secret = secret.map_err(|error| unusable(key, error))?;
    config.with_client_auth_cert(chain, secret).map_err(|error| unusable(certificate, error))
}

async fn certificates(path: &Utf8Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = read(path).await?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(path, "there is no certificate in it")),
        Err(error) => Err(unusable(path, error)),
    }
}

/// Not with the kind of the failure: that would be read as one of the connection.
async fn read(path: &Utf8Path) -> io::Result<Vec<u8>> {
    tokio::fs::read(path).await.map_err(|error| unusable(path, error))
}

fn unusable(path: &Utf8Path, why: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("`{path}` can't be used: {why}"))
}
