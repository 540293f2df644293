//! One operation at a time on one session, whoever asks.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::{
    ErrorKind, Event, Layout, MemoryRegistry, Phase, Progress, Registry, TerminalSize,
    open_registry,
};

use crate::disk;
use crate::fuse::{Blow, Fuse};
use crate::place::{Place, assert_nothing_left, named};
use crate::until;
use crate::world::{World, waits};

/// What tells the test binary to stay in the middle of a removal: `ROOT`.
const ORDER: &str = "SESSION_CORE_TEST_STAY";

/// Two managers: no step of one operation lies between two of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_of_two_managers_are_serial() {
    let world = World::new();
    let record = world.create("one").await;
    let managers = [world.manager.clone(), world.another(world.backends())];
    let told: Arc<Mutex<Vec<(usize, bool)>>> = Arc::default();
    let mut work = tokio::task::JoinSet::new();
    for worker in 0..6 {
        let (manager, told) = (managers[worker % 2].clone(), Arc::clone(&told));
        let progress = Progress::new(move |event| {
            let began = matches!(event, Event::StepBegan { .. });
            told.lock().expect("no panic").push((worker, began));
        });
        work.spawn(async move {
            for _ in 0..5 {
                let size = TerminalSize::default();
                let done = manager.restart(&record.id, Duration::ZERO, size, &progress).await;
                done.expect("it waits for its turn");
            }
        });
    }
    work.join_all().await;
    let told = told.lock().expect("no panic");
    for pair in told.chunks(2) {
        let [(began_by, true), (ended_by, false)] = pair else { panic!("{pair:?} overlap") };
        assert_eq!(began_by, ended_by, "steps overlap");
    }
    assert_eq!(world.holders.launches.lock().expect("no panic").len(), 30);
}

/// Whoever waits too long is told so, and what it waited for goes on.
#[tokio::test]
async fn busy_after_the_patience() {
    let world = World::new();
    world.copies.waits.store(true, Ordering::SeqCst);
    let manager = world.manager.clone();
    let creating =
        tokio::spawn(
            async move { manager.create(waits(named("one")), &Progress::default()).await },
        );
    until("the copy", || async { (world.copies.begun.load(Ordering::SeqCst) > 0).then_some(()) })
        .await;
    let record = world.manager.find("one").await.expect("its name is taken");
    // Also one that was cloned before.
    let impatient = world.manager.clone().with_patience(Duration::ZERO);
    let busy = impatient.remove(&record.id, true, &Progress::default()).await;
    let error = busy.expect_err("it is being made");
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(error.session(), Some(record.id.to_string().as_str()));
    // What somebody works on is no leftover.
    let report = impatient.reconcile().await.expect("it can be reconciled");
    assert!(report.settled.is_empty() && report.left.is_empty(), "{report:?}");
    let taken = impatient.create(waits(named("one")), &Progress::default()).await;
    assert_eq!(taken.expect_err("it is being made").kind(), ErrorKind::AlreadyExists);
    world.copies.waits.store(false, Ordering::SeqCst);
    let made = creating.await.expect("no panic").expect("it is made");
    assert_eq!(made.phase, Phase::Ready);
}

/// Two names at once: one wins, the other says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_want_a_name_one_gets_it() {
    let world = World::new();
    let mut work = tokio::task::JoinSet::new();
    for manager in [world.manager.clone(), world.another(world.backends())] {
        work.spawn(async move { manager.create(waits(named("one")), &Progress::default()).await });
    }
    let outcomes = work.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.into_iter().find_map(Result::err).expect("the other");
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert_eq!(world.found().await.len(), 1);
}

/// Invariant 13: two managers with different homes do not meet.
#[tokio::test]
async fn two_homes_do_not_meet() {
    let (here, there) = (World::new(), World::new());
    let one = here.create("one").await;
    let other = there.create("one").await;
    assert_ne!(one.id, other.id);
    here.start(&one).await;
    let list = there.manager.list(&Default::default()).await.expect("it lists");
    assert_eq!(list.sessions.len(), 1);
    assert_eq!(list.sessions[0].id, Some(other.id));
    assert_eq!(list.sessions[0].status.as_str(), "stopped");
    assert_eq!(list.notices, Vec::<String>::new());
    let missing = there.manager.remove(&one.id, true, &Progress::default()).await;
    assert_eq!(missing.expect_err("it is elsewhere").kind(), ErrorKind::NotFound);
    here.manager.remove(&one.id, true, &Progress::default()).await.expect("it is here");
    assert_nothing_left(&here.place.layout());
    assert_eq!(there.manager.find("one").await.expect("it is there"), other);
}

/// The child's part: stays in the middle of a removal; of no concern where nobody ordered it.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how this test tells itself what to be")]
async fn child() {
    let Ok(root) = std::env::var(ORDER) else { return };
    let root = camino::Utf8Path::new(&root);
    let opened = open_registry(&Layout::new(root.join("home"))).await.expect("the index opens");
    let manager = disk::manager(root, opened.registry, &Fuse::new(Blow::Unwind), false);
    let id = manager.find("one").await.expect("it is there").id;
    let stays = Progress::new(|event| {
        if matches!(event, Event::StepEnded { step, .. } if step == "backend") {
            use std::io::Write as _;
            let told = writeln!(std::io::stdout(), "\nin the middle");
            told.and_then(|()| std::io::stdout().flush()).expect("the parent reads");
            loop {
                std::thread::park();
            }
        }
    });
    let _ = manager.remove(&id, true, &stays).await;
}

/// Another process works on it: Busy; it is killed: its lock is free and its work is gone on with.
#[tokio::test]
async fn a_killed_process_releases_its_lock() {
    let place = Place::new();
    let opened = open_registry(&place.layout()).await.expect("the index opens");
    let manager = disk::manager(place.path(), opened.registry, &Fuse::new(Blow::Unwind), false);
    let none = Progress::default();
    let record = manager.create(named("one"), &none).await.expect("it can be made");
    let mut child = Command::new(std::env::current_exe().expect("this is a program"))
        .args(["--exact", "locks::child", "--nocapture"])
        .env(ORDER, place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs again");
    let output = BufReader::new(child.stdout.take().expect("piped above"));
    let told = output.lines().map_while(Result::ok).any(|line| line == "in the middle");
    assert!(told, "the child did not get there");

    let impatient = manager.clone().with_patience(Duration::ZERO);
    let busy = impatient.start(&record.id, TerminalSize::default(), &none).await;
    assert_eq!(busy.expect_err("another process removes it").kind(), ErrorKind::Busy);
    let report = impatient.reconcile().await.expect("it can be reconciled");
    assert!(report.settled.is_empty() && report.left.is_empty(), "{report:?}");
    // Its name is about to be free, which is waited for.
    let busy = impatient.create(named("one"), &none).await;
    assert_eq!(busy.expect_err("not yet gone").kind(), ErrorKind::Busy);

    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    let removed = impatient.remove(&record.id, false, &none).await.expect("the lock is free");
    assert!(removed.trash.is_some());
    assert_nothing_left(&place.layout());
}

/// A crash between the lock and the record leaves a lock file; it does not stay for ever.
#[tokio::test]
async fn lock_files_of_nothing_are_swept() {
    let place = Place::new();
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let manager = disk::manager(place.path(), registry, &Fuse::new(Blow::Unwind), false);
    let record = manager.create(named("one"), &Progress::default()).await.expect("it can be made");
    let locks = place.layout().home().join("locks");
    let stray = session_core::SessionId::new();
    for file in [format!("{stray}.lock"), format!("{stray}.record"), "of somebody else".to_owned()]
    {
        std::fs::write(locks.join(file), "").expect("it is writable");
    }
    manager.reconcile().await.expect("it can be reconciled");
    let left = crate::place::entries(&locks);
    assert!(!left.iter().any(|file| file.starts_with(&stray.to_string())), "{left:?}");
    assert!(left.contains(&format!("{}.lock", record.id)), "{left:?}");
    assert!(left.contains(&"of somebody else".to_owned()), "{left:?}");
}
