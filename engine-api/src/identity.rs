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
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Which engine.
    pub kind: EngineKind,
    /// Its version (`20.10.24`).
    pub version: String,
    /// Its major version.
    pub major: u32,
    /// It runs without root's powers.
    pub rootless: bool,
}
