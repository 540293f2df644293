//! Agents that write conversations down, and where those lie.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use session_conformance::{Step, memory_program};
use session_core::profile::{Profile, Profiles};
use session_core::{AgentFacts, AgentOptions, Manager, Progress, SessionRecord, TerminalSize};

use crate::place::{host, named};
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

/// The id of a process that is gone.
pub(crate) fn gone() -> u32 {
    let mut child = std::process::Command::new("true").spawn().expect("it can be run");
    child.wait().expect("it ends");
    child.id()
}
