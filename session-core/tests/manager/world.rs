//! A manager over the memory backend, with everything that a test may reach into.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use session_conformance::{MemoryBackend, MemoryWorld, Step, memory_program};
use session_core::{
    Backend, Backends, Catalog, Event, Found, Manager, MemoryRegistry, Progress, Registry,
    SessionRecord, SessionSpec, TerminalSize,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::fakes::{Copies, Holders};
use crate::place::{Place, host, named};

pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) memory: MemoryWorld,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) copies: Arc<Copies>,
    pub(crate) holders: Arc<Holders>,
    pub(crate) manager: Manager,
}

impl World {
    pub(crate) fn new() -> Self {
        let memory = MemoryWorld::new();
        // One step after the other; `beside.rs` has the others.
        let mut capabilities = MemoryBackend::new(memory.clone()).capabilities().clone();
        capabilities.create_beside_workspace = false;
        Self::with(memory.with_capabilities(capabilities), Arc::new(MemoryRegistry::new()))
    }

    pub(crate) fn with(memory: MemoryWorld, registry: Arc<dyn Registry>) -> Self {
        let place = Place::new();
        let catalog = Catalog::new(place.layout(), Arc::clone(&registry));
        let backend = Arc::new(MemoryBackend::new(memory.clone()));
        let holders = Arc::new(Holders::new(backend, catalog));
        let copies = Arc::new(Copies::default());
        let backends = backends(&memory);
        let manager = manager(&place, backends, &registry, &copies, &holders);
        Self { place, memory, registry, copies, holders, manager }
    }

    /// Another manager over the same home.
    pub(crate) fn another(&self, backends: Backends) -> Manager {
        manager(&self.place, backends, &self.registry, &self.copies, &self.holders)
    }

    pub(crate) fn backends(&self) -> Backends {
        backends(&self.memory)
    }

    pub(crate) async fn create(&self, name: &str) -> SessionRecord {
        let created = self.manager.create(waits(named(name)), &Progress::default()).await;
        created.expect("the session can be made")
    }

    pub(crate) async fn start(&self, record: &SessionRecord) -> SessionRecord {
        let size = TerminalSize::default();
        let started = self.manager.start(&record.id, size, &Progress::default()).await;
        started.expect("the session can be started")
    }

    pub(crate) async fn stop(&self, record: &SessionRecord) -> SessionRecord {
        let stopped = self.manager.stop(&record.id, Duration::ZERO, &Progress::default()).await;
        stopped.expect("the session can be stopped")
    }

    /// What the backend has, by name.
    pub(crate) async fn found(&self) -> BTreeMap<String, Found> {
        let found = MemoryBackend::new(self.memory.clone()).list().await;
        let found = found.expect("the memory backend can list");
        found.into_iter().map(|found| (found.id.to_string(), found)).collect()
    }

    /// The audit log as `operation name outcome` lines.
    pub(crate) fn audit(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.place.layout().audit()).unwrap_or_default();
        text.lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
                let word = |key: &str| line[key].as_str().expect("a string").to_owned();
                assert_eq!(word("user"), "tester");
                assert_eq!(word("ssh_client"), "192.0.2.1 5000 22");
                let outcome = word("outcome").split(':').next().unwrap_or_default().to_owned();
                format!("{} {} {outcome}", word("operation"), word("name"))
            })
            .collect()
    }
}

fn manager(
    place: &Place,
    backends: Backends,
    registry: &Arc<dyn Registry>,
    copies: &Arc<Copies>,
    holders: &Arc<Holders>,
) -> Manager {
    Manager::new(
        place.layout(),
        host(&place.project(), "memory"),
        backends,
        Arc::clone(registry),
        Arc::clone(copies) as Arc<_>,
        Arc::clone(holders) as Arc<_>,
    )
}

fn backends(memory: &MemoryWorld) -> Backends {
    let memory = memory.clone();
    Backends::new().with("memory", move |_| Ok(Arc::new(MemoryBackend::new(memory.clone()))))
}

/// A session whose main process runs until it is stopped.
pub(crate) fn waits(spec: SessionSpec) -> SessionSpec {
    runs(spec, &[Step::Wait])
}

pub(crate) fn runs(spec: SessionSpec, steps: &[Step]) -> SessionSpec {
    spec.with_command(memory_program(steps))
}

/// A line that keeps its events.
pub(crate) fn listen() -> (Progress, UnboundedReceiver<Event>) {
    let (sender, events) = unbounded_channel();
    let progress = Progress::new(move |event| {
        // A test that has seen enough listens no more.
        let _ = sender.send(event);
    });
    (progress, events)
}

/// `operation.step` of an event with `+` where it began and `-` where it ended.
pub(crate) fn short(event: &Event) -> String {
    match event {
        Event::StepBegan { operation, step, .. } => format!("+{operation}.{step}"),
        Event::StepEnded { operation, step, .. } => format!("-{operation}.{step}"),
        other => format!("{other:?}"),
    }
}
