//! Registries that are damaged, newer, read-only or not there.

use std::fs;

use rusqlite::Connection;
use session_core::{
    DamagedEntry, Error, ErrorKind, Filter, Registry, SessionId, SqliteRegistry, Timestamp,
};

use crate::{Place, record, wait};

fn kind(path: &camino::Utf8Path) -> ErrorKind {
    SqliteRegistry::open(path).unwrap_err().kind()
}

/// S4.E7
#[test]
fn a_damaged_file_is_named_set_aside_and_made_again() {
    let place = Place::new();
    let path = place.join("registry.db");
    let sessions: Vec<_> = (0..50).map(|n| record(&format!("s{n}"), "local", "/a", n)).collect();
    let registry = SqliteRegistry::open(&path).unwrap();
    assert!(registry.is_new());
    for session in &sessions {
        wait(registry.insert(session)).unwrap();
    }
    drop(registry);
    fs::write(&path, b"null").unwrap();
    let error = SqliteRegistry::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.message().contains("sessctl doctor --rebuild"), "{error}");

    fs::write(place.join("registry.db-wal"), b"log").unwrap();
    let now = Timestamp::from_milliseconds(1_700_000_000_000);
    let aside = SqliteRegistry::set_aside(&path, now).unwrap();
    assert_eq!(aside, place.join("registry.db.damaged-20231114-221320"));
    assert_eq!(fs::read(&aside).unwrap(), b"null");
    assert!(place.join("registry.db.damaged-20231114-221320-wal").exists());
    assert!(!path.exists() && !place.join("registry.db-wal").exists());

    let registry = SqliteRegistry::open(&path).unwrap();
    assert!(registry.is_new());
    let left = wait(registry.adopt(sessions.iter().cloned().map(Ok).collect())).unwrap();
    assert!(left.is_empty());
    assert_eq!(wait(registry.list(&Filter::default())).unwrap().len(), 50);
    assert!(!SqliteRegistry::open(&path).unwrap().is_new(), "it was made from the records");

    fs::write(&path, b"again").unwrap();
    let second = SqliteRegistry::set_aside(&path, now).unwrap();
    assert_eq!(second, place.join("registry.db.damaged-20231114-221320-2"));
    assert_eq!(fs::read(&aside).unwrap(), b"null", "the first copy stays");
}

/// A registry whose maker died before it took the records in is still to be made.
#[test]
fn new_until_adopted() {
    let place = Place::new();
    let path = place.join("registry.db");
    drop(SqliteRegistry::open(&path).unwrap());
    assert!(SqliteRegistry::open(&path).unwrap().is_new());
    fs::write(&path, b"").unwrap();
    assert!(SqliteRegistry::open(&path).unwrap().is_new(), "an empty file holds nothing");
}

#[test]
fn damage_in_the_middle_is_an_error_not_a_panic() {
    let place = Place::new();
    let path = place.join("registry.db");
    let registry = SqliteRegistry::open(&path).unwrap();
    let records = (0..2000).map(|n| Ok(record(&format!("s{n}"), "local", "/a", n))).collect();
    wait(registry.adopt(records)).unwrap();
    drop(registry);
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[4096..length - 4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = match SqliteRegistry::open(&path) {
        Err(error) => error,
        Ok(registry) => wait(registry.list(&Filter::default())).unwrap_err(),
    };
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert!(error.message().contains("doctor --rebuild"));
}

#[test]
fn foreign_newer_and_impossible_files_are_refused() {
    let place = Place::new();
    let foreign = place.join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE music (title TEXT)").unwrap();
    assert_eq!(kind(&foreign), ErrorKind::Damaged);

    let newer = place.join("newer.db");
    drop(SqliteRegistry::open(&newer).unwrap());
    let connection = Connection::open(&newer).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = fs::read(&newer).unwrap();
    assert_eq!(kind(&newer), ErrorKind::NewerVersion);
    assert_eq!(fs::read(&newer).unwrap(), before, "it is left as it was");

    assert_eq!(kind(&place.join("missing/registry.db")), ErrorKind::NotFound);
    fs::create_dir(place.join("directory.db")).unwrap();
    assert_eq!(kind(&place.join("directory.db")), ErrorKind::PermissionDenied);
    let truncated = place.join("truncated.db");
    fs::write(&truncated, b"SQLite format 3\0").unwrap();
    assert_eq!(kind(&truncated), ErrorKind::Damaged);
}

/// A damaged record is an `Err` in its place; the others are listed.
#[test]
fn list_survives_damaged_rows() {
    let place = Place::new();
    let path = place.join("registry.db");
    let registry = SqliteRegistry::open(&path).unwrap();
    let sessions: Vec<_> = (0..8).map(|n| record(&format!("s{n}"), "local", "/a", n)).collect();
    for session in &sessions {
        wait(registry.insert(session)).unwrap();
    }
    let connection = Connection::open(&path).unwrap();
    let bad = ["null", "", "{\"id\":", "[]", "\u{0}\u{1}"];
    for (n, bad) in bad.iter().enumerate() {
        let changed = "UPDATE sessions SET record = ?1 WHERE name = ?2";
        assert_eq!(connection.execute(changed, (bad, format!("s{}", n + 1))).unwrap(), 1);
    }
    let other = "UPDATE sessions SET record = (SELECT record FROM sessions WHERE name = 's0') \
                 WHERE name = 's7'";
    connection.execute(other, []).unwrap();
    let list = wait(registry.list(&Filter::default())).unwrap();
    let seen: Vec<_> = list
        .iter()
        .map(|entry| match entry {
            Ok(entry) => format!("{}", entry.record.name),
            Err(damaged) => format!("!{}", damaged.name.as_deref().unwrap()),
        })
        .collect();
    assert_eq!(seen, ["!s7", "s6", "!s5", "!s4", "!s3", "!s2", "!s1", "s0"]);
    let error = wait(registry.fetch(&sessions[1].id)).unwrap_err();
    assert_eq!((error.kind(), error.session()), (ErrorKind::Damaged, Some("s1")));
    wait(registry.remove(&sessions[1].id)).expect("a damaged record can be removed");
}

#[test]
fn adopt_keeps_damaged_ones_and_tells_clashes() {
    let place = Place::new();
    let registry = SqliteRegistry::open(place.join("registry.db")).unwrap();
    let mut present = record("present", "local", "/a", 0);
    let seen = wait(registry.insert(&present)).unwrap();
    present.message_count = Some(7);
    wait(registry.update(&present, seen)).unwrap();
    let stale = {
        let mut stale = present.clone();
        stale.message_count = None;
        stale
    };
    let broken = || Error::new(ErrorKind::Damaged, "record.parse", "the record is no JSON object");
    let damaged_id = SessionId::new();
    let left = wait(registry.adopt(vec![
        Ok(stale),
        Ok(record("present", "local", "/a", 1)),
        Ok(record("fresh", "local", "/a", 2)),
        Err(DamagedEntry::new(Some(damaged_id), Some("present".to_owned()), broken())),
        Err(DamagedEntry::new(None, Some("stray".to_owned()), broken())),
    ]))
    .unwrap();
    let left: Vec<_> =
        left.iter().map(|entry| (entry.name.as_deref().unwrap(), entry.error.kind())).collect();
    assert_eq!(left, [("present", ErrorKind::AlreadyExists), ("stray", ErrorKind::Damaged)]);
    assert_eq!(wait(registry.fetch(&present.id)).unwrap().record.message_count, Some(7));
    let mut filter = Filter::default();
    filter.backend = Some("local".to_owned());
    let list = wait(registry.list(&filter)).unwrap();
    assert_eq!(list.len(), 3, "what is damaged is in every list");
    let last = list[2].as_ref().unwrap_err();
    assert_eq!((last.id, last.error.message()), (Some(damaged_id), "the record is no JSON object"));
}

/// Shown, never rewritten (invariant 12).
#[test]
fn a_newer_record_is_indexed_as_it_is() {
    let place = Place::new();
    let registry = SqliteRegistry::open(place.join("registry.db")).unwrap();
    let mut value: serde_json::Value =
        serde_json::from_slice(&record("new", "local", "/a", 0).to_json().unwrap()).unwrap();
    value["schema_version"] = 2.into();
    let text = value.to_string();
    let newer = session_core::SessionRecord::from_json(text.as_bytes()).unwrap();
    let seen = wait(registry.insert(&newer)).unwrap();
    assert!(wait(registry.fetch(&newer.id)).unwrap().record.is_newer());
    assert_eq!(wait(registry.update(&newer, seen)).unwrap_err().kind(), ErrorKind::NewerVersion);
    let mut changed = newer;
    changed.id = SessionId::new();
    assert_eq!(wait(registry.insert(&changed)).unwrap_err().kind(), ErrorKind::NewerVersion);
}

#[test]
fn busy_after_the_patience() {
    let place = Place::new();
    let path = place.join("registry.db");
    let patience = std::time::Duration::from_millis(20);
    let registry = SqliteRegistry::open_with_patience(&path, patience).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let session = record("auth", "local", "/a", 0);
    let error = wait(registry.insert(&session)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(wait(registry.list(&Filter::default())).unwrap().is_empty(), "readers do not wait");
    other.execute_batch("ROLLBACK").unwrap();
    wait(registry.insert(&session)).unwrap();
}
