//! What an error of SQLite means for who called.

use std::error::Error as _;

use camino::Utf8Path;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use crate::{Error, ErrorKind};

/// The error of `operation` on the registry at `path`.
pub(super) fn failure(operation: &'static str, path: &Utf8Path, error: rusqlite::Error) -> Error {
    let (code, extended) = match &error {
        rusqlite::Error::SqliteFailure(failure, _)
        | rusqlite::Error::SqlInputError { error: failure, .. } => {
            (failure.code, failure.extended_code)
        }
        // A value of a type or form that we never write.
        _ => return damaged(operation, path).with_source(error),
    };
    let (kind, message) = match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (ErrorKind::Busy, format!("another process is writing {path}; try again"))
        }
        ErrorCode::DiskFull => {
            (ErrorKind::StorageFull, format!("no space is left for {path}; free some"))
        }
        // The write-ahead log's index could not grow: in practice the same.
        ErrorCode::SystemIoFailure if extended == SQLITE_IOERR_SHMSIZE => {
            (ErrorKind::StorageFull, format!("no space is left for {path}; free some"))
        }
        ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::AuthorizationForStatementDenied => {
            let message =
                format!("{path} can't be written; check who owns it and how it is mounted");
            (ErrorKind::PermissionDenied, message)
        }
        ErrorCode::CannotOpen => {
            (ErrorKind::PermissionDenied, format!("{path} can't be opened; check its permissions"))
        }
        ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory => {
            (ErrorKind::Io, format!("the operating system refused an operation on {path}"))
        }
        // `Unknown` is plain SQLITE_ERROR: our statements are right, so a table or column is gone.
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::Unknown
        | ErrorCode::SchemaChanged => {
            return damaged(operation, path).with_source(error);
        }
        _ => (ErrorKind::Internal, format!("an unforeseen error of the registry {path}")),
    };
    Error::new(kind, operation, message).with_source(error)
}

/// The registry at `path` is none.
pub(super) fn damaged(operation: &'static str, path: &Utf8Path) -> Error {
    let message = format!(
        "the registry {path} is damaged; `sessctl doctor --rebuild` keeps a copy and makes it again \
         from the sessions"
    );
    Error::new(ErrorKind::Damaged, operation, message)
}

/// Whether something that must be unique is there already.
pub(super) fn is_conflict(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// Whether the error is that of a file which somebody else has locked: trying again helps.
pub(super) fn is_locked(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<rusqlite::Error>());
    let code = cause.and_then(rusqlite::Error::sqlite_error_code);
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
