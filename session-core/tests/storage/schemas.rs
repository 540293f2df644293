//! `docs/schemas` is what the code says, and tells valid documents from others.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use session_core::profile::{ProfileFile, Profiles};
use session_core::{
    Analytics, Error, ErrorKind, ErrorReport, Event, Exit, ListItem, SessionId, SessionList,
    SessionSpec, SessionStats, Status, Timestamp, schemas,
};

use crate::record;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn documents(directory: &Path) -> Vec<(PathBuf, Value)> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        (path, value)
    };
    entries.map(|entry| read(entry.unwrap().path())).collect()
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(schema).expect("the schema is one")
}

fn of(name: &str) -> jsonschema::Validator {
    let schema = schemas().into_iter().find(|schema| schema.0 == name).expect("it is listed").1;
    validator(&schema)
}

fn accepts(name: &str, document: &impl serde::Serialize) {
    let document = serde_json::to_value(document).unwrap();
    let problems: Vec<_> = of(name).iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{name}: {problems:?}\n{document:#}");
}

/// Invariant 14.
#[test]
fn the_files_are_what_the_code_says() {
    let directory = PathBuf::from(ROOT).join("../docs/schemas");
    for (name, schema) in schemas() {
        let path = directory.join(format!("{name}.json"));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let again = "cargo run -p session-core --example generate-schemas -- docs/schemas";
        assert!(text == format!("{schema:#}\n"), "{name}.json is old; run `{again}`");
    }
    // `config` is the command's own, and compared there.
    let documents = documents(&directory);
    let ours = documents.iter().filter(|(path, _)| !path.ends_with("config.json"));
    assert_eq!(ours.count(), schemas().len(), "no file without a schema");
}

#[test]
fn schemas_say_what_they_are() {
    for (name, schema) in schemas() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert_eq!(schema["$id"], format!("urn:sessctl:schema:{name}"));
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{name}");
        jsonschema::meta::validate(&schema).expect("it is a schema");
    }
}

#[test]
fn samples_are_told_apart() {
    for (name, schema) in schemas() {
        let validator = validator(&schema);
        let samples = |sort: &str| {
            let directory =
                PathBuf::from(ROOT).join("tests/fixtures/samples").join(sort).join(name);
            let samples = documents(&directory);
            assert!(!samples.is_empty(), "{directory:?}");
            samples
        };
        for (path, sample) in samples("valid") {
            let problems: Vec<_> = validator.iter_errors(&sample).map(|e| e.to_string()).collect();
            assert!(problems.is_empty(), "{path:?}: {problems:?}");
            assert!(parses(name, &sample), "{path:?} is valid and can't be read");
        }
        for (path, sample) in samples("invalid") {
            assert!(!validator.is_valid(&sample), "{path:?} must not be valid");
            assert!(!parses(name, &sample), "{path:?} must not be readable");
        }
    }
}

fn parses(name: &str, sample: &Value) -> bool {
    let sample = sample.clone();
    match name {
        "spec" => serde_json::from_value::<SessionSpec>(sample).is_ok(),
        "record" => session_core::SessionRecord::from_json(sample.to_string().as_bytes()).is_ok(),
        "list" => serde_json::from_value::<SessionList>(sample).is_ok(),
        "stats" => serde_json::from_value::<SessionStats>(sample).is_ok(),
        "analytics" => serde_json::from_value::<Analytics>(sample).is_ok(),
        "event" => serde_json::from_value::<Event>(sample).is_ok(),
        "labels" => serde_json::from_value::<session_core::SessionLabels>(sample).is_ok(),
        "error" => serde_json::from_value::<ErrorReport>(sample).is_ok(),
        "profile" => {
            let text = toml::to_string(&sample).expect("it can be written as TOML");
            let file = ProfileFile::new("sample", text, "sample.toml");
            Profiles::shipped().with_files(&[file]).find("sample").is_ok()
        }
        other => panic!("no type for {other}"),
    }
}

/// A misspelt field of a request is an error, not a default.
#[test]
fn a_spec_denies_unknown_fields() {
    let spec = serde_json::json!({"name": "auth", "comand": ["sh"]});
    let error = serde_json::from_value::<SessionSpec>(spec.clone()).unwrap_err();
    assert!(error.to_string().contains("comand"), "{error}");
    assert!(!of("spec").is_valid(&spec));
}

/// S0.27.
#[test]
fn what_is_written_is_valid() {
    let now = Timestamp::from_milliseconds(1_700_000_000_000);
    let session = record("auth", "local", "/a", 0);
    accepts("record", &session);
    accepts("spec", &SessionSpec::new().with_source("/a").with_branch("b"));
    let error = Error::new(ErrorKind::Damaged, "record.parse", "the record is no JSON object");
    accepts("error", &error.report());
    accepts("error", &Error::problems("policy.resolve", vec!["a".into(), "b".into()]).report());
    let step = |step: &str| (session.id, "create".to_owned(), step.to_owned());
    let (id, operation, step) = step("record");
    accepts("event", &Event::StepBegan { session: id, operation, step });
    accepts(
        "event",
        &Event::Copied {
            project: "p".to_owned(),
            files: 1,
            bytes: 2,
            total_files: 3,
            total_bytes: 4,
        },
    );
    accepts(
        "analytics",
        &Analytics::new(now, Vec::new(), vec!["docker does not answer".to_owned()]),
    );
    accepts("event", &Event::Notice { message: "m".to_owned() });
    let statuses = [
        Status::Incomplete,
        Status::Stopped { exit: None },
        Status::Stopped { exit: Some(Exit::with_code(3, now)) },
        Status::Running { since: now },
        Status::Lost { reason: "holder".to_owned() },
    ];
    let item = |status: &Status| ListItem::new(&session, &Ok(status.clone()));
    let mut items: Vec<_> = statuses.iter().map(item).collect();
    for (item, status) in items.iter().zip(&statuses) {
        assert_eq!(item.status.as_str(), status.word());
    }
    items.push(ListItem::new(&session, &Err("docker does not answer".to_owned())));
    items.push(ListItem::damaged(Some(SessionId::new()), "broken", error.message()));
    accepts("list", &SessionList::new(items, vec!["docker does not answer".to_owned()]));
}

/// S2: a live directory is never called isolated.
#[test]
fn a_mount_is_not_isolated() {
    let mut session = record("auth", "local", "/a", 0);
    let stopped = Ok(Status::Stopped { exit: None });
    assert!(ListItem::new(&session, &stopped).isolated);
    session.spec.projects[0].strategy = session_core::Strategy::Mount;
    assert!(!ListItem::new(&session, &stopped).isolated);
    assert!(!ListItem::new(&session, &Err("no answer".to_owned())).isolated);
}

/// How a session ended is told from the record where its backend has forgotten it.
#[test]
fn a_stopped_session_tells_how_it_ended() {
    let now = Timestamp::from_milliseconds(1_700_000_000_000);
    let mut session = record("auth", "local", "/a", 0);
    session.exit = Some(Exit::with_code(3, now));
    let code = |status: Status| ListItem::new(&session, &Ok(status)).exit_code;
    assert_eq!(code(Status::Stopped { exit: None }), Some(3));
    assert_eq!(code(Status::Stopped { exit: Some(Exit::with_code(4, now)) }), Some(4));
    assert_eq!(code(Status::Running { since: now }), None, "that was another time");
}
