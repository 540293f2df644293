//! The backend itself.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use session_core::{
    Backend, Capabilities, Check, ErrorKind, Exit, Found, Launch, ProbeReport, ResolvedSpec,
    Result, Session, SessionId, Status, Timestamp,
};

use super::session::MemorySession;
use super::tree::Tree;
use super::world::Place;
use super::{MemoryWorld, Operation};
use crate::Step;
use crate::mutants::Mutant;

/// A backend for the tests of programs that embed sessions: no processes, no disk, and strict.
///
/// It refuses relative paths, gives lists in another order each time and streams byte by byte,
/// runs only programs of [`memory_program`](super::memory_program), and fails on request
/// ([`MemoryWorld::fail_next`]). Needs a tokio runtime.
#[derive(Debug)]
pub struct MemoryBackend {
    world: MemoryWorld,
    capabilities: Capabilities,
    number: u64,
    own: Mutex<Vec<SessionId>>,
    /// It does not hear that a session was made.
    is_deaf: bool,
}

impl MemoryBackend {
    /// A handle to the sessions of `world`.
    pub fn new(world: MemoryWorld) -> Self {
        let number = world.number();
        let mut capabilities = world.capabilities.clone();
        if world.breaks(Mutant::CapabilitiesDiffer) {
            capabilities.stats = number == 1;
        }
        Self { world, capabilities, number, own: Mutex::default(), is_deaf: false }
    }

    /// A handle whose `create` makes a session and does not hear of it.
    pub(super) fn deaf(world: MemoryWorld) -> Self {
        Self { is_deaf: true, ..Self::new(world) }
    }

    fn session(&self, id: &SessionId) -> MemorySession {
        MemorySession::new(self.world.clone(), *id, self.number)
    }

    fn own(&self) -> std::sync::MutexGuard<'_, Vec<SessionId>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    fn kind(&self) -> &str {
        if self.world.breaks(Mutant::KindIsShouted) { "MEMORY backend" } else { "memory" }
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self) -> Result<ProbeReport> {
        self.world.enter(Operation::Probe).await?;
        if self.world.breaks(Mutant::ProbeMakes) {
            self.world.state().places.insert(SessionId::new(), Place::default());
        }
        let check = Check::passed("memory-there", "memory is always there");
        Ok(ProbeReport::new(self.kind(), "memory", vec![check]))
    }

    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        self.world.enter(Operation::Create).await?;
        let relative =
            [&spec.directory, &spec.working_directory].into_iter().find(|path| !path.is_absolute());
        if let Some(path) = relative {
            let message = format!("`{path}` is relative; give an absolute path");
            return Err(Operation::Create.error(ErrorKind::InvalidInput, message));
        }
        if self.world.breaks(Mutant::CreateNeedsTheWorkspace) && !spec.working_directory.is_dir() {
            let message = format!("`{}` is not there", spec.working_directory);
            return Err(Operation::Create.error(ErrorKind::NotFound, message));
        }
        if self.world.breaks(Mutant::PathsEndAtCommas) && spec.directory.as_str().contains(',') {
            let message = format!("`{}` is no mount", spec.directory);
            return Err(Operation::Create.error(ErrorKind::Internal, message));
        }
        if self.world.breaks(Mutant::CreatesOneAtATime) {
            self.world.state().creating.insert(*id);
            tokio::task::yield_now().await;
            let creating = std::mem::take(&mut self.world.state().creating);
            if creating.iter().any(|other| other != id) {
                let message = "another session is being made";
                return Err(Operation::Create.error(ErrorKind::Internal, message));
            }
        }
        let taken = || Operation::Create.error(ErrorKind::AlreadyExists, "the id is in use");
        if self.world.breaks(Mutant::CreateRaces) {
            if self.world.state().places.contains_key(id) {
                return Err(taken());
            }
            tokio::task::yield_now().await;
        }
        let careless = [Mutant::CreateRaces, Mutant::CreateOverwrites]
            .into_iter()
            .any(|m| self.world.breaks(m));
        let mut place = Place {
            labels: spec.backend_labels(),
            tree: Tree::of(&spec.working_directory),
            spec: Some(spec.clone()),
            ..Place::default()
        };
        if self.world.breaks(Mutant::LabelsForgotten) {
            place.labels.clear();
        }
        if self.world.breaks(Mutant::NewHasAnExit) {
            place.exit = Some(Exit::with_code(0, Timestamp::now()));
        }
        {
            let mut state = self.world.state();
            if state.places.contains_key(id) && !careless {
                return Err(taken());
            }
            state.places.insert(*id, place);
        }
        if self.is_deaf {
            if !self.world.breaks(Mutant::UnansweredCreateStays) {
                self.world.state().places.remove(id);
            }
            let message = "the answer was lost; what was made is taken back";
            return Err(Operation::Create.error(ErrorKind::BackendUnavailable, message));
        }
        self.own().push(*id);
        let session = self.session(id);
        if self.world.breaks(Mutant::CreateStarts) {
            session.start(&Launch::new(super::memory_program(&[Step::Wait]))).await?;
        }
        Ok(Arc::new(session))
    }

    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        self.world.enter(Operation::Open).await?;
        let hidden = self.world.breaks(Mutant::OpenOnlyOwn) && !self.own().contains(id);
        let part = self.world.breaks(Mutant::OpenOnlyWhole);
        let whole = |place: &Place| place.spec.is_some() || !part;
        let there = !hidden && self.world.state().places.get(id).is_some_and(whole);
        if !there && !self.world.breaks(Mutant::OpenInvents) {
            let error = Operation::Open.error(ErrorKind::NotFound, "there is nothing of it");
            return Err(error.with_session(id.to_string()));
        }
        Ok(Arc::new(self.session(id)))
    }

    async fn list(&self) -> Result<Vec<Found>> {
        self.world.enter(Operation::List).await?;
        let turn = usize::try_from(self.world.number()).unwrap_or_default();
        let mut state = self.world.state();
        if self.world.breaks(Mutant::ListBreaksOnLost) && !state.vanished.is_empty() {
            return Err(Operation::List.error(ErrorKind::Lost, "a session has vanished"));
        }
        let (mut list, mut seen) = (Vec::new(), Vec::new());
        for (id, place) in &state.places {
            let status = match MemorySession::look(&self.world, self.number, place) {
                Status::Incomplete if self.world.breaks(Mutant::ListHidesHalfMade) => continue,
                Status::Running { .. } if self.world.breaks(Mutant::ListSaysStopped) => {
                    Status::Stopped { exit: None }
                }
                Status::Stopped { .. }
                    if self.world.breaks(Mutant::ListLosesNewcomers)
                        && !state.listed.contains(id) =>
                {
                    Status::Lost { reason: "it was not there".to_owned() }
                }
                status => status,
            };
            seen.push(*id);
            list.push(Found::new(*id, status, place.labels.clone()));
        }
        state.listed.extend(seen);
        if self.world.breaks(Mutant::ListStopsEarly) {
            list.truncate(3);
        }
        if !list.is_empty() {
            let by = turn % list.len();
            list.rotate_left(by);
        }
        if turn % 2 == 0 {
            list.reverse();
        }
        Ok(list)
    }

    async fn destroy(&self, id: &SessionId) -> Result<()> {
        self.world.enter(Operation::Destroy).await?;
        if self.world.breaks(Mutant::DestroyKeeps) {
            return Ok(());
        }
        let missing = || Operation::Destroy.error(ErrorKind::NotFound, "there is nothing of it");
        let removed = {
            let mut state = self.world.state();
            let half_made = state.places.get(id).is_some_and(|place| place.spec.is_none());
            if half_made && self.world.breaks(Mutant::DestroyMissesHalfMade) {
                return Ok(());
            }
            let before = state.destroyed.contains(id);
            let there = state.places.contains_key(id);
            if before && self.world.breaks(Mutant::SecondDestroyFails) {
                return Err(missing());
            }
            if !before && !there && self.world.breaks(Mutant::UnknownDestroyFails) {
                return Err(missing());
            }
            if self.world.breaks(Mutant::DestroyTakesANeighbour) {
                let neighbour = state.places.keys().find(|other| *other != id).copied();
                neighbour.and_then(|other| state.places.remove(&other));
            }
            state.destroyed.insert(*id);
            state.vanished.remove(id);
            state.places.remove(id)
        };
        if !self.world.breaks(Mutant::DestroyLeavesProcesses) {
            self.world.kill_all(id, None).await;
        }
        if let Some(spec) = removed.and_then(|place| place.spec)
            && self.world.breaks(Mutant::DestroyTakesTheDirectory)
        {
            let _ = std::fs::remove_dir_all(&spec.directory);
        }
        Ok(())
    }
}
