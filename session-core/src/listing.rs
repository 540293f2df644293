//! What a list of sessions says, for programs (`docs/schemas/list.json`).

use std::fmt;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AgentFacts, Phase, SessionId, SessionRecord, Status, Strategy, Timestamp, Usage};

/// The `schema_version` of a [`SessionList`].
pub const LIST_VERSION: u32 = 1;

/// All sessions, newest first, and what stood in the way of knowing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SessionList {
    /// The version of the form of this document.
    pub schema_version: u32,
    /// The sessions, newest first; damaged ones are among them.
    pub sessions: Vec<ListItem>,
    /// Sentences for the person: a backend that does not answer, a registry made again.
    pub notices: Vec<String>,
}

impl SessionList {
    /// A list of `sessions` in their order.
    pub fn new(sessions: Vec<ListItem>, notices: Vec<String>) -> Self {
        Self { schema_version: LIST_VERSION, sessions, notices }
    }
}

/// One session in a [`SessionList`].
///
/// Of a damaged one only `name`, `status`, `status_reason` and perhaps `id` are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ListItem {
    /// The session's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SessionId>,
    /// The session's name; of a damaged one whose name is not known, its directory's name.
    pub name: String,
    /// What the agent is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The kind of its backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// How far making or removing it has come, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What it is found to be now.
    pub status: StatusWord,
    /// Why, for `lost`, `unknown` and `damaged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// How the main process of a stopped session ended, as a shell gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Whether it works on copies only. `false` if a project is the user's live directory, and
    /// where it is not known.
    pub isolated: bool,
    /// The user's directories that its projects came from.
    #[schemars(with = "Vec<String>")]
    pub sources: Vec<Utf8PathBuf>,
    /// The branch of its first project that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When its main process was last started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When something last happened at its terminal, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Timestamp>,
    /// The session's directory on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub directory: Option<Utf8PathBuf>,
    /// What its agent did, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<AgentFacts>,
    /// What it uses now, where that was asked for, it runs and its backend can measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl ListItem {
    /// A session with what was observed of it, or the reason why its backend can't be asked.
    pub fn new(record: &SessionRecord, status: &Result<Status, String>) -> Self {
        let mut item = Self::recorded(record);
        match status {
            Ok(status) => item.status = StatusWord::from(status),
            Err(reason) => item.status_reason = Some(reason.clone()),
        }
        match status {
            Ok(Status::Lost { reason }) => item.status_reason = Some(reason.clone()),
            Ok(Status::Stopped { exit }) => {
                item.exit_code = exit.as_ref().or(record.exit.as_ref()).map(|exit| exit.code);
            }
            Ok(Status::Running { since }) => item.started_at = Some(*since),
            _ => {}
        }
        item
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
            status: StatusWord::Damaged,
            status_reason: Some(reason.into()),
            exit_code: None,
            isolated: false,
            sources: Vec::new(),
            branch: None,
            created_at: None,
            started_at: None,
            last_activity: None,
            directory: None,
            facts: None,
            usage: None,
        }
    }

    /// What the record alone tells.
    fn recorded(record: &SessionRecord) -> Self {
        let is_mount = |project: &crate::ProjectPlan| project.strategy == Strategy::Mount;
        Self {
            id: Some(record.id),
            name: record.name.to_string(),
            agent: Some(record.spec.agent.clone()),
            backend: Some(record.spec.backend.clone()),
            phase: Some(record.phase),
            status: StatusWord::Unknown,
            status_reason: None,
            exit_code: None,
            isolated: !record.spec.projects.iter().any(is_mount),
            sources: record.sources().cloned().collect(),
            branch: record.branch().map(str::to_owned),
            created_at: Some(record.created_at),
            started_at: record.started_at,
            last_activity: record.last_activity,
            directory: Some(record.spec.directory.clone()),
            facts: None,
            usage: None,
        }
    }
}

/// What a session is found to be, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StatusWord {
    /// Its main process runs.
    Running,
    /// It has no main process; it can be started.
    Stopped,
    /// What should be there is not; the reason says what.
    Lost,
    /// Half made.
    Incomplete,
    /// Its backend can't be asked; the reason says why.
    Unknown,
    /// Its record can't be read; the reason says why.
    Damaged,
}

impl StatusWord {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
            Self::Incomplete => "incomplete",
            Self::Unknown => "unknown",
            Self::Damaged => "damaged",
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<&Status> for StatusWord {
    fn from(status: &Status) -> Self {
        match status {
            Status::Incomplete => Self::Incomplete,
            Status::Stopped { .. } => Self::Stopped,
            Status::Running { .. } => Self::Running,
            Status::Lost { .. } => Self::Lost,
        }
    }
}
