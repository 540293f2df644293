//! What engines and bollard report, as errors of this library.

use session_core::{Error, ErrorKind};

/// The error for `failure` in `operation` (`docker.create`); `doing` says what was being done.
pub(crate) fn engine_error(
    operation: impl Into<std::borrow::Cow<'static, str>>,
    doing: &str,
    failure: bollard::errors::Error,
) -> Error {
    use bollard::errors::Error as Failure;
    let (kind, message) = match &failure {
        Failure::DockerResponseServerError { status_code: 404, message } => {
            (ErrorKind::NotFound, message.clone())
        }
        Failure::DockerResponseServerError { status_code: 409, message } => {
            (ErrorKind::AlreadyExists, message.clone())
        }
        Failure::DockerResponseServerError { message, .. } => (ErrorKind::Io, message.clone()),
        other => (ErrorKind::BackendUnavailable, other.to_string()),
    };
    Error::new(kind, operation, format!("{doing}: {message}")).with_source(failure)
}
