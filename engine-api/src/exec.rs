//! Processes beside the main one.

use session_core::{Error, ErrorKind, ExecRequest, Process, Result};

use crate::session::ContainerSession;

pub(crate) async fn exec(session: &ContainerSession, request: ExecRequest) -> Result<Process> {
    let _ = (session.facts("engine.exec")?, session.running_container().await?, request);
    Err(Error::new(ErrorKind::Unsupported, "engine.exec", "not written yet"))
}
