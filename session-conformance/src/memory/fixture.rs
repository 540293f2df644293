//! The memory backend as a subject of the clauses.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Backend, Error, ErrorKind, Launch, MainProcess, ResolvedSpec, Result, SessionId,
};
use tempfile::TempDir;

use super::{MemoryBackend, MemoryWorld, memory_program};
use crate::mutants::Mutant;
use crate::{Fixture, Hooks, Step};

/// A place with a [`MemoryBackend`] in it.
#[derive(Debug)]
pub struct MemoryFixture {
    world: MemoryWorld,
    directory: Utf8PathBuf,
    _directory: TempDir,
}

impl MemoryFixture {
    /// A place with an empty world.
    pub fn new() -> Result<Self> {
        Self::with_world(MemoryWorld::new())
    }

    /// A place with this world.
    pub fn with_world(world: MemoryWorld) -> Result<Self> {
        let failed = |error| Error::io("memory.fixture", "make a temporary directory", error);
        let temporary = TempDir::new().map_err(failed)?;
        let path = temporary.path().canonicalize().map_err(failed)?;
        let directory = Utf8PathBuf::from_path_buf(path).map_err(|path| {
            let message = format!("the temporary directory {} is not UTF-8", path.display());
            Error::new(ErrorKind::InvalidInput, "memory.fixture", message)
        })?;
        Ok(Self { world, directory, _directory: temporary })
    }
}

#[async_trait]
impl Fixture for MemoryFixture {
    async fn backend(&self) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(MemoryBackend::new(self.world.clone())))
    }

    fn directory(&self) -> &Utf8Path {
        &self.directory
    }

    fn hooks(&self) -> Hooks {
        Hooks::new().with_half_made(2).with_vanish().with_processes(true).with_unanswered()
    }

    fn program(&self, steps: &[Step]) -> Vec<String> {
        memory_program(steps)
    }

    fn host_variable(&self) -> Option<String> {
        Some("OF_THE_CALLER".to_owned())
    }

    async fn half_made(&self, id: &SessionId, spec: &ResolvedSpec, stage: usize) -> Result<()> {
        self.world.half_made(id, spec, stage);
        Ok(())
    }

    async fn vanish(&self, id: &SessionId) -> Result<()> {
        self.world.vanish(id);
        Ok(())
    }

    async fn unanswered(&self) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(MemoryBackend::deaf(self.world.clone())))
    }

    async fn late_start(&self, id: &SessionId, launch: &Launch) -> Result<MainProcess> {
        if self.world.breaks(Mutant::LateStartRuns) {
            self.backend().await?.open(id).await?.start(launch).await?;
        }
        Err(Error::new(ErrorKind::BackendUnavailable, "memory.start", "the engine went away"))
    }

    fn processes_with(&self, token: &str) -> usize {
        self.world.processes_with(token)
    }

    fn bound(&self) -> Duration {
        Duration::from_secs(30)
    }
}
