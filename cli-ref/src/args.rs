//! The words of the command line.

mod agents;
mod devcontainer;
mod host;
mod kept;
mod sessions;
mod start;

use camino::Utf8PathBuf;
use clap::{Parser, Subcommand};

pub(crate) use agents::{AgentArguments, Agents, AgentsAction, Login, Logout};
pub(crate) use devcontainer::{Devcontainer, DevcontainerAction, Sharing};
pub(crate) use host::{
    Completions, Config, ConfigAction, Doctor, Explain, Image, ImageAction, Update,
};
pub(crate) use kept::{ConversationAction, Conversations, Restore, Trash, TrashAction};
pub(crate) use sessions::{
    Attach, Clean, Exec, Inspect, List, Logs, Remove, Restart, Shell, Stats, Stop, When,
};
pub(crate) use start::{Container, Start};

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
