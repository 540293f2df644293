//! Traits, types and the manager that give a coding agent an isolated, persistent place to work.

mod agent;
pub mod archive;
mod backend;
mod backends;
mod catalog;
mod container;
pub mod devcontainer;
mod error;
mod facts;
mod host;
mod id;
mod labels;
mod layout;
mod listing;
mod lock;
mod manager;
mod mount;
mod platform;
mod policy;
mod ports;
mod process;
pub mod profile;
mod progress;
mod record;
mod records;
mod registry;
mod schemas;
mod spec;
mod stats;
mod status;
mod terminal;
mod time;
mod update;
mod workspace;

pub use agent::{AgentOptions, AgentPlan, Disposable, Login, Origin, Readiness, Seen};
pub use backend::{
    Backend, Capabilities, Check, CheckOutcome, Exec, Found, Isolation, LABEL_NAME,
    LABEL_SPEC_HASH, ProbeReport, Session, Snapshots, Stats, Transfer, Usage,
};
pub use backends::Backends;
pub use catalog::{Catalog, Rebuilt};
pub use container::{ContainerOptions, Network};
pub use error::{EXIT_CODES, Error, ErrorKind, ErrorReport, Result};
pub use facts::{ANALYTICS_VERSION, AgentFacts, AgentState, Analytics, SessionAnalytics, Sum};
pub use host::HostView;
pub use id::{NAME_MAX_BYTES, SessionId, SessionName};
pub use labels::SessionLabels;
pub use layout::{Layout, WORK_LINK};
pub use listing::{LIST_VERSION, ListItem, SessionList, StatusWord};
pub use manager::{
    ConversationEntry, ExportTo, Exported, Inspection, LoginOutcome, LoginRun, Manager, Reconciled,
    Removed, TRASH_RETENTION, TrashItem,
};
pub use mount::MountPlan;
pub use policy::{Circumstances, Policy};
pub use process::{
    ByteStream, ExecRequest, Input, Launch, MainProcess, Output, Process, ProcessControl, Signal,
    TerminalSize,
};
pub use progress::{Event, Progress};
pub use record::{RECORD_VERSION, SessionRecord};
pub use records::Records;
pub use registry::{
    DamagedEntry, Entry, Filter, MemoryRegistry, OpenedRegistry, Registry, Revision,
    SqliteRegistry, open_registry,
};
pub use schemas::schemas;
pub use spec::{ResolvedSpec, SessionSpec};
pub use stats::{STATS_VERSION, SessionStats};
pub use status::{Exit, Phase, Status};
pub use terminal::{
    AttachOptions, Attachment, HoldRequest, TerminalEvent, TerminalInput, TerminalOutput, Terminals,
};
pub use time::Timestamp;
pub use update::{UpdateCheck, Updated};
pub use workspace::{
    ProjectPlan, ProjectRecord, SourceFacts, Strategy, Uncommitted, UnsavedWork, Workspaces,
};
