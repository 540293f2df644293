//! A handle to one session in a container.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;
use session_core::{
    ByteStream, Exec, ExecRequest, Launch, MainProcess, Process, Result, Session, SessionId,
    Snapshots, Stats, Status, Transfer,
};

use crate::backend::Shared;
use crate::place::{Place, SessionFile};
use crate::{exec, main_process, start, status, stop, transfer};

#[derive(Debug)]
pub(crate) struct ContainerSession {
    pub(crate) shared: Arc<Shared>,
    pub(crate) place: Place,
}

impl ContainerSession {
    pub(crate) fn new(shared: Arc<Shared>, place: Place) -> Self {
        Self { shared, place }
    }

    /// What it was made with: the container's id, its user, its directories.
    ///
    /// Fails with `Refused` for a half-made session and with `Lost` where nothing is there.
    pub(crate) fn facts(&self, operation: &'static str) -> Result<SessionFile> {
        status::whole(&self.place, operation)
    }

    /// The container's id. It runs: if it did not, it was started to idle.
    pub(crate) async fn running_container(&self) -> Result<String> {
        start::running_container(&self.shared, &self.place).await
    }
}

#[async_trait]
impl Session for ContainerSession {
    fn id(&self) -> &SessionId {
        self.place.id()
    }

    async fn status(&self) -> Result<Status> {
        status::of(self.shared.engine().await?, &self.place).await
    }

    async fn start(&self, launch: &Launch) -> Result<MainProcess> {
        start::start(&self.shared, &self.place, launch).await
    }

    async fn main_process(&self) -> Result<Option<MainProcess>> {
        main_process::again(&self.shared, &self.place).await
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        stop::stop(&self.shared, &self.place, grace).await
    }

    async fn fetch_workspace(&self) -> Result<()> {
        transfer::fetch_workspace(self).await
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    fn stats(&self) -> Option<&dyn Stats> {
        Some(self)
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
