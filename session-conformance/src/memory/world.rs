//! What all handles of one memory backend share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::{
    Capabilities, ErrorKind, Exit, Isolation, Launch, ResolvedSpec, SessionId, Timestamp,
};

use super::Operation;
use super::process::Proc;
use super::tree::Tree;
use crate::mutants::Mutant;

/// The place in which memory backends make their sessions: what a disk and an engine are to others.
///
/// Clones are the same world.
#[derive(Clone)]
pub struct MemoryWorld {
    state: Arc<Mutex<State>>,
    pub(super) capabilities: Capabilities,
    mutant: Option<Mutant>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) places: BTreeMap<SessionId, Place>,
    pub(super) vanished: BTreeSet<SessionId>,
    /// Those that some list had.
    pub(super) listed: BTreeSet<SessionId>,
    pub(super) destroyed: BTreeSet<SessionId>,
    pub(super) processes: Vec<Arc<Proc>>,
    pub(super) children: Vec<Child>,
    pub(super) failures: Vec<(Operation, ErrorKind)>,
    /// Those that are being made.
    pub(super) creating: BTreeSet<SessionId>,
    count: u64,
}

/// What there is of one session.
#[derive(Default)]
pub(super) struct Place {
    pub(super) labels: BTreeMap<String, String>,
    /// Absent until it is whole.
    pub(super) spec: Option<ResolvedSpec>,
    pub(super) tree: Tree,
    pub(super) main: Option<Main>,
    pub(super) exit: Option<Exit>,
    pub(super) snapshots: BTreeMap<String, Tree>,
    pub(super) first_launch: Option<Launch>,
    pub(super) was_stopped: bool,
}

/// The main process, as far as it is known to run.
pub(super) struct Main {
    pub(super) process: Arc<Proc>,
    pub(super) since: Timestamp,
    /// The number of the backend handle that started it.
    pub(super) by: u64,
}

/// A process that a program started and did not wait for.
pub(super) struct Child {
    pub(super) token: String,
    pub(super) session: SessionId,
    pub(super) parent: u64,
    pub(super) is_daemon: bool,
}

impl MemoryWorld {
    /// An empty world whose backends can do everything.
    pub fn new() -> Self {
        let mut capabilities = Capabilities::new(Isolation::Directory);
        capabilities.host_processes = true;
        capabilities.exec_when_stopped = true;
        capabilities.survives_holder = true;
        capabilities.snapshots = true;
        capabilities.stats = true;
        capabilities.create_beside_workspace = true;
        Self { state: Arc::default(), capabilities, mutant: None }
    }

    /// Says what its backends can do; what they can't, they refuse.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Breaks one thing.
    #[must_use]
    pub fn with_mutant(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    /// How many processes that were started with `token` are alive.
    pub fn processes_with(&self, token: &str) -> usize {
        self.state().children.iter().filter(|child| child.token == token).count()
    }

    /// Takes a session away as if it had been removed behind the backend's back.
    pub fn vanish(&self, id: &SessionId) {
        let mut state = self.state();
        state.places.remove(id);
        state.vanished.insert(*id);
    }

    /// Leaves what a `create` that died would leave: at stage 0 the id, at stage 1 the labels too.
    pub fn half_made(&self, id: &SessionId, spec: &ResolvedSpec, stage: usize) {
        let labels = if stage == 0 { BTreeMap::new() } else { spec.backend_labels() };
        self.state().places.insert(*id, Place { labels, ..Place::default() });
    }

    pub(super) fn breaks(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that was not given before.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.state();
        state.count += 1;
        state.count
    }

    /// Kills the processes of a session and waits until they are gone; a world that has the defect
    /// `spared` kills the main process only.
    pub(super) async fn kill_all(&self, id: &SessionId, spared: Option<Mutant>) {
        let processes: Vec<_> = {
            let state = self.state();
            let spares = spared.is_some_and(|mutant| self.breaks(mutant));
            let of_session =
                |process: &&Arc<Proc>| process.session == *id && (process.is_main || !spares);
            state.processes.iter().filter(of_session).map(Arc::clone).collect()
        };
        for process in processes {
            process.send(9);
            process.ended().await;
        }
        self.state().children.retain(|child| child.session != *id);
    }
}

impl Default for MemoryWorld {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions: Vec<_> = self.state().places.keys().copied().collect();
        f.debug_struct("MemoryWorld").field("sessions", &sessions).finish_non_exhaustive()
    }
}
