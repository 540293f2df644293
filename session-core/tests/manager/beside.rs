//! A backend's part made while the workspace is filled: faster, and taken back as surely.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use session_conformance::{MemoryBackend, MemoryWorld, Operation};
use session_core::{
    Backend, Backends, Capabilities, ContainerOptions, Error, ErrorKind, Found, Isolation, Manager,
    Phase, ProbeReport, Progress, ResolvedSpec, Result, Session, SessionId,
};

use crate::place::{assert_nothing_left, named};
use crate::until;
use crate::world::{World, waits};

/// The memory backend, whose `create` waits when it is told to, and then makes.
#[derive(Debug)]
struct Gated {
    inner: MemoryBackend,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    closed: AtomicBool,
    begun: AtomicUsize,
    ended: AtomicUsize,
}

#[async_trait]
impl Backend for Gated {
    fn kind(&self) -> &str {
        self.inner.kind()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<ProbeReport> {
        self.inner.probe().await
    }

    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        self.gate.begun.fetch_add(1, Ordering::SeqCst);
        let open = || async { (!self.gate.closed.load(Ordering::SeqCst)).then_some(()) };
        until("an open gate", open).await;
        let made = self.inner.create(id, spec).await;
        self.gate.ended.fetch_add(1, Ordering::SeqCst);
        made
    }

    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        self.inner.open(id).await
    }

    async fn list(&self) -> Result<Vec<Found>> {
        self.inner.list().await
    }

    async fn destroy(&self, id: &SessionId) -> Result<()> {
        self.inner.destroy(id).await
    }
}

fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::new(Isolation::Container);
    capabilities.create_beside_workspace = true;
    capabilities
}

fn world() -> (World, Arc<Gate>, Manager) {
    let memory = MemoryWorld::new().with_capabilities(capabilities());
    let world = World::with(memory.clone(), Arc::new(session_core::MemoryRegistry::new()));
    let gate = Arc::new(Gate::default());
    let of_backend = Arc::clone(&gate);
    let manager = world.another(Backends::new().with("memory", move |_| {
        let inner = MemoryBackend::new(memory.clone());
        Ok(Arc::new(Gated { inner, gate: Arc::clone(&of_backend) }))
    }));
    (world, gate, manager)
}

fn create(
    manager: &Manager,
    progress: &Progress,
) -> tokio::task::JoinHandle<Result<session_core::SessionRecord>> {
    let (manager, progress) = (manager.clone(), progress.clone());
    tokio::spawn(async move { manager.create(waits(named("one")), &progress).await })
}

async fn gone(world: &World) {
    assert_nothing_left(&world.place.layout());
    assert!(world.found().await.is_empty(), "the backend's part came back");
}

/// Issue 3: neither waits for the other.
#[tokio::test]
async fn both_are_made_at_once() {
    let (world, gate, manager) = world();
    world.copies.waits.store(true, Ordering::SeqCst);
    gate.closed.store(true, Ordering::SeqCst);
    let creating = create(&manager, &Progress::default());
    let both = || async {
        let begun = [&gate.begun, &world.copies.begun];
        begun.iter().all(|count| count.load(Ordering::SeqCst) == 1).then_some(())
    };
    until("both to begin", both).await;
    world.copies.waits.store(false, Ordering::SeqCst);
    gate.closed.store(false, Ordering::SeqCst);
    let record = creating.await.expect("no panic").expect("it is made");
    assert_eq!((record.phase, record.projects.len()), (Phase::Ready, 1));
    assert_eq!(world.found().await.len(), 1);
}

/// What is uploaded has to be there first.
#[tokio::test]
async fn an_upload_comes_after_the_copy() {
    let (world, gate, manager) = world();
    world.copies.waits.store(true, Ordering::SeqCst);
    let mut upload = ContainerOptions::default();
    upload.upload = true;
    let spec = waits(named("one")).with_container(upload);
    let progress = Progress::default();
    let creating = tokio::spawn({
        let (manager, progress) = (manager.clone(), progress.clone());
        async move { manager.create(spec, &progress).await }
    });
    let copying = || async { (world.copies.begun.load(Ordering::SeqCst) == 1).then_some(()) };
    until("the copy", copying).await;
    tokio::task::yield_now().await;
    assert_eq!(gate.begun.load(Ordering::SeqCst), 0);
    world.copies.waits.store(false, Ordering::SeqCst);
    creating.await.expect("no panic").expect("it is made");
    assert_eq!(gate.begun.load(Ordering::SeqCst), 1);
}

/// The copy fails while the backend still makes its part: that is made to its end, then destroyed.
#[tokio::test]
async fn a_copy_that_fails_waits_for_the_backend() {
    let (world, gate, manager) = world();
    world.copies.fails.store(true, Ordering::SeqCst);
    gate.closed.store(true, Ordering::SeqCst);
    let creating = create(&manager, &Progress::default());
    let copied = || async { (!world.copies.fails.load(Ordering::SeqCst)).then_some(()) };
    until("the copy's failure", copied).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!creating.is_finished(), "the backend still makes its part");
    gate.closed.store(false, Ordering::SeqCst);
    let error = creating.await.expect("no panic").expect_err("the copy failed");
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert_eq!(gate.ended.load(Ordering::SeqCst), 1);
    gone(&world).await;
}

/// The backend fails while a long copy runs: nobody waits for its end.
#[tokio::test]
async fn a_backend_that_fails_ends_the_copy() {
    let (world, _, manager) = world();
    world.copies.waits.store(true, Ordering::SeqCst);
    world.memory.fail_next(Operation::Create, ErrorKind::BackendUnavailable);
    let progress = Progress::default();
    let error = create(&manager, &progress).await.expect("no panic").expect_err("told to fail");
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable, "{error}");
    assert!(!progress.is_cancelled(), "only the copy was");
    gone(&world).await;
}

/// Both fail: the copy's reason is the one to mend first, and nothing is left.
#[tokio::test]
async fn both_may_fail() {
    let (world, _, manager) = world();
    world.copies.fails.store(true, Ordering::SeqCst);
    world.memory.fail_next(Operation::Create, ErrorKind::Io);
    let failed = create(&manager, &Progress::default()).await.expect("no panic");
    let error: Error = failed.expect_err("told to fail");
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    gone(&world).await;
}

/// Ctrl-C while both are made.
#[tokio::test]
async fn cancelled_while_both_are_made() {
    let (world, gate, manager) = world();
    world.copies.waits.store(true, Ordering::SeqCst);
    gate.closed.store(true, Ordering::SeqCst);
    let progress = Progress::default();
    let creating = create(&manager, &progress);
    let begun = || async { (gate.begun.load(Ordering::SeqCst) == 1).then_some(()) };
    until("the backend", begun).await;
    progress.cancel();
    gate.closed.store(false, Ordering::SeqCst);
    let error = creating.await.expect("no panic").expect_err("it was cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    gone(&world).await;
}
