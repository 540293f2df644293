//! Traits, types and the manager that give a coding agent an isolated, persistent place to work.

mod error;
mod id;
mod progress;
mod workspace;

pub use error::{EXIT_CODES, Error, ErrorKind, ErrorReport, Result};
pub use id::{NAME_MAX_BYTES, SessionId, SessionName};
pub use progress::{Event, Progress};
pub use workspace::{
    ProjectPlan, ProjectRecord, SourceFacts, Strategy, Uncommitted, UnsavedWork, Workspaces,
};
