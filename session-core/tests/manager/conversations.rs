//! Conversations: what is read of them, where they go, and that each is open in one place only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use session_conformance::{Step, memory_program};
use session_core::profile::{Profile, Profiles};
use session_core::{
    AgentFacts, AgentOptions, AgentState, ErrorKind, Exit, ExportTo, Filter, Manager, Progress,
    SessionRecord, SessionSpec, TerminalSize, Timestamp,
};

use crate::place::{entries, host, named};
use crate::world::World;

pub(crate) const PROFILE: &str = r#"
title = "Robot"
program = "program"

[arguments]
always = [STEPS]
new = ["--id", "${CONVERSATION_ID}"]
resume = ["--resume", "${CONVERSATION_ID}"]
FORK
prompt = ["${PROMPT}"]

[places.config]
default = "${HOME}/.robot"

[conversation]
id = "ours"
file = "talks/*/${CONVERSATION_ID}.jsonl"
import = "talks/${PROJECT_KEY}/${CONVERSATION_ID}.jsonl"

[facts]
model = [{ where = { who = "robot" }, value = "model" }]
messages = [{ where = { who = "robot" } }, { where = { who = "me" } }]
tool_calls = [{ where = { "did[]" = "*" } }]
activity = [{ value = "at" }]

[facts.live]
file = "live/*.json"
host = "${CONFIG}/live/*.json"
process = "pid"
conversation = "talk"
status = "doing"
busy = ["digging"]
idle = ["resting"]
waiting = ["asking"]

[[resources]]
name = "talks"
kind = "directory"
source = "${CONFIG}/talks"
target = "talks"
policy = "private"
presets = { shared = "shared-rw" }
"#;

pub(crate) const FORK: &str = r#"fork = ["--from", "${FROM}", "--id", "${CONVERSATION_ID}"]"#;
pub(crate) const TALK: &str = concat!(
    "{\"who\":\"me\",\"at\":\"2026-01-01T00:00:00Z\"}\n",
    "{\"who\":\"robot\",\"model\":\"r2\\u001b[31m\",\"did\":[\"dig\",\"saw\"],\"at\":\"2026-01-01T00:00:01Z\"}\n",
);

pub(crate) const IDS_INSIDE: &str = r#"
title = "Robot"
program = "program"
[arguments]
always = [STEPS]
resume = ["--resume", "${CONVERSATION_ID}"]
fork = ["--from", "${FROM}"]
[conversation]
id = "agent"
file = "talks/talk-*.jsonl"
inside = "id"
begun = [{ where = { who = "me" } }]
"#;

pub(crate) struct Robots {
    pub(crate) world: World,
    pub(crate) manager: Manager,
    pub(crate) theirs: Utf8PathBuf,
}

impl Robots {
    pub(crate) fn new() -> Self {
        Self::of("robot", FORK)
    }

    pub(crate) fn of(name: &str, fork: &str) -> Self {
        Self::named(name, &PROFILE.replace("FORK", fork))
    }

    pub(crate) fn with_profile(text: &str) -> Self {
        Self::named("robot", text)
    }

    pub(crate) fn named(name: &str, text: &str) -> Self {
        let world = World::new();
        let manager = manager(&world, name, text);
        let theirs = world.place.project().join(".robot");
        Self { world, manager, theirs }
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        change: impl FnOnce(&mut AgentOptions),
    ) -> SessionRecord {
        self.try_create(name, change).await.expect("the session can be made")
    }

    pub(crate) async fn try_create(
        &self,
        name: &str,
        change: impl FnOnce(&mut AgentOptions),
    ) -> session_core::Result<SessionRecord> {
        let mut options = AgentOptions::default();
        change(&mut options);
        let spec = named(name).with_agent("robot").with_agent_options(options);
        self.manager.create(spec, &Progress::default()).await
    }

    pub(crate) async fn start(&self, record: &SessionRecord) {
        self.try_start(record).await.expect("the session can be started");
    }

    pub(crate) async fn try_start(
        &self,
        record: &SessionRecord,
    ) -> session_core::Result<SessionRecord> {
        self.manager.start(&record.id, TerminalSize::default(), &Progress::default()).await
    }

    pub(crate) async fn stop(&self, record: &SessionRecord) -> SessionRecord {
        let stopped = self.manager.stop(&record.id, Duration::ZERO, &Progress::default()).await;
        stopped.expect("the session can be stopped")
    }

    pub(crate) async fn facts(&self, record: &SessionRecord) -> AgentFacts {
        self.manager.facts(&record.id).await.expect("it is there")
    }

    pub(crate) fn last_arguments(&self) -> Vec<String> {
        let launches = self.world.holders.launches.lock().expect("nobody panics with it");
        launches.last().cloned().flatten().expect("something was launched").argv[2..].to_vec()
    }
}

pub(crate) fn manager(world: &World, name: &str, text: &str) -> Manager {
    let steps = format!("{:?}", memory_program(&[Step::Wait])[1]);
    let text = text.replace("STEPS", &steps);
    let profile = Profile::from_toml(name, &text, "robot.toml").expect("it is valid");
    Manager::new(
        world.place.layout(),
        host(&world.place.project(), "memory").with_environment(BTreeMap::new()),
        world.backends(),
        Arc::clone(&world.registry),
        Arc::clone(&world.copies) as Arc<_>,
        Arc::clone(&world.holders) as Arc<_>,
    )
    .with_profiles(Profiles::new().with(profile))
}

pub(crate) fn state(record: &SessionRecord) -> Utf8PathBuf {
    record.spec.agent_plan.as_ref().expect("it has a plan").state.host.clone()
}

pub(crate) fn begun(record: &SessionRecord) -> String {
    let plan = record.spec.agent_plan.as_ref().expect("it has a plan");
    plan.conversation.clone().expect("we choose it")
}

pub(crate) fn write(path: &Utf8Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
    std::fs::write(path, text).expect("writable");
}

pub(crate) fn talk(directory: &Utf8Path, id: &str) -> Utf8PathBuf {
    let path = directory.join("talks/here").join(format!("{id}.jsonl"));
    write(&path, TALK);
    path
}

pub(crate) fn live(directory: &Utf8Path, pid: u32, talk: &str, doing: &str) {
    let text = serde_json::json!({"pid": pid, "talk": talk, "doing": doing});
    write(&directory.join(format!("live/{pid}.json")), &text.to_string());
}

pub(crate) fn read(path: &Utf8Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// On request a session begins another conversation, once, with nothing of what it began with; what is there stays.
#[tokio::test]
async fn a_session_begins_another_conversation() {
    let robots = Robots::new();
    let record = robots.create("one", |options| options.prompt = Some("dig".to_owned())).await;
    robots.start(&record).await;
    let error = robots.manager.begin_conversation(&record.id).await.expect_err("it runs");
    assert_eq!(error.kind(), ErrorKind::Refused);
    let record = robots.stop(&record).await;
    let first = begun(&record);
    let file = talk(&state(&record), &first);
    for _ in 0..2 {
        robots.manager.begin_conversation(&record.id).await.expect("it is stopped");
    }
    let record = robots.try_start(&record).await.expect("it starts");
    let second = begun(&record);
    assert_ne!(second, first);
    assert_eq!(robots.last_arguments(), ["--id", &second], "and is told nothing again");
    assert_eq!(read(&file), TALK);
    robots.stop(&record).await;
    // Of the new one nothing was written down.
    robots.start(&record).await;
    assert_eq!(robots.last_arguments(), ["--resume", &first]);
    let record = robots.stop(&record).await;
    robots.manager.begin_conversation(&record.id).await.expect("it is stopped");
    let record = robots.try_start(&record).await.expect("it starts");
    let third = begun(&record);
    let old = std::fs::File::options().write(true).open(&file).expect("it is there");
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("ours");
    talk(&state(&record), &third);
    robots.stop(&record).await;
    robots.start(&record).await;
    assert_eq!(robots.last_arguments(), ["--resume", &third]);
    robots.stop(&record).await;

    let plain = named("plain").with_command(["true"]);
    let plain = robots.manager.create(plain, &Progress::default()).await.expect("it can be made");
    let error = robots.manager.begin_conversation(&plain.id).await.expect_err("no agent");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// A file in which nothing stands is no conversation: a session begins a new one instead of failing, under an id that no file has.
#[tokio::test]
async fn an_empty_file_is_no_conversation() {
    let robots = Robots::new();
    let record = robots.create("one", |_| {}).await;
    robots.start(&record).await;
    robots.stop(&record).await;
    let file = state(&record).join("talks/here").join(format!("{}.jsonl", begun(&record)));
    write(&file, "");
    let listed = robots.manager.conversations(Some(&record.id)).await.expect("they are read");
    assert_eq!(listed, []);
    assert_eq!(robots.facts(&record).await.conversations, Some(0));
    robots.start(&record).await;
    let words = robots.last_arguments();
    assert_eq!((words.len(), words[0].as_str()), (2, "--id"), "{words:?}");
    assert_ne!(words[1], begun(&record));
    assert_eq!(read(&file), "", "nothing is taken away");
    let stopped = robots.stop(&record).await;
    assert_eq!(stopped.conversation.as_ref(), Some(&words[1]));
    talk(&state(&record), &words[1]);
    robots.start(&record).await;
    assert_eq!(robots.last_arguments(), ["--resume", &words[1]]);
    robots.stop(&record).await;
    // One that has gone on elsewhere is gone on with, whatever else is there.
    std::fs::remove_file(&file).expect("it is there");
    write(&state(&record).join("talks/here/zero.jsonl"), "");
    robots.start(&record).await;
    assert_eq!(robots.last_arguments(), ["--resume", &words[1]]);
}

/// Only an agent that was to go on, and ended with an error at once, did so in vain.
#[tokio::test]
async fn going_on_in_vain() {
    let robots = Robots::new();
    let record = robots.create("one", |_| {}).await;
    robots.start(&record).await;
    let before = robots.stop(&record).await;
    let ended = |after: i64, code: i32| {
        let mut now = before.clone();
        let started = before.started_at.expect("it was started").as_milliseconds() + 60_000;
        now.started_at = Some(Timestamp::from_milliseconds(started));
        now.exit = Some(Exit::with_code(code, Timestamp::from_milliseconds(started + after)));
        now
    };
    assert!(ended(900, 1).went_on_in_vain(&before));
    assert!(!ended(60_000, 1).went_on_in_vain(&before), "somebody worked with it");
    assert!(!ended(900, 0).went_on_in_vain(&before));
    assert!(!ended(900, 143).went_on_in_vain(&before), "it was stopped");
    let mut first = before.clone();
    first.started_at = None;
    assert!(!ended(900, 1).went_on_in_vain(&first));
    let anew = robots.manager.begin_conversation(&record.id).await.expect("it is stopped");
    assert!(!ended(900, 1).went_on_in_vain(&anew));
}

/// The id of a process that is gone.
pub(crate) fn gone() -> u32 {
    let mut child = std::process::Command::new("true").spawn().expect("it can be run");
    child.wait().expect("it ends");
    child.id()
}

/// S4.17, S1.F4: what the agent wrote is read without running it, and is in the record when it stops.
#[tokio::test]
async fn facts_are_read_from_what_the_agent_wrote() {
    let robots = Robots::new();
    let record = robots.create("one", |_| {}).await;
    let empty = robots.facts(&record).await;
    assert_eq!((empty.message_count, empty.model.clone(), empty.state), (Some(0), None, None));
    assert!(empty.disk_bytes.is_some_and(|bytes| bytes > 0));

    robots.start(&record).await;
    let file = talk(&state(&record), &begun(&record));
    live(&state(&record), std::process::id(), &begun(&record), "digging");
    let facts = robots.facts(&record).await;
    assert_eq!((facts.message_count, facts.tool_call_count), (Some(2), Some(2)));
    assert_eq!(facts.model.as_deref(), Some("r2\u{1b}[31m"), "as it was written");
    assert_eq!(
        facts.last_activity.map(|at| at.to_string()).as_deref(),
        Some("2026-01-01T00:00:01Z")
    );
    assert_eq!((facts.state, facts.conversations), (Some(AgentState::Busy), Some(1)));
    assert_eq!((facts.conversation, facts.transcript), (Some(begun(&record)), Some(file)));
    assert!(!facts.incomplete);

    live(&state(&record), std::process::id(), &begun(&record), "asking");
    assert_eq!(robots.facts(&record).await.state, Some(AgentState::Waiting));
    // Left by a process that was killed.
    std::fs::remove_dir_all(state(&record).join("live")).expect("it is there");
    live(&state(&record), gone(), &begun(&record), "digging");
    assert_eq!(robots.facts(&record).await.state, None);

    let list = robots.manager.list_with_facts(&Filter::default()).await.expect("it lists");
    let item = &list.sessions[0];
    assert_eq!(item.facts.as_ref().and_then(|facts| facts.message_count), Some(2));
    assert!(item.facts.as_ref().is_some_and(|facts| facts.disk_bytes.is_some()));
    let plain = robots.manager.list(&Filter::default()).await.expect("it lists");
    assert_eq!(plain.sessions[0].facts, None, "nobody asked");

    let analytics = robots.manager.analytics(&Filter::default()).await.expect("it can");
    assert_eq!((analytics.total.sessions, analytics.total.running), (1, 1));
    assert_eq!(
        (analytics.total.message_count, analytics.by_agent["robot"].tool_call_count),
        (2, 2)
    );
    assert_eq!(analytics.by_model.len(), 1);

    let stopped = robots.stop(&record).await;
    assert_eq!((stopped.message_count, stopped.tool_call_count), (Some(2), Some(2)));
    assert_eq!(stopped.model.as_deref(), Some("r2\u{1b}[31m"));
    assert!(stopped.last_activity.is_some());
    assert_eq!(robots.facts(&record).await.state, None, "nothing runs");
}

/// What an agent had under way when it was ended is not what the one does that runs now: without further words that has nothing to do.
#[tokio::test]
async fn nothing_is_under_way_after_a_start() {
    let states =
        "busy = [{ where = { who = \"me\" } }]\nidle = [{ where = { who = \"robot\" } }]\n";
    let profile =
        PROFILE.replace("FORK", FORK).replace("[facts.live]", &format!("{states}[facts.live]"));
    let robots = Robots::with_profile(&profile);
    let record = robots.create("one", |_| {}).await;
    robots.start(&record).await;
    let file = state(&record).join(format!("talks/here/{}.jsonl", begun(&record)));
    let said = |at: &str| format!("{{\"who\":\"me\",\"at\":\"{at}\"}}\n");
    let later = "2200-01-01T00:00:00Z";
    write(&file, &said(later));
    assert_eq!(robots.facts(&record).await.state, Some(AgentState::Busy));
    robots.stop(&record).await;
    assert_eq!(robots.facts(&record).await.state, None);
    write(&file, &said("2026-01-01T00:00:00Z"));
    assert_eq!(robots.facts(&record).await.state, None);
    robots.start(&record).await;
    assert_eq!(robots.facts(&record).await.state, Some(AgentState::Idle));
    // What tells of no work changes nothing in that.
    let resumed = format!("{{\"who\":\"nobody\",\"at\":\"{later}\"}}\n");
    write(&file, &(said("2026-01-01T00:00:00Z") + &resumed));
    assert_eq!(robots.facts(&record).await.state, Some(AgentState::Idle));
    write(&file, &(said("2026-01-01T00:00:00Z") + &said(later)));
    assert_eq!(robots.facts(&record).await.state, Some(AgentState::Busy));
}

/// S4.35: whatever a session puts in the place of its conversations, a list is a list, and nothing outside is read.
#[tokio::test]
async fn hostile_files_never_fail_a_list() {
    let robots = Robots::new();
    let outside = robots.world.place.path().join("outside");
    talk(&outside, "secret");
    let mut records = Vec::new();
    for name in ["link", "directory", "above", "pipe", "device", "binary", "huge", "option"] {
        let record = robots.create(name, |_| {}).await;
        let talks = state(&record).join("talks/here");
        std::fs::create_dir_all(&talks).expect("writable");
        let file = talks.join("a.jsonl");
        match name {
            "link" => std::os::unix::fs::symlink(outside.join("talks/here/secret.jsonl"), &file)
                .expect("writable"),
            "directory" => std::fs::create_dir(&file).expect("writable"),
            "above" => {
                std::fs::remove_dir_all(state(&record).join("talks")).expect("it is there");
                std::os::unix::fs::symlink(outside.join("talks"), state(&record).join("talks"))
                    .expect("writable");
            }
            "pipe" | "device" => {
                let made = std::process::Command::new(if name == "pipe" { "mkfifo" } else { "ln" })
                    .args(if name == "pipe" { vec![] } else { vec!["-s", "/dev/zero"] })
                    .arg(&file)
                    .status();
                assert!(made.expect("it can be run").success());
            }
            "binary" => {
                std::fs::write(&file, [TALK.as_bytes(), &[0xff; 5000], b"\n{\"who\":\"me"].concat())
                    .expect("writable")
            }
            "huge" => {
                // Nothing but a hole: as long as no disk is.
                let hole = std::fs::File::create(&file).expect("writable");
                hole.set_len(1 << 40).expect("a file can have holes");
            }
            _ => std::fs::write(talks.join("--bold.jsonl"), TALK).expect("writable"),
        }
        std::fs::create_dir_all(state(&record).join("live")).expect("writable");
        std::fs::write(state(&record).join("live/1.json"), "{").expect("writable");
        std::os::unix::fs::symlink("/dev/zero", state(&record).join("live/2.json"))
            .expect("writable");
        records.push(record);
    }
    let list = robots.manager.list_with_facts(&Filter::default()).await.expect("it lists");
    assert_eq!(list.sessions.len(), records.len());
    for item in &list.sessions {
        let facts = item.facts.clone().expect("it has some");
        let expected = if item.name == "binary" { Some(2) } else { Some(0) };
        assert_eq!(facts.message_count, expected, "{}: {facts:?}", item.name);
        assert_eq!(facts.incomplete, item.name == "huge", "{}", item.name);
    }
    let option = &records[7];
    robots.start(option).await;
    assert_eq!(robots.last_arguments(), ["--id", &begun(option)], "no file's name is an option");
}

/// S1.3, S4.T4: a session begins with a copy of another one's conversation, with an id of its own; the source stays.
#[tokio::test]
async fn a_session_goes_on_from_another() {
    let robots = Robots::new();
    let one = robots.create("one", |_| {}).await;
    let source = talk(&state(&one), &begun(&one));
    std::fs::write(&source, format!("{TALK}{{\"who\":\"me\",\"ha")).expect("writable");
    let before = read(&source);
    let two = robots
        .create("two", |options| {
            options.resume_from = Some("one".to_owned());
            options.prompt = Some("go on".to_owned());
        })
        .await;
    let origin = two.spec.agent_plan.clone().expect("it has a plan").origin.expect("it has one");
    assert_eq!((origin.conversation, origin.session), (begun(&one), Some(one.id)));
    assert_ne!(begun(&two), begun(&one));
    let copy = state(&two).join(&origin.copy);
    assert_eq!(read(&copy), TALK, "a line that has no end yet stays behind");
    assert_eq!(copy.file_name(), source.file_name());

    robots.start(&two).await;
    assert_eq!(robots.last_arguments(), ["--from", copy.as_str(), "--id", &begun(&two), "go on"]);
    assert_eq!(read(&source), before);
    robots.stop(&two).await;
    // The agent began its own: from then on that.
    talk(&state(&two), &begun(&two));
    robots.start(&two).await;
    assert_eq!(robots.last_arguments(), ["--resume", &begun(&two)]);
}

/// S1.1: a conversation of the person's own agent is found by its id, or by its file; the agent need not be named
/// where the conversation tells.
#[tokio::test]
async fn a_session_goes_on_from_the_persons_own() {
    let robots = Robots::new();
    let id = "0199f7a2-5c3e-7d11-9abc-001122334455";
    let source = talk(&robots.theirs, id);
    let mut options = AgentOptions::default();
    options.resume_from = Some(id.to_owned());
    let spec: SessionSpec = named("one").with_agent_options(options);
    let one = robots.manager.create(spec, &Progress::default()).await.expect("it can be made");
    let plan = one.spec.agent_plan.clone().expect("it has a plan");
    assert_eq!(plan.profile, "robot");
    let origin = plan.origin.expect("it has one");
    assert_eq!((origin.file.as_str(), origin.session), (source.as_str(), None));
    assert_eq!(read(&state(&one).join(origin.copy)), TALK);

    let file = robots.world.place.path().join("kept.jsonl");
    write(&file, TALK);
    let two = robots.create("two", |options| options.resume_from = Some(file.to_string())).await;
    let origin = two.spec.agent_plan.clone().expect("it has a plan").origin.expect("it has one");
    assert_eq!(origin.conversation, "kept");

    for (word, kind) in [
        ("nothing", ErrorKind::NotFound),
        ("./nothing.jsonl", ErrorKind::NotFound),
        ("/dev/zero", ErrorKind::InvalidInput),
        ("--bold", ErrorKind::NotFound),
        ("two", ErrorKind::NotFound),
    ] {
        let error = robots
            .try_create("three", |options| options.resume_from = Some(word.to_owned()))
            .await
            .expect_err(word);
        assert_eq!(error.kind(), kind, "{word}: {error}");
    }
    assert_eq!(entries(&robots.world.place.layout().home().join("sessions")).len(), 2);
}

/// A file that is no conversation at all is refused before anything is made, and it is said what one is.
#[tokio::test]
async fn any_file_is_no_conversation() {
    let robots = Robots::new();
    let file = robots.world.place.path().join("passwd");
    for text in ["daemon:x:1:1::/:/bin/sh\n", "", "[1]\n\"text\"\n{half\n"] {
        write(&file, text);
        let made = robots.try_create("one", |it| it.resume_from = Some(file.to_string())).await;
        let error = made.expect_err("no conversation");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let expected = "is no conversation of Robot: those have a JSON object (`{…}`) in each line";
        assert!(error.to_string().contains(expected), "{error}");
        crate::place::assert_nothing_left(&robots.world.place.layout());
    }
    // A damaged line among good ones is nothing to refuse it for.
    write(&file, "half}\n{\"who\":\"me\"}");
    robots.create("one", |it| it.resume_from = Some(file.to_string())).await;
}

/// Where the agent has no way to be told, the file is put where it finds it, and is resumed.
#[tokio::test]
async fn a_conversation_is_put_where_the_agent_finds_it() {
    let robots = Robots::of("robot", "");
    let one = robots.create("one", |_| {}).await;
    let source = talk(&state(&one), &begun(&one));
    let two = robots
        .create("two", |options| {
            options.resume_from = Some(one.id.to_string());
            options.prompt = Some("go on".to_owned());
        })
        .await;
    robots.start(&two).await;
    assert_eq!(robots.last_arguments(), ["--resume", &begun(&one), "go on"]);
    let places = entries(&state(&two).join("talks"));
    assert_eq!(places.len(), 1);
    assert!(places[0].ends_with("-project"), "{places:?}");
    robots.stop(&two).await;
    robots.start(&two).await;
    assert_eq!(robots.last_arguments(), ["--resume", &begun(&one)], "it is told once");
    assert_eq!(read(&source), TALK);
}

/// Where the words for one answer and those for going on don't go together, there are words for both, and both else.
#[tokio::test]
async fn one_answer_in_a_conversation_that_goes_on() {
    let answer = "headless = [\"--answer\", \"${PROMPT}\"]\n";
    let both = "headless_resume = [\"--answer-in\", \"${CONVERSATION_ID}\", \"${PROMPT}\"]";
    for (words, expected) in [
        (format!("{answer}{both}"), ["--answer-in", "ID", "go on"].as_slice()),
        (answer.to_owned(), &["--answer", "go on", "--resume", "ID"]),
    ] {
        let robots = Robots::of("robot", &words);
        let one = robots.create("one", |_| {}).await;
        talk(&state(&one), &begun(&one));
        let two = robots
            .create("two", |options| {
                options.resume_from = Some(one.id.to_string());
                options.prompt = Some("go on".to_owned());
                options.headless = true;
            })
            .await;
        robots.start(&two).await;
        let id = begun(&one);
        let expected = expected.iter().map(|word| if *word == "ID" { &id } else { *word });
        assert_eq!(robots.last_arguments(), expected.collect::<Vec<_>>());
    }
}

/// S1.2, S1.14: a session's conversation goes to the person's own agent, as one of the project's.
#[tokio::test]
async fn a_conversation_goes_to_the_persons_own_agent() {
    let robots = Robots::new();
    let one = robots.create("one", |_| {}).await;
    let export = |to: ExportTo| {
        let (manager, id) = (robots.manager.clone(), one.id);
        async move { manager.export_conversation(&id, &to).await }
    };
    let none = export(ExportTo::Host(None)).await.expect_err("there is none");
    assert_eq!(none.kind(), ErrorKind::NotFound);
    let source = talk(&state(&one), &begun(&one));
    let nowhere = export(ExportTo::Host(Some("/nowhere".into()))).await.expect_err("no directory");
    assert!(nowhere.to_string().contains("is no directory"), "{nowhere}");
    assert!(!robots.theirs.exists(), "nothing is made for it");
    let done = export(ExportTo::Host(None)).await.expect("it can be copied");
    let project = robots.world.place.project().canonicalize_utf8().expect("it is there");
    let key = project.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    assert_eq!(
        done.file,
        robots.theirs.join("talks").join(key).join(format!("{}.jsonl", begun(&one)))
    );
    assert_eq!(done.directory, Some(project));
    assert_eq!(done.command, ["program", "--resume", &begun(&one)]);
    assert_eq!((read(&done.file), read(&source)), (TALK.to_owned(), TALK.to_owned()));
    // Again is nothing new; what went on there is not lost, and another one is not replaced.
    export(ExportTo::Host(None)).await.expect("it is there");
    std::fs::write(&done.file, format!("{TALK}{TALK}")).expect("writable");
    export(ExportTo::Host(None)).await.expect("it has gone on there");
    assert_eq!(read(&done.file), format!("{TALK}{TALK}"));
    std::fs::write(&done.file, "{}\n").expect("writable");
    let error = export(ExportTo::Host(None)).await.expect_err("another one");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(read(&done.file), "{}\n");

    let path = robots.world.place.path().join("out.jsonl");
    let done = export(ExportTo::Path(path.clone())).await.expect("it can be copied");
    assert_eq!(
        (read(&path).as_str(), &done.command[..3]),
        (TALK, &["program".to_owned(), "--from".to_owned(), path.to_string()][..])
    );
    let error = export(ExportTo::Path(path)).await.expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);

    let listed = robots.manager.conversations(None).await.expect("they can be listed");
    let of: Vec<_> =
        listed.iter().map(|entry| entry.session.as_ref().map(ToString::to_string)).collect();
    assert_eq!(of.len(), 2);
    assert!(of.contains(&Some("one".to_owned())) && of.contains(&None));
    let listed = robots.manager.conversations(Some(&one.id)).await.expect("they can be listed");
    assert_eq!((listed.len(), &listed[0].id), (1, &begun(&one)));
}

/// An agent whose files are called otherwise than its conversations, and are there before anything was said: the one that was
/// written to last is gone on with, by the id that stands in it; a path is read in the same way.
#[tokio::test]
async fn ids_that_stand_in_the_files() {
    let robots = Robots::with_profile(IDS_INSIDE);
    let record = robots.create("one", |_| {}).await;
    let talks = state(&record).join("talks");
    let said = |id: &str| format!("{{\"id\":\"{id}\"}}\n{{\"who\":\"me\"}}\n");
    write(&talks.join("talk-1.jsonl"), "{\"id\":\"silent\"}\n");
    robots.start(&record).await;
    assert_eq!(robots.last_arguments(), Vec::<String>::new(), "there is nothing to go on with");
    robots.stop(&record).await;

    write(&talks.join("talk-3.jsonl"), &said("late"));
    write(&talks.join("talk-2.jsonl"), &said("first"));
    write(&talks.join("talk-4.jsonl"), &said("first"));
    let old = |name: &str, seconds: u64| {
        let file = std::fs::File::open(talks.join(name)).expect("it is there");
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        file.set_modified(time).expect("it is ours");
    };
    old("talk-3.jsonl", 10);
    old("talk-2.jsonl", 5);
    let listed = robots.manager.conversations(Some(&record.id)).await.expect("they are read");
    let listed: Vec<_> = listed.iter().map(|it| (it.id.as_str(), it.file.file_name())).collect();
    let expected = [("first", Some("talk-4.jsonl")), ("late", Some("talk-3.jsonl"))];
    assert_eq!(listed, expected, "one for each id");
    robots.start(&record).await;
    assert_eq!(robots.last_arguments(), ["--resume", "first"]);
    let facts = robots.facts(&record).await;
    assert_eq!(facts.conversation.as_deref(), Some("first"));
    assert!(facts.last_activity.is_some(), "no line tells, so the file's time does");

    let by_id = robots.create("two", |options| options.resume_from = Some("late".into())).await;
    robots.start(&by_id).await;
    let copy = state(&by_id).join("sessctl-carried/talk-3.jsonl");
    assert_eq!(robots.last_arguments(), ["--from", copy.as_str()]);
    assert_eq!(read(&copy), said("late"));
    let path = |name: &str| Some(talks.join(name).to_string());
    let by_path = robots.create("three", |it| it.resume_from = path("talk-3.jsonl")).await;
    let origin = by_path.spec.agent_plan.as_ref().and_then(|plan| plan.origin.clone());
    assert_eq!(origin.expect("it has one").conversation, "late");
    let silent = robots.try_create("four", |it| it.resume_from = path("talk-1.jsonl")).await;
    assert_eq!(silent.expect_err("nothing is in it").kind(), ErrorKind::InvalidInput);
}

/// Where all conversations have one name, any file can be one, whatever it is called.
#[tokio::test]
async fn a_file_of_any_name_for_an_agent_that_has_one_name() {
    let text = IDS_INSIDE.split("inside =").next().expect("a profile");
    let text = text.replace("talks/talk-*.jsonl", "talk.md").replace("fork =", "# fork =");
    let text = text.replace(", \"${CONVERSATION_ID}\"", "");
    let robots = Robots::with_profile(&format!("{text}import = \"talk.md\"\n"));
    let path = robots.world.place.project().join(".robot.talk.md");
    write(&path, "#### hello\nthere\n");
    let record = robots.create("one", |it| it.resume_from = Some(path.to_string())).await;
    assert_eq!(read(&state(&record).join("talk.md")), "#### hello\nthere\n");
    robots.start(&record).await;
    assert_eq!(robots.last_arguments(), ["--resume"]);
}
