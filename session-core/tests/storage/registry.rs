//! The contract of `Registry`, for both that ship.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use session_core::{ErrorKind, Filter, MemoryRegistry, Registry, Revision, SqliteRegistry};

use crate::{Place, record, wait};

fn both(place: &Place) -> Vec<Arc<dyn Registry>> {
    let sqlite = SqliteRegistry::open(place.join("registry.db")).expect("it opens");
    vec![Arc::new(MemoryRegistry::new()), Arc::new(sqlite)]
}

fn names(registry: &dyn Registry, filter: &Filter) -> Vec<String> {
    let list = wait(registry.list(filter)).expect("it lists");
    list.into_iter()
        .map(|entry| match entry {
            Ok(entry) => entry.record.name.to_string(),
            Err(damaged) => format!("damaged {}", damaged.name.unwrap_or_default()),
        })
        .collect()
}

fn filter(backend: Option<&str>, source: Option<&str>, limit: Option<usize>) -> Filter {
    let mut filter = Filter::default();
    filter.backend = backend.map(str::to_owned);
    filter.source = source.map(Into::into);
    filter.limit = limit;
    filter
}

#[test]
fn insert_claims_name_and_id() {
    for registry in both(&Place::new()) {
        let first = record("auth", "local", "/a", 0);
        assert_eq!(wait(registry.insert(&first)).unwrap(), Revision(1));
        let clash = record("auth", "local", "/a", 1);
        let error = wait(registry.insert(&clash)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(error.session(), Some("auth"));
        let mut same_id = record("other", "local", "/a", 1);
        same_id.id = first.id;
        assert_eq!(wait(registry.insert(&same_id)).unwrap_err().kind(), ErrorKind::AlreadyExists);
        wait(registry.insert(&record("AUTH", "local", "/a", 2))).expect("case makes another name");
        assert_eq!(names(&*registry, &Filter::default()), ["AUTH", "auth"]);
    }
}

#[test]
fn update_is_compare_and_swap() {
    for registry in both(&Place::new()) {
        let mut session = record("auth", "local", "/a", 0);
        let seen = wait(registry.insert(&session)).unwrap();
        session.message_count = Some(1);
        let next = wait(registry.update(&session, seen)).unwrap();
        assert!(next > seen);
        session.message_count = Some(2);
        assert_eq!(wait(registry.update(&session, seen)).unwrap_err().kind(), ErrorKind::Busy);
        let entry = wait(registry.fetch(&session.id)).unwrap();
        assert_eq!((entry.record.message_count, entry.revision), (Some(1), next));
        let unknown = record("nobody", "local", "/a", 0);
        assert_eq!(wait(registry.update(&unknown, next)).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[test]
fn a_removed_name_is_free() {
    for registry in both(&Place::new()) {
        let session = record("auth", "local", "/a", 0);
        wait(registry.insert(&session)).unwrap();
        wait(registry.remove(&session.id)).unwrap();
        wait(registry.remove(&session.id)).expect("removing nothing is well");
        assert_eq!(wait(registry.fetch(&session.id)).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(wait(registry.find(&session.name)).unwrap_err().kind(), ErrorKind::NotFound);
        wait(registry.insert(&record("auth", "local", "/a", 0))).unwrap();
    }
}

/// S4.19.
#[test]
fn lists_are_newest_first_and_filtered() {
    for registry in both(&Place::new()) {
        for (name, backend, source, moment) in
            [("b", "local", "/p", 2), ("a", "docker", "/p", 1), ("c", "local", "/q", 3)]
        {
            wait(registry.insert(&record(name, backend, source, moment))).unwrap();
        }
        let list = |backend, source, limit| names(&*registry, &filter(backend, source, limit));
        assert_eq!(list(None, None, None), ["c", "b", "a"]);
        assert_eq!(list(None, None, Some(2)), ["c", "b"]);
        assert_eq!(list(Some("local"), None, None), ["c", "b"]);
        assert_eq!(list(None, Some("/p"), None), ["b", "a"]);
        assert_eq!(list(None, Some("/p"), Some(1)), ["b"]);
        assert_eq!(list(Some("docker"), Some("/p"), None), ["a"]);
        assert!(list(Some("podman"), None, None).is_empty());
        assert!(list(None, Some("/P"), None).is_empty());
    }
}

/// Moments closer together than a millisecond keep their order.
#[test]
fn order_is_exact() {
    for registry in both(&Place::new()) {
        for (name, fraction) in [("first", "1000001"), ("last", "1000003"), ("middle", "1000002")] {
            let mut session = record(name, "local", "/a", 0);
            session.created_at = format!("2026-01-01T00:00:00.{fraction}Z").parse().unwrap();
            wait(registry.insert(&session)).unwrap();
        }
        assert_eq!(names(&*registry, &Filter::default()), ["last", "middle", "first"]);
    }
}

/// The index of sources follows each change of a record.
#[test]
fn sources_follow_updates() {
    for registry in both(&Place::new()) {
        let mut session = record("auth", "local", "/old", 0);
        let seen = wait(registry.insert(&session)).unwrap();
        let mut second = session.spec.projects[0].clone();
        second.source = "/new\n\"x\"".into();
        session.spec.projects = vec![second];
        let seen = wait(registry.update(&session, seen)).unwrap();
        let from = |source| names(&*registry, &filter(None, Some(source), None));
        assert!(from("/old").is_empty());
        assert_eq!(from("/new\n\"x\""), ["auth"]);
        session.name = "other".parse().unwrap();
        wait(registry.update(&session, seen)).unwrap();
        assert_eq!(from("/new\n\"x\""), ["other"]);
        wait(registry.remove(&session.id)).unwrap();
        assert!(from("/new\n\"x\"").is_empty());
    }
}

#[test]
fn long_lists_are_parsed_in_order() {
    let place = Place::new();
    let registry = SqliteRegistry::open(place.join("registry.db")).unwrap();
    let records = (0..20_000).map(|n| Ok(record(&format!("s{n}"), "local", "/a", n))).collect();
    assert!(wait(registry.adopt(records)).unwrap().is_empty());
    let expected: Vec<_> = (0..20_000).rev().map(|n| format!("s{n}")).collect();
    assert_eq!(names(&registry, &Filter::default()), expected);
}

/// S4.19 (which left the registry readable for all), S4.38.
#[test]
fn only_the_owner_may_read_it() {
    let place = Place::new();
    let registry = SqliteRegistry::open(place.join("registry.db")).unwrap();
    wait(registry.insert(&record("auth", "local", "/a", 0))).unwrap();
    for part in ["", "-wal", "-shm"] {
        let facts = std::fs::metadata(place.join(&format!("registry.db{part}"))).unwrap();
        assert_eq!(facts.permissions().mode() & 0o777, 0o600, "{part}");
    }
}

/// What another version wrote is read back and written back.
#[test]
fn unknown_fields_survive() {
    for registry in both(&Place::new()) {
        let session = record("auth", "local", "/a", 0);
        let mut value: serde_json::Value =
            serde_json::from_slice(&session.to_json().unwrap()).unwrap();
        value["colour"] = "green".into();
        let session = session_core::SessionRecord::from_json(value.to_string().as_bytes()).unwrap();
        let seen = wait(registry.insert(&session)).unwrap();
        let mut entry = wait(registry.fetch(&session.id)).unwrap();
        entry.record.message_count = Some(3);
        wait(registry.update(&entry.record, seen)).unwrap();
        let entry = wait(registry.find(&session.name)).unwrap();
        let json = String::from_utf8(entry.record.to_json().unwrap()).unwrap();
        assert!(json.contains("\"colour\": \"green\""), "{json}");
    }
}

/// Odd characters in the path mean nothing.
#[test]
fn any_path_will_do() {
    let place = Place::new();
    let home = place.join("a b?c#d%20&mode=memory");
    std::fs::create_dir(&home).unwrap();
    let path = home.join("registry.db");
    let registry = SqliteRegistry::open(&path).unwrap();
    wait(registry.insert(&record("auth", "local", "/a", 0))).unwrap();
    drop(registry);
    assert!(path.metadata().unwrap().len() > 0, "the file is the one that was named");
    assert_eq!(names(&SqliteRegistry::open(path).unwrap(), &Filter::default()), ["auth"]);
}
