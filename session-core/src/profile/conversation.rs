//! Where an agent's conversations are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An agent's conversations, as files below `${STATE}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Conversation {
    /// Who decides a conversation's id.
    pub id: Choice,
    /// Where a conversation's file is: a path below `${STATE}` in which `*` stands for any part of a name and
    /// `${CONVERSATION_ID}` for the id.
    pub file: Option<String>,
}

/// Who decides a conversation's id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Choice {
    /// There are no conversations that could be resumed.
    #[default]
    None,
    /// We do, when it begins.
    Ours,
    /// The agent does; it is read back from the file's name.
    Agent,
}
