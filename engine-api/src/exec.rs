//! Processes beside the main one.

use session_core::{Error, ErrorKind, ExecRequest, Process, Result};

use crate::session::ContainerSession;

pub(crate) async fn exec(session: &ContainerSession, request: ExecRequest) -> Result<Process> {
    let _ = (session.container(), request);
    let _ = session.shared.engine().await?.short();
    Err(Error::new(ErrorKind::Unsupported, "engine.exec", "not written yet"))
}
