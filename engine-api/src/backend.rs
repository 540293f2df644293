//! The backend that both engines share.

use std::sync::Arc;

use async_trait::async_trait;
use session_core::{
    Backend, Capabilities, Error, ErrorKind, Found, Isolation, Layout, ProbeReport, ResolvedSpec,
    Result, Session, SessionId,
};
use tokio::sync::OnceCell;

use crate::place::Place;
use crate::session::ContainerSession;
use crate::{Endpoint, Engine, EngineKind, create, list, stop};

/// What the program tells a backend about the machine and the person.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineHost {
    /// Where the engine may be, in order; the first that answers is taken.
    pub endpoints: Vec<Endpoint>,
    /// The calling user, whose files the session's are.
    pub uid: u32,
    /// The calling user's group.
    pub gid: u32,
    /// The calling user's login name.
    pub user: String,
}

impl EngineHost {
    /// A host with one place where the engine may be.
    pub fn new(endpoint: Endpoint, uid: u32, gid: u32, user: impl Into<String>) -> Self {
        Self { endpoints: vec![endpoint], uid, gid, user: user.into() }
    }
}

/// Makes sessions in containers of one engine. Connects when it is first needed.
#[derive(Debug, Clone)]
pub struct ContainerBackend {
    pub(crate) shared: Arc<Shared>,
}

/// What a backend and its sessions have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) kind: EngineKind,
    pub(crate) host: EngineHost,
    pub(crate) layout: Layout,
    pub(crate) capabilities: Capabilities,
    engine: OnceCell<Engine>,
}

impl Shared {
    /// The engine; the connection is made, and its identity proved, by the first call.
    pub(crate) async fn engine(&self) -> Result<&Engine> {
        self.engine.get_or_try_init(|| Engine::connect_first(&self.host.endpoints, self.kind)).await
    }
}

impl ContainerBackend {
    /// A backend for the engine `kind` that keeps what it must remember under `layout`.
    pub fn new(kind: EngineKind, layout: &Layout, host: EngineHost) -> Self {
        let mut capabilities = Capabilities::new(Isolation::Container);
        capabilities.exec_when_stopped = true;
        capabilities.survives_holder = true;
        capabilities.stats = true;
        capabilities.create_beside_workspace = true;
        let mut endpoints = host.endpoints.iter();
        capabilities.needs_upload =
            endpoints.len() > 0 && endpoints.all(|endpoint| !endpoint.sees_host_paths());
        let layout = layout.clone();
        let engine = OnceCell::new();
        Self { shared: Arc::new(Shared { kind, host, layout, capabilities, engine }) }
    }
}

impl ContainerBackend {
    /// The engine that sessions are made in; the first call connects.
    pub async fn engine(&self) -> Result<&Engine> {
        self.shared.engine().await
    }
}

#[async_trait]
impl Backend for ContainerBackend {
    fn kind(&self) -> &str {
        self.shared.kind.word()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.shared.capabilities
    }

    async fn probe(&self) -> Result<ProbeReport> {
        Ok(crate::probe(self.shared.kind, &self.shared.host.endpoints).await)
    }

    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        let place = create::create(&self.shared, id, spec).await?;
        Ok(Arc::new(ContainerSession::new(Arc::clone(&self.shared), place)))
    }

    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        let place = Place::new(&self.shared.layout, self.kind(), id);
        let found = place.exists()
            || !list::containers(&self.shared, "engine.open", Some(id)).await?.is_empty();
        if !found {
            let message = "there is no such session in this home; list shows those there are";
            return Err(Error::new(ErrorKind::NotFound, "engine.open", message)
                .with_session(id.to_string()));
        }
        Ok(Arc::new(ContainerSession::new(Arc::clone(&self.shared), place)))
    }

    async fn list(&self) -> Result<Vec<Found>> {
        list::list(&self.shared).await
    }

    async fn destroy(&self, id: &SessionId) -> Result<()> {
        let place = Place::new(&self.shared.layout, self.kind(), id);
        stop::destroy(&self.shared, &place).await
    }
}

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = "the work was broken off; the runtime is shutting down or it panicked";
        Err(Error::new(ErrorKind::Internal, operation, message).with_source(error))
    })
}
