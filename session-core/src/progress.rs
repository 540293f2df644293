//! What an operation tells while it works, and how it is told to give up.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{Error, ErrorKind, Result, SessionId};

/// Something that happened on the way (`docs/schemas/event.json`, one per line).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A step of an operation began.
    StepBegan {
        /// The session it is about.
        session: SessionId,
        /// The operation: `create`, `start`, `stop`, `remove`, …
        operation: String,
        /// The step: `record`, `workspace`, `backend`, …
        step: String,
    },
    /// A step of an operation ended well; what it made is on disk.
    StepEnded {
        /// The session it is about.
        session: SessionId,
        /// The operation.
        operation: String,
        /// The step.
        step: String,
    },
    /// How far a copy has come.
    Copied {
        /// The project's name.
        project: String,
        /// Files so far.
        files: u64,
        /// Bytes so far.
        bytes: u64,
        /// Files in all, as known now.
        total_files: u64,
        /// Bytes in all, as known now.
        total_bytes: u64,
    },
    /// Something the person should know that stopped nothing.
    Notice {
        /// A sentence.
        message: String,
    },
}

/// The line between an operation and whoever waits for it: events out, cancellation in.
///
/// Cloning gives another handle to the same line. The default tells nobody and is never cancelled.
#[derive(Clone, Default)]
pub struct Progress {
    listener: Option<Arc<dyn Fn(Event) + Send + Sync>>,
    cancel: CancellationToken,
}

impl Progress {
    /// Sends every event to `listener`, which must not block: it is called from the work itself.
    pub fn new(listener: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Arc::new(listener)), cancel: CancellationToken::new() }
    }

    /// Tells an event.
    pub fn report(&self, event: Event) {
        if let Some(listener) = &self.listener {
            listener(event);
        }
    }

    /// Tells a [`Event::Notice`].
    pub fn notice(&self, message: impl Into<String>) {
        self.report(Event::Notice { message: message.into() });
    }

    /// Asks the operation to stop and take back what it made; it ends with
    /// [`ErrorKind::Cancelled`], or well if it was past the point of return.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// A line to the same listener that is cancelled with this one, and can be cancelled alone.
    pub(crate) fn child(&self) -> Self {
        Self { listener: self.listener.clone(), cancel: self.cancel.child_token() }
    }

    /// Whether [`cancel`](Self::cancel) was called. Long loops ask this between files.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Fails with [`ErrorKind::Cancelled`] once cancelled.
    pub fn check(&self, operation: &'static str) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, operation, "cancelled"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
