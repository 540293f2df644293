//! The words of `start`.

use camino::Utf8PathBuf;
use clap::Args;
use session_core::MountPlan;

use super::AgentArguments;
use crate::amount;

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The session's name [default: date, time and a hash of the project's path].
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The projects to work on [default: the current directory].
    #[arg(value_name = "PATHS")]
    pub(crate) paths: Vec<Utf8PathBuf>,
    /// The new branch's name; slashes allowed [default: session/NAME].
    #[arg(long, short, value_name = "BRANCH")]
    pub(crate) branch: Option<String>,
    /// Copy the whole directory, `.git` included, and make no branch.
    #[arg(long, conflicts_with_all = ["mount", "empty", "branch"])]
    pub(crate) no_worktree: bool,
    /// Work in the live directory itself: not isolated.
    #[arg(long, conflicts_with_all = ["empty", "branch"])]
    pub(crate) mount: bool,
    /// Begin with an empty workspace.
    #[arg(long, conflicts_with = "branch")]
    pub(crate) empty: bool,
    /// Leave out what matches; comma-separated, gitignore syntax.
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',')]
    pub(crate) exclude: Vec<String>,
    /// Bring ignored files along that match (`.env`, `node_modules`); comma-separated.
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',')]
    pub(crate) include: Vec<String>,
    /// Leave uncommitted changes out.
    #[arg(long)]
    pub(crate) clean: bool,
    /// Which backend makes the session [default: the first engine that answers, else `local`].
    #[arg(long, value_name = "KIND")]
    pub(crate) backend: Option<String>,
    /// What only containers have.
    #[command(flatten)]
    pub(crate) container: Container,
    /// The agent that works in it (`sessctl agents list`); with a command and a name that is no
    /// agent's, only what it is called in lists [default: the command's name].
    #[arg(long, short, value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    /// What only agents have.
    #[command(flatten)]
    pub(crate) agent_options: AgentArguments,
    /// Set a variable in the session; not for secrets, it stands in the record.
    #[arg(long, short, value_name = "KEY=VALUE")]
    pub(crate) env: Vec<String>,
    /// Give it a TCP port of its own: the variable SESSCTL_PORT_NAME in it; repeatable.
    #[arg(long, value_name = "NAME")]
    pub(crate) port: Vec<String>,
    /// Start it and do not enter; prints the name.
    #[arg(long, short)]
    pub(crate) detach: bool,
    /// The chord that detaches, such as `ctrl-\` or `ctrl-q`.
    #[arg(long, value_name = "CHORD")]
    pub(crate) detach_key: Option<String>,
    /// What runs in it [default: your shell].
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Containers")]
pub(crate) struct Container {
    /// The image that the container is made of [default: sessctl-shell:latest].
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Run as the container's root instead of as you.
    #[arg(long)]
    pub(crate) root: bool,
    /// The network: `none`, `default`, or one that the engine has.
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<String>,
    /// The most memory, such as `512m` or `2g`.
    #[arg(long, value_name = "SIZE", value_parser = amount::bytes)]
    pub(crate) memory: Option<u64>,
    /// The most processor time, such as `1.5` for one processor and a half.
    #[arg(long, value_name = "NUMBER", value_parser = amount::thousandths)]
    pub(crate) cpus: Option<u32>,
    /// The most processes and threads.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) pids: Option<u32>,
    /// Let nothing of the image be changed; the workspace, the home and /tmp can.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Mount something of the host, read-only without `:rw`; repeatable.
    #[arg(long, short = 'v', value_name = "HOST:DIR[:rw]")]
    pub(crate) volume: Vec<MountPlan>,
    /// Copy the workspace into the engine instead of mounting it: for an engine elsewhere.
    #[arg(long)]
    pub(crate) upload: bool,
}
