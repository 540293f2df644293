//! Conversations that move: from session to session, and from and to the person's own agent.

use std::time::Duration;

use session_core::{AgentOptions, ErrorKind, ExportTo, Progress, SessionSpec};

use crate::place::{entries, named};
use crate::talkers::{IDS_INSIDE, Robots, TALK, begun, read, state, talk, write};

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
