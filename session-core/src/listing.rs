//! The output of a list (`docs/schemas/list.json`).

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Phase, SessionId, SessionRecord, Status, Strategy, Timestamp};

/// The `schema_version` of a [`SessionList`].
pub const LIST_VERSION: u32 = 1;

/// All sessions with what is recorded and what is observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SessionList {
    /// The version of the form of this document.
    pub schema_version: u32,
    /// The sessions, newest first.
    pub sessions: Vec<ListItem>,
    /// What could not be found out, a sentence each.
    #[serde(default)]
    pub notices: Vec<String>,
}

impl SessionList {
    /// A list of `sessions`.
    pub fn new(sessions: Vec<ListItem>, notices: Vec<String>) -> Self {
        Self { schema_version: LIST_VERSION, sessions, notices }
    }
}

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ListItem {
    /// The session's identity, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SessionId>,
    /// The session's name.
    pub name: String,
    /// What the agent is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The backend's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The recorded phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// `running`, `stopped`, `lost`, `incomplete`, `unknown` or `damaged`.
    pub status: String,
    /// Why, where the status needs a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// The exit code of the last main process, if it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Whether every project is a private copy; a live mount is not.
    pub isolated: bool,
    /// The user's directories.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub sources: Vec<Utf8PathBuf>,
    /// The session's branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When its main process was last started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When something last happened at its terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Timestamp>,
    /// The session's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub directory: Option<Utf8PathBuf>,
}

impl ListItem {
    /// A session with what was observed of it, or why it could not be.
    pub fn new(record: &SessionRecord, status: &Result<Status, String>) -> Self {
        let (word, reason, exit_code) = match status {
            Ok(status @ Status::Stopped { exit }) => {
                (status.word(), None, exit.as_ref().map(|exit| exit.code))
            }
            Ok(status @ Status::Lost { reason }) => (status.word(), Some(reason.clone()), None),
            Ok(status) => (status.word(), None, None),
            Err(reason) => ("unknown", Some(reason.clone()), None),
        };
        Self {
            id: Some(record.id),
            name: record.name.to_string(),
            agent: Some(record.spec.agent.clone()),
            backend: Some(record.spec.backend.clone()),
            phase: Some(record.phase),
            status: word.to_owned(),
            status_reason: reason,
            exit_code,
            isolated: !record.spec.projects.iter().any(|plan| plan.strategy == Strategy::Mount),
            sources: record.sources().cloned().collect(),
            branch: record.branch().map(str::to_owned),
            created_at: Some(record.created_at),
            started_at: record.started_at,
            last_activity: record.last_activity,
            directory: Some(record.spec.directory.clone()),
        }
    }

    /// A session whose record can't be read.
    pub fn damaged(
        id: Option<SessionId>,
        name: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            id,
            name: name.into(),
            agent: None,
            backend: None,
            phase: None,
            status: "damaged".to_owned(),
            status_reason: Some(reason.into()),
            exit_code: None,
            isolated: true,
            sources: Vec::new(),
            branch: None,
            created_at: None,
            started_at: None,
            last_activity: None,
            directory: None,
        }
    }
}
