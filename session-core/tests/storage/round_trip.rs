//! Records of other versions: read, changed, written back.

use std::fs;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use session_core::{ErrorKind, Exit, SessionRecord, Timestamp};

use crate::record;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/records");

fn fixture(name: &str) -> Value {
    let path = format!("{FIXTURES}/{name}.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

fn read(value: &Value) -> SessionRecord {
    SessionRecord::from_json(value.to_string().as_bytes()).unwrap()
}

fn written(record: &SessionRecord) -> Value {
    serde_json::from_slice(&record.to_json().unwrap()).unwrap()
}

/// A record in which every optional field is there.
fn full() -> SessionRecord {
    let mut record = record("auth", "local", "/a", 0);
    let now = Timestamp::from_milliseconds(1_700_000_000_000);
    record.ssh_client = Some("10.0.0.1 50000 22".to_owned());
    record.parent = Some(record.id);
    (record.started_at, record.ended_at, record.last_activity) = (Some(now), Some(now), Some(now));
    record.exit = Some(Exit::with_signal(9, now));
    record.model = Some("m".to_owned());
    (record.message_count, record.tool_call_count) = (Some(1), Some(2));
    record.spec.environment.insert("A".to_owned(), "1".to_owned());
    record.spec.labels.insert("team".to_owned(), "core".to_owned());
    record.projects[0].base_commit = Some("c0ffee".to_owned());
    record
}

/// The oldest record there is: with the fields that every version needs, and no other.
#[test]
fn an_old_record_is_read() {
    let old = fixture("1-minimal");
    let mut record = read(&old);
    assert_eq!(record.name.as_str(), "auth");
    assert!(record.projects.is_empty() && record.exit.is_none());
    record.model = Some("m".to_owned());
    let new = written(&record);
    assert_eq!(new["model"], "m");
    assert_eq!(new["created_at"], old["created_at"]);
}

/// S4.17: a record of a later version that this one can still read: nothing of it is lost.
#[test]
fn a_later_record_is_kept_whole() {
    let later = fixture("1-later");
    assert_eq!(written(&read(&later)), later, "untouched");
    let mut record = read(&later);
    record.message_count = Some(41);
    record.projects[0].branch = Some("other".to_owned());
    let mut expected = later;
    expected["message_count"] = 41.into();
    expected["projects"][0]["branch"] = "other".into();
    assert_eq!(written(&record), expected);
}

/// Invariant 12: shown, never rewritten.
#[test]
fn a_newer_version_is_shown_or_named() {
    let readable = read(&fixture("2-readable"));
    assert!(readable.is_newer());
    assert_eq!(readable.name.as_str(), "auth");
    assert_eq!(readable.to_json().unwrap_err().kind(), ErrorKind::NewerVersion);
    let other_form = fixture("2-unreadable").to_string();
    let error = SessionRecord::from_json(other_form.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NewerVersion);
}

#[test]
fn a_hostile_name_is_damage() {
    for name in ["../x", "", "a/b", "-rf", "\u{1b}[2J"] {
        for place in ["/name", "/spec/name"] {
            let mut value = written(&full());
            *value.pointer_mut(place).unwrap() = name.into();
            let error = SessionRecord::from_json(value.to_string().as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged, "{place} {name:?}");
        }
    }
}

/// What was taken out on purpose stays out, at every level, also beside unknown fields.
#[test]
fn fields_that_became_none_vanish() {
    let mut value = written(&full());
    for place in ["", "/spec", "/exit", "/projects/0", "/spec/projects/0"] {
        value.pointer_mut(place).unwrap()["future"] = json!({"kept": [1, 2]});
    }
    let mut record = read(&value);
    record.ssh_client = None;
    record.exit.as_mut().unwrap().signal = None;
    record.projects[0].base_commit = None;
    record.spec.projects[0].branch = None;
    record.spec.environment.clear();
    record.spec.labels.clear();
    let new = written(&record);
    assert_eq!(new.get("ssh_client"), None);
    assert_eq!(new["exit"].get("signal"), None);
    assert_eq!(new["projects"][0].get("base_commit"), None);
    assert_eq!(new["spec"]["projects"][0].get("branch"), None);
    assert_eq!((&new["spec"]["environment"], &new["spec"]["labels"]), (&json!({}), &json!({})));
    for place in ["", "/spec", "/exit", "/projects/0", "/spec/projects/0"] {
        assert_eq!(new.pointer(place).unwrap()["future"]["kept"], json!([1, 2]), "{place}");
    }
    record.exit = None;
    assert_eq!(written(&record).get("exit"), None);
}

/// What belongs to a project stays with it when others come and go.
#[test]
fn unknown_fields_follow_their_project() {
    let mut value = written(&full());
    value["projects"][0]["future"] = 1.into();
    let mut record = read(&value);
    let mut other = record.projects[0].clone();
    other.name = "other".to_owned();
    record.projects.insert(0, other);
    let new = written(&record);
    assert_eq!(new["projects"][0].get("future"), None);
    assert_eq!(new["projects"][1]["future"], 1);
    record.projects.pop();
    assert_eq!(written(&record)["projects"][0].get("future"), None);
}

/// Equality is that of the documents, not of how the values came about.
#[test]
fn a_record_equals_itself_read_back() {
    let record = full();
    assert_eq!(read(&written(&record)), record);
    let mut value = written(&record);
    value["future"] = 1.into();
    assert_ne!(read(&value), record);
}

/// What can be read past but not written again is an error when it is written, not a panic.
#[test]
fn what_cannot_be_kept_is_refused() {
    let text = written(&full()).to_string();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for unknown in ["1e999", deep.as_str(), r#""\ud800""#] {
        let text = text.replacen('{', &format!("{{\"future\":{unknown},"), 1);
        match SessionRecord::from_json(text.as_bytes()) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged),
            Ok(record) => {
                assert_eq!(record.to_json().unwrap_err().kind(), ErrorKind::Damaged);
                assert_eq!(record, record.clone());
                assert!(format!("{record:?}").contains("auth"));
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

/// The places of all objects in a full record.
const OBJECTS: [&str; 5] = ["", "/spec", "/exit", "/projects/0", "/spec/projects/0"];

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SessionRecord::from_json(&bytes);
    }

    #[test]
    fn no_json_panics(value in any_json()) {
        let _ = SessionRecord::from_json(value.to_string().as_bytes());
    }

    /// Anything in the place of anything: an error or a record that can be written.
    #[test]
    fn no_change_of_a_record_panics(value in any_json(), place in 0_usize..40) {
        let mut document = written(&full());
        let mut places = Vec::new();
        pointers(&document, String::new(), &mut places);
        *document.pointer_mut(&places[place % places.len()]).unwrap() = value;
        if let Ok(record) = SessionRecord::from_json(document.to_string().as_bytes()) {
            prop_assert!(record.is_newer() || record.to_json().is_ok());
        }
    }

    #[test]
    fn unknown_fields_survive(value in any_json(), key in "[a-z]{1,8}", place in 0..OBJECTS.len()) {
        let key = format!("future-{key}");
        let mut document = written(&full());
        document.pointer_mut(OBJECTS[place]).unwrap()[&key] = value.clone();
        let mut record = read(&document);
        record.message_count = Some(99);
        record.projects[0].skipped.push("socket".to_owned());
        let new = written(&record);
        prop_assert_eq!(&new.pointer(OBJECTS[place]).unwrap()[&key], &value);
        prop_assert_eq!(&new["message_count"], &Value::from(99));
        prop_assert_eq!(written(&read(&new)), new, "and again");
    }

    #[test]
    fn a_cut_record_is_damage(place in any::<prop::sample::Index>()) {
        let json = full().to_json().unwrap();
        let text = &json[..place.index(json.len() - 1)];
        prop_assert_eq!(SessionRecord::from_json(text).unwrap_err().kind(), ErrorKind::Damaged);
    }
}

fn pointers(value: &Value, place: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| pointers(inner, format!("{place}/{key}"), all));
        }
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(n, inner)| pointers(inner, format!("{place}/{n}"), all));
        }
        _ => {}
    }
    all.push(place);
}
