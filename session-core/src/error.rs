//! What can go wrong, as one type: a kind to branch on, a message to read, a source to debug.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of every fallible operation of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation could not be done.
///
/// A process that ends with a non-zero code is *not* an error: that is a value
/// ([`Exit`](crate::Exit)).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub struct Error {
    kind: ErrorKind,
    operation: Cow<'static, str>,
    session: Option<String>,
    message: String,
    problems: Vec<String>,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What sort of failure it was; the thing for a program to branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself is wrong; nothing was changed.
    InvalidInput,
    /// A stored document can't be read: `null`, truncated, or of another shape.
    Damaged,
    /// No such session, path or thing.
    NotFound,
    /// The backend (or its engine) does not answer.
    BackendUnavailable,
    /// A defect of this library; please report it.
    Internal,
    /// The operating system refused an operation.
    Io,
    /// The name or id is taken.
    AlreadyExists,
    /// No space, inodes or quota left.
    StorageFull,
    /// Another process works on this session now, or the record changed since it was read.
    Busy,
    /// The backend can't do this; its capabilities say so beforehand.
    Unsupported,
    /// Permission denied.
    PermissionDenied,
    /// The document was written by a newer version; it is shown, never rewritten.
    NewerVersion,
    /// The session is in a state in which this is refused (for example: it is running).
    Refused,
    /// The session's main process or its backend part is gone.
    Lost,
    /// The caller cancelled the operation; what it had made was taken back.
    Cancelled,
}

/// Every kind with the exit code `sessctl` (or another command) ends with, and what to call it.
///
/// The numbers follow `sysexits.h` where it has a word for the kind; codes of programs that ran
/// inside a session are passed through and are not in this table.
pub const EXIT_CODES: &[(ErrorKind, u8, &str)] = &[
    (ErrorKind::InvalidInput, 64, "the request is wrong; nothing was changed"),
    (ErrorKind::Damaged, 65, "a stored document can't be read"),
    (ErrorKind::NotFound, 66, "no such session, path or thing"),
    (ErrorKind::BackendUnavailable, 69, "the backend does not answer"),
    (ErrorKind::Internal, 70, "a defect of this program"),
    (ErrorKind::Io, 71, "the operating system refused an operation"),
    (ErrorKind::AlreadyExists, 73, "the name is taken"),
    (ErrorKind::StorageFull, 74, "no space left"),
    (ErrorKind::Busy, 75, "another process works on this session; try again"),
    (ErrorKind::Unsupported, 76, "the backend can't do this"),
    (ErrorKind::PermissionDenied, 77, "permission denied"),
    (ErrorKind::NewerVersion, 78, "written by a newer version"),
    (ErrorKind::Refused, 79, "refused in the session's present state"),
    (ErrorKind::Lost, 80, "the session's main process or backend part is gone"),
    (ErrorKind::Cancelled, 130, "cancelled; what was made was taken back"),
];

impl Error {
    /// Makes an error of `kind` that happened in `operation` (`manager.create`, `records.read`).
    pub fn new(
        kind: ErrorKind,
        operation: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            operation: operation.into(),
            session: None,
            message: message.into(),
            problems: Vec::new(),
            source: None,
        }
    }

    /// Makes an error from one of the operating system, choosing the kind that fits it.
    ///
    /// `message` says what was being done (`write sessions/…/record.json`).
    pub fn io(
        operation: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        source: io::Error,
    ) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                ErrorKind::PermissionDenied
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::StorageFull,
            _ => ErrorKind::Io,
        };
        Self::new(kind, operation, message).with_source(source)
    }

    /// Makes one error of many problems with a request, so that all are mended in one go.
    pub fn problems(operation: impl Into<Cow<'static, str>>, problems: Vec<String>) -> Self {
        let message = problems.join("; ");
        Self { problems, ..Self::new(ErrorKind::InvalidInput, operation, message) }
    }

    /// Says which session it was about, by name or id.
    #[must_use]
    pub fn with_session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Keeps the error that led to this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The thing to branch on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was being done, as `area.verb`.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The session's name or id, where the failure is about one.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// What happened and what to do next, without operation, session and source.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Each unmet need of a request, where there were several; else empty.
    pub fn unmet(&self) -> &[String] {
        &self.problems
    }

    /// The error as a document of the schema `error.json`.
    pub fn report(&self) -> ErrorReport {
        let mut causes = Vec::new();
        let mut next = StdError::source(self);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        ErrorReport {
            kind: self.kind,
            exit_code: self.kind.exit_code(),
            operation: self.operation.to_string(),
            session: self.session.clone(),
            message: self.message.clone(),
            problems: self.problems.clone(),
            causes,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        if let Some(session) = &self.session {
            write!(f, "session `{session}`: ")?;
        }
        f.write_str(&self.message)
    }
}

impl ErrorKind {
    /// The exit code for this kind, from [`EXIT_CODES`].
    pub fn exit_code(self) -> u8 {
        EXIT_CODES.iter().find(|row| row.0 == self).map_or(70, |row| row.1)
    }
}

/// An [`Error`] as JSON (`docs/schemas/error.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ErrorReport {
    /// The thing to branch on.
    pub kind: ErrorKind,
    /// The code that `sessctl` ends with.
    pub exit_code: u8,
    /// What was being done, as `area.verb`.
    pub operation: String,
    /// The session's name or id, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What happened and what to do next.
    pub message: String,
    /// Each unmet need, where there were several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The chain of causes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}
