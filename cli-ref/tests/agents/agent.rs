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
    /// The file of instructions there.
    pub(crate) instructions: &'static str,
    /// The name of its variable for the key.
    pub(crate) key: &'static str,
    /// How its sessions under the preset `bare` come to their model nevertheless.
    pub(crate) bare: &'static [&'static str],
    /// The directory that all its sessions share, below the home; empty for none.
    pub(crate) kept: &'static str,
    /// Words by which the model has it say `tool-42` in a shell.
    pub(crate) tool: &'static str,
}

pub(crate) const CLAUDE: Agent = Agent {
    name: "claude",
    word: "CLAUDE",
    ready: "shift+tab to cycle",
    directory: ".claude",
    instructions: "CLAUDE.md",
    key: "ANTHROPIC_API_KEY",
    bare: &["--share", "settings=shared-ro"],
    kept: "",
    tool: r#"TOOL Bash {"command":"echo tool-$((40+2))"}"#,
};

pub(crate) const CODEX: Agent = Agent {
    name: "codex",
    word: "CODEX",
    ready: "for shortcuts",
    directory: ".codex",
    instructions: "AGENTS.md",
    key: "OPENAI_API_KEY",
    bare: &["--share", "settings=shared-ro"],
    kept: "",
    tool: r#"TOOL exec_command {"cmd":"echo tool-$((40+2))"}"#,
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
    bare: &["--share", "settings=shared-ro"],
    kept: "",
    tool: r#"TOOL bash {"command":"echo tool-$((40+2))","description":"counts"}"#,
};

pub(crate) const COPILOT: Agent = Agent {
    name: "copilot",
    word: "COPILOT",
    ready: "/ commands",
    directory: ".copilot",
    instructions: "copilot-instructions.md",
    key: "COPILOT_PROVIDER_API_KEY",
    bare: &[],
    kept: ".cache/sessctl",
    tool: r#"TOOL bash {"command":"echo tool-$((40+2))","description":"counts"}"#,
};
