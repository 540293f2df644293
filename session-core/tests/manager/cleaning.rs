//! What agents make anew is removed, and nothing else (S1.21, S4.37).

use std::os::unix::fs::{PermissionsExt as _, symlink};

use camino::{Utf8Path, Utf8PathBuf};
use session_conformance::{Step, memory_program};
use session_core::profile::{Preset, Profile, Profiles, SharePolicy};
use session_core::{AgentOptions, ErrorKind, Manager, Progress, SessionRecord, TerminalSize};

use crate::place::named;
use crate::world::World;

const PROFILE: &str = r#"
title = "Robot"
program = "program"
disposable = ["logs", "cache/http", "trace-*", "work", "env"]

[arguments]
always = [STEPS]
new = ["--id", "${CONVERSATION_ID}"]
resume = ["--resume", "${CONVERSATION_ID}"]

[places.config]
default = "${HOME}/.robot"

[conversation]
id = "ours"
file = "talks/${CONVERSATION_ID}.jsonl"

[[resources]]
name = "env"
kind = "directory"
source = "${CONFIG}/env"
target = "env"
policy = "private"
presets = { shared = "shared-rw" }
"#;

fn manager_of(world: &World) -> Manager {
    let steps = format!("{:?}", memory_program(&[Step::Wait])[1]);
    let text = PROFILE.replace("STEPS", &steps);
    let profile = Profile::from_toml("robot", &text, "robot.toml").expect("it is valid");
    world.manager.clone().with_profiles(Profiles::new().with(profile))
}

async fn create(manager: &Manager, preset: Preset) -> (SessionRecord, Utf8PathBuf) {
    let mut options = AgentOptions::default();
    options.preset = preset;
    create_with(manager, options).await
}

async fn create_with(manager: &Manager, options: AgentOptions) -> (SessionRecord, Utf8PathBuf) {
    let spec = named("one").with_agent("robot").with_agent_options(options);
    let record = manager.create(spec, &Progress::default()).await.expect("it can be made");
    let state = record.spec.agent_plan.as_ref().expect("it has a plan").state.host.clone();
    (record, state)
}

async fn start(manager: &Manager, record: &SessionRecord) {
    let started = manager.start(&record.id, TerminalSize::default(), &Progress::default()).await;
    started.expect("the session can be started");
}

fn write(path: impl AsRef<Utf8Path>) {
    let path = path.as_ref();
    std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("writable");
    std::fs::write(path, "x".repeat(10_000)).expect("writable");
}

fn paths(found: &[session_core::Disposable], below: &Utf8Path) -> Vec<String> {
    let paths = found.iter().map(|item| item.path.strip_prefix(below).expect("it is below"));
    paths.map(ToString::to_string).collect()
}

/// Directories, files and names with a pattern go, however deep and read-only; what only looks like it, conversations, and
/// what links lead to stay.
#[tokio::test]
async fn what_is_made_anew_goes_and_nothing_else() {
    let world = World::new();
    let manager = manager_of(&world);
    let (record, state) = create(&manager, Preset::Private).await;
    let elsewhere = world.place.project().join("precious");
    write(elsewhere.join("file"));
    for file in [
        "logs/a/b/c.log",
        "cache/http/1",
        "cache/other",
        "trace-1",
        "trace-2/x",
        "traces",
        "talks/t.jsonl",
        "env/e",
    ] {
        write(state.join(file));
    }
    symlink(&elsewhere, state.join("logs/out")).expect("a link");
    symlink(elsewhere.join("file"), state.join("trace-3")).expect("a link");
    symlink(&elsewhere, state.join("work")).expect("a link");
    let temporary = record.spec.agent_plan.as_ref().expect("a plan").temporary.host.clone();
    write(temporary.join("socket-or-so"));
    let read_only = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(state.join("logs/a/b"), read_only).expect("writable");

    let found = manager.disposable(&record.id).await.expect("it can be looked at");
    let expected = [
        "state/robot/cache/http",
        "state/robot/env",
        "state/robot/logs",
        "state/robot/trace-1",
        "state/robot/trace-2",
    ];
    let (of_state, of_temporary): (Vec<_>, Vec<_>) =
        found.iter().cloned().partition(|item| item.path.starts_with(&state));
    assert_eq!(paths(&of_state, &record.spec.directory), expected);
    assert_eq!(paths(&of_temporary, &temporary), ["socket-or-so"]);
    assert!(found.iter().all(|item| item.bytes >= 10_000 && !item.incomplete), "{found:#?}");
    assert!(state.join("logs/a/b/c.log").exists(), "looking removes nothing");

    let removed = manager.clean(&record.id).await.expect("it can be cleaned");
    assert_eq!(removed, found);
    assert_eq!(crate::place::entries(&state), ["cache", "talks", "trace-3", "traces", "work"]);
    assert!(state.join("cache/other").exists() && state.join("talks/t.jsonl").exists());
    assert!(elsewhere.join("file").exists(), "links lead nowhere");
    assert_eq!(crate::place::entries(&temporary), [] as [&str; 0]);
    assert_eq!(manager.clean(&record.id).await.expect("again"), []);
    let cleaned = world.audit().iter().filter(|line| *line == "clean one ok").count();
    assert_eq!(cleaned, 2);
    start(&manager, &record).await;
}

/// What is shared is not the session's alone, whatever the profile says of it.
#[tokio::test]
async fn what_is_shared_stays() {
    let world = World::new();
    let manager = manager_of(&world);
    let (record, state) = create(&manager, Preset::Shared).await;
    let theirs = world.place.project().join(".robot/env");
    write(theirs.join("e"));
    assert!(state.join("env/e").exists(), "it is the person's own");
    assert_eq!(manager.clean(&record.id).await.expect("it can be cleaned"), []);
    assert!(theirs.join("e").exists() && state.join("env").is_symlink());

    // Read-only, on the host: a directory of the session's with links in it.
    let world = World::new();
    let manager = manager_of(&world);
    write(world.place.project().join(".robot/env/e"));
    let mut options = AgentOptions::default();
    options.share.insert("env".to_owned(), SharePolicy::SharedRo);
    let (record, state) = create_with(&manager, options).await;
    assert_eq!(manager.clean(&record.id).await.expect("it can be cleaned"), []);
    assert!(state.join("env/e").is_symlink());
}

/// A directory on the way that the session made a link leads nowhere, either.
#[tokio::test]
async fn a_link_on_the_way_leads_nowhere() {
    let world = World::new();
    let manager = manager_of(&world);
    let (record, state) = create(&manager, Preset::Private).await;
    let elsewhere = world.place.project().join("precious");
    write(elsewhere.join("http/file"));
    symlink(&elsewhere, state.join("cache")).expect("a link");
    assert_eq!(manager.clean(&record.id).await.expect("it can be cleaned"), []);
    assert!(elsewhere.join("http/file").exists());
}

/// Nothing is taken away from an agent that works.
#[tokio::test]
async fn a_running_session_is_not_cleaned() {
    let world = World::new();
    let manager = manager_of(&world);
    let (record, state) = create(&manager, Preset::Private).await;
    write(state.join("logs/a"));
    start(&manager, &record).await;
    for refused in [manager.disposable(&record.id).await, manager.clean(&record.id).await] {
        let error = refused.expect_err("it runs");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("sessctl stop one"), "{error}");
    }
    assert!(state.join("logs/a").exists());
    world.stop(&record).await;
    assert_eq!(manager.clean(&record.id).await.expect("it has stopped").len(), 1);
}

/// A session that has no agent has nothing that anybody knows to be disposable.
#[tokio::test]
async fn without_an_agent_there_is_nothing() {
    let world = World::new();
    let record = world.create("plain").await;
    assert_eq!(world.manager.clean(&record.id).await.expect("nothing to do"), []);
}
