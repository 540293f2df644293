//! Sessions in Podman containers.

use std::sync::Arc;

use async_trait::async_trait;
use engine_api::ContainerBackend;
pub use engine_api::{
    BuildRequest, Endpoint, Engine, EngineHost, EngineKind, EngineView, ImageFacts, ImageName,
    ImageProgress, ImageSummary, Platform, explanations,
};
use session_core::{
    Backend, Capabilities, Found, Layout, ProbeReport, ResolvedSpec, Result, Session, SessionId,
};

/// The word for this backend in records.
pub const KIND: &str = "podman";

/// Makes sessions in Podman containers; connects to the engine when it is first needed, and refuses
/// one that is not Podman.
#[derive(Debug, Clone)]
pub struct PodmanBackend(ContainerBackend);

impl PodmanBackend {
    /// A backend that keeps what it must remember under `layout`; connects to nothing.
    pub fn new(layout: &Layout, host: EngineHost) -> Self {
        Self(ContainerBackend::new(EngineKind::Podman, layout, host))
    }

    /// The engine, whose images a program may want to see; the first call connects.
    pub async fn engine(&self) -> Result<&Engine> {
        self.0.engine().await
    }
}

#[async_trait]
impl Backend for PodmanBackend {
    fn kind(&self) -> &str {
        KIND
    }

    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn probe(&self) -> Result<ProbeReport> {
        self.0.probe().await
    }

    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        self.0.create(id, spec).await
    }

    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        self.0.open(id).await
    }

    async fn list(&self) -> Result<Vec<Found>> {
        self.0.list().await
    }

    async fn destroy(&self, id: &SessionId) -> Result<()> {
        self.0.destroy(id).await
    }
}
