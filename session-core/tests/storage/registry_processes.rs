//! Several processes at one registry.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use session_core::{ErrorKind, Filter, Registry, SqliteRegistry};

use crate::{Place, record, wait};

const PATH: &str = "SESSION_CORE_TEST_REGISTRY";
const PROCESSES: usize = 4;
const UPDATES: u64 = 50;

/// Runs the test `name` of this binary in a process of its own.
fn child(name: &str, path: &camino::Utf8Path) -> Child {
    command(name, path).spawn().expect("this binary can be run")
}

fn command(name: &str, path: &camino::Utf8Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test knows its file"));
    command.args(["--exact", name, "--nocapture"]).env(PATH, path).stdout(Stdio::null());
    command
}

#[allow(clippy::disallowed_methods, reason = "how this test talks to its own processes")]
fn given() -> Option<SqliteRegistry> {
    Some(SqliteRegistry::open(std::env::var(PATH).ok()?).expect("it opens in every process"))
}

/// S1.15, S4.19: every process opens (and one makes) the registry, and all updates of one record count.
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

/// S1.15: two processes that create one name at once: one wins. Nobody made the file before.
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

/// A home that its owner may only look at: another user, since root may write everywhere.
#[test]
#[expect(clippy::print_stderr, reason = "a skip must be seen")]
fn a_home_without_permission_can_be_looked_at() {
    const NOBODY: u32 = 65534;
    let place = Place::new();
    let path = place.join("registry.db");
    let registry = SqliteRegistry::open(&path).unwrap();
    wait(registry.insert(&record("auth", "local", "/a", 0))).unwrap();
    drop(registry);
    let give = |path: &camino::Utf8Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        chown(path, Some(NOBODY), Some(NOBODY))
    };
    if give(&path, 0o400).is_err() {
        eprintln!("SKIPPED: another user can't be taken here (needs root)");
        return;
    }
    give(place.path(), 0o500).unwrap();
    let mut look = command("registry_processes::look", &path);
    match look.uid(NOBODY).gid(NOBODY).current_dir("/").spawn() {
        Ok(mut look) => assert!(look.wait().unwrap().success()),
        Err(error) => eprintln!("SKIPPED: another user can't run this test: {error}"),
    }
}

/// The body of a process of `a_home_without_permission_can_be_looked_at`.
#[test]
fn look() {
    let Some(registry) = given() else { return };
    assert!(registry.is_read_only());
    let list = wait(registry.list(&Filter::default())).unwrap();
    assert_eq!(list.len(), 1);
    let error = wait(registry.insert(&record("other", "local", "/a", 0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}
