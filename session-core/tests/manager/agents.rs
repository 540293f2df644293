//! Agents with a profile: their state is made, kept, shared and found again.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use session_core::profile::SharePolicy;
use session_core::{AgentOptions, ErrorKind, Progress, SessionRecord, TerminalSize};

use crate::robot::{Robot, create, read, spec, start, stop};

/// S3.1, S3.9, S4.3: the state is private; configuration comes in, and what the profile sets is set in a copy.
#[tokio::test]
async fn the_state_is_private_and_holds_what_is_shared() {
    let robot = Robot::new();
    robot.login();
    let manager = robot.manager(&[]);
    let record = create(&manager, spec("one")).await;
    let plan = record.spec.agent_plan.clone().expect("it has a plan");
    let state = &plan.state.host;
    assert_eq!(*state, record.spec.directory.join("state/robot"));
    let mode = state.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(read(&state.join("skills/dig/SKILL.md")), "dig");
    assert!(state.join("skills").is_dir() && !state.join("skills").is_symlink());
    assert_eq!(read(&state.join("memory.md")), "be kind");
    assert!(!state.join("memory.md").is_symlink(), "a copy can't be written through");
    let settings: serde_json::Value =
        serde_json::from_str(&read(&state.join("settings.json"))).expect("JSON");
    let trusted = serde_json::json!({plan.workspace.as_str(): true});
    let auth = serde_json::json!({"by": "login", "at": plan.workspace.as_str()});
    let expected = serde_json::json!({
        "colour": "blue", "keep": 36500, "trusted": trusted, "keys": [], "auth": auth,
    });
    assert_eq!(settings, expected);
    assert_eq!(read(&robot.theirs.join("settings.json")), r#"{"colour": "blue", "keep": 1}"#);
}

/// What the person changes is there at the next start; what the session made of its own stays; a
/// seed is not renewed.
#[tokio::test]
async fn each_start_renews_what_is_shared() {
    let robot = Robot::new();
    robot.login();
    let manager = robot.manager(&[]);
    let record = create(&manager, spec("one")).await;
    let state = record.spec.agent_plan.as_ref().expect("it has a plan").state.host.clone();
    std::fs::write(state.join("skills/own"), "own").expect("the state is writable");
    std::fs::write(robot.theirs.join("memory.md"), "be quick").expect("writable");
    std::fs::write(robot.theirs.join("theme.json"), "{}").expect("writable");
    std::fs::rename(robot.theirs.join("skills/dig"), robot.theirs.join("skills/saw"))
        .expect("writable");
    start(&manager, &record).await;
    assert_eq!(read(&state.join("memory.md")), "be quick");
    assert_eq!(read(&state.join("theme.json")), r#"{"theme": "dark"}"#);
    assert_eq!(crate::place::entries(&state.join("skills")), ["own", "saw"]);
}

/// What is no file in the place of one is said, and waited for by nobody; what is set in a file can't be the person's own.
#[tokio::test]
async fn odd_files_of_the_persons() {
    let robot = Robot::new();
    robot.login();
    let manager = robot.manager(&[]);
    let settings = robot.theirs.join("settings.json");
    std::fs::remove_file(&settings).expect("it is there");
    rustix::fs::mkfifoat(rustix::fs::CWD, settings.as_std_path(), 0o600.into()).expect("a pipe");
    let made = manager.create(spec("one"), &Progress::default()).await;
    let error = made.expect_err("it would wait for ever");
    assert!(format!("{error:?}").contains("settings.json"), "{error:?}");
    let mut given = spec("two");
    given.agent_options.settings = Some(settings.clone());
    manager.create(given, &Progress::default()).await.expect_err("that is no file either");
    crate::place::assert_nothing_left(&robot.world.place.layout());

    std::fs::remove_file(&settings).expect("it is there");
    let mut live = spec("three");
    live.agent_options.share.insert("settings".to_owned(), SharePolicy::SharedRw);
    let error = manager.create(live, &Progress::default()).await.expect_err("refused");
    assert!(error.to_string().contains("use shared-ro"), "{error}");
}

/// A seeded program is still one, and nobody else's; where copies are shared they follow the person's files.
#[tokio::test]
async fn seeds_and_copies_of_directories() {
    let robot = Robot::new();
    robot.login();
    let theirs = |path: &str| robot.theirs.join(path);
    std::fs::create_dir_all(theirs("hooks/deep")).expect("writable");
    std::fs::create_dir_all(theirs("rules/deep")).expect("writable");
    for (file, mode) in [
        ("hooks/run", 0o755),
        ("hooks/deep/data", 0o644),
        ("rules/one", 0o644),
        ("rules/deep/two", 0o644),
    ] {
        std::fs::write(theirs(file), file).expect("writable");
        std::fs::set_permissions(theirs(file), std::fs::Permissions::from_mode(mode))
            .expect("ours");
    }
    let manager = robot.manager(&[]);
    let record = create(&manager, spec("one")).await;
    let state = record.spec.agent_plan.as_ref().expect("it has a plan").state.host.clone();
    let mode = |path: &str| {
        let found = state.join(path).symlink_metadata().expect("it is there");
        assert!(found.is_file(), "{path}");
        found.permissions().mode() & 0o777
    };
    assert_eq!((mode("hooks/run"), mode("hooks/deep/data")), (0o700, 0o600));
    assert_eq!((mode("rules/one"), mode("rules/deep/two")), (0o600, 0o600));

    std::fs::write(theirs("rules/one"), "changed").expect("writable");
    std::fs::remove_file(theirs("rules/deep/two")).expect("it was there");
    std::fs::remove_file(theirs("hooks/run")).expect("it was there");
    symlink("/etc", state.join("rules/link")).expect("the state is writable");
    start(&manager, &record).await;
    assert_eq!(read(&state.join("rules/one")), "changed");
    assert_eq!(crate::place::entries(&state.join("rules/deep")), Vec::<String>::new());
    assert!(!state.join("rules/link").is_symlink(), "and nothing was done where it led");
    assert_eq!(read(&state.join("hooks/run")), "hooks/run", "a seed is not renewed");
}

/// Files that the agent finds by itself are named to it, each once, at every start, unless the session is to see them anyway; what
/// the person names stays.
#[tokio::test]
async fn what_it_would_read_by_itself_is_hidden() {
    let robot = Robot::new();
    robot.login();
    let home = robot.world.place.project();
    for directory in [".common/a", ".common/deep/er", "elsewhere"] {
        std::fs::create_dir_all(home.join(directory)).expect("writable");
        std::fs::write(home.join(directory).join("SKILL.md"), "x").expect("writable");
    }
    std::fs::write(home.join(".common/a/README.md"), "x").expect("writable");
    symlink(home.join("elsewhere"), home.join(".common/linked")).expect("writable");
    symlink(home.join(".common"), home.join(".common/deep/round")).expect("writable");
    symlink(home.join("nowhere"), home.join(".common/broken")).expect("writable");
    symlink(robot.theirs.join("skills/dig"), home.join(".common/dig")).expect("writable");
    let own = r#"{"skills": {"off": [{"path": "mine"}], "x": 1}}"#;
    std::fs::write(robot.theirs.join("settings.json"), own).expect("writable");
    let manager = robot.manager(&[]);
    let record = create(&manager, spec("one")).await;
    let skills = |record: &SessionRecord| {
        let plan = record.spec.agent_plan.as_ref().expect("it has a plan");
        let settings = read(&plan.state.host.join("settings.json"));
        let settings: serde_json::Value = serde_json::from_str(&settings).expect("JSON");
        settings["skills"].clone()
    };
    let hidden = |paths: &[&str]| {
        let entry = |path: &&str| serde_json::json!({"path": home.join(path), "on": false});
        paths.iter().map(entry).collect::<Vec<_>>()
    };
    let there = [".common/a/SKILL.md", ".common/deep/er/SKILL.md", ".common/linked/SKILL.md"];
    let mine = serde_json::json!({"path": "mine"});
    let all = [&[mine.clone()][..], &hidden(&there)].concat();
    assert_eq!(skills(&record), serde_json::json!({"off": all, "x": 1}));

    // A session without the person's skills does not see them by another way either.
    let mut options = AgentOptions::default();
    options.preset = "bare".parse().expect("a preset");
    let bare = create(&manager, spec("bare").with_agent_options(options)).await;
    let more = [there[0], there[1], ".common/dig/SKILL.md", there[2]];
    assert_eq!(skills(&bare)["off"], serde_json::json!(hidden(&more)));
    start(&manager, &bare).await;
    assert_eq!(skills(&bare)["off"], serde_json::json!(hidden(&more)), "each once");

    std::fs::remove_dir_all(home.join(".common/deep")).expect("it was there");
    std::fs::create_dir(home.join(".common/b")).expect("writable");
    std::fs::write(home.join(".common/b/SKILL.md"), "x").expect("writable");
    start(&manager, &record).await;
    let now = hidden(&[there[0], ".common/b/SKILL.md", there[2]]);
    assert_eq!(skills(&record)["off"], serde_json::json!([&[mine][..], &now].concat()));
}

/// S1.12: with the preset `shared`, conversations are the person's own; `bare` shares nothing.
#[tokio::test]
async fn presets_share_more_and_less() {
    let robot = Robot::new();
    robot.login();
    let manager = robot.manager(&[]);
    let with = |name: &str, change: &dyn Fn(&mut AgentOptions)| {
        let mut options = AgentOptions::default();
        change(&mut options);
        spec(name).with_agent_options(options)
    };
    let shared = with("shared", &|options| options.preset = "shared".parse().expect("a preset"));
    let shared = create(&manager, shared).await.spec.agent_plan.expect("it has a plan");
    let talks = shared.state.host.join("talks");
    assert_eq!(talks.read_link_utf8().expect("a link"), robot.theirs.join("talks"));

    let bare = with("bare", &|options| options.preset = "bare".parse().expect("a preset"));
    let bare = create(&manager, bare).await.spec.agent_plan.expect("it has a plan");
    assert_eq!(crate::place::entries(&bare.state.host), ["settings.json"]);
    assert!(!read(&bare.state.host.join("settings.json")).contains("blue"));

    let one = with("one", &|options| {
        options.share.insert("skills".to_owned(), SharePolicy::SharedRw);
    });
    let one = create(&manager, one).await.spec.agent_plan.expect("it has a plan");
    assert!(one.state.host.join("skills").is_symlink());

    let wrong = with("wrong", &|options| {
        options.share.insert("skils".to_owned(), SharePolicy::Private);
    });
    let error = manager.create(wrong, &Progress::default()).await.expect_err("refused");
    assert!(error.to_string().contains("memory, rules, settings, skills, talks, theme"), "{error}");
}

/// A session can replace what is in its state by links; nothing is written or read through them.
#[tokio::test]
async fn links_that_a_session_made_lead_nowhere() {
    let robot = Robot::new();
    robot.login();
    let manager = robot.manager(&[]);
    let record = create(&manager, spec("one")).await;
    let state = record.spec.agent_plan.as_ref().expect("it has a plan").state.host.clone();
    let outside = robot.world.place.path().join("outside");
    std::fs::create_dir(&outside).expect("writable");
    std::fs::write(outside.join("precious"), "precious").expect("writable");
    std::fs::remove_file(state.join("settings.json")).expect("it is there");
    symlink(outside.join("precious"), state.join("settings.json")).expect("writable");
    start(&manager, &record).await;
    stop(&manager, &record).await;
    assert_eq!(read(&outside.join("precious")), "precious");
    assert!(!state.join("settings.json").is_symlink(), "it is our file again");

    std::fs::remove_dir_all(state.join("skills")).expect("it is there");
    symlink(&outside, state.join("skills")).expect("writable");
    let size = TerminalSize::default();
    let error = manager.start(&record.id, size, &Progress::default()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert_eq!(crate::place::entries(&outside), ["precious"]);
}
