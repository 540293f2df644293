//! Several processes at one registry.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use session_core::{ErrorKind, Filter, Registry, SqliteRegistry};

use crate::{Place, record, wait};

const PATH: &str = "SESSION_CORE_TEST_REGISTRY";
const PROCESSES: usize = 4;
const UPDATES: u64 = 50;

/// Runs the test `name` of this binary in a process of its own.
fn child(name: &str, path: &camino::Utf8Path) -> Child {
    Command::new(std::env::current_exe().expect("a test knows its file"))
        .args(["--exact", name, "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::null())
        .spawn()
        .expect("this binary can be run")
}

#[allow(clippy::disallowed_methods, reason = "how this test talks to its own processes")]
fn given() -> Option<SqliteRegistry> {
    Some(SqliteRegistry::open(std::env::var(PATH).ok()?).expect("it opens in every process"))
}

/// Every process opens (and one makes) the registry, and all updates of one record count.
#[test]
fn no_update_is_lost() {
    let place = Place::new();
    let path = place.join("registry.db");
    let session = record("shared", "local", "/a", 0);
    wait(SqliteRegistry::open(&path).unwrap().insert(&session)).unwrap();
    let children: Vec<_> =
        (0..PROCESSES).map(|_| child("registry_processes::count_up", &path)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let entry = wait(SqliteRegistry::open(&path).unwrap().fetch(&session.id)).unwrap();
    assert_eq!(entry.record.message_count, Some(PROCESSES as u64 * UPDATES));
    assert_eq!(entry.revision.0, 1 + PROCESSES as u64 * UPDATES);
}

/// The body of a process of `no_update_is_lost`; by itself it does nothing.
#[test]
fn count_up() {
    let Some(registry) = given() else { return };
    let name = "shared".parse().unwrap();
    for _ in 0..UPDATES {
        loop {
            let mut entry = wait(registry.find(&name)).unwrap();
            entry.record.message_count = Some(entry.record.message_count.unwrap_or(0) + 1);
            match wait(registry.update(&entry.record, entry.revision)) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
            }
        }
    }
}

/// Two processes that create one name at once: one wins. Nobody made the file before.
#[test]
fn one_name_has_one_winner() {
    let place = Place::new();
    let path = place.join("registry.db");
    let children: Vec<_> =
        (0..PROCESSES).map(|_| child("registry_processes::claim", &path)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let list = wait(SqliteRegistry::open(&path).unwrap().list(&Filter::default())).unwrap();
    assert_eq!(list.len(), 20);
}

/// The body of a process of `one_name_has_one_winner`; by itself it does nothing.
#[test]
fn claim() {
    let Some(registry) = given() else { return };
    for n in 0..20 {
        if let Err(error) = wait(registry.insert(&record(&format!("name{n}"), "local", "/a", n))) {
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        }
    }
}

/// More calls at once than connections are kept.
#[test]
fn calls_run_side_by_side() {
    let place = Place::new();
    let registry = Arc::new(SqliteRegistry::open(place.join("registry.db")).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let session = record("shared", "local", "/a", 0);
    let seen = runtime.block_on(registry.insert(&session)).unwrap();
    let calls: Vec<_> = (0..32)
        .map(|n| {
            let (registry, mut session) = (Arc::clone(&registry), session.clone());
            session.message_count = Some(n);
            runtime.spawn(async move { registry.update(&session, seen).await })
        })
        .collect();
    let won = calls.into_iter().map(|call| runtime.block_on(call).unwrap());
    assert_eq!(
        won.filter(Result::is_ok).count(),
        1,
        "of N updates from one revision, one succeeds"
    );
}
