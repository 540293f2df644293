//! `remove`: out of the way at once, into the trash, and refused where it should be.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use session_conformance::Operation;
use session_core::{
    Catalog, ErrorKind, Exit, Filter, Manager, MemoryRegistry, Phase, Progress, Registry,
    SessionId, Timestamp,
};

use crate::fuse::{Call, Hooked};
use crate::place::{TEXT, assert_nothing_left, entries};
use crate::world::{World, short};

/// S2.16, S2.E5: a running session is removed by force only.
#[tokio::test]
async fn a_running_session_is_removed_by_force_only() {
    let world = World::new();
    let record = world.create("one").await;
    world.start(&record).await;
    let none = Progress::default();
    let refused = world.manager.remove(&record.id, false, &none).await;
    let error = refused.expect_err("it runs");
    assert_eq!((error.kind(), error.session()), (ErrorKind::Refused, Some("one")));
    assert!(error.message().contains("sessctl stop one"), "{error}");
    assert_eq!(world.manager.find("one").await.expect("it is there").phase, Phase::Ready);

    let removed = world.manager.remove(&record.id, true, &none).await.expect("by force");
    assert_eq!(removed.record.name, record.name);
    assert!(world.found().await.is_empty());
    assert_nothing_left(&world.place.layout());
    assert_eq!(world.audit(), ["create one ok", "start one ok", "remove one ok"]);
}

/// Invariant 7: the trash holds all of it, as it was.
#[tokio::test]
async fn the_trash_holds_everything() {
    let world = World::new();
    let record = world.create("one").await;
    let layout = world.place.layout();
    let log = layout.log(&record.id);
    std::fs::create_dir(&log).expect("the session's directory is writable");
    std::fs::write(log.join("terminal"), "what was shown").expect("it is writable");
    let work = record.projects[0].path.join("new work");
    std::fs::write(&work, "unsaved").expect("it is writable");

    let removed = world.manager.remove(&record.id, false, &Progress::default()).await;
    let trash = removed.expect("it is stopped").trash.expect("it had a directory");
    assert_eq!(trash, layout.trash().join(record.id.to_string()));
    let project = trash.join("workspace/project");
    for (file, text) in
        [("file", TEXT), ("new work", "unsaved"), ("../../log/terminal", "what was shown")]
    {
        assert_eq!(std::fs::read_to_string(project.join(file)).expect(file), text);
    }
    assert_nothing_left(&layout);
    assert_eq!(std::fs::read_to_string(world.place.project().join("file")).expect("there"), TEXT);
}

/// The second time it is NotFound, and no lock is left of the asking.
#[tokio::test]
async fn a_second_remove_is_not_found() {
    let world = World::new();
    let record = world.create("one").await;
    let none = Progress::default();
    world.manager.remove(&record.id, false, &none).await.expect("it is stopped");
    let again = world.manager.remove(&record.id, false, &none).await;
    assert_eq!(again.expect_err("it is gone").kind(), ErrorKind::NotFound);
    assert_nothing_left(&world.place.layout());
    world.create("one").await;
}

/// A session of which the directory, or the backend's part, is gone can be removed.
#[tokio::test]
async fn what_is_partly_gone_can_be_removed() {
    let world = World::new();
    let none = Progress::default();
    let record = world.create("one").await;
    std::fs::remove_dir_all(world.place.layout().session(&record.id)).expect("it is there");
    let removed = world.manager.remove(&record.id, false, &none).await.expect("it can be removed");
    assert_eq!(removed.trash, None);
    let record = world.create("one").await;
    world.memory.vanish(&record.id);
    let removed = world.manager.remove(&record.id, false, &none).await.expect("it can be removed");
    assert!(removed.trash.is_some());
    assert!(world.found().await.is_empty());
    assert_nothing_left(&world.place.layout());
}

/// Invariant 12: what a newer version wrote is shown and neither changed nor removed.
#[tokio::test]
async fn a_newer_record_is_refused() {
    let world = World::new();
    let record = world.create("one").await;
    let path = world.place.layout().record(&record.id);
    let json = std::fs::read_to_string(&path).expect("it is there");
    let newer = json.replace("\"schema_version\": 1", "\"schema_version\": 2");
    std::fs::write(&path, &newer).expect("it is writable");
    let none = Progress::default();
    for force in [false, true] {
        let refused = world.manager.remove(&record.id, force, &none).await;
        assert_eq!(refused.expect_err("it is newer").kind(), ErrorKind::NewerVersion);
    }
    let refused = world.manager.start(&record.id, Default::default(), &none).await;
    assert_eq!(refused.expect_err("it is newer").kind(), ErrorKind::NewerVersion);
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), newer);
    assert!(world.found().await.contains_key(&record.id.to_string()));
}

/// An engine that fails in the middle: it is half removed, shown so, and the next one goes on.
#[tokio::test]
async fn a_removal_that_failed_is_gone_on_with() {
    let world = World::new();
    let record = world.create("one").await;
    let none = Progress::default();
    world.memory.fail_next(Operation::Destroy, ErrorKind::BackendUnavailable);
    let failed = world.manager.remove(&record.id, false, &none).await;
    assert_eq!(failed.expect_err("told to fail").kind(), ErrorKind::BackendUnavailable);
    let list = world.manager.list(&Default::default()).await.expect("lists work");
    assert_eq!(list.sessions[0].phase, Some(Phase::Removing));
    world.memory.fail_next(Operation::Destroy, ErrorKind::BackendUnavailable);
    let report = world.manager.reconcile().await.expect("one that is left is no error");
    assert_eq!((report.settled.len(), report.left.len()), (0, 1));
    let report = world.manager.reconcile().await.expect("it can be reconciled");
    assert_eq!((report.settled.len(), report.left.len()), (1, 0));
    assert_nothing_left(&world.place.layout());
    assert_eq!(entries(&world.place.layout().trash()), [record.id.to_string()]);
}

/// A holder that is late records an end while its session goes: the index gets no row back.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_late_holder_brings_no_row_back() {
    remove_beside(|catalog, id| async move {
        let _ = catalog.record_end(&id, Exit::with_code(0, Timestamp::now()), None).await;
    })
    .await;
}

/// Nor does it by a rebuild that had read the file before.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_rebuild_beside_a_removal_brings_no_row_back() {
    remove_beside(|catalog, _| async move {
        let _ = catalog.rebuild().await;
    })
    .await;
}

async fn remove_beside<F: Future<Output = ()>>(
    work: impl Fn(Catalog, SessionId) -> F + Send + Sync + 'static,
) {
    let late: Arc<OnceLock<std::thread::ThreadId>> = Arc::default();
    let (reached, reads) = channel();
    let (gone, removed) = channel::<()>();
    let (gate, removed) = (Arc::clone(&late), Mutex::new(removed));
    let inner: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let hook = move |call| {
        // Only the holder waits, between the file that it has written and the index.
        if call == Call::Reads && gate.get() == Some(&std::thread::current().id()) {
            let _ = reached.send(());
            let removed = removed.lock().expect("one waits");
            // Where the removal waits for the holder, nobody comes: then it goes on.
            let _ = removed.recv_timeout(Duration::from_millis(300));
        }
    };
    let registry: Arc<dyn Registry> =
        Arc::new(Hooked { inner: Arc::clone(&inner), hook: Box::new(hook) });
    let world = World::with(Default::default(), registry);
    let record = world.create("one").await;

    let (catalog, id) = (world.manager.catalog().clone(), record.id);
    let holder = Arc::new(Mutex::new(None));
    let (started, reads) = (Arc::clone(&holder), Mutex::new(reads));
    let work = Arc::new(work);
    let progress = Progress::new(move |event| match short(&event).as_str() {
        "-remove.backend" => {
            let (catalog, late, work) = (catalog.clone(), Arc::clone(&late), Arc::clone(&work));
            let thread = std::thread::spawn(move || {
                late.set(std::thread::current().id()).expect("there is one holder");
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("no limit is reached").block_on(work(catalog, id));
            });
            reads.lock().expect("one waits").recv().expect("the holder gets there");
            *started.lock().expect("no panic") = Some(thread);
        }
        "-remove.index" => gone.send(()).unwrap_or_default(),
        _ => {}
    });
    world.manager.remove(&record.id, false, &progress).await.expect("it can be removed");
    let holder = holder.lock().expect("no panic").take().expect("it was started");
    holder.join().expect("no panic");
    let rows = inner.list(&Filter::default()).await.expect("it lists");
    assert!(rows.is_empty(), "{rows:?}");
    assert_nothing_left(&world.place.layout());
}

/// A world whose registry has a session removed, all of it and once, at the `number`th call of a kind after it is armed.
struct Ambush {
    world: World,
    armed: Arc<Mutex<Option<(Manager, SessionId)>>>,
}

impl Ambush {
    fn at(kind: Call, number: usize) -> Self {
        let armed: Arc<Mutex<Option<(Manager, SessionId)>>> = Arc::default();
        let (waits, calls) = (Arc::clone(&armed), AtomicUsize::new(0));
        let hook = move |call| {
            let mut armed = waits.lock().expect("no panic");
            if call == kind && armed.is_some() && calls.fetch_add(1, Ordering::SeqCst) + 1 == number
            {
                let (manager, id) = armed.take().expect("it was looked at");
                drop(armed);
                let removal = std::thread::spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let progress = Progress::default();
                    let removal = manager.remove(&id, false, &progress);
                    runtime.expect("no limit is reached").block_on(removal)
                });
                removal.join().expect("no panic").expect("it can be removed");
            }
        };
        let inner: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        let registry = Arc::new(Hooked { inner, hook: Box::new(hook) });
        Self { world: World::with(Default::default(), registry), armed }
    }

    fn arm(&self, id: SessionId) {
        let manager = self.world.manager.clone();
        *self.armed.lock().expect("no panic") = Some((manager, id));
    }

    fn is_over(&self) -> bool {
        self.armed.lock().expect("no panic").is_none()
    }
}

/// Issue 3: a name whose session is removed while it is asked for is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_becomes_free_meanwhile_is_taken() {
    // Calls come before and after a change; the first is the insertion that is refused.
    let ambush = Ambush::at(Call::Changes, 2);
    let old = ambush.world.create("one").await;
    ambush.arm(old.id);
    let new = ambush.world.create("one").await;
    assert!(ambush.is_over(), "nothing was removed meanwhile");
    assert_ne!(new.id, old.id);
    assert_eq!(ambush.world.manager.find("one").await.expect("it is there").id, new.id);
}

/// Lesson 12: what is removed after the records were read, and before the backends are asked, is gone and not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_removed_meanwhile_is_not_listed() {
    let ambush = Ambush::at(Call::Listed, 1);
    let (old, other) = (ambush.world.create("one").await, ambush.world.create("two").await);
    ambush.arm(old.id);
    let listed = ambush.world.manager.list(&Filter::default()).await.expect("lists always work");
    assert!(ambush.is_over(), "nothing was removed meanwhile");
    let ids: Vec<_> = listed.sessions.iter().map(|item| item.id).collect();
    assert_eq!(ids, [Some(other.id)], "{listed:?}");
    assert!(listed.notices.is_empty(), "{:?}", listed.notices);
}
