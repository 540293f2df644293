//! Agents with a profile: their state is made, kept, shared and found again.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use camino::{Utf8Path, Utf8PathBuf};
use session_conformance::{Step, memory_program};
use session_core::profile::{Profile, Profiles, SharePolicy};
use session_core::{
    AgentOptions, ErrorKind, HostView, Layout, Manager, Progress, SessionRecord, SessionSpec,
    TerminalSize,
};

use crate::place::{host, named};
use crate::world::World;

const PROFILE: &str = r#"
title = "Robot"
program = "program"

[arguments]
always = [STEPS]
new = ["--id", "${CONVERSATION_ID}"]
resume = ["--resume", "${CONVERSATION_ID}"]
unattended = ["--bold"]
login = ["login"]
prompt = ["${PROMPT}"]

[places.config]
variable = "ROBOT_HOME"
default = "${HOME}/.robot"

[environment]
scrub = ["ROBOT_*"]
pass = ["ROBOT_URL"]

[environment.set]
ROBOT_HOME = "${STATE}"
ROBOT_TMP = "${TMP}"
ROBOT_LOGIN = "${CREDENTIALS}"

[credentials]
required = true
host = "${CONFIG}"
files = ["login.json"]
environment = ["ROBOT_KEY"]

[conversation]
id = "ours"
file = "talks/*/${CONVERSATION_ID}.jsonl"

[[resources]]
name = "skills"
kind = "directory"
source = "${CONFIG}/skills"
target = "skills"
policy = "shared-ro"

[[resources]]
name = "memory"
kind = "file"
source = "${CONFIG}/memory.md"
target = "memory.md"
policy = "shared-ro"

[[resources]]
name = "settings"
kind = "file"
source = "${CONFIG}/settings.json"
target = "settings.json"
policy = "shared-ro"
format = "json"
content = { keep = 36500, trusted = { "${WORKSPACE}" = true }, keys = ["${LAST20_ROBOT_KEY}"] }
fallbacks = [
    { variable = "ROBOT_KEY", content = { auth = { by = "key" }, keep = 2 } },
    { login = "login.json", content = { auth = { by = "login", at = "${WORKSPACE}" } } },
]

[[resources]]
name = "theme"
kind = "file"
source = "${CONFIG}/theme.json"
target = "theme.json"
policy = "seed-once"

[[resources]]
name = "hooks"
kind = "directory"
source = "${CONFIG}/hooks"
target = "hooks"
policy = "seed-once"

[[resources]]
name = "rules"
kind = "directory"
source = "${CONFIG}/rules"
target = "rules"
policy = "shared-ro"
copied = true

[[resources]]
name = "talks"
kind = "directory"
source = "${CONFIG}/talks"
target = "talks"
policy = "private"
presets = { shared = "shared-rw" }
"#;

/// A world whose person has files of the agent's.
struct Robot {
    world: World,
    theirs: Utf8PathBuf,
}

impl Robot {
    fn new() -> Self {
        let world = World::new();
        let theirs = world.place.project().join(".robot");
        std::fs::create_dir_all(theirs.join("skills/dig")).expect("the project is writable");
        for (file, text) in [
            ("skills/dig/SKILL.md", "dig"),
            ("memory.md", "be kind"),
            ("settings.json", r#"{"colour": "blue", "keep": 1}"#),
            ("theme.json", r#"{"theme": "dark"}"#),
        ] {
            std::fs::write(theirs.join(file), text).expect("the project is writable");
        }
        Self { world, theirs }
    }

    fn manager(&self, environment: &[(&str, &str)]) -> Manager {
        self.manager_of(host(&self.world.place.project(), "memory"), environment)
    }

    fn manager_of(&self, host: HostView, environment: &[(&str, &str)]) -> Manager {
        self.manager_at(self.world.place.layout(), host, environment)
    }

    fn manager_at(&self, layout: Layout, host: HostView, environment: &[(&str, &str)]) -> Manager {
        let steps = format!("{:?}", memory_program(&[Step::Wait])[1]);
        let text = PROFILE.replace("STEPS", &steps);
        let profile = Profile::from_toml("robot", &text, "robot.toml").expect("it is valid");
        let environment: BTreeMap<_, _> = environment
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let host = host.with_environment(environment);
        Manager::new(
            layout,
            host,
            self.world.backends(),
            std::sync::Arc::clone(&self.world.registry),
            std::sync::Arc::clone(&self.world.copies) as std::sync::Arc<_>,
            std::sync::Arc::clone(&self.world.holders) as std::sync::Arc<_>,
        )
        .with_profiles(Profiles::new().with(profile))
    }

    fn login(&self) {
        std::fs::write(self.theirs.join("login.json"), "{}").expect("the project is writable");
    }

    fn last_launch(&self) -> (Vec<String>, BTreeMap<String, String>) {
        let launches = self.world.holders.launches.lock().expect("nobody panics with it");
        let launch = launches.last().cloned().flatten().expect("something was launched");
        (launch.argv[2..].to_vec(), launch.environment)
    }
}

fn spec(name: &str) -> SessionSpec {
    named(name).with_agent("robot")
}

async fn create(manager: &Manager, spec: SessionSpec) -> SessionRecord {
    manager.create(spec, &Progress::default()).await.expect("the session can be made")
}

async fn start(manager: &Manager, record: &SessionRecord) {
    let started = manager.start(&record.id, TerminalSize::default(), &Progress::default()).await;
    started.expect("the session can be started");
}

async fn stop(manager: &Manager, record: &SessionRecord) {
    let stopped = manager.stop(&record.id, std::time::Duration::ZERO, &Progress::default()).await;
    stopped.expect("the session can be stopped");
}

fn read(path: &Utf8Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

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

/// How somebody is logged in is said where the person's file says nothing of it, and only there.
#[tokio::test]
async fn a_fallback_is_the_first_that_applies_and_no_more() {
    let robot = Robot::new();
    let auth = async |name: &str, environment: &[(&str, &str)]| {
        let record = create(&robot.manager(environment), spec(name)).await;
        let state = record.spec.agent_plan.expect("it has a plan").state.host;
        let settings: serde_json::Value =
            serde_json::from_str(&read(&state.join("settings.json"))).expect("JSON");
        assert_eq!(settings["keep"], 36500, "what is set is set");
        settings["auth"]["by"].as_str().map(str::to_owned)
    };
    let key = [("ROBOT_KEY", "x")];
    assert_eq!(auth("key", &key).await.as_deref(), Some("key"));
    robot.login();
    assert_eq!(auth("both", &key).await.as_deref(), Some("key"));
    assert_eq!(auth("login", &[("ROBOT_KEY", "")]).await.as_deref(), Some("login"));
    let theirs = r#"{"auth": {"by": "hand"}}"#;
    std::fs::write(robot.theirs.join("settings.json"), theirs).expect("writable");
    assert_eq!(auth("theirs", &key).await.as_deref(), Some("hand"));
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
    std::fs::write(talks.join(format!("{id}.jsonl")), "").expect("the state is writable");
    start(&manager, &record).await;
    assert_eq!(robot.last_launch().0, ["--resume", &id, "--bold", "--loud", "${x}"]);
    stop(&manager, &record).await;

    let old = std::fs::File::open(talks.join(format!("{id}.jsonl"))).expect("it is there");
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("it is ours");
    std::fs::write(talks.join("another.jsonl"), "").expect("the state is writable");
    start(&manager, &record).await;
    assert_eq!(robot.last_launch().0[..2], ["--resume", "another"]);
}

/// Marks of an agent around us are taken away, the login is handed over, and nothing is empty.
#[tokio::test]
async fn the_environment_is_the_profiles() {
    let robot = Robot::new();
    let manager = robot.manager(&[
        ("ROBOT_HOME", "relative/and/ignored"),
        ("ROBOT_CHILD", "1"),
        ("ROBOT_URL", "http://127.0.0.1:1"),
        ("ROBOT_KEY", "0123456789abcdefghijklmnop"),
        ("OTHER", "kept"),
    ]);
    let record = create(&manager, spec("one")).await;
    let plan = record.spec.agent_plan.clone().expect("it has a plan");
    start(&manager, &record).await;
    let (_, environment) = robot.last_launch();
    let get = |name: &str| environment.get(name).map(String::as_str);
    assert_eq!(get("ROBOT_HOME"), Some(plan.state.inside.as_str()));
    assert_eq!(get("ROBOT_CHILD"), None);
    assert_eq!(get("ROBOT_KEY"), Some("0123456789abcdefghijklmnop"));
    let credentials = plan.credentials.expect("it has a login directory");
    assert_eq!(get("ROBOT_LOGIN"), Some(credentials.inside.as_str()));
    assert!(credentials.host.starts_with(robot.world.place.layout().home()));
    // Only the end of a key, where the agent asks for that; never in the record.
    let settings = read(&plan.state.host.join("settings.json"));
    assert!(settings.contains("\"6789abcdefghijklmnop\""), "{settings}");
    assert!(!settings.contains("0123456789abcdefghijklmnop"), "{settings}");
    let layout = robot.world.place.layout();
    assert!(!read(&layout.record(&record.id)).contains("ghijklmnop"));
}

/// S0.21, S2.E7: without a login nothing is made, and the error says how to log in.
#[tokio::test]
async fn a_missing_login_is_said_before_anything_is_made() {
    let robot = Robot::new();
    let manager = robot.manager(&[]);
    let error = manager.create(spec("one"), &Progress::default()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let text = error.to_string();
    assert!(text.contains("sessctl login -a robot") && text.contains("ROBOT_KEY"), "{text}");
    crate::place::assert_nothing_left(&robot.world.place.layout());
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
