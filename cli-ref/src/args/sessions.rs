//! The words about sessions that are there.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

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
pub(crate) struct Stats {
    /// The session's name or id [default: all sessions].
    pub(crate) name: Option<String>,
    /// Only those of this backend.
    #[arg(long, value_name = "KIND", conflicts_with = "name")]
    pub(crate) backend: Option<String>,
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
