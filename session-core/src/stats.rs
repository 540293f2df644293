//! What a session uses, for programs (`docs/schemas/stats.json`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SessionId, SessionRecord, Timestamp, Usage};

/// The `schema_version` of a [`SessionStats`].
pub const STATS_VERSION: u32 = 1;

/// What one session uses at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SessionStats {
    /// The version of the form of this document.
    pub schema_version: u32,
    /// Which session.
    pub id: SessionId,
    /// Its name.
    pub name: String,
    /// The kind of its backend.
    pub backend: String,
    /// When it was measured.
    pub at: Timestamp,
    /// What was measured; of a session in which nothing runs, zeros.
    pub usage: Usage,
}

impl SessionStats {
    /// What `usage` says of the session of `record`.
    pub fn new(record: &SessionRecord, at: Timestamp, usage: Usage) -> Self {
        Self {
            schema_version: STATS_VERSION,
            id: record.id,
            name: record.name.to_string(),
            backend: record.spec.backend.clone(),
            at,
            usage,
        }
    }
}
