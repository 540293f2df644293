//! Who answered.

/// Which engine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineKind {
    /// Docker Engine.
    Docker,
    /// Podman's service.
    Podman,
}

impl EngineKind {
    /// The backend's kind: `docker`, `podman`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The name in a sentence: `Docker`, `Podman`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Podman => "Podman",
        }
    }

    /// The oldest version that sessions work with.
    pub fn oldest(self) -> (u32, u32) {
        match self {
            Self::Docker => (20, 10),
            Self::Podman => (4, 3),
        }
    }
}

/// What an engine says of itself when it is greeted; the rest is in [`Facts`](crate::Facts).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Which engine.
    pub kind: EngineKind,
    /// Its version (`20.10.24+dfsg1`).
    pub version: String,
    /// Its major version; 0 if it can't be read.
    pub major: u32,
    /// Its minor version; 0 if it can't be read.
    pub minor: u32,
    /// The newest version of the Docker API that it speaks (`1.41`); empty if it did not say.
    pub api_version: String,
    /// It runs without root's powers.
    pub rootless: bool,
}

impl Identity {
    /// An engine of `kind` and `version`, with root's powers.
    pub fn new(kind: EngineKind, version: impl Into<String>) -> Self {
        let version = version.into();
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|it| it.parse().ok());
        let mut number = || numbers.next().flatten().unwrap_or(0);
        let (major, minor) = (number(), number());
        Self { kind, version, major, minor, api_version: String::new(), rootless: false }
    }

    /// Whether it is at least this new.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Reads the greeting's `Server` header: `Docker/20.10.24 (linux)`, `Libpod/4.3.1 (linux)`.
    ///
    /// `None` for any other server (docs/engines.md, E2).
    pub(crate) fn from_server(server: &str) -> Option<Self> {
        let (name, rest) = server.trim().split_once('/')?;
        let kind = match name {
            "Docker" => EngineKind::Docker,
            "Libpod" => EngineKind::Podman,
            _ => return None,
        };
        let version = rest.split_whitespace().next().unwrap_or_default();
        Some(Self::new(kind, version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_tells_engine_and_version() {
        let docker = Identity::from_server("Docker/20.10.24+dfsg1 (linux)").expect("known");
        assert_eq!((docker.kind, docker.major, docker.minor), (EngineKind::Docker, 20, 10));
        assert_eq!(docker.version, "20.10.24+dfsg1");
        let podman = Identity::from_server("Libpod/4.3.1 (linux)").expect("known");
        assert_eq!((podman.kind, podman.major, podman.minor), (EngineKind::Podman, 4, 3));
        let next = Identity::from_server("Libpod/5.0.0-dev (linux)").expect("known");
        assert!(next.is_at_least(4, 3) && next.is_at_least(5, 0) && !next.is_at_least(5, 1));
        for other in ["", "nginx", "nginx/1.2", "docker/1", "Libpod", "Docker 20.10"] {
            assert_eq!(Identity::from_server(other), None, "{other}");
        }
        assert_eq!(Identity::from_server("Docker/dev").map(|it| it.major), Some(0));
    }

    proptest::proptest! {
        #[test]
        fn no_greeting_panics(text in ".*", version in ".*") {
            Identity::from_server(&text);
            Identity::from_server(&format!("Docker/{version}"));
        }
    }
}
