//! One file for each thing to do.

mod agents;
mod attach;
mod choice;
mod clean;
mod config;
mod conversations;
mod devcontainer;
mod doctor;
mod exec;
mod explain;
mod image;
mod inspect;
mod list;
mod login;
mod logs;
mod man;
mod menu;
mod remove;
mod restore;
mod start;
mod stats;
mod stop;
mod trash;
mod update;

use std::collections::BTreeMap;

use session_core::{Error, ErrorKind, ListItem, Manager, Progress, Result, SessionId};

use crate::args::Command;
use crate::bar;
use crate::surroundings::Surroundings;
use crate::ui::Ui;

/// What every command needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) ui: Ui,
    pub(crate) surroundings: Surroundings,
    pub(crate) manager: Manager,
    /// Mistakes are looked for.
    pub(crate) debug: bool,
}

impl Context {
    /// Does it; gives the code to end with.
    pub(crate) async fn run(&self, command: Command) -> Result<u8> {
        match command {
            Command::Agents(arguments) => agents::run(self, &arguments).await,
            Command::Login(arguments) => login::run(self, &arguments).await,
            Command::Logout(arguments) => login::forget(self, &arguments).await,
            Command::Start(arguments) => start::run(self, *arguments).await,
            Command::Attach(arguments) => attach::run(self, arguments).await,
            Command::List(arguments) => list::run(self, &arguments).await,
            Command::Stop(arguments) => stop::stop(self, &arguments).await,
            Command::Restart(arguments) => stop::restart(self, &arguments).await,
            Command::Remove(arguments) => remove::run(self, &arguments).await,
            Command::Shell(arguments) => exec::shell(self, &arguments).await,
            Command::Exec(arguments) => exec::run(self, arguments).await,
            Command::Logs(arguments) => logs::run(self, &arguments).await,
            Command::Inspect(arguments) => inspect::run(self, &arguments).await,
            Command::Stats(arguments) => stats::run(self, &arguments).await,
            Command::Conversations(arguments) => conversations::run(self, arguments).await,
            Command::Clean(arguments) => clean::run(self, &arguments).await,
            Command::Update(arguments) => update::run(self, &arguments).await,
            Command::Image(arguments) => image::run(self, &arguments).await,
            Command::Restore(arguments) => restore::run(self, &arguments).await,
            Command::Trash(arguments) => trash::run(self, &arguments).await,
            Command::Doctor(arguments) => doctor::run(self, &arguments).await,
            Command::Completions(_)
            | Command::Config(_)
            | Command::Devcontainer(_)
            | Command::Explain(_)
            | Command::Man => {
                let message = "needs no sessions and is done before";
                Err(Error::new(ErrorKind::Internal, "sessctl.run", message))
            }
        }
    }
}

impl Context {
    /// What tells a person how an operation goes.
    fn progress(&self) -> Progress {
        bar::progress(self.ui)
    }

    /// Prints a session as it is now, as a document; nothing where people read.
    async fn document(&self, id: &SessionId) -> Result<()> {
        if self.ui.json {
            let inspection = self.manager.inspect(&id.to_string()).await?;
            self.ui.document(&ListItem::new(&inspection.record, &inspection.status));
        }
        Ok(())
    }
}

pub(crate) use config::run as config;
pub(crate) use devcontainer::run as devcontainer;
pub(crate) use explain::run as explain;
pub(crate) use man::{completions, manual};

/// Reads `KEY=VALUE` words.
fn variables(words: &[String]) -> Result<BTreeMap<String, String>> {
    let read = |word: &String| {
        let (key, value) = word.split_once('=').filter(|(key, _)| !key.is_empty())?;
        Some((key.to_owned(), value.to_owned()))
    };
    let wrong: Vec<_> = words
        .iter()
        .filter(|word| read(word).is_none())
        .map(|word| format!("`{}` is not of the form KEY=VALUE", word.escape_debug()))
        .collect();
    if !wrong.is_empty() {
        return Err(Error::problems("sessctl.env", wrong));
    }
    Ok(words.iter().filter_map(read).collect())
}
