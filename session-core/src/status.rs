//! What is recorded about a session's progress, and what is observed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How far the making or removing of a session has come; recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// Being made. With nobody working on it, it is taken back by the next command.
    Creating,
    /// Made; whether it runs is observed, not recorded.
    Ready,
    /// Being removed. With nobody working on it, the next command goes on with that.
    Removing,
}

/// What a session is found to be now; never stored as truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// Half made: `create` did not get to its end.
    Incomplete,
    /// No main process; it can be started.
    Stopped {
        /// How the last main process ended; `None` if none ever ran.
        exit: Option<Exit>,
    },
    /// The main process runs.
    Running {
        /// When it was started.
        since: Timestamp,
    },
    /// What should be there is not; the reason says what. It can be removed, and usually started.
    Lost {
        /// A short reason, such as `holder`: its holder died and its processes with it.
        reason: String,
    },
}

impl Status {
    /// The word for it: `incomplete`, `stopped`, `running`, `lost`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Stopped { .. } => "stopped",
            Self::Running { .. } => "running",
            Self::Lost { .. } => "lost",
        }
    }

    /// Whether the main process runs.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Exit {
    /// The exit code as a shell gives it: the process's own, or 128 + the signal that ended it.
    pub code: i32,
    /// The signal that ended it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// When it ended.
    pub at: Timestamp,
    /// What is known of the cause beyond that (`oom`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Exit {
    /// A process that ended by itself with `code`.
    pub fn with_code(code: i32, at: Timestamp) -> Self {
        Self { code, signal: None, at, reason: None }
    }

    /// A process that `signal` ended.
    pub fn with_signal(signal: i32, at: Timestamp) -> Self {
        Self { code: 128 + signal, signal: Some(signal), at, reason: None }
    }

    /// Whether it ended with code 0.
    pub fn is_success(&self) -> bool {
        self.code == 0
    }
}
