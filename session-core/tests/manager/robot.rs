//! An agent that tells what it was started with.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use session_conformance::{Step, memory_program};
use session_core::profile::{Profile, Profiles};
use session_core::{HostView, Layout, Manager, Progress, SessionRecord, SessionSpec, TerminalSize};

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
headless = ["ROBOT_ONCE"]
settings = [
    { resource = "settings", key = "login.helper" },
    { resource = "settings", key = "provider", except = ["ours"] },
]
hint = "or knock"

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

[[resources.hidden]]
directory = "${HOME}/.common"
file = "SKILL.md"
list = "skills.off"
entry = { path = "${FILE}", on = false }

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
pub(crate) struct Robot {
    pub(crate) world: World,
    pub(crate) theirs: Utf8PathBuf,
}

impl Robot {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn manager(&self, environment: &[(&str, &str)]) -> Manager {
        self.manager_of(host(&self.world.place.project(), "memory"), environment)
    }

    pub(crate) fn manager_of(&self, host: HostView, environment: &[(&str, &str)]) -> Manager {
        self.manager_at(self.world.place.layout(), host, environment)
    }

    pub(crate) fn manager_at(
        &self,
        layout: Layout,
        host: HostView,
        environment: &[(&str, &str)],
    ) -> Manager {
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

    pub(crate) fn login(&self) {
        std::fs::write(self.theirs.join("login.json"), "{}").expect("the project is writable");
    }

    pub(crate) fn last_launch(&self) -> (Vec<String>, BTreeMap<String, String>) {
        let launches = self.world.holders.launches.lock().expect("nobody panics with it");
        let launch = launches.last().cloned().flatten().expect("something was launched");
        (launch.argv[2..].to_vec(), launch.environment)
    }
}

pub(crate) fn spec(name: &str) -> SessionSpec {
    named(name).with_agent("robot")
}

pub(crate) async fn create(manager: &Manager, spec: SessionSpec) -> SessionRecord {
    manager.create(spec, &Progress::default()).await.expect("the session can be made")
}

pub(crate) async fn start(manager: &Manager, record: &SessionRecord) {
    let started = manager.start(&record.id, TerminalSize::default(), &Progress::default()).await;
    started.expect("the session can be started");
}

pub(crate) async fn stop(manager: &Manager, record: &SessionRecord) {
    let stopped = manager.stop(&record.id, std::time::Duration::ZERO, &Progress::default()).await;
    stopped.expect("the session can be stopped");
}

pub(crate) fn read(path: &Utf8Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
