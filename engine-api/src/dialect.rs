//! What differs between engines, as data: each field cites the row of `docs/engines.md` that made
//! it necessary.

use crate::{EngineKind, Identity};

/// How to speak to one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dialect {
    /// The engine adds a line for a user without one to the container's `/etc/passwd`.
    pub adds_passwd_entry: bool,
    /// Rootless: the calling user must be mapped to itself (`keep-id`).
    pub keep_id: bool,
}

impl Dialect {
    /// The dialect of the engine that said so of itself.
    pub fn of(identity: &Identity) -> Self {
        let podman = identity.kind == EngineKind::Podman;
        Self { adds_passwd_entry: podman, keep_id: podman && identity.rootless }
    }
}
