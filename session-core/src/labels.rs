//! What is written on everything that a session has in an engine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SessionId, SessionName, Timestamp};

/// The labels on a session's container and volumes, as an engine's `inspect` shows them (S0.26).
///
/// Written once, at the creation; all values are text. Those that begin with `claude-session.` are
/// for scripts made for an earlier tool. Others may stand beside them: the session's own, and what
/// the image brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SessionLabels {
    /// Which session.
    #[serde(rename = "sessctl.id")]
    pub id: SessionId,
    /// The session's name when it was made.
    #[serde(rename = "sessctl.name")]
    pub name: SessionName,
    /// A digest of what it was made from.
    #[serde(rename = "sessctl.spec-hash")]
    pub spec_hash: String,
    /// Which home it belongs to: a digest of its path.
    #[serde(rename = "sessctl.home")]
    pub home: String,
    /// The version of this set of labels: `1`.
    #[serde(rename = "sessctl.version")]
    pub version: String,
    /// When it was made.
    #[serde(rename = "claude-session.created")]
    pub created: Timestamp,
    /// The user's directory that the first project came from.
    #[serde(
        rename = "claude-session.source-dir",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub source_dir: Option<String>,
    /// `true` if the first project is a git repository on a branch of its own, else `false`.
    #[serde(rename = "claude-session.is-git", default, skip_serializing_if = "Option::is_none")]
    pub is_git: Option<String>,
    /// The first project's new branch.
    #[serde(rename = "claude-session.branch", default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The container that it was copied from; empty if it was not.
    #[serde(
        rename = "claude-session.parent-container",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub parent_container: Option<String>,
}
