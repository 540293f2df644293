//! The real agents at the model server, without any of our code between them: when one of these fails, the agent or the server is
//! different from what the other tests take it for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::installed::{program, skip};
use crate::model::Model;

const ID: &str = "6f1f6f8e-7c0d-4f3a-9d54-2f6f0d1c7a01";

/// A home, a project and a model, and one agent that knows nothing else.
pub(crate) struct Hand {
    root: TempDir,
    pub(crate) model: Model,
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Hand {
    /// None where the agent isn't installed, which is said.
    fn new(word: &str) -> Option<Self> {
        Self::at(word, Model::start)
    }

    /// The same, with this model; which isn't started where there is no agent.
    pub(crate) fn at(word: &str, model: impl FnOnce() -> Model) -> Option<Self> {
        let program = program(word).map_err(|reason| skip(&reason)).ok()?;
        let root = tempfile::tempdir().expect("a temporary directory");
        for directory in ["home", "project", "state", "tmp"] {
            std::fs::create_dir(root.path().join(directory)).expect("an empty place");
        }
        let model = model();
        Some(Self { root, model, program, environment: Vec::new() })
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn text(&self, path: &str) -> String {
        self.path(path).into_os_string().into_string().expect("UTF-8")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("parents");
        std::fs::write(path, text).expect("a small file");
    }

    /// The agent, about to run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.path("project")).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.path("home")).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
            .env("TMPDIR", self.path("tmp"))
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8");
        command.envs(self.environment.clone());
        command
    }

    /// Runs the agent to its end; gives what it printed.
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the agent starts");
        let (out, err) = (&output.stdout, &output.stderr);
        let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
        assert!(output.status.success(), "{arguments:?}: {}\n{out}\n{err}", output.status);
        out.into_owned()
    }

    /// Asks; the answer must have the words in it.
    fn ask(&self, arguments: &[&str], expected: &str) {
        let said = self.run(arguments);
        assert!(said.contains(expected), "no `{expected}` to {arguments:?} in:\n{said}");
    }

    /// What stands in a directory of this place, at its top.
    fn names(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(directory)).expect("a directory").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

fn claude(word: &str) -> Option<Hand> {
    let hand = Hand::new(word)?;
    let url = hand.model.url();
    let seed = json!({
        "hasCompletedOnboarding": true,
        "customApiKeyResponses": {"approved": ["sk-ant-fake"], "rejected": []},
        "projects": {"/": {"hasTrustDialogAccepted": true}},
    });
    hand.write("state/.claude.json", &seed.to_string());
    hand.write("home/.claude/CLAUDE.md", "ZZHOME");
    hand.write("project/CLAUDE.md", "ZZPROJECT");
    hand.write(
        "state/skills/plum/SKILL.md",
        "---\nname: plum\ndescription: ZZSKILL of plums\n---\n",
    );
    let state = hand.text("state");
    let hand = hand
        .with("CLAUDE_CONFIG_DIR", state)
        .with("ANTHROPIC_BASE_URL", url)
        .with("ANTHROPIC_API_KEY", "sk-ant-fake")
        .with("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .with("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1");
    Some(hand)
}

fn claude_remembers(hand: &Hand) {
    hand.ask(&["--session-id", ID, "-p", "remember PLUM-7"], "noted");
    hand.ask(&["--resume", ID, "-p", "RECALL"], "recalled 1: remember PLUM-7");
}

fn claude_is_told(hand: &Hand) {
    let tool = r#"TOOL Bash {"command":"echo $((40+2))"}"#;
    hand.ask(&["-p", tool, "--allowedTools", "Bash"], "result 42");
    hand.ask(&["-p", "SYSTEM ZZP"], "ZZPROJECT");
    hand.ask(&["-p", "SYSTEM ZZS"], "ZZSKILL");
    let sent = hand.model.requests();
    assert!(sent.iter().any(|it| it.header("x-api-key") == "sk-ant-fake"), "{sent:#?}");
}

#[test]
fn claude_remembers_by_hand() {
    if let Some(hand) = claude("CLAUDE") {
        claude_remembers(&hand);
        claude_is_told(&hand);
        assert_eq!(hand.names("home"), [".claude"], "all of it is in its own directory");
    }
}

#[test]
fn an_older_claude_remembers_by_hand() {
    if let Some(hand) = claude("CLAUDE_OLD") {
        claude_remembers(&hand);
    }
}

#[test]
fn codex_remembers_by_hand() {
    let Some(hand) = Hand::new("CODEX") else { return };
    hand.write("state/config.toml", &crate::codex_config(&hand.model.url(), Path::new("/")));
    hand.write("project/AGENTS.md", "ZZPROJECT");
    let state = hand.text("state");
    let hand = hand.with("CODEX_HOME", state).with("OPENAI_API_KEY", "sk-fake");
    let new = ["exec", "--skip-git-repo-check"];
    let resume = ["exec", "resume", "--skip-git-repo-check", "--last"];
    hand.ask(&[&new[..], &["remember PLUM-7"]].concat(), "noted");
    hand.ask(&[&resume[..], &["RECALL"]].concat(), "recalled 1: remember PLUM-7");
    hand.ask(&[&new[..], &["SYSTEM ZZ"]].concat(), "ZZPROJECT");
    assert_eq!(hand.names("home"), Vec::<String>::new(), "all of it is in its own directory");
}

#[test]
fn opencode_remembers_by_hand() {
    let Some(hand) = Hand::new("OPENCODE") else { return };
    let config = crate::opencode_config(&hand.model.url());
    hand.write("state/config/opencode/opencode.json", &config.to_string());
    let state = |name: &str| hand.text(&format!("state/{name}"));
    let (config, data) = (state("config"), state("data"));
    let (own, cache) = (state("state"), state("cache"));
    let hand = hand
        .with("XDG_CONFIG_HOME", config)
        .with("XDG_DATA_HOME", data)
        .with("XDG_STATE_HOME", own)
        .with("XDG_CACHE_HOME", cache)
        .with("OPENCODE_DISABLE_AUTOUPDATE", "1")
        .with("OPENCODE_DISABLE_MODELS_FETCH", "1")
        .with("OPENCODE_API_KEY", "sk-fake");
    hand.ask(&["run", "remember PLUM-7"], "noted");
    hand.ask(&["run", "--continue", "RECALL"], "remember PLUM-7");
}

#[test]
fn gemini_remembers_by_hand() {
    let Some(hand) = Hand::new("GEMINI") else { return };
    let settings = json!({"security": {"auth": {"selectedType": "gemini-api-key"}}});
    hand.write("state/.gemini/settings.json", &settings.to_string());
    hand.write("project/GEMINI.md", "ZZPROJECT");
    let (url, state) = (hand.model.url(), hand.text("state"));
    let hand = hand
        .with("GEMINI_CLI_HOME", state)
        .with("GEMINI_CLI_TRUST_WORKSPACE", "true")
        .with("GEMINI_API_KEY", "fake")
        .with("GEMINI_MODEL", "gemini-2.5-flash")
        .with("GOOGLE_GEMINI_BASE_URL", url);
    hand.ask(&["-p", "remember PLUM-7"], "noted");
    hand.ask(&["--resume", "latest", "-p", "RECALL"], "recalled 1: remember PLUM-7");
    hand.ask(&["-p", "SYSTEM ZZ"], "ZZPROJECT");
    let tool = r#"TOOL run_shell_command {"command":"printf tool-%d 42"}"#;
    hand.ask(&["--yolo", "-p", tool], "tool-42");
    assert_eq!(hand.names("home"), Vec::<String>::new(), "all of it is in its own directory");
}

#[test]
fn aider_remembers_by_hand() {
    let Some(hand) = Hand::new("AIDER") else { return };
    let url = format!("{}/v1", hand.model.url());
    let (history, input) = (hand.text("state/history.md"), hand.text("state/input"));
    let hand = hand
        .with("AIDER_MODEL", "openai/test")
        .with("AIDER_OPENAI_API_BASE", url)
        .with("OPENAI_API_KEY", "sk-fake")
        .with("AIDER_CHAT_HISTORY_FILE", history)
        .with("AIDER_INPUT_HISTORY_FILE", input)
        .with("AIDER_GIT", "false")
        .with("AIDER_YES_ALWAYS", "true")
        .with("AIDER_ANALYTICS", "false")
        .with("AIDER_CHECK_UPDATE", "false")
        .with("AIDER_SHOW_MODEL_WARNINGS", "false")
        .with("AIDER_SHOW_RELEASE_NOTES", "false");
    hand.ask(&["--message", "remember PLUM-7"], "noted");
    let told = ["--restore-chat-history", "--message", "RECALL"];
    hand.ask(&told, "recalled 1: remember PLUM-7");
    assert_eq!(hand.names("home"), [".aider"], "what no variable moves");
    assert_eq!(hand.names("project"), Vec::<String>::new());
}

#[test]
fn copilot_remembers_by_hand() {
    let Some(hand) = Hand::new("COPILOT") else { return };
    let (url, state, cache) =
        (format!("{}/v1", hand.model.url()), hand.text("state/own"), hand.text("state/cache"));
    let hand = hand
        .with("COPILOT_HOME", state)
        .with("XDG_CACHE_HOME", cache)
        .with("COPILOT_OFFLINE", "true")
        .with("COPILOT_AUTO_UPDATE", "false")
        .with("COPILOT_PROVIDER_BASE_URL", url)
        .with("COPILOT_PROVIDER_API_KEY", "sk-fake")
        .with("COPILOT_MODEL", "test");
    hand.ask(&["--session-id", ID, "-s", "-p", "remember PLUM-7"], "noted");
    hand.ask(&["--session-id", ID, "-s", "-p", "RECALL"], "remember PLUM-7");
}
