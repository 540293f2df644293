//! Addresses as people write them.

use camino::Utf8PathBuf;
use session_core::{Error, ErrorKind, Result};

use super::{Address, Endpoint, SshPlace, TlsFiles};

/// The port of an engine without TLS, and with it.
const PLAIN_PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

const UNENCRYPTED: &str = "it would go without encryption, and who listens in could become root \
     there; set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or take ssh://, or say http:// to have \
     it so";

impl Endpoint {
    /// Reads an address, a remote one without TLS; `None` for what is none.
    ///
    /// `unix:///path`, `/path`, `tcp://host:port`, `http://host:port`, `ssh://user@host:port/path`.
    /// A `tcp://` of another host is refused, for it needs TLS; `http://` says that it does not.
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text, None).ok()
    }

    /// Reads an address; an error says what is wrong with it. `tls` is for a `tcp://` address, and
    /// needed for an `https://` one.
    pub fn read(text: &str, tls: Option<TlsFiles>) -> Result<Self> {
        let wrong = |why: &str| {
            let message = format!(
                "{text:?} is no address of an engine: {why}; write unix:///path, tcp://host:port \
                 or ssh://user@host"
            );
            Error::new(ErrorKind::InvalidInput, "engine.connect", message)
        };
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(wrong("it has blanks in it"));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("unix", text));
        match scheme {
            "unix" if rest.len() > 1 && rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "unix" => Err(wrong("the path must begin with `/`")),
            "tcp" | "http" | "https" => {
                let port = if tls.is_some() { TLS_PORT } else { PLAIN_PORT };
                let authority = rest.strip_suffix('/').unwrap_or(rest);
                let (host, given) = host_and_port(authority).map_err(wrong)?;
                if host.contains('@') {
                    return Err(wrong("a user can't be named in it"));
                }
                let address = Address { host, port: given.unwrap_or(port) };
                match tls {
                    Some(files) if scheme != "http" => Ok(Self::Tls(address, files)),
                    None if scheme == "https" => Err(wrong("its certificates are missing")),
                    None if scheme == "tcp" && !address.is_loopback() => Err(wrong(UNENCRYPTED)),
                    _ => Ok(Self::Tcp(address)),
                }
            }
            "ssh" => ssh_place(rest).map(Self::Ssh).map_err(wrong),
            "npipe" => Err(wrong("pipes of Windows can't be spoken to")),
            "fd" => Err(wrong("only the engine itself can be given that")),
            _ => Err(wrong("the scheme is not known")),
        }
    }
}

fn ssh_place(text: &str) -> Result<SshPlace, &'static str> {
    let (authority, path) = text.find('/').map_or((text, ""), |at| text.split_at(at));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let (host, port) = host_and_port(host)?;
    // Either would be taken for an option of `ssh`.
    if host.starts_with('-') || user.is_some_and(|user| user.starts_with('-')) {
        return Err("no host or user begins with `-`");
    }
    if user.is_some_and(|user| user.is_empty() || user.contains([':', '@'])) {
        return Err("that is no user; a password can't be given");
    }
    let socket = (path.len() > 1).then(|| Utf8PathBuf::from(path));
    let user = user.map(str::to_owned);
    Ok(SshPlace { user, port, socket, ..SshPlace::new(host) })
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("a `]` is missing")?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| "that is no IPv6 address")?;
            let port = match port.strip_prefix(':') {
                None if !port.is_empty() => return Err("only a port can come after `]`"),
                port => port,
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("the host is missing");
    }
    if host.contains(['/', '?', '#', '%', '\\']) {
        return Err("nothing can come after the host and the port");
    }
    let Some(port) = port else { return Ok((host.to_owned(), None)) };
    match port.parse() {
        Ok(port) if port != 0 => Ok((host.to_owned(), Some(port))),
        _ => Err("the port must be a number from 1 to 65535"),
    }
}
