//! Where an engine may be.

mod connections;
mod contexts;
mod parse;
mod places;
#[cfg(test)]
mod tests;

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

pub use places::EngineView;

/// One place where an engine may answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// A socket of this host.
    Unix(Utf8PathBuf),
    /// An address without encryption. Whoever reaches it can become root on the engine's host.
    Tcp(Address),
    /// An address with TLS, both sides shown by certificates.
    Tls(Address, TlsFiles),
    /// A socket of another host, reached by the `ssh` command and the engine's own command there.
    Ssh(SshPlace),
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address {
    /// A name or an IP address, that of IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// The PEM files that a TLS connection needs; they are read at each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The authorities that may vouch for the engine.
    pub ca: Utf8PathBuf,
    /// Our certificate and its key; `None` if the engine asks for none.
    pub client: Option<(Utf8PathBuf, Utf8PathBuf)>,
}

/// A place behind `ssh`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SshPlace {
    /// The login name there; `None` for what `ssh` takes.
    pub user: Option<String>,
    /// The host, or a name from the person's ssh configuration.
    pub host: String,
    /// The port; `None` for what `ssh` takes.
    pub port: Option<u16>,
    /// The engine's socket there; `None` for its default.
    pub socket: Option<Utf8PathBuf>,
    /// The key to log in with; `None` for what `ssh` takes.
    pub key: Option<Utf8PathBuf>,
    /// Another file of configuration for `ssh`; `None` for the person's.
    pub config: Option<Utf8PathBuf>,
}

impl TlsFiles {
    /// The usual names in a directory: `ca.pem`, `cert.pem`, `key.pem`.
    pub fn in_directory(directory: &Utf8Path) -> Self {
        let client = Some((directory.join("cert.pem"), directory.join("key.pem")));
        Self { ca: directory.join("ca.pem"), client }
    }
}

impl Address {
    /// An address.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Whether it is this host itself.
    pub fn is_loopback(&self) -> bool {
        let ip = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }
}

impl SshPlace {
    /// A host, with all else as `ssh` and the engine have it.
    pub fn new(host: impl Into<String>) -> Self {
        let host = host.into();
        Self { user: None, host, port: None, socket: None, key: None, config: None }
    }
}

impl Endpoint {
    /// Whether the engine sees the files of this host, so that they can be mounted.
    ///
    /// An engine in a virtual machine of this host sees what the machine shares.
    pub fn sees_host_paths(&self) -> bool {
        matches!(self, Self::Unix(_))
    }

    /// Whether the socket is in a place of one user's own.
    pub(crate) fn is_of_a_user(&self) -> bool {
        match self {
            Self::Unix(path) => {
                path.starts_with("/run/user")
                    || path.starts_with("/home")
                    || path.starts_with("/Users")
            }
            _ => false,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Tls(address, _) => write!(f, "tcp://{address}"),
            Self::Ssh(place) => write!(f, "ssh://{place}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_host(f, &self.host)?;
        write!(f, ":{}", self.port)
    }
}

impl fmt::Display for SshPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        write_host(f, &self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(self.socket.as_ref().map_or("", |socket| socket.as_str()))
    }
}

fn write_host(f: &mut fmt::Formatter<'_>, host: &str) -> fmt::Result {
    if host.contains(':') { write!(f, "[{host}]") } else { f.write_str(host) }
}
