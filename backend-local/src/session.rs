//! A handle to one session.

use std::time::Duration;

use crate::host::Place;
use async_trait::async_trait;
use camino::Utf8Path;
use session_core::{
    ByteStream, Exec, ExecRequest, Launch, MainProcess, Process, Result, Session, SessionId,
    Snapshots, Stats, Status, Transfer, Usage,
};

#[derive(Debug)]
pub(crate) struct LocalSession(pub(crate) Place);

#[async_trait]
impl Session for LocalSession {
    fn id(&self) -> &SessionId {
        self.0.id()
    }

    async fn status(&self) -> Result<Status> {
        self.0.status().await
    }

    async fn start(&self, launch: &Launch) -> Result<MainProcess> {
        self.0.start(launch).await
    }

    async fn main_process(&self) -> Result<Option<MainProcess>> {
        Ok(None)
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        self.0.stop(grace).await
    }

    async fn fetch_workspace(&self) -> Result<()> {
        Ok(())
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    fn stats(&self) -> Option<&dyn Stats> {
        Some(self)
    }
}

#[async_trait]
impl Exec for LocalSession {
    async fn exec(&self, request: ExecRequest) -> Result<Process> {
        self.0.exec(request).await
    }
}

#[async_trait]
impl Transfer for LocalSession {
    async fn put(&self, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
        self.0.put(dest, tar).await
    }

    async fn get(&self, src: &Utf8Path) -> Result<ByteStream> {
        self.0.get(src).await
    }
}

#[async_trait]
impl Stats for LocalSession {
    async fn usage(&self) -> Result<Usage> {
        self.0.usage().await
    }
}
