//! The words of the command line.

mod agents;

mod devcontainer;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};
use session_core::MountPlan;

pub(crate) use agents::{AgentArguments, Agents, AgentsAction, Login, Logout};

use crate::amount;

pub(crate) use devcontainer::{Devcontainer, DevcontainerAction, Sharing};

/// Isolated, persistent sessions for coding agents.
///
/// A session is a private copy of your project on a branch of its own, with a program running in
/// it at a terminal that survives a closed window.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES_HINT)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Where sessions live [env: SESSCTL_HOME] [default: the platform's data directory].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<Utf8PathBuf>,
    /// Say nothing but results and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say on standard error what is done; an agent that is started writes its own log, if it can.
    #[arg(long, global = true)]
    pub(crate) debug: bool,
    /// Print results, and errors, as JSON (docs/schemas).
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const EXIT_CODES_HINT: &str = "Exit codes are listed in docs/exit-codes.md.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a session and enter it; enter it if it exists.
    Start(Box<Start>),
    /// Enter a session; start it first if it does not run.
    Attach(Attach),
    /// Show all sessions.
    #[command(visible_alias = "ls")]
    List(List),
    /// End what runs in a session; silent if nothing does.
    Stop(Stop),
    /// Stop a session, start it again and enter it; only enter it if it runs.
    Restart(Restart),
    /// Remove a session; its files go to the trash.
    #[command(visible_aliases = ["rm", "delete"])]
    Remove(Remove),
    /// Open a shell beside a session's main process.
    Shell(Shell),
    /// Run a command in a session.
    Exec(Exec),
    /// Show what a session printed, as plain text.
    Logs(Logs),
    /// Show all that is known of a session, as JSON.
    Inspect(Inspect),
    /// Show what sessions use and what their agents did: all together, or one.
    Stats(Stats),
    /// Look at the conversations of agents, or take one out of a session.
    Conversations(Conversations),
    /// Free what agents of stopped sessions make anew (logs, caches); never conversations.
    Clean(Clean),
    /// Bring an agent's program up to date, or say whether it is.
    Update(Update),
    /// Build the images that containers are made of, or show those there are.
    Image(Image),
    /// Bring a removed session back, stopped, as it was.
    Restore(Restore),
    /// Look at removed sessions, or delete them for good.
    Trash(Trash),
    /// Check what sessions need, and mend the index.
    Doctor(Doctor),
    /// Explain a code that `doctor` shows, or an exit code.
    Explain(Explain),
    /// Look at the agents that can work in sessions.
    Agents(Agents),
    /// Log in to an agent, once for all sessions.
    Login(Login),
    /// Remove a login of an agent that sessions share.
    Logout(Logout),
    /// Share an agent's files with a project's dev container.
    Devcontainer(Devcontainer),
    /// Look at the configuration.
    Config(Config),
    /// Print completions for a shell.
    Completions(Completions),
    /// Print the manual page.
    Man,
}

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

#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// The session's name or id.
    pub(crate) name: String,
    /// Only watch: type nothing, resize nothing, start nothing.
    #[arg(long, short)]
    pub(crate) read_only: bool,
    /// Show the kept output before the screen.
    #[arg(long)]
    pub(crate) replay: bool,
    /// The chord that detaches, such as `ctrl-\` or `ctrl-q`.
    #[arg(long, value_name = "CHORD")]
    pub(crate) detach_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this backend.
    #[arg(long, value_name = "KIND")]
    pub(crate) backend: Option<String>,
    /// Print names only, one per line.
    #[arg(long, conflicts_with = "wide")]
    pub(crate) names: bool,
    /// Also show what the agents did: model, messages, tools, activity, and the size on disk.
    #[arg(long, short)]
    pub(crate) wide: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The session's name or id.
    pub(crate) name: String,
    /// How long its processes may take to end by themselves, in seconds.
    #[arg(long, short, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) time: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// The session's name or id.
    pub(crate) name: String,
    /// Stop it even if it runs.
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Do not enter it.
    #[arg(long, short)]
    pub(crate) detach: bool,
    /// The chord that detaches, such as `ctrl-\` or `ctrl-q`.
    #[arg(long, value_name = "CHORD")]
    pub(crate) detach_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The sessions' names or ids.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Do not ask, and stop it first if it runs.
    #[arg(long, short)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Shell {
    /// The session's name or id.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The session's name or id.
    pub(crate) name: String,
    /// With or without a terminal [default: with one if all streams are one].
    #[arg(long, value_enum)]
    pub(crate) tty: Option<When>,
    /// Where to run it; relative to the session's working directory.
    #[arg(long, short = 'w', value_name = "DIR")]
    pub(crate) workdir: Option<Utf8PathBuf>,
    /// Set a variable.
    #[arg(long, short, value_name = "KEY=VALUE")]
    pub(crate) env: Vec<String>,
    /// The command.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum When {
    /// With a terminal.
    Always,
    /// With pipes.
    Never,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The session's name or id.
    pub(crate) name: String,
    /// Go on until the session ends.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only the last lines.
    #[arg(long, short = 'n', value_name = "LINES")]
    pub(crate) tail: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The session's name or id.
    pub(crate) name: String,
    /// Also look for work that exists nowhere else.
    #[arg(long)]
    pub(crate) unsaved: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Trash {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: TrashAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrashAction {
    /// Show removed sessions.
    #[command(visible_alias = "ls")]
    List,
    /// Delete removed sessions for good; those that were removed 30 days ago or earlier.
    Empty {
        /// Those that were removed at least so many days ago.
        #[arg(long, value_name = "DAYS", conflicts_with = "all")]
        older_than: Option<u64>,
        /// All of them.
        #[arg(long)]
        all: bool,
        /// Do not ask.
        #[arg(long, short)]
        force: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Its id, or its name if only one removed session has that.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Make the index again from the record files and from what backends have.
    #[arg(long)]
    pub(crate) rebuild: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// The session's name or id [default: all sessions].
    pub(crate) name: Option<String>,
    /// Only those of this backend.
    #[arg(long, value_name = "KIND", conflicts_with = "name")]
    pub(crate) backend: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Conversations {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: ConversationAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConversationAction {
    /// Show the conversations of a session, or all, yours outside of sessions among them.
    #[command(visible_alias = "ls")]
    List {
        /// The session's name or id.
        name: Option<String>,
    },
    /// Copy a session's conversation to your own agent, to go on with it outside of sessions.
    Export {
        /// The session's name or id.
        name: String,
        /// A file (or directory, where a conversation is one) that is not there yet, instead of your own agent's.
        #[arg(long, value_name = "PATH")]
        to: Option<Utf8PathBuf>,
        /// The project that you go on in [default: the session's first one].
        #[arg(long, value_name = "DIR", conflicts_with = "to")]
        project: Option<Utf8PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// The sessions' names or ids [default: all that do not run].
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Only show what would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask.
    #[arg(long, short, conflicts_with = "dry_run")]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Which agent.
    #[arg(long, short, value_name = "AGENT")]
    pub(crate) agent: String,
    /// Only say whether there is a newer version.
    #[arg(long)]
    pub(crate) check: bool,
    /// Only keep what was found out, for the next start; what goes wrong is told to nobody.
    #[arg(long, hide = true, requires = "check")]
    pub(crate) silent: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Image {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: ImageAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageAction {
    /// Build the image of an agent, or of a plain shell.
    Build {
        /// Which agent is in it.
        #[arg(value_name = "AGENT", default_value = "shell")]
        agent: String,
        /// What it is built on [default: debian:stable-slim; an agent's on sessctl-shell:latest].
        #[arg(long, value_name = "IMAGE")]
        base: Option<String>,
        /// In which engine [default: the first that answers].
        #[arg(long, value_name = "KIND")]
        backend: Option<String>,
    },
    /// Show the images that are built.
    #[command(visible_alias = "ls")]
    List {
        /// Only those of this engine.
        #[arg(long, value_name = "KIND")]
        backend: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code [default: shows all codes].
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Show every value and where it comes from.
    Show,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// For which shell.
    pub(crate) shell: clap_complete::Shell,
}
