//! The words about agents.

use camino::Utf8PathBuf;
use clap::{Args, Subcommand};
use session_core::profile::Preset;

/// What may be asked about an agent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Agents")]
pub(crate) struct AgentArguments {
    /// What the agent is told first.
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// Answer the prompt and end, asking nothing.
    #[arg(long, requires = "prompt")]
    pub(crate) headless: bool,
    /// Let the agent do everything without asking; choose it only where the session protects you.
    #[arg(long)]
    pub(crate) unattended: bool,
    /// How your files are shared with it: `private` (configuration read-only, conversations its
    /// own), `shared` (conversations and history live), `bare` (nothing).
    #[arg(long, value_name = "PRESET", default_value = "private")]
    pub(crate) preset: Preset,
    /// Share one of the agent's resources in its own way, such as `skills=private`; repeatable.
    #[arg(long, value_name = "RESOURCE=POLICY")]
    pub(crate) share: Vec<String>,
    /// Which of your logins it uses (`sessctl login`) [default: default].
    #[arg(long, value_name = "NAME")]
    pub(crate) credentials: Option<String>,
    /// Begin with a copy of a conversation: of a session, by its own id (yours outside of sessions
    /// too), or from its file or directory.
    #[arg(long, value_name = "SESSION|ID|PATH")]
    pub(crate) resume_from: Option<String>,
    /// Of a session that exists: begin a new conversation instead of going on with the last one,
    /// which stays there.
    #[arg(long)]
    pub(crate) new_conversation: bool,
    /// A file of MCP servers for this session, over yours and the project's; repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) mcp_config: Vec<Utf8PathBuf>,
    /// A JSON file of settings for this session, over yours.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<Utf8PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Agents {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: AgentsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentsAction {
    /// Show all agents, and whether they could work on this host.
    #[command(visible_alias = "ls")]
    List,
    /// Show the profile that counts, and the paths that it leads to.
    Show {
        /// The agent.
        #[arg(value_name = "AGENT")]
        agent: String,
    },
    /// Check profile, program, version, login and files of an agent; ends with 1 if something is wrong.
    Check {
        /// The agent [default: the profiles of all agents, and everything of those that are installed].
        #[arg(value_name = "AGENT")]
        agent: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The agent [default with --status: all].
    #[arg(long, short, value_name = "AGENT", required_unless_present = "status")]
    pub(crate) agent: Option<String>,
    /// Which of several logins, such as `work` [default: default].
    #[arg(long, value_name = "NAME")]
    pub(crate) credentials: Option<String>,
    /// Only say who is logged in.
    #[arg(long)]
    pub(crate) status: bool,
    /// More arguments for the agent's own login.
    #[arg(last = true, value_name = "ARGUMENTS", conflicts_with = "status")]
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// The agent.
    #[arg(long, short, value_name = "AGENT")]
    pub(crate) agent: String,
    /// Which of several logins [default: default].
    #[arg(long, value_name = "NAME")]
    pub(crate) credentials: Option<String>,
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) force: bool,
}
