//! The backend: makes, finds and destroys.

use std::sync::Arc;

use crate::host::Places;
use async_trait::async_trait;
use session_core::{
    Backend, Capabilities, Found, Isolation, Layout, ProbeReport, ResolvedSpec, Result, Session,
    SessionId,
};

use crate::session::LocalSession;

const KIND: &str = "local";

/// Sessions in directories of the host, under one [`Layout`].
///
/// Cheap to make; touches nothing until asked to. Needs a tokio runtime with I/O and time.
#[derive(Debug, Clone)]
pub struct LocalBackend {
    places: Places,
    capabilities: Capabilities,
}

impl LocalBackend {
    /// The backend for the sessions under `layout`.
    pub fn new(layout: &Layout) -> Self {
        let mut capabilities = Capabilities::new(Isolation::Directory);
        capabilities.host_processes = true;
        capabilities.exec_when_stopped = true;
        capabilities.stats = true;
        Self { places: Places::new(layout, KIND), capabilities }
    }
}

#[async_trait]
impl Backend for LocalBackend {
    fn kind(&self) -> &str {
        KIND
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self) -> Result<ProbeReport> {
        self.places.probe().await
    }

    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(LocalSession(self.places.make(id, spec).await?)))
    }

    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(LocalSession(self.places.find(id).await?)))
    }

    async fn list(&self) -> Result<Vec<Found>> {
        self.places.list().await
    }

    async fn destroy(&self, id: &SessionId) -> Result<()> {
        self.places.remove(id).await
    }
}
