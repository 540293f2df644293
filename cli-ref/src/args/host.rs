//! The words about this host: what sessions need there, and this command itself.

use clap::{Args, Subcommand};

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
pub(crate) struct Doctor {
    /// Make the index again from the record files and from what backends have.
    #[arg(long)]
    pub(crate) rebuild: bool,
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
