//! Failures on request.

use session_core::{Error, ErrorKind, Result};

use super::MemoryWorld;

/// An operation of a backend or a session that can be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`Backend::probe`](session_core::Backend::probe).
    Probe,
    /// [`Backend::create`](session_core::Backend::create).
    Create,
    /// [`Backend::open`](session_core::Backend::open).
    Open,
    /// [`Backend::list`](session_core::Backend::list).
    List,
    /// [`Backend::destroy`](session_core::Backend::destroy).
    Destroy,
    /// [`Session::status`](session_core::Session::status).
    Status,
    /// [`Session::start`](session_core::Session::start).
    Start,
    /// [`Session::main_process`](session_core::Session::main_process).
    MainProcess,
    /// [`Session::stop`](session_core::Session::stop).
    Stop,
    /// [`Exec::exec`](session_core::Exec::exec).
    Exec,
    /// [`Transfer::put`](session_core::Transfer::put).
    Put,
    /// [`Transfer::get`](session_core::Transfer::get).
    Get,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Probe => "memory.probe",
            Self::Create => "memory.create",
            Self::Open => "memory.open",
            Self::List => "memory.list",
            Self::Destroy => "memory.destroy",
            Self::Status => "memory.status",
            Self::Start => "memory.start",
            Self::MainProcess => "memory.main-process",
            Self::Stop => "memory.stop",
            Self::Exec => "memory.exec",
            Self::Put => "memory.put",
            Self::Get => "memory.get",
        }
    }

    pub(super) fn error(self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, self.name(), message)
    }
}

impl MemoryWorld {
    /// Makes the next call of `operation`, by any handle, fail with `kind` before it does
    /// anything. Asked for twice, the next two fail.
    pub fn fail_next(&self, operation: Operation, kind: ErrorKind) {
        self.state().failures.push((operation, kind));
    }

    /// Begins an operation: lets others go first, then fails if that was asked for.
    pub(super) async fn enter(&self, operation: Operation) -> Result<()> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        match state.failures.iter().position(|failure| failure.0 == operation) {
            Some(index) => {
                let (_, kind) = state.failures.remove(index);
                Err(operation.error(kind, "it was told to fail"))
            }
            None => Ok(()),
        }
    }
}
