//! Conversations: begun, gone on with, and begun anew.

use session_core::{ErrorKind, Exit, Progress, Timestamp};

use crate::place::named;
use crate::talkers::{Robots, TALK, begun, read, state, talk, write};

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
