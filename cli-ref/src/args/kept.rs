//! The words about what is kept of sessions: conversations, and the trash.

use camino::Utf8PathBuf;
use clap::{Args, Subcommand};

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
pub(crate) struct Restore {
    /// Its id, or its name if only one removed session has that.
    pub(crate) name: String,
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
