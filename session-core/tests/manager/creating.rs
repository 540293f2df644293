//! `create`: what it makes, what it refuses, and what it takes back.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use session_conformance::{MemoryBackend, MemoryWorld, Operation};
use session_core::{
    Backend as _, ContainerOptions, ErrorKind, Event, Isolation, MemoryRegistry, Phase, Progress,
    SessionSpec, Strategy,
};

use crate::place::{TEXT, assert_nothing_left, entries, named};
use crate::until;
use crate::world::{World, listen, short, waits};

/// S0.1, S4.21, S4.38, S4.41: the record passes through its phases, everything is the owner's only.
#[tokio::test]
async fn create_records_phases_and_writes_the_audit_line() {
    let world = World::new();
    let registry = Arc::clone(&world.registry);
    let (progress, mut events) = listen();
    let spec = waits(named("one").with_source("."));
    let creating = tokio::spawn({
        let manager = world.manager.clone();
        world.copies.waits.store(true, Ordering::SeqCst);
        async move { manager.create(spec, &progress).await }
    });
    until("the copy", || async { (world.copies.begun.load(Ordering::SeqCst) > 0).then_some(()) })
        .await;
    let name = "one".parse().expect("a good name");
    let seen = registry.find(&name).await.expect("the name is taken while it is made");
    assert_eq!(seen.record.phase, Phase::Creating);
    world.copies.waits.store(false, Ordering::SeqCst);

    let record = creating.await.expect("no panic").expect("the session can be made");
    assert_eq!(record.phase, Phase::Ready);
    assert_eq!((record.user.as_str(), record.name.as_str()), ("tester", "one"));
    assert_eq!(record.ssh_client.as_deref(), Some("192.0.2.1 5000 22"));
    assert_eq!(record.projects.len(), 1);
    let layout = world.place.layout();
    let copied = layout.workspace(&record.id).join("project/file");
    assert_eq!(std::fs::read_to_string(copied).expect("it was copied"), TEXT);
    let indexed = registry.find(&name).await.expect("it is in the index");
    assert_eq!(indexed.record, record);
    assert_eq!(world.manager.find(&record.id.to_string()).await.expect("by id"), record);
    assert_eq!(world.audit(), ["create one ok"]);

    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(short(&event));
    }
    let steps = ["record", "workspace", "backend", "ready"];
    let expected: Vec<_> = steps
        .iter()
        .flat_map(|step| [format!("+create.{step}"), format!("-create.{step}")])
        .collect();
    assert_eq!(told, expected);

    let home = layout.home();
    let private =
        [home.to_owned(), home.join("locks"), layout.sessions(), layout.session(&record.id)];
    for directory in private.into_iter().chain([layout.workspace(&record.id)]) {
        let mode = directory.metadata().expect("it was made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{directory}");
    }
    for file in [layout.audit(), layout.record(&record.id), layout.lock(&record.id)] {
        let mode = file.metadata().expect("it was made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let found = &world.found().await[&record.id.to_string()];
    assert_eq!(found.labels, record.spec.backend_labels());
}

/// S2.6: without a directory, the one that the person is in.
#[tokio::test]
async fn the_default_source_is_the_working_directory() {
    let world = World::new();
    let record = world.create("one").await;
    assert_eq!(record.sources().collect::<Vec<_>>(), [&world.place.project()]);

    let none = waits(named("two")).with_strategy(Strategy::None);
    let record = world.manager.create(none, &Progress::default()).await.expect("no project");
    assert!(record.projects.is_empty());
    assert_eq!(record.spec.working_directory, world.place.layout().workspace(&record.id));
}

/// Every problem of a request is in one error, and nothing was made.
#[tokio::test]
async fn all_problems_are_told_at_once() {
    let world = World::new();
    let spec = named("one")
        .with_backend("dokcer")
        .with_source("missing")
        .with_source(".")
        .with_branch("x")
        .with_command([""]);
    let error = world.manager.create(spec, &Progress::default()).await.expect_err("all is wrong");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let all = error.unmet().join("\n");
    for part in [
        "no backend kind `dokcer`; known kinds: memory",
        "missing` is not there",
        "--branch",
        "command",
    ] {
        assert!(all.contains(part), "{part} is not in {all}");
    }
    assert!(!world.place.layout().home().exists());
}

/// One problem keeps its own kind.
#[tokio::test]
async fn an_unknown_kind_lists_the_known_ones() {
    let world = World::new();
    let error = world
        .manager
        .create(named("one").with_backend("dokcer"), &Progress::default())
        .await
        .expect_err("there is no such kind");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("known kinds: memory"), "{error}");
    let missing = named("one").with_source("missing");
    let error =
        world.manager.create(missing, &Progress::default()).await.expect_err("it is missing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!world.place.layout().home().exists());
}

/// S4.E1: a taken name is told with what to do, and nothing is left of the second.
#[tokio::test]
async fn a_taken_name_is_refused() {
    let world = World::new();
    let record = world.create("one").await;
    let again = world.manager.create(waits(named("one")), &Progress::default()).await;
    let error = again.expect_err("the name is taken");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.message().contains("sessctl attach one"), "{error}");
    assert_eq!(entries(&world.place.layout().sessions()), [record.id.to_string()]);
    assert_eq!(
        entries(&world.place.layout().home().join("locks")),
        [format!("{}.lock", record.id), format!("{}.record", record.id)]
    );
}

/// S0.2, S4.T9: several in one second from one directory, without a name.
#[tokio::test]
async fn automatic_names_do_not_clash() {
    let world = World::new();
    let mut creating = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let manager = world.manager.clone();
        let spec = waits(SessionSpec::new());
        creating.spawn(async move { manager.create(spec, &Progress::default()).await });
    }
    let made: Vec<_> =
        creating.join_all().await.into_iter().map(|made| made.expect("made").name).collect();
    let unique: std::collections::BTreeSet<_> = made.iter().collect();
    assert_eq!(unique.len(), 5, "{made:?}");
}

/// A step that fails takes everything back; the name is free.
#[tokio::test]
async fn failure_at_each_step_takes_everything_back() {
    for step in ["record", "workspace", "directory", "backend", "ready"] {
        let world = World::new();
        let layout = world.place.layout();
        let mut spec = waits(named("one"));
        let mut progress = Progress::default();
        match step {
            "record" => {
                std::fs::create_dir_all(layout.home()).expect("the place is writable");
                std::fs::write(layout.sessions(), "no directory").expect("the home is writable");
            }
            "workspace" => world.copies.fails.store(true, Ordering::SeqCst),
            // A directory that is not part of what is copied.
            "directory" => {
                std::fs::write(world.place.project().join(".top"), "").expect("it is writable");
                std::fs::create_dir(world.place.project().join("left-out")).expect("writable");
                spec = spec.with_source("left-out");
            }
            "backend" => world.memory.fail_next(Operation::Create, ErrorKind::Io),
            _ => {
                // A newer version has been here meanwhile: its record is not written.
                let sessions = layout.sessions();
                progress = Progress::new(move |event| {
                    if short(&event) == "+create.ready" {
                        for id in entries(&sessions) {
                            let record = sessions.join(id).join("record.json");
                            let json = std::fs::read_to_string(&record).expect("it was written");
                            let json =
                                json.replace("\"schema_version\": 1", "\"schema_version\": 99");
                            std::fs::write(&record, json).expect("it is writable");
                        }
                    }
                });
            }
        }
        let outcome = world.manager.create(spec.clone(), &progress).await;
        let error = outcome.expect_err(step);
        assert!(error.session().is_some() || step == "record", "{step}: {error:?}");
        if step == "record" {
            std::fs::remove_file(layout.sessions()).expect("it is in the way");
        }
        assert_nothing_left(&layout);
        assert!(world.found().await.is_empty(), "{step}");
        let spec = waits(named("one")).with_strategy(Strategy::Copy);
        let again = world.manager.create(spec, &Progress::default()).await;
        again.unwrap_or_else(|error| panic!("{step}: the name is not free: {error}"));
    }
}

/// What can't be taken back now is told, and is taken back by whoever wants the name.
#[tokio::test]
async fn what_is_left_is_taken_back_by_the_next_create() {
    let world = World::new();
    world.memory.fail_next(Operation::Create, ErrorKind::Io);
    world.memory.fail_next(Operation::Destroy, ErrorKind::BackendUnavailable);
    let (progress, mut events) = listen();
    let failed = world.manager.create(waits(named("one")), &progress).await;
    assert_eq!(failed.expect_err("told to fail").kind(), ErrorKind::Io);
    let mut notices = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Notice { message } = event {
            notices.push(message);
        }
    }
    assert!(notices.iter().any(|notice| notice.contains("`one`")), "{notices:?}");
    let list = world.manager.list(&Default::default()).await.expect("lists work");
    assert_eq!(list.sessions[0].phase, Some(Phase::Creating));
    let record = world.create("one").await;
    assert_eq!(entries(&world.place.layout().sessions()), [record.id.to_string()]);
}

/// Ctrl-C during a copy leaves nothing.
#[tokio::test]
async fn cancelled_while_copying_leaves_nothing() {
    let world = World::new();
    world.copies.waits.store(true, Ordering::SeqCst);
    let progress = Progress::default();
    let creating = tokio::spawn({
        let (manager, progress) = (world.manager.clone(), progress.clone());
        async move { manager.create(waits(named("one")), &progress).await }
    });
    until("the copy", || async { (world.copies.begun.load(Ordering::SeqCst) > 0).then_some(()) })
        .await;
    progress.cancel();
    let error = creating.await.expect("no panic").expect_err("it was cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_nothing_left(&world.place.layout());
    assert!(world.found().await.is_empty());
    assert_eq!(world.audit(), ["create one Cancelled"]);
    world.copies.waits.store(false, Ordering::SeqCst);
    world.create("one").await;
}

/// Cancelled at any event before the last step, it is gone; afterwards it is whole.
#[tokio::test]
async fn cancelled_at_each_event_is_gone_or_whole() {
    for at in 0..8 {
        let world = World::new();
        let cancels: Arc<std::sync::OnceLock<Progress>> = Arc::default();
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let progress = Progress::new({
            let cancels = Arc::clone(&cancels);
            move |_| {
                if seen.fetch_add(1, Ordering::SeqCst) == at {
                    cancels.get().expect("set before the first event").cancel();
                }
            }
        });
        let _ = cancels.set(progress.clone());
        match world.manager.create(waits(named("one")), &progress).await {
            Ok(record) => {
                assert!(at >= 6, "event {at} is before the point of return");
                assert_eq!(record.phase, Phase::Ready);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Cancelled, "event {at}");
                assert_nothing_left(&world.place.layout());
                assert!(world.found().await.is_empty());
            }
        }
    }
}

/// S2.12: what is to be mounted is looked at before anything is made: it is there, and leads, links and all, to no other
/// session and no login.
#[tokio::test]
async fn what_is_mounted_is_looked_at_first() {
    let memory = MemoryWorld::new();
    let mut capabilities = MemoryBackend::new(memory.clone()).capabilities().clone();
    capabilities.isolation = Isolation::Container;
    let registry = Arc::new(MemoryRegistry::new());
    let world = World::with(memory.with_capabilities(capabilities), registry);
    let home = world.place.layout().home().to_owned();
    std::fs::create_dir_all(home.join("credentials")).expect("writable");
    let project = world.place.project();
    std::os::unix::fs::symlink(home.join("credentials"), project.join("innocent")).expect("a link");
    std::fs::create_dir(project.join("real")).expect("writable");
    std::os::unix::fs::symlink("real", project.join("link")).expect("a link");
    let asked = |text: &str| {
        let mut options = ContainerOptions::default();
        options.mounts = vec![text.parse().expect("a mount")];
        waits(named("one")).with_container(options)
    };
    for (text, part) in [("innocent:/x", "where sessions live"), ("nothing:/x", "make it first")] {
        let refused = world.manager.create(asked(text), &Progress::default()).await;
        let error = refused.expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(part), "{text}: {error}");
    }
    assert!(world.found().await.is_empty() && !world.place.layout().sessions().exists());
    let made = world.manager.create(asked("link:/x:rw"), &Progress::default()).await;
    let made = made.expect("it is there");
    let real = project.join("real").canonicalize_utf8().expect("it is there");
    assert_eq!(made.spec.container.mounts[0].to_string(), format!("{real}:/x:rw"));
}
