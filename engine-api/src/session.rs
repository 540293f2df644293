//! A handle to one session in a container.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;
use session_core::{
    ByteStream, Error, ErrorKind, Exec, ExecRequest, Launch, MainProcess, Process, Result, Session,
    SessionId, Snapshots, Stats, Status, Transfer,
};

use crate::backend::Shared;
use crate::{exec, transfer};

#[derive(Debug)]
pub(crate) struct ContainerSession {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: SessionId,
}

impl ContainerSession {
    pub(crate) fn new(shared: Arc<Shared>, id: SessionId) -> Self {
        Self { shared, id }
    }

    /// The container's name: by it, or by the id's label, a fresh process finds it.
    pub(crate) fn container(&self) -> String {
        format!("sessctl-{}", self.id)
    }
}

#[async_trait]
impl Session for ContainerSession {
    fn id(&self) -> &SessionId {
        &self.id
    }

    async fn status(&self) -> Result<Status> {
        Err(Error::new(ErrorKind::Unsupported, "engine.status", "not written yet"))
    }

    async fn start(&self, _: &Launch) -> Result<MainProcess> {
        Err(Error::new(ErrorKind::Unsupported, "engine.start", "not written yet"))
    }

    async fn main_process(&self) -> Result<Option<MainProcess>> {
        Ok(None)
    }

    async fn stop(&self, _: Duration) -> Result<()> {
        Ok(())
    }

    async fn fetch_workspace(&self) -> Result<()> {
        transfer::fetch_workspace(self).await
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    fn stats(&self) -> Option<&dyn Stats> {
        None
    }
}

#[async_trait]
impl Exec for ContainerSession {
    async fn exec(&self, request: ExecRequest) -> Result<Process> {
        exec::exec(self, request).await
    }
}

#[async_trait]
impl Transfer for ContainerSession {
    async fn put(&self, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
        transfer::put(self, dest, tar).await
    }

    async fn get(&self, src: &Utf8Path) -> Result<ByteStream> {
        transfer::get(self, src).await
    }
}
