//! What a session uses, for programs (`docs/schemas/stats.json`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AgentFacts, SessionId, SessionRecord, Timestamp, Usage};

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
    /// What its agent did, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<AgentFacts>,
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
            facts: None,
        }
    }

    /// Adds what its agent did.
    #[must_use]
    pub fn with_facts(mut self, facts: AgentFacts) -> Self {
        self.facts = Some(facts);
        self
    }
}
