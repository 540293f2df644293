//! The words of `sessctl devcontainer`.

use camino::Utf8PathBuf;
use clap::{Args, Subcommand, ValueEnum};
use session_core::devcontainer;
use session_core::profile::{Preset, SharePolicy};

#[derive(Debug, Args)]
pub(crate) struct Devcontainer {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: DevcontainerAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevcontainerAction {
    /// Show what would be mounted, what of it a project's file has, and what is missing here.
    Mounts {
        /// The project's directory, or its devcontainer.json [default: the current directory].
        #[arg(value_name = "PATH")]
        path: Option<Utf8PathBuf>,
        /// Print the mounts for you to copy into a file, instead of a table.
        #[arg(long, value_enum, value_name = "FORM")]
        form: Option<Form>,
        /// Whose files, and how.
        #[command(flatten)]
        sharing: Sharing,
    },
    /// Write the mounts into a project's file, all else in it as it was; or take them out.
    Apply {
        /// The project's directory, or its devcontainer.json [default: the current directory].
        #[arg(value_name = "PATH")]
        path: Option<Utf8PathBuf>,
        /// Take out what this command wrote; of all agents, if none is named.
        #[arg(long, conflicts_with_all = ["form", "user", "preset", "share"])]
        disable: bool,
        /// How the mounts are written.
        #[arg(long, value_enum, value_name = "FORM", default_value = "strings")]
        form: Form,
        /// Whose files, and how.
        #[command(flatten)]
        sharing: Sharing,
    },
}

/// How a mount is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Form {
    /// As one text, as the engine's command takes it: the form that can be read-only.
    Strings,
    /// As an object; one that is read-only stays a text, for objects can't be.
    Objects,
}

impl From<Form> for devcontainer::Form {
    fn from(form: Form) -> Self {
        match form {
            Form::Strings => Self::Strings,
            Form::Objects => Self::Objects,
        }
    }
}

/// Whose files, and how.
#[derive(Debug, Args)]
pub(crate) struct Sharing {
    /// Whose files.
    #[arg(long, short, value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    /// The user in the container [default: the file's remoteUser or containerUser, else vscode].
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// What is shared: `shared` (conversations and history too), `private` (configuration only, as
    /// read-only), `bare` (nothing).
    #[arg(long, value_name = "PRESET", default_value = "shared")]
    pub(crate) preset: Preset,
    /// Share one of the agent's resources in its own way, such as `skills=private`; repeatable.
    #[arg(long, value_name = "RESOURCE=POLICY", value_parser = share)]
    pub(crate) share: Vec<(String, SharePolicy)>,
}

fn share(word: &str) -> Result<(String, SharePolicy), String> {
    let (resource, policy) =
        word.split_once('=').ok_or("it is not of the form RESOURCE=POLICY".to_owned())?;
    let policy = policy.parse().map_err(|error: session_core::Error| error.message().to_owned())?;
    Ok((resource.to_owned(), policy))
}
