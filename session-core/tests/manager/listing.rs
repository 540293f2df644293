//! `list`: what is recorded and what is observed, whatever is broken.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_conformance::{MemoryBackend, Operation};
use session_core::{
    Backend, Backends, Capabilities, DamagedEntry, Entry, Error, ErrorKind, Filter, Found,
    Isolation, ListItem, MemoryRegistry, Phase, ProbeReport, Progress, Registry, ResolvedSpec,
    Result, Revision, Session, SessionId, SessionList, SessionName, SessionRecord, StatusWord,
};

use crate::place::named;
use crate::world::{World, waits};

async fn list(world: &World) -> SessionList {
    world.manager.list(&Filter::default()).await.expect("lists always work")
}

fn item<'a>(list: &'a SessionList, name: &str) -> &'a ListItem {
    list.sessions.iter().find(|item| item.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// S2.15: newest first, with what is observed.
#[tokio::test]
async fn lists_what_is_recorded_and_observed() {
    let world = World::new();
    let (first, second) = (world.create("first").await, world.create("second").await);
    world.start(&first).await;
    let listed = list(&world).await;
    let names: Vec<_> =
        listed.sessions.iter().map(|item| (item.name.as_str(), item.status)).collect();
    assert_eq!(names, [("second", StatusWord::Stopped), ("first", StatusWord::Running)]);
    assert_eq!(listed.notices, Vec::<String>::new());
    let stopped = item(&listed, "second");
    assert_eq!((stopped.id, stopped.phase), (Some(second.id), Some(Phase::Ready)));
    assert_eq!(stopped.sources, [world.place.project()]);
    world.stop(&first).await;
    assert_eq!(item(&list(&world).await, "first").exit_code, Some(143));

    let mut filter = Filter::default();
    filter.source = Some("/elsewhere".into());
    let none = world.manager.list(&filter).await.expect("lists always work");
    assert!(none.sessions.is_empty() && none.notices.is_empty(), "{none:?}");
}

/// Invariant 3: with an engine down its sessions are unknown, and the others are as they are.
#[tokio::test]
async fn an_engine_that_is_down_takes_nothing_out() {
    let world = World::new();
    let broken = |message: &'static str| {
        move |_: &session_core::Layout| -> Result<Arc<dyn session_core::Backend>> {
            Err(Error::new(ErrorKind::BackendUnavailable, "fake.make", message))
        }
    };
    let memory = world.memory.clone();
    let other = move |_: &session_core::Layout| -> Result<Arc<dyn session_core::Backend>> {
        Ok(Arc::new(MemoryBackend::new(memory.clone())))
    };
    let up = world.another(world.backends().with("other", other));
    world.create("one").await;
    let spec = waits(named("two")).with_backend("other");
    up.create(spec, &Progress::default()).await.expect("it can be made");

    // Its factory fails.
    let down = world.another(world.backends().with("other", broken("no socket")));
    let listed = down.list(&Filter::default()).await.expect("lists always work");
    assert_eq!(item(&listed, "one").status, StatusWord::Stopped);
    let unknown = item(&listed, "two");
    assert_eq!((unknown.status, unknown.phase), (StatusWord::Unknown, Some(Phase::Ready)));
    assert!(unknown.status_reason.as_ref().is_some_and(|why| why.contains("no socket")));
    let notices: Vec<_> = listed.notices.iter().filter(|text| text.contains("`other`")).collect();
    assert!(notices.len() == 1 && notices[0].contains("no socket"), "{:?}", listed.notices);
    let inspection = down.inspect("two").await.expect("its record is there");
    assert!(inspection.status.is_err());

    // The program does not even have it.
    let listed = list(&world).await;
    assert_eq!(item(&listed, "two").status, StatusWord::Unknown);
    assert!(listed.notices.iter().any(|text| text.contains("known kinds: memory")));

    // It is there and can't list.
    world.memory.fail_next(Operation::List, ErrorKind::BackendUnavailable);
    let listed = list(&world).await;
    assert_eq!(item(&listed, "one").status, StatusWord::Unknown);
    assert_eq!(item(&list(&world).await, "one").status, StatusWord::Stopped);
}

/// Lesson 17, 20: what vanished behind our back is lost, with a reason, and no error.
#[tokio::test]
async fn what_vanished_is_lost() {
    let world = World::new();
    let record = world.create("one").await;
    world.create("two").await;
    world.memory.vanish(&record.id);
    let listed = list(&world).await;
    let lost = item(&listed, "one");
    assert_eq!(lost.status, StatusWord::Lost);
    assert!(lost.status_reason.as_ref().is_some_and(|why| why.contains("`memory`")), "{lost:?}");
    assert_eq!(item(&listed, "two").status, StatusWord::Stopped);
    assert_eq!(listed.notices, Vec::<String>::new());
}

/// S4.18: how far making and removing have come is shown, and what is half made is incomplete.
#[tokio::test]
async fn phases_are_shown() {
    let world = World::new();
    world.memory.fail_next(Operation::Create, ErrorKind::Io);
    world.memory.fail_next(Operation::Destroy, ErrorKind::Io);
    let failed = world.manager.create(waits(named("making")), &Progress::default()).await;
    failed.expect_err("told to fail");
    let record = world.create("removing").await;
    world.memory.fail_next(Operation::Destroy, ErrorKind::Io);
    let failed = world.manager.remove(&record.id, false, &Progress::default()).await;
    failed.expect_err("told to fail");
    let listed = list(&world).await;
    let making = item(&listed, "making");
    assert_eq!((making.phase, making.status), (Some(Phase::Creating), StatusWord::Incomplete));
    assert_eq!(item(&listed, "removing").phase, Some(Phase::Removing));
}

/// Lesson 21: what a backend has and nobody recorded is told.
#[tokio::test]
async fn strays_are_noticed() {
    let world = World::new();
    let record = world.create("one").await;
    let stray = SessionId::new();
    let backend = MemoryBackend::new(world.memory.clone());
    backend.create(&stray, &record.spec).await.expect("it can be made");
    let listed = list(&world).await;
    assert_eq!(listed.sessions.len(), 1);
    let [notice] = listed.notices.as_slice() else { panic!("{:?}", listed.notices) };
    assert!(notice.contains(&stray.to_string()) && notice.contains("--rebuild"), "{notice}");
    // A filter says nothing about the rest.
    let mut filter = Filter::default();
    filter.backend = Some("memory".to_owned());
    let filtered = world.manager.list(&filter).await.expect("lists always work");
    assert!(filtered.notices.is_empty(), "{:?}", filtered.notices);
}

/// An index that fails, as a damaged or locked database does.
#[derive(Debug, Default)]
struct Broken {
    inner: MemoryRegistry,
    broken: std::sync::atomic::AtomicBool,
}

impl Broken {
    fn check(&self) -> Result<()> {
        match self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Damaged, "fake.registry", "the index is damaged")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Registry for Broken {
    async fn insert(&self, record: &SessionRecord) -> Result<Revision> {
        self.check()?;
        self.inner.insert(record).await
    }

    async fn fetch(&self, id: &SessionId) -> Result<Entry> {
        self.check()?;
        self.inner.fetch(id).await
    }

    async fn find(&self, name: &SessionName) -> Result<Entry> {
        self.check()?;
        self.inner.find(name).await
    }

    async fn update(&self, record: &SessionRecord, seen: Revision) -> Result<Revision> {
        self.check()?;
        self.inner.update(record, seen).await
    }

    async fn remove(&self, id: &SessionId) -> Result<()> {
        self.check()?;
        self.inner.remove(id).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Result<Entry, DamagedEntry>>> {
        self.check()?;
        self.inner.list(filter).await
    }
}

/// Lesson 12, S4.27: a broken index takes nothing out of the list, nor does a damaged record.
#[tokio::test]
async fn a_broken_index_is_read_around() {
    let registry = Arc::new(Broken::default());
    let world = World::with(Default::default(), Arc::clone(&registry) as Arc<_>);
    let (one, two) = (world.create("one").await, world.create("two").await);
    world.start(&one).await;
    registry.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let listed = list(&world).await;
    assert_eq!(item(&listed, "one").status, StatusWord::Running);
    assert_eq!(item(&listed, "two").status, StatusWord::Stopped);
    let [notice] = listed.notices.as_slice() else { panic!("{:?}", listed.notices) };
    assert!(notice.contains("the index is damaged") && notice.contains("--rebuild"), "{notice}");

    // Its record is damaged, too: it stands in its place, and the others stay.
    std::fs::write(world.place.layout().record(&two.id), "null").expect("it is ours");
    let listed = list(&world).await;
    let damaged = item(&listed, &two.id.to_string());
    assert_eq!((damaged.id, damaged.status), (Some(two.id), StatusWord::Damaged));
    assert!(damaged.status_reason.as_ref().is_some_and(|why| why.contains("--rebuild")));
    assert_eq!(item(&listed, "one").status, StatusWord::Running);
    assert_eq!(listed.notices.len(), 1, "what is damaged is no stray: {:?}", listed.notices);

    // Names are found, too, so that one can still be inspected.
    assert_eq!(world.manager.find("one").await.expect("by the files").id, one.id);
    assert_eq!(world.manager.find("four").await.expect_err("none").kind(), ErrorKind::Damaged);
}

/// An engine that nobody uses here, and that is not installed, is nothing to tell.
#[tokio::test]
async fn an_engine_without_sessions_may_be_down() {
    let world = World::new();
    let down = Backends::new()
        .with("down", |_| Err(Error::new(ErrorKind::BackendUnavailable, "fake.make", "no socket")));
    let listed = world.another(down).list(&Filter::default()).await.expect("lists always work");
    assert!(listed.sessions.is_empty() && listed.notices.is_empty(), "{listed:?}");
}

/// A backend whose engine took the connection and says nothing more.
#[derive(Debug)]
struct Silent(Capabilities);

#[async_trait]
impl Backend for Silent {
    fn kind(&self) -> &str {
        "silent"
    }

    fn capabilities(&self) -> &Capabilities {
        &self.0
    }

    async fn probe(&self) -> Result<ProbeReport> {
        std::future::pending().await
    }

    async fn create(&self, _: &SessionId, _: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        std::future::pending().await
    }

    async fn open(&self, _: &SessionId) -> Result<Arc<dyn Session>> {
        std::future::pending().await
    }

    async fn list(&self) -> Result<Vec<Found>> {
        std::future::pending().await
    }

    async fn destroy(&self, _: &SessionId) -> Result<()> {
        std::future::pending().await
    }
}

fn silent(_: &session_core::Layout) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(Silent(Capabilities::new(Isolation::Container))))
}

/// Invariant 3: an engine that hangs costs its time once, whatever it has, and nothing else; not
/// even that its half-made sessions are settled.
#[tokio::test]
async fn engines_that_hang_are_not_waited_for() {
    let world = World::new();
    let memory = world.memory.clone();
    let up = move |_: &session_core::Layout| -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(MemoryBackend::new(memory.clone())))
    };
    let before = world.another(world.backends().with("one", up.clone()).with("two", up));
    world.create("here").await;
    for (name, kind) in [("a", "one"), ("b", "one"), ("c", "two")] {
        let spec = waits(named(name)).with_backend(kind);
        before.create(spec, &Progress::default()).await.expect("it can be made");
    }
    world.memory.fail_next(Operation::Create, ErrorKind::Io);
    world.memory.fail_next(Operation::Destroy, ErrorKind::Io);
    let half = waits(named("half")).with_backend("one");
    before.create(half, &Progress::default()).await.expect_err("told to fail");

    let hung = world
        .another(world.backends().with("one", silent).with("two", silent).with("three", silent))
        .with_answer_limit(Duration::from_millis(10));
    let listed = hung.list(&Filter::default()).await.expect("lists always work");
    assert_eq!(item(&listed, "here").status, StatusWord::Stopped);
    for name in ["a", "b", "c", "half"] {
        assert_eq!(item(&listed, name).status, StatusWord::Unknown, "{name}");
    }
    let told = |kind: &str| {
        let of_kind = format!("backend `{kind}` does not answer");
        listed.notices.iter().filter(|notice| notice.contains(&of_kind)).count()
    };
    assert_eq!((told("one"), told("two"), told("three")), (1, 1, 0), "{:?}", listed.notices);

    let inspection = hung.inspect("a").await.expect("its record is there");
    assert!(inspection.status.is_err_and(|reason| reason.contains("no answer")));
    let settled = hung.reconcile().await.expect("it comes to an end");
    let [(left, error)] = settled.left.as_slice() else { panic!("{settled:?}") };
    assert_eq!((left.name.as_str(), error.kind()), ("half", ErrorKind::BackendUnavailable));
    assert!(settled.settled.is_empty());
}

/// Issue 3: the first that answers, in the order of the words; one that is slow is waited for only
/// where there is no other, and not given up for nothing.
#[tokio::test]
async fn the_first_usable_backend_is_found() {
    let world = World::new();
    let memory = world.memory.clone();
    let broken = |_: &session_core::Layout| -> Result<Arc<dyn Backend>> {
        Err(Error::new(ErrorKind::BackendUnavailable, "fake.make", "no socket"))
    };
    let backends = world
        .backends()
        .with("silent", silent)
        .with("broken", broken)
        .with("other", move |_| Ok(Arc::new(MemoryBackend::new(memory.clone()))));
    let manager = world.another(backends).with_answer_limit(Duration::from_millis(20));
    let first = async |kinds: &[&str]| {
        let found = manager.first_usable(kinds).await.map_err(|error| error.kind());
        found.map(|kind| kind.unwrap_or_default())
    };
    assert_eq!(first(&["memory", "other"]).await.as_deref(), Ok("memory"));
    assert_eq!(first(&["other", "memory"]).await.as_deref(), Ok("other"));
    assert_eq!(first(&["broken", "silent", "unknown", "memory"]).await.as_deref(), Ok("memory"));
    assert_eq!(first(&["broken", "unknown"]).await.as_deref(), Ok(""));
    assert_eq!(first(&[]).await.as_deref(), Ok(""));
    assert_eq!(first(&["broken", "silent"]).await, Err(ErrorKind::BackendUnavailable));
    // What comes behind is not waited for.
    let patient = manager.with_answer_limit(Duration::from_secs(3600));
    let found = patient.first_usable(&["broken", "memory", "silent"]).await;
    assert_eq!(found.expect("one answers").as_deref(), Some("memory"));
}
