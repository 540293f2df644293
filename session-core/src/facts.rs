//! What is known of the agents in sessions, for programs (`docs/schemas/analytics.json`).

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SessionId, StatusWord, Timestamp, Usage};

/// What a session's agent wrote down of itself, read without running it.
///
/// Everything here comes from files that the session can write: it is what the agent says, texts may hold anything, and
/// what can't be read is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AgentFacts {
    /// The conversation that it has open, or goes on with at its next start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The file of that conversation on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub transcript: Option<Utf8PathBuf>,
    /// How many conversations the session has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<u64>,
    /// The model that it used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How many messages the person and the agent exchanged, in all of the session's conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_count: Option<u64>,
    /// How many tools the agent called, in all of the session's conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_count: Option<u64>,
    /// When something last happened in a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Timestamp>,
    /// What it does now; only of a session that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AgentState>,
    /// What the session's directory takes on the disk, its copy of the projects included, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// Something was too large to be read in the time there was: counts and sizes are at least these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AgentState {
    /// It works.
    Busy,
    /// It has nothing to do.
    Idle,
    /// It waits for the person's answer.
    Waiting,
}

impl AgentState {
    /// The word for it: `busy`, `idle`, `waiting`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Waiting => "waiting",
        }
    }
}

/// The `schema_version` of [`Analytics`].
pub const ANALYTICS_VERSION: u32 = 1;

/// All sessions with what they use and what their agents did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Analytics {
    /// The version of the form of this document.
    pub schema_version: u32,
    /// When it was put together.
    pub at: Timestamp,
    /// The sessions, newest first; damaged ones are left out.
    pub sessions: Vec<SessionAnalytics>,
    /// All of them together.
    pub total: Sum,
    /// Together by agent.
    pub by_agent: BTreeMap<String, Sum>,
    /// Together by model, where that is known.
    pub by_model: BTreeMap<String, Sum>,
    /// Sentences for the person: what could not be asked.
    pub notices: Vec<String>,
}

/// One session in [`Analytics`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SessionAnalytics {
    /// Which session.
    pub id: SessionId,
    /// Its name.
    pub name: String,
    /// What its agent is called.
    pub agent: String,
    /// The kind of its backend.
    pub backend: String,
    /// What it is found to be now.
    pub status: StatusWord,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it uses now; absent where nothing runs or its backend does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What its agent did.
    pub facts: AgentFacts,
}

/// Several sessions together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Sum {
    /// How many sessions.
    pub sessions: u64,
    /// How many of them run.
    pub running: u64,
    /// How many of them work.
    pub busy: u64,
    /// Messages exchanged.
    pub message_count: u64,
    /// Tools called.
    pub tool_call_count: u64,
    /// Bytes on the disk.
    pub disk_bytes: u64,
    /// Processes and threads now.
    pub processes: u64,
    /// Memory now, in bytes.
    pub memory_bytes: u64,
    /// Processor time since they were last started, in milliseconds.
    pub cpu_milliseconds: u64,
    /// When something last happened in any of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Timestamp>,
}

impl Analytics {
    /// Sums up `sessions`.
    pub fn new(at: Timestamp, sessions: Vec<SessionAnalytics>, notices: Vec<String>) -> Self {
        let mut total = Sum::default();
        let (mut by_agent, mut by_model) = (BTreeMap::new(), BTreeMap::new());
        for session in &sessions {
            total.add(session);
            by_agent.entry(session.agent.clone()).or_insert_with(Sum::default).add(session);
            if let Some(model) = &session.facts.model {
                by_model.entry(model.clone()).or_insert_with(Sum::default).add(session);
            }
        }
        let schema_version = ANALYTICS_VERSION;
        Self { schema_version, at, sessions, total, by_agent, by_model, notices }
    }
}

impl Sum {
    fn add(&mut self, session: &SessionAnalytics) {
        let facts = &session.facts;
        self.sessions += 1;
        self.running += u64::from(session.status == StatusWord::Running);
        self.busy += u64::from(facts.state == Some(AgentState::Busy));
        for (sum, more) in [
            (&mut self.message_count, facts.message_count),
            (&mut self.tool_call_count, facts.tool_call_count),
            (&mut self.disk_bytes, facts.disk_bytes),
        ] {
            // An agent may have written any number.
            *sum = sum.saturating_add(more.unwrap_or_default());
        }
        if let Some(usage) = &session.usage {
            self.processes = self.processes.saturating_add(usage.processes);
            self.memory_bytes = self.memory_bytes.saturating_add(usage.memory_bytes);
            self.cpu_milliseconds = self.cpu_milliseconds.saturating_add(usage.cpu_milliseconds);
        }
        self.last_activity = self.last_activity.max(facts.last_activity);
    }
}
