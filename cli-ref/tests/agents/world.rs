//! A person with an agent: a home, a project, a model, and a `sessctl` that knows one backend.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agent::Agent;
use crate::backend::Backend;
pub(crate) use crate::commands::{Done, finish};
use crate::commands::{processes_with, until_within};
use crate::installed::{program, skip};
use crate::model::{Authority, Model};

/// How long what must happen may take before a test gives it up. Some agents need ten seconds for their first screen on an idle
/// machine, and a minute on one that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The key of the person at the model, which no list or log may show.
pub(crate) const KEY: &str = "sk-ant-fake-of-these-tests";

/// Where sessions are, below the person's home as they are by default: what an agent finds on its way up
/// from its workspace is the person's.
pub(crate) const HOME: &str = "user/s";

/// One test's own world. What it made in an engine is gone when it is dropped.
pub(crate) struct World {
    root: TempDir,
    pub(crate) agent: &'static Agent,
    pub(crate) backend: Backend,
    pub(crate) model: Model,
    more: Vec<(String, String)>,
}

/// Runs a test with an agent on a backend, or says why it can't be.
pub(crate) fn with(agent: &'static Agent, kind: &'static str, test: impl FnOnce(World)) {
    match World::new(agent, kind, None) {
        Ok(world) => test(world),
        Err(reason) => skip(&format!("{} on {kind}: {reason}", agent.name)),
    }
}

/// Runs one of the tests of all agents, or says what the agent lacks for it.
pub(crate) fn with_each(
    agent: &'static Agent,
    kind: &'static str,
    name: &str,
    test: impl FnOnce(World),
) {
    match agent.lacks.iter().find(|(lacking, _)| *lacking == name) {
        Some((_, reason)) => skip(&format!("{} on {kind}: {reason}", agent.name)),
        None => with(agent, kind, test),
    }
}

/// The same on this host, with a model that plays the vendor's hosts too.
pub(crate) fn with_vendor(agent: &'static Agent, test: impl FnOnce(World)) {
    let world = Authority::new()
        .and_then(|authority| World::new(agent, "local", Some(Model::start_with(authority))));
    match world {
        Ok(world) => test(world),
        Err(reason) => skip(&format!("{} on local: {reason}", agent.name)),
    }
}

impl World {
    fn new(
        agent: &'static Agent,
        kind: &'static str,
        model: Option<Model>,
    ) -> Result<Self, String> {
        let backend = Backend::find(kind)?;
        let program = program(agent.word)?;
        let model = match (model, backend.gateway()) {
            (Some(model), _) => model,
            (None, Some(gateway)) => Model::start_at(gateway?),
            (None, None) => Model::start(),
        };
        let root = tempfile::tempdir().map_err(|error| error.to_string())?;
        for directory in ["bin", "user", "tmp", "project"] {
            std::fs::create_dir(root.path().join(directory)).expect("an empty world");
        }
        let world = Self { root, agent, backend, model, more: Vec::new() };
        if !world.backend.has_image(&world.image()) {
            return Err(format!("no image {}; to make it: bash .ci/images", world.image()));
        }
        std::os::unix::fs::symlink(program, world.path("bin").join(agent.name)).expect("a link");
        world.furnish();
        Ok(world)
    }

    /// What a person has who uses the agent.
    fn furnish(&self) {
        let own = |path: &str| format!("user/{}/{path}", self.agent.directory);
        if !self.agent.instructions.is_empty() {
            self.write(&own(self.agent.instructions), "# Mine\nZZHOME\n");
            let skill = "---\nname: plum\ndescription: ZZSKILL of plums\n---\nEat them.\n";
            self.write(&own("skills/plum/SKILL.md"), skill);
        }
        match self.agent.name {
            "codex" => self.write(
                &own("config.toml"),
                &crate::codex_config(&self.model.url(), Path::new("/nowhere")),
            ),
            "opencode" => {
                let config = crate::opencode_config(&self.model.url());
                self.write(&own("opencode.json"), &config.to_string());
            }
            "copilot" | "aider" => {}
            "gemini" => {
                let settings = json!({"ui": {"hideTips": true}});
                self.write(&own("settings.json"), &settings.to_string());
                // It tells of it once it is ready, and of nothing else in a session that shares nothing.
                self.write("project/GEMINI.md", "# The project\n");
            }
            _ => self.write(&own("settings.json"), &json!({"theme": "dark"}).to_string()),
        }
        self.furnish_others();
        if let Some(profiles) = std::env::var_os("SESSCTL_TEST_PROFILES") {
            let file = format!("{}.toml", self.agent.name);
            let profile = std::fs::read_to_string(Path::new(&profiles).join(&file));
            let profile = profile.expect("SESSCTL_TEST_PROFILES has a profile of the agent");
            self.write(&format!("user/.config/sessctl/agents/{file}"), &profile);
        }
        self.write("project/README.md", "hello\n");
        self.git(&["init", "-q", "-b", "main"]);
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "first"]);
    }

    /// What the person has of other agents, and in their home itself: all with a word that no session of this one may know.
    fn furnish_others(&self) {
        let skill = "---\nname: leak\ndescription: ZZLEAK of another\n---\nEat them.\n";
        let said = "# Of another\nZZLEAK\n";
        for (directory, files) in [
            (".claude", &["CLAUDE.md", "rules/x.md", "skills/x/SKILL.md", "commands/x.md"][..]),
            (".agents", &["AGENTS.md", "skills/x/SKILL.md", "skills/deep/er/y/SKILL.md"]),
            (".codex", &["AGENTS.md", "skills/x/SKILL.md", "prompts/x.md"]),
            (".copilot", &["copilot-instructions.md", "skills/x/SKILL.md", "agents/x.agent.md"]),
            (".config/opencode", &["AGENTS.md", "skills/x/SKILL.md", "command/x.md"]),
            (".gemini", &["GEMINI.md", "skills/x/SKILL.md"]),
            // Its own reads it, and takes no notice without a sandbox.
            (".gemini/policies", &["sandbox.toml"]),
        ] {
            if directory == self.agent.directory {
                continue;
            }
            for file in files {
                let text = if file.ends_with("SKILL.md") { skill } else { said };
                self.write(&format!("user/{directory}/{file}"), text);
            }
        }
    }

    /// Sets a variable around every command from now on; an empty one is taken away.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.more.retain(|(known, _)| known != name);
        self.more.push((name.to_owned(), value.into()));
    }

    /// An image that has the agent.
    pub(crate) fn image(&self) -> String {
        format!("sessctl-test/agent-{}:1", self.agent.name)
    }

    /// A session's name that nobody else has in the same engine.
    pub(crate) fn name(&self, name: &str) -> String {
        let root = self.root.path().file_name().expect("a name").to_string_lossy();
        format!("{name}-{}", root.trim_start_matches('.'))
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        self.path(path).into_os_string().into_string().expect("UTF-8 paths")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("parents");
        std::fs::write(path, text).expect("a small file");
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.path("project")).args(arguments);
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "tester");
            command.env(format!("GIT_{role}_EMAIL"), "tester@example.invalid");
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let done = finish(command.output());
        assert_eq!(done.code, 0, "git {arguments:?}: {done:#?}");
    }

    /// The environment of every command here: a person's, who is logged in by a key.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let none = self.text("none.sock");
        let socket = |kind: &str| match &self.backend.socket {
            Some(socket) if self.backend.kind == kind => socket.to_string_lossy().into_owned(),
            _ => none.clone(),
        };
        let image = self.backend.socket.as_ref().map(|_| self.image()).unwrap_or_default();
        let path = std::env::var("PATH").expect("a PATH");
        let set = [
            ("PATH", format!("{}:{path}", self.text("bin"))),
            ("HOME", self.text("user")),
            ("TMPDIR", self.text("tmp")),
            ("SESSCTL_HOME", self.text(HOME)),
            ("SESSCTL_BACKEND", self.backend.kind.to_owned()),
            ("SESSCTL_IMAGE", image),
            ("SESSCTL_DOCKER_SOCKET", socket("docker")),
            ("SESSCTL_PODMAN_SOCKET", socket("podman")),
            ("SHELL", "/bin/sh".to_owned()),
            ("USER", "tester".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            (self.agent.key, KEY.to_owned()),
            ("ANTHROPIC_BASE_URL", self.model.url()),
            ("GOOGLE_GEMINI_BASE_URL", self.model.url()),
            // Which model is meant for a question is asked of a model first otherwise.
            ("GEMINI_MODEL", "gemini-2.5-flash".to_owned()),
            ("AIDER_MODEL", "openai/test".to_owned()),
            ("AIDER_OPENAI_API_BASE", format!("{}/v1", self.model.url())),
            ("COPILOT_PROVIDER_BASE_URL", format!("{}/v1", self.model.url())),
            ("COPILOT_MODEL", "test".to_owned()),
            ("COPILOT_OFFLINE", "true".to_owned()),
            ("SESSCTL_UPDATE_CHECK", "false".to_owned()),
        ];
        let mut set: Vec<_> = set.map(|(name, value)| (name.to_owned(), value)).into();
        set.retain(|(name, _)| self.more.iter().all(|(more, _)| more != name));
        set.extend(self.more.iter().filter(|(_, value)| !value.is_empty()).cloned());
        set
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sessctl"));
        command.args(arguments).current_dir(self.path("project")).stdin(Stdio::null());
        command.env_clear().envs(self.environment());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        finish(self.command(arguments).output())
    }

    /// Runs the command, which must succeed; gives what it printed.
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "sessctl {arguments:?}: {done:#?}");
        done.out
    }

    /// One session of the list.
    pub(crate) fn session(&self, name: &str) -> Value {
        let list: Value = serde_json::from_str(&self.good(&["list", "--json"])).expect("JSON");
        let sessions = list["sessions"].as_array().expect("a list").clone();
        let found = sessions.into_iter().find(|session| session["name"] == name);
        found.unwrap_or_else(|| panic!("no `{name}` in {list:#}"))
    }

    /// The person's own agent, outside of sessions, goes on with a conversation.
    pub(crate) fn by_hand(&self, conversation: &str, words: &str) -> String {
        let go_on: &[&str] = match self.agent.name {
            "codex" => &["exec", "resume", "--skip-git-repo-check", conversation],
            "copilot" => &["--session-id", conversation, "-s", "-p"],
            "opencode" => &["run", "--session", conversation],
            _ => &["--resume", conversation, "-p"],
        };
        let mut command = Command::new(self.path("bin").join(self.agent.name));
        command.args(go_on).arg(words).current_dir(self.path("project")).stdin(Stdio::null());
        let done = finish(command.env_clear().envs(self.environment()).output());
        assert_eq!(done.code, 0, "{done:#?}");
        done.out
    }

    /// The processes of this world on the host.
    pub(crate) fn processes(&self) -> Vec<String> {
        processes_with(&format!("SESSCTL_HOME={}", self.path(HOME).display()))
    }

    /// A session's directory.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.session(name)["directory"].as_str().expect("a directory").into()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for session in self.run(&["list", "--names", "--quiet"]).out.lines() {
            self.run(&["remove", "--force", session]);
        }
    }
}

/// Waits for what must happen.
pub(crate) fn until(what: &str, happened: impl FnMut() -> bool) {
    until_within(PATIENCE, what, happened);
}
