//! How agents are started: with which arguments, from where, and how often a prompt is said.

use camino::Utf8Path;
use session_core::{AgentOptions, Layout, Progress};

use crate::place::host;
use crate::robot::{Robot, create, spec, start, stop};

/// An agent that this host has not is refused before anything is made, but not where it is not looked for.
#[tokio::test]
async fn a_program_that_is_not_there() {
    let robot = Robot::new();
    robot.login();
    let manager = robot.manager(&[("PATH", "/nowhere")]);
    let error = manager.create(spec("one"), &Progress::default()).await.expect_err("refused");
    assert!(error.to_string().contains("there is no program `program`"), "{error}");
    crate::place::assert_nothing_left(&robot.world.place.layout());
    let mut elsewhere = spec("two");
    elsewhere.environment.insert("PATH".to_owned(), "/somewhere".to_owned());
    create(&manager, elsewhere).await;
}

/// S4.T4: the first start begins the conversation, the next goes on with it, and with another one
/// that the agent went on to by itself.
#[tokio::test]
async fn a_conversation_is_resumed_where_there_is_one() {
    let robot = Robot::new();
    robot.login();
    let manager = robot.manager(&[]);
    let mut options = AgentOptions::default();
    options.unattended = true;
    options.prompt = Some("dig ${HOME}".to_owned());
    let spec = spec("one").with_agent_options(options).with_command(["--loud", "${x}"]);
    let record = create(&manager, spec).await;
    let plan = record.spec.agent_plan.clone().expect("it has a plan");
    let id = plan.conversation.clone().expect("we choose it");
    start(&manager, &record).await;
    let (arguments, _) = robot.last_launch();
    assert_eq!(arguments, ["--id", &id, "--bold", "--loud", "${x}", "dig ${HOME}"]);
    stop(&manager, &record).await;

    let talks = plan.state.host.join("talks/here");
    std::fs::create_dir_all(&talks).expect("the state is writable");
    std::fs::write(talks.join(format!("{id}.jsonl")), "{}\n").expect("the state is writable");
    start(&manager, &record).await;
    assert_eq!(robot.last_launch().0, ["--resume", &id, "--bold", "--loud", "${x}"]);
    stop(&manager, &record).await;

    let old = std::fs::File::open(talks.join(format!("{id}.jsonl"))).expect("it is there");
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("it is ours");
    std::fs::write(talks.join("another.jsonl"), "{}\n").expect("the state is writable");
    start(&manager, &record).await;
    assert_eq!(robot.last_launch().0[..2], ["--resume", "another"]);
}

/// A first prompt is said once, whether or not the agent wrote anything down; and it is never an option, whoever wrote it.
#[tokio::test]
async fn a_prompt_is_said_once_and_is_no_option() {
    let robot = Robot::new();
    robot.login();
    let manager = robot.manager(&[]);
    for (name, prompt, said) in [
        ("one", "--mcp-config=x", " --mcp-config=x"),
        ("two", "dig -x", "dig -x"),
        ("three", "-", " -"),
    ] {
        let mut spec = spec(name);
        spec.agent_options.prompt = Some(prompt.to_owned());
        let record = create(&manager, spec).await;
        start(&manager, &record).await;
        assert_eq!(robot.last_launch().0.last().map(String::as_str), Some(said));
        stop(&manager, &record).await;
        start(&manager, &record).await;
        let (words, _) = robot.last_launch();
        assert!(!words.iter().any(|word| word == said), "{words:?}");
    }
}

/// S4.13: where the session's path is too long for sockets, short-lived files lie elsewhere, and go with it.
#[tokio::test]
async fn the_short_directory_goes_with_the_session() {
    let robot = Robot::new();
    robot.login();
    let short = tempfile::tempdir_in("/tmp").expect("it can be made");
    let short = Utf8Path::from_path(short.path()).expect("UTF-8");
    let deep = host(&robot.world.place.project(), "memory").with_temporary_directory(short);
    let far = robot.world.place.path().join("far".repeat(30));
    let manager = robot.manager_at(Layout::new(&far), deep, &[]);
    let record = create(&manager, spec("one")).await;
    let temporary = record.spec.agent_plan.clone().expect("it has a plan").temporary.host;
    assert!(temporary.starts_with(short) && temporary.is_dir(), "{temporary}");
    manager.remove(&record.id, true, &Progress::default()).await.expect("it can be removed");
    assert!(!temporary.exists(), "{temporary}");
}
