//! The record files.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use session_core::{ErrorKind, Layout, Records, SessionId};

use crate::{Place, record};

fn at(place: &Place) -> (Records, Layout) {
    let layout = Layout::new(place.join("home"));
    (Records::new(layout.clone()), layout)
}

#[test]
fn what_is_written_is_read() {
    let place = Place::new();
    let (records, layout) = at(&place);
    assert!(records.scan().unwrap().is_empty(), "a missing home holds nothing");
    assert!(!layout.home().exists(), "and looking does not make it");
    let mut session = record("auth", "local", "/a", 0);
    assert_eq!(records.write(&session).unwrap_err().kind(), ErrorKind::NotFound);
    records.create(&session).unwrap();
    assert_eq!(records.create(&session).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(records.read(&session.id).unwrap(), session);
    session.message_count = Some(4);
    records.write(&session).unwrap();
    assert_eq!(records.read(&session.id).unwrap().message_count, Some(4));
    assert_eq!(records.read(&SessionId::new()).unwrap_err().kind(), ErrorKind::NotFound);
    let mode = |path: &camino::Utf8Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&layout.record(&session.id)), 0o600);
    assert_eq!(mode(&layout.session(&session.id)), 0o700);
    assert_eq!(mode(layout.home()), 0o700);
}

/// A removed session does not come back because somebody still writes its record.
#[test]
fn a_gone_session_stays_gone() {
    let place = Place::new();
    let (records, layout) = at(&place);
    let session = record("auth", "local", "/a", 0);
    records.create(&session).unwrap();
    fs::remove_dir_all(layout.session(&session.id)).unwrap();
    assert_eq!(records.write(&session).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!layout.session(&session.id).exists());
}

/// Bad records: `null`, truncated, binary, huge, another session's, not a file at all.
#[test]
fn bad_records_are_errors_in_their_place() {
    let place = Place::new();
    let (records, layout) = at(&place);
    let good = record("good", "local", "/a", 0);
    records.create(&good).unwrap();
    let whole = String::from_utf8(good.to_json().unwrap()).unwrap();
    let hostile = whole.replace("\"good\"", "\"../x\"");
    let bad: [(&str, &[u8]); 8] = [
        ("null", b"null"),
        ("empty", b""),
        ("truncated", &whole.as_bytes()[..whole.len() / 2]),
        ("binary", &[0xff, 0xfe, 0, 1, 2]),
        ("list", b"[]"),
        ("huge", &vec![b' '; 17 * 1024 * 1024]),
        ("of another session", whole.as_bytes()),
        ("hostile name", hostile.as_bytes()),
    ];
    for (what, bytes) in bad {
        let id = SessionId::new();
        fs::create_dir(layout.session(&id)).unwrap();
        fs::write(layout.record(&id), bytes).unwrap();
        let error = records.read(&id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{what}: {error}");
        assert_eq!(error.session(), Some(id.to_string().as_str()), "{what}");
    }
    let list = records.scan().unwrap();
    assert_eq!(list.len(), 9);
    assert_eq!(list.iter().filter(|entry| entry.is_ok()).count(), 1);
    let named: Vec<_> =
        list.iter().filter_map(|entry| entry.as_ref().err()?.name.clone()).collect();
    assert_eq!(named, ["good"], "only a name that can be one is passed on");
}

/// Nothing is followed, nothing blocks.
#[test]
fn links_directories_and_fifos_are_refused() {
    let place = Place::new();
    let (records, layout) = at(&place);
    let good = record("good", "local", "/a", 0);
    records.create(&good).unwrap();
    let outside = place.join("outside");
    fs::rename(layout.session(&good.id), &outside).unwrap();

    symlink(&outside, layout.session(&good.id)).unwrap();
    assert_eq!(records.read(&good.id).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(records.write(&good).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(records.scan().unwrap().len(), 1);
    assert!(records.scan().unwrap()[0].is_err());
    fs::remove_file(layout.session(&good.id)).unwrap();

    fs::create_dir(layout.session(&good.id)).unwrap();
    let refused = || records.read(&good.id).unwrap_err();
    symlink(outside.join("record.json"), layout.record(&good.id)).unwrap();
    assert_eq!(refused().kind(), ErrorKind::Damaged);
    records.write(&good).expect("a write replaces the link, not what it names");
    assert!(fs::symlink_metadata(layout.record(&good.id)).unwrap().is_file());

    fs::remove_file(layout.record(&good.id)).unwrap();
    fs::create_dir(layout.record(&good.id)).unwrap();
    assert_eq!(refused().kind(), ErrorKind::Damaged);

    fs::remove_dir(layout.record(&good.id)).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    let path = layout.record(&good.id);
    rustix::fs::mknodat(rustix::fs::CWD, path.as_std_path(), fifo, 0o600.into(), 0).unwrap();
    assert_eq!(refused().kind(), ErrorKind::Damaged);
}

#[test]
fn what_is_no_session_is_told_or_passed_over() {
    let place = Place::new();
    let (records, layout) = at(&place);
    let (empty, working) = (SessionId::new(), SessionId::new());
    fs::create_dir_all(layout.session(&empty)).unwrap();
    fs::create_dir_all(layout.workspace(&working)).unwrap();
    fs::create_dir(layout.sessions().join("my-notes")).unwrap();
    fs::create_dir(layout.sessions().join(".hidden")).unwrap();
    fs::write(layout.sessions().join("file"), "").unwrap();
    let list = records.scan().unwrap();
    let seen: Vec<_> = list.iter().map(|entry| entry.as_ref().unwrap_err()).collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0].id, Some(working));
    assert!(seen[0].error.message().contains("workspace"), "it says where the work is");
    assert_eq!(seen[1].name.as_deref(), Some("my-notes"));
}

/// A writer killed between its steps leaves a file that nobody reads and the next writer removes.
#[test]
fn partial_writes_are_ignored_and_removed() {
    let place = Place::new();
    let (records, layout) = at(&place);
    let session = record("auth", "local", "/a", 0);
    records.create(&session).unwrap();
    let directory = layout.session(&session.id);
    fs::write(directory.join(".record-dead.tmp"), b"{\"half\":").unwrap();
    fs::write(directory.join(".record-notes"), b"not ours").unwrap();
    let alive = fs::File::create(directory.join(".record-alive.tmp")).unwrap();
    alive.lock().unwrap();
    assert_eq!(records.scan().unwrap().len(), 1);
    records.write(&session).unwrap();
    let exists = |name: &str| directory.join(name).exists();
    assert!(!exists(".record-dead.tmp"));
    assert!(exists(".record-alive.tmp") && exists(".record-notes"));
    assert_eq!(records.read(&session.id).unwrap(), session);
}

/// Invariant 12.
#[test]
fn a_newer_record_is_read_and_never_written() {
    let place = Place::new();
    let (records, layout) = at(&place);
    let session = record("auth", "local", "/a", 0);
    records.create(&session).unwrap();
    let path = layout.record(&session.id);
    let text = fs::read_to_string(&path).unwrap();
    let newer = text.replace("\"schema_version\": 1", "\"schema_version\": 2");
    fs::write(&path, &newer).unwrap();
    let read = records.read(&session.id).unwrap();
    assert!(read.is_newer());
    assert_eq!(records.write(&read).unwrap_err().kind(), ErrorKind::NewerVersion);
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}
