//! Start, stop, restart and exec.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use session_conformance::{MemoryBackend, MemoryWorld, Operation, Step, memory_program};
use session_core::{
    Backends, Capabilities, ErrorKind, ExecRequest, HostView, Isolation, Manager, MemoryRegistry,
    Progress, SessionId, SessionRecord, Status, TerminalSize,
};
use tokio::io::AsyncReadExt as _;

use crate::place::{entries, named};
use crate::until;
use crate::world::{World, listen, runs, short, waits};

async fn status(world: &World, record: &SessionRecord) -> Status {
    let inspection = world.manager.inspect(record.name.as_str()).await.expect("it is there");
    inspection.status.expect("its backend answers")
}

/// S2.5, S4.20: a start is recorded, a second one is Ok, the link to it is made and goes.
#[tokio::test]
async fn start_and_stop_are_recorded() {
    let world = World::new();
    let created = world.create("one").await;
    let active = world.place.layout().home().join("active");
    let started = world.start(&created).await;
    assert!(started.started_at.is_some() && started.exit.is_none());
    assert!(status(&world, &created).await.is_running());
    let link = std::fs::read_link(active.join("one")).expect("there is a link");
    assert_eq!(link.to_str(), Some(format!("../sessions/{}", created.id).as_str()));

    let again = world.start(&created).await;
    assert_eq!(again, started);
    assert_eq!(world.holders.launches.lock().expect("no panic").len(), 1, "one holder");

    let stopped = world.stop(&created).await;
    let exit = stopped.exit.expect("its end is known");
    assert_eq!(exit.code, 143);
    assert_eq!(stopped.ended_at, Some(exit.at));
    assert_eq!(stopped.started_at, started.started_at);
    assert!(entries(&active).is_empty());
    assert_eq!(world.audit(), ["create one ok", "start one ok", "stop one ok"]);
}

/// S2.13: a stop of what does not run is Ok and silent.
#[tokio::test]
async fn stop_of_stopped_is_ok_and_silent() {
    let world = World::new();
    let created = world.create("one").await;
    let (progress, mut events) = listen();
    for _ in 0..2 {
        let stopped = world.manager.stop(&created.id, Duration::ZERO, &progress).await;
        assert_eq!(stopped.expect("nothing to do"), created);
    }
    assert!(events.try_recv().is_err());
    assert_eq!(world.audit(), ["create one ok"]);
    world.memory.vanish(&created.id);
    world.manager.stop(&created.id, Duration::ZERO, &progress).await.expect("nothing is there");
}

/// S4.17: exit and end are recorded even by a holder that did not get to it.
#[tokio::test]
async fn an_end_that_no_holder_recorded_is_recorded() {
    let world = World::new();
    let created = world.create("one").await;
    world.holders.records.store(false, Ordering::SeqCst);
    world.start(&created).await;
    let stopped = world.stop(&created).await;
    assert_eq!(stopped.exit.map(|exit| exit.code), Some(143));
    assert!(stopped.ended_at.is_some());
    let indexed = world.registry.fetch(&created.id).await.expect("it is in the index");
    assert!(indexed.record.exit.is_some());
}

/// A main process that ends by itself: its holder records it, and the link goes.
#[tokio::test]
async fn an_end_by_itself_is_recorded() {
    let world = World::new();
    let spec = runs(named("one"), &[Step::Exit(7)]);
    let created = world.manager.create(spec, &Progress::default()).await.expect("it is made");
    world.start(&created).await;
    let ended = until("the end", || async {
        world.manager.find("one").await.ok().filter(|record| record.exit.is_some())
    })
    .await;
    assert_eq!(ended.exit.map(|exit| exit.code), Some(7));
    until("the link's end", || async {
        entries(&world.place.layout().home().join("active")).is_empty().then_some(())
    })
    .await;
    assert_eq!(status(&world, &created).await.word(), "stopped");
}

/// A start that fails leaves the record as it was.
#[tokio::test]
async fn a_failed_start_restores_what_was_recorded() {
    let world = World::new();
    let created = world.create("one").await;
    world.start(&created).await;
    let stopped = world.stop(&created).await;
    for how in ["holder", "program"] {
        match how {
            "holder" => world.holders.fails.store(true, Ordering::SeqCst),
            _ => world.memory.fail_next(Operation::Start, ErrorKind::InvalidInput),
        }
        let size = TerminalSize::default();
        let failed = world.manager.start(&created.id, size, &Progress::default()).await;
        let error = failed.expect_err("told to fail");
        assert_eq!(error.session(), Some("one"), "{how}");
        assert_eq!(world.manager.find("one").await.expect("it is there"), stopped, "{how}");
        assert!(entries(&world.place.layout().home().join("active")).is_empty());
    }
    world.start(&created).await;
}

/// One holder died: the next start takes the main process again and does not start another.
#[tokio::test]
async fn a_dead_holder_is_replaced() {
    let world = World::new();
    let created = world.create("one").await;
    let started = world.start(&created).await;
    world.holders.kill(world.place.layout().home(), &created.id);
    let again = world.start(&created).await;
    assert_eq!(again.started_at, started.started_at);
    let launches = world.holders.launches.lock().expect("no panic").clone();
    assert_eq!(launches.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
}

/// S2.14: stop and start under one lock, whether it ran or not.
#[tokio::test]
async fn restart_is_one_operation() {
    let world = World::new();
    let created = world.create("one").await;
    let (progress, mut events) = listen();
    let size = TerminalSize::new(100, 30);
    for expected in [
        vec!["+start.record", "-start.record", "+start.main-process", "-start.main-process"],
        vec![
            "+stop.main-process",
            "-stop.main-process",
            "+start.record",
            "-start.record",
            "+start.main-process",
            "-start.main-process",
        ],
    ] {
        let restarted = world.manager.restart(&created.id, Duration::ZERO, size, &progress).await;
        assert!(restarted.expect("it restarts").exit.is_none());
        let mut told = Vec::new();
        while let Ok(event) = events.try_recv() {
            told.push(short(&event));
        }
        assert_eq!(told, expected);
        assert!(status(&world, &created).await.is_running());
    }
    let launches = world.holders.launches.lock().expect("no panic").clone();
    assert!(launches.iter().flatten().all(|launch| launch.size == size));
}

/// A session that is not there, or of which the backend has nothing, is not started.
#[tokio::test]
async fn what_is_not_there_is_not_started() {
    let world = World::new();
    let created = world.create("one").await;
    let (size, none) = (TerminalSize::default(), Progress::default());
    let unknown = world.manager.start(&SessionId::new(), size, &none).await;
    assert_eq!(unknown.expect_err("unknown").kind(), ErrorKind::NotFound);
    let unknown = world.manager.stop(&SessionId::new(), Duration::ZERO, &none).await;
    assert_eq!(unknown.expect_err("unknown").kind(), ErrorKind::NotFound);
    let locks = entries(&world.place.layout().home().join("locks"));
    assert!(locks.iter().all(|lock| lock.starts_with(&created.id.to_string())), "{locks:?}");
    world.memory.vanish(&created.id);
    let lost = world.manager.start(&created.id, size, &none).await;
    assert_eq!(lost.expect_err("vanished").kind(), ErrorKind::Lost);
    let request = ExecRequest::new(memory_program(&[]));
    let lost = world.manager.exec(&created.id, request).await;
    assert_eq!(lost.expect_err("vanished").kind(), ErrorKind::Lost);
    std::fs::remove_dir_all(world.place.layout().session(&created.id)).expect("it can be removed");
    let gone = world.manager.start(&created.id, size, &none).await;
    assert_eq!(gone.expect_err("its directory is gone").kind(), ErrorKind::Lost);
}

async fn exec(manager: &Manager, id: &SessionId, variables: &[&str]) -> Vec<String> {
    let steps: Vec<_> = variables.iter().map(|name| Step::Variable((*name).to_owned())).collect();
    let own = BTreeMap::from([("OWN".to_owned(), "of the request".to_owned())]);
    let request = ExecRequest::new(memory_program(&steps)).with_environment(own);
    let mut process = manager.exec(id, request).await.expect("it can be run");
    let mut text = String::new();
    process.stdout.read_to_string(&mut text).await.expect("text");
    process.control.wait().await.expect("it ends");
    text.lines().map(str::to_owned).collect()
}

/// S4.15, S4.23: the session's markers, and none of an outer session's.
#[tokio::test]
async fn the_environment_is_the_sessions_own() {
    let outer = BTreeMap::from(
        [
            ("PATH", "/bin"),
            ("SESSCTL_SESSION_ID", "outer"),
            ("SESSCTL_OTHER", "outer"),
            ("TMUX", "outer"),
            ("TERM", "dumb"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    for host_processes in [true, false] {
        let mut capabilities = Capabilities::new(Isolation::Directory);
        capabilities.host_processes = host_processes;
        capabilities.exec_when_stopped = true;
        let memory = MemoryWorld::new().with_capabilities(capabilities);
        let world = World::with(memory.clone(), Arc::new(MemoryRegistry::new()));
        let host = HostView::new(world.place.project(), "tester")
            .with_environment(outer.clone())
            .with_default_backend("memory");
        let manager = Manager::new(
            world.place.layout(),
            host,
            Backends::new()
                .with("memory", move |_| Ok(Arc::new(MemoryBackend::new(memory.clone())))),
            Arc::clone(&world.registry),
            Arc::clone(&world.copies) as Arc<_>,
            Arc::clone(&world.holders) as Arc<_>,
        );
        let mut spec = waits(named("one"));
        spec.environment.insert("FROM_SPEC".to_owned(), "yes".to_owned());
        spec.environment.insert("SESSCTL_SESSION_NAME".to_owned(), "forged".to_owned());
        let record = manager.create(spec, &Progress::default()).await.expect("it is made");
        let told = exec(
            &manager,
            &record.id,
            &[
                "SESSCTL_SESSION_ID",
                "SESSCTL_SESSION_NAME",
                "SESSCTL_SESSION_DIR",
                "SESSCTL_OTHER",
                "TMUX",
                "TERM",
                "FROM_SPEC",
                "OWN",
                "PATH",
                "PWD",
            ],
        )
        .await;
        let directory = world.place.layout().session(&record.id);
        let working = &record.spec.working_directory;
        let (path, pwd, directory) = match host_processes {
            true => ("PATH=/bin".to_owned(), format!("PWD={working}"), directory.to_string()),
            // A path that they can't see is not told to them.
            false => ("PATH=unset".to_owned(), "PWD=unset".to_owned(), "unset".to_owned()),
        };
        assert_eq!(
            told,
            [
                format!("SESSCTL_SESSION_ID={}", record.id),
                "SESSCTL_SESSION_NAME=one".to_owned(),
                format!("SESSCTL_SESSION_DIR={directory}"),
                "SESSCTL_OTHER=unset".to_owned(),
                "TMUX=unset".to_owned(),
                "TERM=xterm-256color".to_owned(),
                "FROM_SPEC=yes".to_owned(),
                "OWN=of the request".to_owned(),
                path,
                pwd,
            ]
        );
        let size = TerminalSize::default();
        manager.start(&record.id, size, &Progress::default()).await.expect("it starts");
        let launch = world.holders.launches.lock().expect("no panic")[0].clone();
        let environment = launch.expect("it was started").environment;
        assert_eq!(environment["SESSCTL_SESSION_ID"], record.id.to_string());
        assert_eq!(environment.contains_key("PATH"), host_processes);
    }
}
