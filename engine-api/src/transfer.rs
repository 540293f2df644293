//! Trees in and out of a container.

use camino::Utf8Path;
use session_core::{ByteStream, Error, ErrorKind, Result};

use crate::session::ContainerSession;

pub(crate) async fn put(session: &ContainerSession, _: &Utf8Path, _: ByteStream) -> Result<()> {
    let _ = session.shared.engine().await?.long();
    Err(Error::new(ErrorKind::Unsupported, "engine.put", "not written yet"))
}

pub(crate) async fn get(session: &ContainerSession, _: &Utf8Path) -> Result<ByteStream> {
    let _ = (&session.shared.layout, session.shared.engine().await?.dialect());
    Err(Error::new(ErrorKind::Unsupported, "engine.get", "not written yet"))
}

pub(crate) async fn fetch_workspace(session: &ContainerSession) -> Result<()> {
    session.shared.engine().await.map(|_| ())
}
