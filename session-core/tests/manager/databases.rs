//! Conversations of agents that keep them in a database: documents are made of them, and taken in.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::Connection;
use session_conformance::{Step, memory_program};
use session_core::profile::{Profile, Profiles};
use session_core::{
    AgentOptions, ErrorKind, ExportTo, Manager, Progress, Result, SessionRecord, TerminalSize,
};

use crate::place::{host, named};
use crate::world::World;

const PROFILE: &str = r#"
title = "Clerk"
program = "program"

[arguments]
new = [STEPS]
resume = [STEPS, "${CONVERSATION_ID}"]
import = [TAKING, "${FROM}"]

[environment]
scrub = ["CLERK_HOME", "CLERK_CHILD"]

[places.own]
variable = "CLERK_HOME"
default = "${HOME}/.clerk"

[conversation]
id = "agent"
own_id = "about.id"

[conversation.database]
file = "own/talks.db"
host = "${OWN}/talks.db"
conversations = "SELECT id, at FROM talk"
messages = "SELECT number FROM said WHERE talk = ?1 ORDER BY number"
document = """
SELECT json_object('about', json_object('id', id), 'said', json((
    SELECT json_group_array(words) FROM (SELECT words FROM said WHERE talk = id ORDER BY number))))
FROM talk WHERE id = ?1"""
"#;

struct Clerks {
    world: World,
    manager: Manager,
    theirs: Utf8PathBuf,
}

impl Clerks {
    /// Clerks that take conversations in by these steps, or on the host by this shell script.
    fn new(taking: &[Step], script: &str) -> Self {
        let world = World::new();
        let quoted = |steps: &[Step]| format!("{:?}", memory_program(steps)[1]);
        let text = PROFILE.replace("STEPS", &quoted(&[Step::Wait]));
        let text = text.replace("TAKING", &quoted(taking));
        let profile = Profile::from_toml("clerk", &text, "clerk.toml").expect("it is valid");
        let bin = world.place.path().join("bin");
        std::fs::create_dir_all(&bin).expect("writable");
        std::fs::write(bin.join("program"), format!("#!/bin/sh\n{script}\n")).expect("writable");
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(bin.join("program"), mode).expect("ours");
        let theirs = world.place.path().join("theirs");
        std::fs::create_dir_all(&theirs).expect("writable");
        let environment = BTreeMap::from(
            [("PATH", format!("{bin}:/usr/bin:/bin")), ("CLERK_HOME", theirs.to_string())]
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let mut environment = environment;
        environment.insert("CLERK_CHILD".to_owned(), "1".to_owned());
        let manager = Manager::new(
            world.place.layout(),
            host(&world.place.project(), "memory").with_environment(environment),
            world.backends(),
            Arc::clone(&world.registry),
            Arc::clone(&world.copies) as Arc<_>,
            Arc::clone(&world.holders) as Arc<_>,
        )
        .with_profiles(Profiles::new().with(profile));
        Self { world, manager, theirs }
    }

    async fn create(&self, name: &str, from: Option<&str>) -> Result<SessionRecord> {
        let mut options = AgentOptions::default();
        options.resume_from = from.map(str::to_owned);
        let spec = named(name).with_agent("clerk").with_agent_options(options);
        self.manager.create(spec, &Progress::default()).await
    }

    async fn start(&self, record: &SessionRecord) -> Result<SessionRecord> {
        self.manager.start(&record.id, TerminalSize::default(), &Progress::default()).await
    }

    fn launches(&self) -> usize {
        self.world.holders.launches.lock().expect("nobody panics with it").len()
    }
}

fn state(record: &SessionRecord) -> Utf8PathBuf {
    record.spec.agent_plan.as_ref().expect("it has a plan").state.host.clone()
}

fn taken_in(record: &SessionRecord) -> bool {
    let plan = record.spec.agent_plan.as_ref().expect("it has a plan");
    plan.origin.as_ref().expect("it comes from elsewhere").taken_in
}

/// A database with one conversation.
fn write(file: &Utf8Path, id: &str, said: &[&str]) {
    std::fs::create_dir_all(file.parent().expect("it has one")).expect("writable");
    let _ = std::fs::remove_file(file);
    let database = Connection::open(file).expect("it can be made");
    let made = "CREATE TABLE talk (id TEXT, at INTEGER); CREATE TABLE said (talk TEXT, number INTEGER, words TEXT)";
    database.execute_batch(made).expect("it can be made");
    database.execute("INSERT INTO talk VALUES (?1, 1767225600000)", [id]).expect("writable");
    for (number, words) in said.iter().enumerate() {
        let row = (id, i64::try_from(number).expect("small"), words);
        database.execute("INSERT INTO said VALUES (?1, ?2, ?3)", row).expect("writable");
    }
}

const DOCUMENT: &str = r#"{"about":{"id":"t1"},"said":["one","\"two\""]}"#;
const SAID: &[&str] = &["one", "\"two\""];

/// S1.3: a document is made of the source's database while it is stopped, and the agent takes it in before the first start;
/// the source stays.
#[tokio::test]
async fn a_document_is_taken_in_once() {
    let clerks = Clerks::new(&[Step::Exit(0)], "exit 9");
    let one = clerks.create("one", None).await.expect("it can be made");
    let file = state(&one).join("own/talks.db");
    write(&file, "t1", SAID);
    let before = std::fs::read(&file).expect("it is there");
    let two = clerks.create("two", Some("one")).await.expect("it can be made");
    let origin = two.spec.agent_plan.clone().expect("a plan").origin.expect("it has one");
    assert!(origin.import && !origin.fork && !origin.taken_in, "{origin:?}");
    let carried = std::fs::read_to_string(state(&two).join(&origin.copy));
    assert_eq!(carried.expect("it is there"), DOCUMENT);
    assert_eq!(std::fs::read(&file).expect("it is there"), before);

    let started = clerks.start(&two).await.expect("it can be started");
    assert!(taken_in(&started));
    // What is not there any more can't be taken in again.
    std::fs::remove_file(state(&two).join(&origin.copy)).expect("it is there");
    let progress = Progress::default();
    clerks.manager.stop(&two.id, std::time::Duration::ZERO, &progress).await.expect("it stops");
    clerks.start(&two).await.expect("it can be started");
}

/// An agent that can't take it in says why, nothing is launched, and the next start tries again.
#[tokio::test]
async fn what_is_not_taken_in_is_tried_again() {
    let clerks = Clerks::new(&[Step::Print("no room".to_owned()), Step::Exit(3)], "exit 9");
    write(&clerks.theirs.join("talks.db"), "t1", SAID);
    let one = clerks.create("one", Some("t1")).await.expect("it can be made");
    for _ in 0..2 {
        let error = clerks.start(&one).await.expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.message().contains("code 3, and it said `no room`"), "{error}");
        assert!(error.message().contains("sessctl start one"), "{error}");
        let now = clerks.manager.find("one").await.expect("it is there");
        assert!(!taken_in(&now) && now.started_at.is_none());
    }
    assert_eq!(clerks.launches(), 0);
}

/// S1.2: the person's own agent takes it in, in the project's directory and where its own files are; what it has already is left
/// alone, and another of that id is not touched.
#[tokio::test]
async fn a_conversation_is_given_to_the_persons_own_agent() {
    let script = r#"
[ -z "$CLERK_CHILD" ] || exit 8
for document; do :; done
cp "$document" "$CLERK_HOME/document.json"
pwd > "$CLERK_HOME/place"
cp "$CLERK_HOME/prepared.db" "$CLERK_HOME/talks.db" || { printf 'no \033[31mroom' >&2; exit 3; }"#;
    let clerks = Clerks::new(&[Step::Exit(0)], script);
    let one = clerks.create("one", None).await.expect("it can be made");
    write(&state(&one).join("own/talks.db"), "t1", SAID);
    let export = async |to: ExportTo| clerks.manager.export_conversation(&one.id, &to).await;
    let error = export(ExportTo::Host(None)).await.expect_err("it can't");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.message().contains("no room`") && error.message().contains("--to"), "{error}");

    write(&clerks.theirs.join("prepared.db"), "other", &[]);
    let error = export(ExportTo::Host(None)).await.expect_err("it is not there");
    assert!(error.message().contains("has it not"), "{error}");

    write(&clerks.theirs.join("prepared.db"), "t1", SAID);
    let done = export(ExportTo::Host(None)).await.expect("it takes it in");
    let database = clerks.theirs.canonicalize_utf8().expect("it is there").join("talks.db");
    assert_eq!(done.file, database);
    let project = clerks.world.place.project().canonicalize_utf8().expect("it is there");
    assert_eq!(done.directory.as_ref(), Some(&project));
    assert_eq!(done.command.last().map(String::as_str), Some("t1"));
    let wrote = |name: &str| std::fs::read_to_string(clerks.theirs.join(name)).expect("it did");
    assert_eq!(
        (wrote("document.json").as_str(), wrote("place").trim()),
        (DOCUMENT, project.as_str())
    );

    // It has gone on there: nothing is run.
    write(&clerks.theirs.join("talks.db"), "t1", &["one", "\"two\"", "three"]);
    std::fs::remove_file(clerks.theirs.join("place")).expect("it is there");
    let done = export(ExportTo::Host(None)).await.expect("it is there");
    assert_eq!(done.directory, None, "it is one of wherever it was");
    // Its beginning is there: it takes in the rest.
    write(&clerks.theirs.join("talks.db"), "t1", &["one"]);
    let done = export(ExportTo::Host(None)).await.expect("it takes it in");
    assert_eq!(done.directory, Some(project));
    std::fs::remove_file(clerks.theirs.join("place")).expect("it ran");
    write(&clerks.theirs.join("talks.db"), "t1", &["one", "\"two\""]);
    let other = "UPDATE said SET number = 7 WHERE number = 1";
    let database = Connection::open(clerks.theirs.join("talks.db")).expect("it is one");
    database.execute(other, []).expect("writable");
    drop(database);
    let error = export(ExportTo::Host(None)).await.expect_err("another one");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert!(!clerks.theirs.join("place").exists());
}

/// S1.1, S1.2: a document at a path, and a session from it, whatever it is called.
#[tokio::test]
async fn a_document_goes_to_a_path_and_back() {
    let clerks = Clerks::new(&[Step::Exit(0)], "exit 9");
    let one = clerks.create("one", None).await.expect("it can be made");
    write(&state(&one).join("own/talks.db"), "t1", SAID);
    let path = clerks.world.place.path().join("kept.json");
    let to = ExportTo::Path(path.clone());
    let done = clerks.manager.export_conversation(&one.id, &to).await.expect("it can be made");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), DOCUMENT);
    assert_eq!(done.command.last().map(String::as_str), Some(path.as_str()));
    let mode = path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let two = clerks.create("two", Some(path.as_str())).await.expect("it can be made");
    let origin = two.spec.agent_plan.clone().expect("a plan").origin.expect("it has one");
    assert_eq!(origin.conversation, "t1");
    for text in ["", "{\"about\":{}}", "{\"about\":{\"id\":\"--bold\"}}", "[", "{\"about\":"] {
        std::fs::write(&path, text).expect("writable");
        let error = clerks.create("three", Some(path.as_str())).await.expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}: {error}");
    }
    let listed = clerks.manager.conversations(Some(&one.id)).await.expect("they can be listed");
    assert_eq!(listed.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["t1"]);
}

/// A database that is none, or one without what is asked for, is told of, and nothing is made.
#[tokio::test]
async fn a_damaged_database_is_told_of() {
    let clerks = Clerks::new(&[Step::Exit(0)], "exit 9");
    let one = clerks.create("one", None).await.expect("it can be made");
    let file = state(&one).join("own/talks.db");
    write(&file, "t1", SAID);
    Connection::open(&file).expect("it is one").execute("DROP TABLE said", []).expect("writable");
    let error = clerks.create("two", Some("one")).await.expect_err("no document");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains("asks for what its database does not have"), "{error}");
    // It finds one and tells of another.
    std::fs::remove_file(&file).expect("it is there");
    write(&file, "t1", SAID);
    let trick = "DROP TABLE talk; CREATE TABLE talk (id TEXT COLLATE NOCASE, at INTEGER); INSERT INTO talk VALUES ('T1', 1), ('t1', 2)";
    Connection::open(&file).expect("it is one").execute_batch(trick).expect("writable");
    let error = clerks.create("two", Some("one")).await.expect_err("another one");
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    std::fs::write(&file, "no database").expect("writable");
    let error = clerks.create("two", Some("one")).await.expect_err("no conversation");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let outside = clerks.world.place.path().join("outside.db");
    write(&outside, "t1", SAID);
    std::fs::remove_file(&file).expect("it is there");
    std::os::unix::fs::symlink(&outside, &file).expect("writable");
    let error = clerks.create("two", Some("one")).await.expect_err("no link is followed");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
