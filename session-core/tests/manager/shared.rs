//! Conversations that sessions share: each is open in one place, and a session knows its own.

use session_core::{AgentOptions, ErrorKind, Progress, SessionRecord, TerminalSize};

use crate::place::entries;
use crate::talkers::{IDS_INSIDE, PROFILE, Robots, begun, gone, live, manager, state, talk};

fn shared(options: &mut AgentOptions) {
    options.preset = "shared".parse().expect("a preset");
}

/// S1.15, S1.12: one live process per conversation, and the error says which session has it.
#[tokio::test]
async fn a_conversation_is_open_in_one_session_only() {
    let robots = Robots::of("robot", "");
    let one = robots.create("one", shared).await;
    talk(&robots.theirs, &begun(&one));
    robots.start(&one).await;
    assert_eq!(robots.last_arguments(), ["--resume", &begun(&one)], "found where it is shared");
    // The same one, in the directory that both have.
    let two = robots
        .create("two", |options| {
            shared(options);
            options.resume_from = Some("one".to_owned());
        })
        .await;
    assert_eq!(begun(&two), begun(&one));
    assert_eq!(entries(&robots.theirs.join("talks")), ["here"], "one file of one id");
    let error = robots.try_start(&two).await.expect_err("it is open");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.to_string().contains("`one`") && error.to_string().contains("sessctl stop one"),
        "{error}"
    );
    assert_eq!(robots.manager.find("two").await.expect("it is there").started_at, None);
    robots.stop(&one).await;
    robots.start(&two).await;
    let error = robots.try_start(&one).await.expect_err("it is open");
    assert!(error.to_string().contains("`two`"), "{error}");
    // Its agent went on to another conversation, and says so.
    live(&state(&two), std::process::id(), "another", "resting");
    robots.start(&one).await;
    assert!(
        !entries(&robots.world.place.layout().home().join("locks"))
            .iter()
            .any(|name| name.starts_with("conversation"))
    );
}

/// Two processes at once: one of them gets it.
#[tokio::test]
async fn two_starts_at_once_are_one() {
    let robots = Robots::of("robot", "");
    let one = robots.create("one", shared).await;
    talk(&robots.theirs, &begun(&one));
    let two = robots
        .create("two", |options| {
            shared(options);
            options.resume_from = Some("one".to_owned());
        })
        .await;
    let another = manager(&robots.world, "robot", &PROFILE.replace("FORK", ""));
    for _ in 0..5 {
        let (size, progress) = (TerminalSize::default(), Progress::default());
        let (first, second) = tokio::join!(
            robots.manager.start(&one.id, size, &progress),
            another.start(&two.id, size, &progress),
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let error = first.err().or(second.err()).expect("one of them");
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        robots.stop(&one).await;
        robots.stop(&two).await;
    }
}

/// S1.15: what the person's own agent has open is not opened by a session.
#[tokio::test]
async fn a_conversation_of_the_persons_own_process_is_left_alone() {
    let robots = Robots::new();
    let one = robots.create("one", shared).await;
    talk(&robots.theirs, &begun(&one));
    live(&robots.theirs, gone(), &begun(&one), "digging");
    robots.start(&one).await;
    robots.stop(&one).await;
    live(&robots.theirs, std::process::id(), &begun(&one), "resting");
    let error = robots.try_start(&one).await.expect_err("it is open");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    // A session with conversations of its own has nothing to do with that.
    let two = robots.create("two", |_| {}).await;
    robots.start(&two).await;
}

/// S1.13: at the next start the session goes on with what its agent had open last, where conversations are shared too.
#[tokio::test]
async fn the_agents_own_id_counts() {
    let robots = Robots::new();
    let one = robots.create("one", shared).await;
    talk(&robots.theirs, &begun(&one));
    talk(&robots.theirs, "another");
    robots.start(&one).await;
    live(&state(&one), std::process::id(), "another", "resting");
    assert_eq!(robots.facts(&one).await.conversation.as_deref(), Some("another"));
    let stopped = robots.stop(&one).await;
    assert_eq!(stopped.conversation.as_deref(), Some("another"));
    std::fs::remove_dir_all(state(&one).join("live")).expect("it is there");
    robots.start(&one).await;
    assert_eq!(robots.last_arguments(), ["--resume", "another"]);
    robots.stop(&one).await;

    // The session's own: an id that a killed process left counts, if its conversation is there.
    let two = robots.create("two", |_| {}).await;
    talk(&state(&two), "old");
    std::fs::File::open(talk(&state(&two), "open"))
        .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
        .expect("it is ours");
    live(&state(&two), gone(), "open", "digging");
    robots.start(&two).await;
    assert_eq!(robots.last_arguments(), ["--resume", "open"]);
}

/// S1.12: where conversations are shared and only the agent knows their ids, a session on the host finds its own by the directory
/// that it was begun in, goes on with it, and leaves those of others alone; its first prompt is not said again.
#[tokio::test]
async fn a_shared_conversation_is_known_by_its_directory() {
    let text = IDS_INSIDE
        .replace("[conversation]", "prompt = [\"${PROMPT}\"]\n[conversation]\nworkspace = \"here\"")
        .replace("begun = [{ where = { who = \"me\" } }]\n", "")
        + "[[resources]]\nname = \"talks\"\nkind = \"directory\"\nsource = \"${HOME}/.robot/talks\"\ntarget = \"talks\"\npolicy = \"shared-rw\"\n";
    let robots = Robots::with_profile(&text);
    let record = robots.create("one", |options| options.prompt = Some("dig".to_owned())).await;
    robots.start(&record).await;
    assert!(robots.last_arguments().contains(&"dig".to_owned()));
    let plan = record.spec.agent_plan.clone().expect("it has a plan");
    let talk = |id: &str, here: &str| {
        let line = serde_json::json!({ "id": id, "here": here, "who": "me" });
        let file = robots.theirs.join(format!("talks/talk-{id}.jsonl"));
        std::fs::write(file, format!("{line}\n")).expect("it is the person's");
    };
    talk("ours", plan.workspace.as_str());
    talk("another", "/another/session");
    robots.stop(&record).await;
    robots.start(&record).await;
    let arguments = robots.last_arguments();
    assert_eq!(arguments[..2], ["--resume", "ours"], "{arguments:?}");
    assert!(!arguments.contains(&"dig".to_owned()), "{arguments:?}");
    let facts = robots.facts(&record).await;
    assert_eq!((facts.conversation.as_deref(), facts.conversations), (Some("ours"), Some(1)));
    let other = robots.create("two", |_| ()).await;
    robots.start(&other).await;
    assert!(!robots.last_arguments().contains(&"--resume".to_owned()));
}

/// S1.12: where the agent itself notes in its state which conversations it has opened, the last of these is the session's own,
/// wherever it runs; all of them are, and those of others are not.
#[tokio::test]
async fn a_shared_conversation_is_known_by_what_the_agent_notes() {
    let text = IDS_INSIDE
        .replace("[conversation]", "[conversation]\nopened = \"open/${CONVERSATION_ID}\"")
        .replace("begun = [{ where = { who = \"me\" } }]\n", "")
        + "[[resources]]\nname = \"talks\"\nkind = \"directory\"\nsource = \"${HOME}/.robot/talks\"\ntarget = \"talks\"\npolicy = \"shared-rw\"\n";
    let robots = Robots::with_profile(&text);
    let one = robots.create("one", |_| ()).await;
    robots.start(&one).await;
    let talk = |id: &str| {
        let file = robots.theirs.join(format!("talks/talk-{id}.jsonl"));
        std::fs::write(file, format!("{{\"id\":\"{id}\"}}\n")).expect("it is the person's");
    };
    let note = |record: &SessionRecord, id: &str| {
        let notes = state(record).join("open");
        std::fs::create_dir_all(&notes).expect("it is the session's");
        std::fs::write(notes.join(id), "").expect("it is the session's");
    };
    talk("first");
    talk("ours");
    note(&one, "first");
    let old = std::fs::File::open(state(&one).join("open/first"));
    old.and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH)).expect("ours");
    note(&one, "ours");
    talk("another");
    let facts = robots.facts(&one).await;
    assert_eq!((facts.conversation.as_deref(), facts.conversations), (Some("ours"), Some(2)));
    let listed = robots.manager.conversations(Some(&one.id)).await.expect("they are read");
    let listed: std::collections::BTreeSet<_> = listed.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(listed, ["first", "ours"].into());

    // Another session has it as its own, and may not open it for as long as the first one does.
    let two = robots.create("two", |_| ()).await;
    note(&two, "ours");
    let error = robots.try_start(&two).await.expect_err("it is open");
    assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("`one`"), "{error}");
    robots.stop(&one).await;
    robots.start(&two).await;
    assert_eq!(robots.last_arguments()[..2], ["--resume", "ours"]);
    robots.stop(&two).await;

    // A note of an earlier run does not say what a later one has open.
    let three = robots.create("three", |_| ()).await;
    note(&three, "ours");
    let old = std::fs::File::open(state(&three).join("open/ours"));
    old.and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH)).expect("ours");
    robots.manager.begin_conversation(&three.id).await.expect("it does not run");
    robots.start(&three).await;
    robots.start(&two).await;
}
