//! What tests know of each agent.

/// What a test knows of an agent; all else is in its profile.
#[derive(Debug)]
pub(crate) struct Agent {
    /// Its profile, and its program.
    pub(crate) name: &'static str,
    /// Its word in `target/agents.env`.
    pub(crate) word: &'static str,
    /// What stands on the screen once it takes input.
    pub(crate) ready: &'static str,
    /// Where the person's files of it are, below the home.
    pub(crate) directory: &'static str,
    /// The file of instructions there; empty if it has none.
    pub(crate) instructions: &'static str,
    /// The name of its variable for the key.
    pub(crate) key: &'static str,
    /// Where it writes a log of its own if asked to, below its state directory.
    pub(crate) log: Option<&'static str>,
    /// How its sessions under the preset `bare` come to their model nevertheless.
    pub(crate) bare: &'static [&'static str],
    /// Words by which the model has it say `tool-42` in a shell; empty if it has no tools.
    pub(crate) tool: &'static str,
    /// It can be told something and stay.
    pub(crate) takes_prompt: bool,
    /// Tests of what it has not, and why.
    pub(crate) lacks: &'static [(&'static str, &'static str)],
}

pub(crate) const CLAUDE: Agent = Agent {
    name: "claude",
    word: "CLAUDE",
    ready: "shift+tab to cycle",
    directory: ".claude",
    instructions: "CLAUDE.md",
    key: "ANTHROPIC_API_KEY",
    log: Some("debug"),
    bare: &["--share", "settings=shared-ro"],
    tool: r#"TOOL Bash {"command":"echo tool-$((40+2))"}"#,
    takes_prompt: true,
    lacks: &[],
};

pub(crate) const CODEX: Agent = Agent {
    name: "codex",
    word: "CODEX",
    ready: "for shortcuts",
    directory: ".codex",
    instructions: "AGENTS.md",
    key: "OPENAI_API_KEY",
    log: None,
    bare: &["--share", "settings=shared-ro"],
    tool: r#"TOOL exec_command {"cmd":"echo tool-$((40+2))"}"#,
    ..CLAUDE
};

pub(crate) const GEMINI: Agent = Agent {
    name: "gemini",
    word: "GEMINI",
    // Of what is typed before it says that, it keeps a part.
    ready: "GEMINI.md file",
    directory: ".gemini",
    instructions: "GEMINI.md",
    key: "GEMINI_API_KEY",
    log: None,
    tool: r#"TOOL run_shell_command {"command":"printf tool-%d 42"}"#,
    ..CLAUDE
};

pub(crate) const AIDER: Agent = Agent {
    name: "aider",
    word: "AIDER",
    ready: "\n>",
    directory: ".aider",
    instructions: "",
    key: "OPENAI_API_KEY",
    log: None,
    bare: &[],
    tool: "",
    takes_prompt: false,
    lacks: &[
        ("a_skill_is_shared", "it has no skills"),
        ("nothing_leaks_in", "it has no instructions of a person's own"),
        ("facts_are_read", "its history is no JSON, so nothing in it is counted"),
    ],
};

/// The oldest whose ways the profile knows.
pub(crate) const CLAUDE_OLD: Agent =
    Agent { word: "CLAUDE_OLD", ready: "? for shortcuts", ..CLAUDE };

pub(crate) const OPENCODE: Agent = Agent {
    name: "opencode",
    word: "OPENCODE",
    ready: "ctrl+p",
    directory: ".config/opencode",
    instructions: "AGENTS.md",
    key: "OPENCODE_API_KEY",
    log: Some("data/opencode/log"),
    bare: &["--share", "settings=shared-ro"],
    tool: r#"TOOL bash {"command":"echo tool-$((40+2))","description":"counts"}"#,
    ..CLAUDE
};

pub(crate) const COPILOT: Agent = Agent {
    name: "copilot",
    word: "COPILOT",
    ready: "/ commands",
    directory: ".copilot",
    instructions: "copilot-instructions.md",
    key: "COPILOT_PROVIDER_API_KEY",
    log: Some("logs"),
    bare: &[],
    tool: r#"TOOL bash {"command":"echo tool-$((40+2))","description":"counts"}"#,
    ..CLAUDE
};
