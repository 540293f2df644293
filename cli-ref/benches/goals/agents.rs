//! G21: from the command until an agent's first words are on the screen: Claude Code in a new session against the same program
//! at a terminal (local), and against `docker run -it` of the same image.
//!
//! The program is the one of `.ci/agents`. Both sides begin with nothing but what answers the agent's first questions,
//! so that both come to its prompt; no model is asked for anything.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::engines::Engine;
use crate::pairs::{Goals, pair, timed};
use crate::terminal::Client;
use crate::trees::{self, Size};

const SESSCTL: &str = env!("CARGO_BIN_EXE_sessctl");
const IMAGE: &str = "sessctl-test/agent-claude:1";
/// The window's title, which it sets when it begins to take prompts. A question that comes before that
/// (whether the directory is trusted, say) has its name in it too, but sets no title.
const WORDS: &str = "Claude Code\u{7}";
const KEY: &str = "sk-ant-fake";
/// Nobody is there.
const MODEL: &str = "http://127.0.0.1:1";

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    if !goals.wants(&["G21", "G21d"]) {
        return;
    }
    let Some(program) = program() else { return };
    let place = Place::new(goals, &program);
    if goals.wants(&["G21"]) {
        let theirs = || place.by_hand(&program);
        let ours = || place.ours("local", &[]);
        goals.add(&pair("G21 Claude's first words, against by hand", 1.2, 15, theirs, ours));
    }
    if goals.wants(&["G21d"])
        && let Some(docker) = Engine::find(goals, "docker")
    {
        let theirs = || place.in_container(&docker);
        let ours = || place.ours("docker", &[("SESSCTL_DOCKER_SOCKET", docker.socket())]);
        goals.add(&pair("G21 the same, against docker run -it", 1.2, 9, theirs, ours));
    }
}

/// The program that `.ci/agents` installed; says so where there is none.
#[expect(clippy::print_stdout, reason = "the table is the program's output")]
fn program() -> Option<PathBuf> {
    let set = std::env::var_os("SESSCTL_TEST_AGENT_CLAUDE").map(PathBuf::from);
    let found = set.or_else(|| {
        let here = std::env::current_exe().ok()?;
        let file = |directory: &Path| directory.join("agents.env");
        let text = std::fs::read_to_string(here.ancestors().map(file).find(|it| it.is_file())?);
        let text = text.ok()?;
        let line = |line: &str| Some(line.strip_prefix("SESSCTL_TEST_AGENT_CLAUDE=")?.to_owned());
        Some(text.lines().find_map(line)?.trim_matches('\'').into())
    });
    let found = found.filter(|program| program.is_file());
    if found.is_none() {
        println!("claude: not measured: it isn't installed; bash .ci/agents");
    }
    found
}

/// A person's home and a project.
struct Place {
    root: PathBuf,
    source: PathBuf,
    count: std::cell::Cell<u32>,
}

impl Place {
    fn new(goals: &Goals, program: &Path) -> Self {
        let (root, source) = (goals.place().join("agents"), trees::shared(goals, Size::Small));
        for directory in ["bin", "user/.claude"] {
            std::fs::create_dir_all(root.join(directory)).expect("the place is ours");
        }
        std::os::unix::fs::symlink(program, root.join("bin/claude")).expect("the place is ours");
        Self { root, source, count: std::cell::Cell::new(0) }
    }

    /// A name that nothing has yet.
    fn name(&self) -> String {
        self.count.set(self.count.get() + 1);
        format!("bench-{}-agent-{}", std::process::id(), self.count.get())
    }

    /// Until the words are there; the client is ended afterwards.
    fn first_words(program: &str, arguments: &[&str]) -> Duration {
        let mut client = None;
        let taken = timed(|| {
            client.insert(Client::start(program, arguments)).sees(WORDS);
        });
        drop(client);
        taken
    }

    /// A directory of the agent's own, as a session begins with it, that trusts the project where the agent sees it. Of
    /// a repository it takes no word for the directory above (2.1.329).
    fn seeded(&self, project: &Path) -> PathBuf {
        let state = self.root.join(self.name());
        std::fs::create_dir(&state).expect("the place is ours");
        let seed = serde_json::json!({
            "hasCompletedOnboarding": true,
            "customApiKeyResponses": { "approved": [KEY], "rejected": [] },
            "projects": { (text(project)): { "hasTrustDialogAccepted": true } },
        });
        std::fs::write(state.join(".claude.json"), seed.to_string()).expect("the place has room");
        state
    }

    fn by_hand(&self, program: &Path) -> Duration {
        let state = self.seeded(&self.source);
        let words = self.environment(&[
            ("CLAUDE_CONFIG_DIR", text(&state)),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
            ("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1".to_owned()),
        ]);
        let directory = format!("--chdir={}", self.source.display());
        let program = text(program);
        let mut arguments: Vec<_> = vec!["-i", &directory];
        arguments.extend(words.iter().map(String::as_str));
        arguments.push(&program);
        let taken = Self::first_words("env", &arguments);
        let _ = std::fs::remove_dir_all(state);
        taken
    }

    fn in_container(&self, engine: &Engine) -> Duration {
        let (state, name) = (self.seeded(Path::new("/workspace")), engine.name("agent"));
        let binds = [(&state, "/state"), (&self.source, "/workspace")]
            .map(|(from, to)| format!("{}:{to}", from.display()));
        let set = [
            "CLAUDE_CONFIG_DIR=/state",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL=1",
            &format!("ANTHROPIC_API_KEY={KEY}"),
            &format!("ANTHROPIC_BASE_URL={MODEL}"),
        ];
        let mut arguments = vec!["run", "-it", "--name", &name, "-w", "/workspace"];
        binds.iter().for_each(|bind| arguments.extend(["-v", bind]));
        set.iter().for_each(|set| arguments.extend(["-e", set]));
        arguments.extend([IMAGE, "claude"]);
        let mut client = None;
        let taken = timed(|| {
            client.insert(engine.their_client(&arguments)).sees(WORDS);
        });
        drop(client);
        engine.theirs(&["rm", "-f", &name]);
        let _ = std::fs::remove_dir_all(state);
        taken
    }

    fn ours(&self, kind: &str, more: &[(&str, String)]) -> Duration {
        let name = self.name();
        let words = self.environment(more);
        let directory = format!("--chdir={}", self.source.display());
        let mut begin: Vec<_> = vec!["-i", &directory];
        begin.extend(words.iter().map(String::as_str));
        begin.push(SESSCTL);
        let start = ["start", &name, "-a", "claude", "--backend", kind];
        let image: &[&str] = if kind == "local" { &[] } else { &["--image", IMAGE] };
        let taken = Self::first_words("env", &[&begin[..], &start, image].concat());
        let remove = ["remove", "--force", &name];
        let done = Command::new("env").args([&begin[..], &remove].concat()).output();
        assert!(done.expect("there is an env").status.success(), "{name} is removed");
        let _ = std::fs::remove_dir_all(self.root.join("home/trash"));
        taken
    }

    /// The words `NAME=value` of everybody's environment.
    fn environment(&self, more: &[(&str, String)]) -> Vec<String> {
        let path = std::env::var("PATH").expect("a PATH");
        let own = [
            ("PATH", format!("{}:{path}", self.root.join("bin").display())),
            ("HOME", text(&self.root.join("user"))),
            ("SESSCTL_HOME", text(&self.root.join("home"))),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("ANTHROPIC_API_KEY", KEY.to_owned()),
            ("ANTHROPIC_BASE_URL", MODEL.to_owned()),
            ("SESSCTL_UPDATE_CHECK", "false".to_owned()),
        ];
        let all = own.iter().chain(more);
        all.map(|(name, value)| format!("{name}={value}")).collect()
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("GOALS_DIR is UTF-8").to_owned()
}
