//! Callers that give up waiting do not stop the work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_conformance::MemoryWorld;
use session_core::{
    Capabilities, ErrorKind, Event, Isolation, MemoryRegistry, Progress, SessionId, SessionRecord,
    TerminalSize,
};
use tokio::sync::mpsc::unbounded_channel;

use crate::place::{assert_nothing_left, entries, named};
use crate::until;
use crate::world::{World, waits};

/// Waits for `operation` up to its event number `at`, then lets go; gives the id it was about, and
/// whether it was let go.
async fn drop_at<F: Future>(
    at: usize,
    operation: impl FnOnce(Progress) -> F,
) -> (Option<SessionId>, bool) {
    let (sender, mut events) = unbounded_channel();
    let progress = Progress::new(move |event| drop(sender.send(event)));
    let work = operation(progress);
    tokio::pin!(work);
    let mut seen = None;
    let mut count = 0;
    loop {
        tokio::select! {
            biased;
            event = events.recv() => {
                if let Some(Event::StepBegan { session, .. }) = event {
                    seen = Some(session);
                }
                if count == at {
                    return (seen, true);
                }
                count += 1;
            }
            _ = &mut work => return (seen, false),
        }
    }
}

/// Waits until nobody works on the session: whoever does holds its lock.
async fn settled(world: &World, id: &SessionId) -> SessionRecord {
    let none = Progress::default();
    let stop = world.manager.stop(id, Duration::ZERO, &none).await;
    stop.expect("the work goes on without its caller")
}

/// Invariant 5: a dropped `create` comes to its end; also one that makes two things at once.
#[tokio::test]
async fn a_dropped_create_is_completed() {
    for beside in [false, true] {
        for at in 0.. {
            let memory = MemoryWorld::new();
            let mut capabilities = Capabilities::new(Isolation::Container);
            capabilities.create_beside_workspace = beside;
            let registry = Arc::new(MemoryRegistry::new());
            let world = World::with(memory.with_capabilities(capabilities), registry);
            let (id, dropped) = drop_at(at, |progress| {
                let manager = world.manager.clone();
                async move { manager.create(waits(named("one")), &progress).await }
            })
            .await;
            let record = settled(&world, &id.expect("it has begun")).await;
            assert_eq!(record.phase, session_core::Phase::Ready);
            assert_eq!(world.found().await.len(), 1);
            if !dropped {
                assert_eq!(at, 8, "two events for each of four steps");
                break;
            }
        }
    }
}

/// The same for `start`: what was let go runs, and its end is recorded.
#[tokio::test]
async fn a_dropped_start_is_completed() {
    for at in 0.. {
        let world = World::new();
        let record = world.create("one").await;
        let (_, dropped) = drop_at(at, |progress| {
            let manager = world.manager.clone();
            async move { manager.start(&record.id, TerminalSize::default(), &progress).await }
        })
        .await;
        let started = world.start(&record).await;
        assert!(started.started_at.is_some());
        assert_eq!(world.holders.launches.lock().expect("no panic").len(), 1, "one start");
        assert!(settled(&world, &record.id).await.exit.is_some());
        if !dropped {
            assert_eq!(at, 4, "two events for each of two steps");
            break;
        }
    }
}

/// The same for `remove` of a running session.
#[tokio::test]
async fn a_dropped_remove_is_completed() {
    for at in 0.. {
        let world = World::new();
        let record = world.create("one").await;
        world.start(&record).await;
        let (_, dropped) = drop_at(at, |progress| {
            let manager = world.manager.clone();
            async move { manager.remove(&record.id, true, &progress).await }
        })
        .await;
        let again = world.manager.remove(&record.id, true, &Progress::default()).await;
        assert_eq!(again.expect_err("it is gone").kind(), ErrorKind::NotFound);
        assert!(world.found().await.is_empty());
        assert_nothing_left(&world.place.layout());
        assert_eq!(entries(&world.place.layout().trash()), [record.id.to_string()]);
        if !dropped {
            assert_eq!(at, 12, "two events for each of six steps");
            break;
        }
    }
}

/// A restore that is let go is completed, too.
#[tokio::test]
async fn a_dropped_restore_is_completed() {
    for at in 0.. {
        let world = World::new();
        let record = world.create("one").await;
        let removed = world.manager.remove(&record.id, false, &Progress::default()).await;
        removed.expect("it can be removed");
        let (_, dropped) = drop_at(at, |progress| {
            let manager = world.manager.clone();
            async move { manager.restore("one", &progress).await }
        })
        .await;
        assert_eq!(settled(&world, &record.id).await, record);
        if !dropped {
            break;
        }
    }
}

/// Of a plain backend 3 to 45 of a hundred come back after a destroy when callers drop `create`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_comes_back() {
    const ROUNDS: usize = 200;
    let world = Arc::new(World::new());
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (world, next) = (Arc::clone(&world), Arc::clone(&next));
        workers.spawn(async move {
            loop {
                let round = next.fetch_add(1, Ordering::SeqCst);
                if round >= ROUNDS {
                    break;
                }
                let manager = world.manager.clone();
                let create = |progress| async move {
                    manager.create(waits(named(&format!("n{round}"))), &progress).await
                };
                let (id, _) = drop_at(round % 9, create).await;
                let (id, none) = (id.expect("it has begun"), Progress::default());
                if round % 3 == 0 {
                    // The removal's caller gives up at once, too.
                    let manager = world.manager.clone();
                    drop_at(
                        0,
                        |progress| async move { manager.remove(&id, true, &progress).await },
                    )
                    .await;
                } else {
                    world.manager.remove(&id, true, &none).await.expect("it was whole by then");
                }
            }
        });
    }
    workers.join_all().await;
    until("the last removal", || async {
        world.registry.list(&Default::default()).await.expect("it lists").is_empty().then_some(())
    })
    .await;
    until("the last lock's end", || async {
        entries(&world.place.layout().home().join("locks")).is_empty().then_some(())
    })
    .await;
    assert_nothing_left(&world.place.layout());
    assert!(world.found().await.is_empty(), "sessions came back");
    assert_eq!(world.manager.trash().await.expect("it can be read").len(), ROUNDS);
}
