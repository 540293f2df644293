//! A process that is killed at any point leaves a session that is whole or gone.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use session_core::{
    ErrorKind, Filter, Layout, Manager, MemoryRegistry, Phase, Progress, Registry, Result,
    SessionRecord, TerminalSize, open_registry,
};

use crate::disk::manager;
use crate::fuse::{Blow, Fuse};
use crate::place::{Place, TEXT, assert_nothing_left, entries, named};

/// What tells the test binary that it is to be killed: `OPERATION POINT ROOT`.
const ORDER: &str = "SESSION_CORE_TEST_CRASH";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    /// With the engine's part made while the workspace is filled.
    CreateBeside,
    Start,
    Stop,
    Restart,
    Remove,
    Restore,
}

const OPERATIONS: [Operation; 7] = [
    Operation::Create,
    Operation::CreateBeside,
    Operation::Start,
    Operation::Stop,
    Operation::Restart,
    Operation::Remove,
    Operation::Restore,
];

/// The command that comes after the crash.
#[derive(Debug, Clone, Copy)]
enum Next {
    Reconcile,
    Create,
}

impl Operation {
    fn creates(self) -> bool {
        matches!(self, Self::Create | Self::CreateBeside)
    }

    fn is_beside(self) -> bool {
        self == Self::CreateBeside
    }

    /// Brings a home to where the operation is possible.
    async fn prepare(self, manager: &Manager) -> Result<()> {
        let none = Progress::default();
        if self.creates() {
            return Ok(());
        }
        let record = manager.create(named("one"), &none).await?;
        match self {
            Self::Create | Self::CreateBeside | Self::Start => {}
            Self::Stop | Self::Restart | Self::Remove => {
                manager.start(&record.id, TerminalSize::default(), &none).await?;
            }
            Self::Restore => drop(manager.remove(&record.id, false, &none).await?),
        }
        Ok(())
    }

    async fn run(self, manager: &Manager, progress: &Progress) -> Result<()> {
        let (size, grace) = (TerminalSize::default(), Duration::ZERO);
        if self.creates() {
            return manager.create(named("one"), progress).await.map(drop);
        }
        if self == Self::Restore {
            return manager.restore("one", progress).await.map(drop);
        }
        let id = manager.find("one").await?.id;
        match self {
            Self::Start => manager.start(&id, size, progress).await.map(drop),
            Self::Stop => manager.stop(&id, grace, progress).await.map(drop),
            Self::Restart => manager.restart(&id, grace, size, progress).await.map(drop),
            _ => manager.remove(&id, true, progress).await.map(drop),
        }
    }
}

/// Runs with a manager of a fresh process: nothing in memory is left of the crash.
async fn fresh(root: &Utf8Path) -> Manager {
    let opened = open_registry(&Layout::new(root.join("home"))).await.expect("the index opens");
    assert_eq!(opened.notices, Vec::<String>::new());
    manager(root, opened.registry, &Fuse::new(Blow::Unwind), false)
}

/// The child's part; of no concern where nobody ordered it.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how this test tells itself what to be")]
async fn child() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let mut words = order.splitn(3, ' ');
    let mut word = || words.next().expect("three words");
    let (operation, point, root) = (word(), word(), Utf8Path::new(word()));
    let operation = OPERATIONS.into_iter().find(|known| format!("{known:?}") == operation);
    let operation = operation.expect("a known operation");
    let fuse = Fuse::new(Blow::Kill);
    let opened = open_registry(&Layout::new(root.join("home"))).await.expect("the index opens");
    let manager = manager(root, opened.registry, &fuse, operation.is_beside());
    operation.prepare(&manager).await.expect("it can be prepared");
    fuse.light(point.parse().expect("a number"));
    operation.run(&manager, &fuse.progress()).await.expect("it works");
    // It ends well where there are fewer points.
}

/// Whether the child was killed at `point`.
fn kill(operation: Operation, point: u32, root: &Utf8Path) -> bool {
    let output = Command::new(std::env::current_exe().expect("this is a program"))
        .args(["--exact", "crash::child", "--nocapture"])
        .env(ORDER, format!("{operation:?} {point} {root}"))
        .stdin(Stdio::null())
        .output()
        .expect("this program runs again");
    use std::os::unix::process::ExitStatusExt as _;
    if output.status.signal() == Some(9) {
        return true;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{operation:?} {point}: {text}");
    false
}

/// Lets the next command run, and demands that the session is whole or gone and no work lost.
async fn demand_whole_or_gone(root: &Utf8Path, manager: &Manager, ran: Operation, next: Next) {
    let layout = Layout::new(root.join("home"));
    let none = Progress::default();
    let files = |directory: &str| {
        let directory = layout.home().join(directory);
        let work = |id: &String| directory.join(id).join("workspace/project/file");
        entries(&directory)
            .iter()
            .filter(|id| std::fs::read_to_string(work(id)).is_ok_and(|text| text == TEXT))
            .count()
    };
    match next {
        Next::Reconcile => {
            let report = manager.reconcile().await.expect("it can be reconciled");
            assert!(report.left.is_empty(), "{:?}", report.left);
            let again = manager.reconcile().await.expect("twice, too");
            assert!(again.settled.is_empty() && again.left.is_empty(), "{again:?}");
            assert!(ran.creates() || files("sessions") + files("trash") == 1);
        }
        Next::Create => {
            let expected = match manager.create(named("one"), &none).await {
                Ok(_) => 2,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
                    1
                }
            };
            let kept = files("sessions") + files("trash");
            assert!(kept == expected || ran.creates() && kept == 1, "{kept}");
        }
    }
    let list = manager.list(&Filter::default()).await.expect("it can be listed");
    assert_eq!(list.notices, Vec::<String>::new());
    let ids: Vec<_> = list.sessions.iter().filter_map(|item| item.id).collect();
    let shown: Vec<_> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(entries(&layout.sessions()), shown);
    assert_eq!(entries(&root.join("engine")), shown);
    for lock in entries(&layout.home().join("locks")) {
        let known = shown.iter().any(|id| lock.starts_with(id.as_str()));
        assert!(known || matches!(next, Next::Create), "the lock {lock} is left");
    }
    match ids.as_slice() {
        [] => {
            assert!(entries(&layout.home().join("active")).is_empty());
            let record = manager.create(named("one"), &none).await.expect("the name is free");
            manager.remove(&record.id, false, &none).await.expect("it can be removed");
        }
        [id] => demand_whole(manager, &manager.find("one").await.expect("found"), id).await,
        more => panic!("{more:?}"),
    }
    manager.reconcile().await.expect("it can be reconciled");
    assert_nothing_left(&layout);
    assert_eq!(std::fs::read_to_string(root.join("project/file")).expect("it is there"), TEXT);
}

async fn demand_whole(manager: &Manager, record: &SessionRecord, id: &session_core::SessionId) {
    let none = Progress::default();
    assert_eq!((&record.id, record.phase), (id, Phase::Ready));
    let started = manager.start(id, TerminalSize::default(), &none).await.expect("it starts");
    assert!(started.started_at.is_some());
    let stopped = manager.stop(id, Duration::ZERO, &none).await.expect("it stops");
    assert!(stopped.exit.is_some() && stopped.ended_at.is_some());
    manager.remove(id, false, &none).await.expect("it can be removed");
}

/// S2.E7, invariants 5 to 7: `kill -9` at every event, at every change of the index and of the
/// engine, of each operation.
#[test]
fn killed_at_every_point_it_is_whole_or_gone() {
    let workers: Vec<_> = OPERATIONS
        .into_iter()
        .map(|operation| {
            std::thread::spawn(move || {
                for point in 0.. {
                    let place = Place::new();
                    let killed = kill(operation, point, place.path());
                    let next = if point % 2 == 0 { Next::Reconcile } else { Next::Create };
                    let runtime = tokio::runtime::Builder::new_current_thread();
                    let runtime = { runtime }.enable_all().build().expect("no limit is reached");
                    runtime.block_on(async {
                        let manager = fresh(place.path()).await;
                        demand_whole_or_gone(place.path(), &manager, operation, next).await;
                    });
                    if !killed {
                        assert!(point > 6, "{operation:?} has only {point} points");
                        break;
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().expect("every point of it was whole or gone");
    }
}

/// As the above, faster, with each of the next commands: work that unwinds stands for a kill.
#[tokio::test]
async fn cut_off_at_every_point_it_is_whole_or_gone() {
    for operation in OPERATIONS {
        for next in [Next::Reconcile, Next::Create] {
            for point in 0.. {
                let place = Place::new();
                let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
                let fuse = Fuse::new(Blow::Unwind);
                let doomed =
                    manager(place.path(), Arc::clone(&registry), &fuse, operation.is_beside());
                operation.prepare(&doomed).await.expect("it can be prepared");
                fuse.light(point);
                let outcome = operation.run(&doomed, &fuse.progress()).await;
                let blown = !fuse.put_out();
                if blown {
                    let error = outcome.expect_err("it was cut off");
                    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
                } else {
                    outcome.expect("it was not cut off");
                }
                let manager = manager(place.path(), registry, &Fuse::new(Blow::Unwind), false);
                demand_whole_or_gone(place.path(), &manager, operation, next).await;
                if !blown {
                    break;
                }
            }
        }
    }
}
