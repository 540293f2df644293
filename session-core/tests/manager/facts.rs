//! What is read of conversations, without running the agent.

use session_core::{AgentState, Filter};

use crate::talkers::{FORK, PROFILE, Robots, TALK, begun, gone, live, state, talk, write};

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
