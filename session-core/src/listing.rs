//! What a list of sessions says, for programs (`docs/schemas/list.json`).

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DamagedEntry, Phase, SessionId, SessionRecord, Status, Strategy, Timestamp};

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
    /// How its main process last ended, as a shell gives it.
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
}

impl ListItem {
    /// A session whose backend told its status.
    pub fn new(record: &SessionRecord, status: &Status) -> Self {
        let mut item = Self::recorded(record, StatusWord::from(status));
        match status {
            Status::Lost { reason } => item.status_reason = Some(reason.clone()),
            Status::Stopped { exit: Some(exit) } => item.exit_code = Some(exit.code),
            Status::Running { since } => {
                item.started_at = Some(*since);
                item.exit_code = None;
            }
            _ => {}
        }
        item
    }

    /// A session whose backend can't be asked, with the reason.
    pub fn unknown(record: &SessionRecord, reason: impl Into<String>) -> Self {
        let status_reason = Some(reason.into());
        Self { status_reason, ..Self::recorded(record, StatusWord::Unknown) }
    }

    /// A session whose record can't be read.
    pub fn damaged(entry: &DamagedEntry) -> Self {
        let id = entry.id.map(|id| id.to_string());
        Self {
            id: entry.id,
            name: entry.name.clone().or(id).unwrap_or_else(|| "?".to_owned()),
            agent: None,
            backend: None,
            phase: None,
            status: StatusWord::Damaged,
            status_reason: Some(entry.error.message().to_owned()),
            exit_code: None,
            isolated: false,
            sources: Vec::new(),
            branch: None,
            created_at: None,
            started_at: None,
            last_activity: None,
            directory: None,
        }
    }

    fn recorded(record: &SessionRecord, status: StatusWord) -> Self {
        let is_mount = |project: &crate::ProjectPlan| project.strategy == Strategy::Mount;
        Self {
            id: Some(record.id),
            name: record.name.to_string(),
            agent: Some(record.spec.agent.clone()),
            backend: Some(record.spec.backend.clone()),
            phase: Some(record.phase),
            status,
            status_reason: None,
            exit_code: record.exit.as_ref().map(|exit| exit.code),
            isolated: !record.spec.projects.iter().any(is_mount),
            sources: record.sources().cloned().collect(),
            branch: record.branch().map(str::to_owned),
            created_at: Some(record.created_at),
            started_at: record.started_at,
            last_activity: record.last_activity,
            directory: Some(record.spec.directory.clone()),
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
