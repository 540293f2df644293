//! `sessctl login` and `logout`: an agent's own login, once for all sessions.

use std::process::{Command, ExitStatus};

use serde_json::json;
use session_core::{Error, ErrorKind, Login as Found, Result};

use super::Context;
use crate::args::{Login, Logout};
use crate::surroundings::at_terminal;
use crate::table::table;
use crate::ui::plain;

const OPERATION: &str = "sessctl.login";
const HEADINGS: [&str; 4] = ["AGENT", "LOGIN", "STATE", "DIRECTORY"];

pub(super) async fn run(context: &Context, arguments: &Login) -> Result<u8> {
    let Some(agent) = arguments.agent.as_deref().filter(|_| !arguments.status) else {
        return status(context, arguments).await;
    };
    // Who says how may mean a way without one: a key by standard input, a code on another device.
    if !at_terminal() && arguments.arguments.is_empty() {
        let message =
            "there is no terminal to log in at; run this at one, or set the agent's variables";
        return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    }
    let name = arguments.credentials.as_deref();
    let login = context.manager.prepare_login(agent, name, &arguments.arguments).await?;
    context.ui.notice(format!(
        "this is the agent's own login; when it is done, leave the agent. All sessions that use this login find it in {}",
        login.directory
    ));
    let mut command = Command::new(&login.command[0]);
    command.args(&login.command[1..]).env_clear().envs(login.environment());
    command.current_dir(login.working_directory());
    let ended = at_this_terminal(command).await;
    let outcome = login.finish().await?;
    let status = ended?;
    let found = &outcome.login;
    if context.ui.json {
        let mut document = document(agent, found);
        document["changed"] = outcome.changed.into();
        context.ui.document(&document);
    }
    let failure = match status.code() {
        Some(0) => None,
        Some(code) => Some(format!("ended with code {code}")),
        None => Some("was ended by a signal".to_owned()),
    };
    let message = match (found.ready, outcome.changed, failure) {
        (true, true, None) => {
            context.ui.notice(format!("logged in to {agent}, as `{}`", found.name));
            return Ok(0);
        }
        (true, false, None) => {
            context.ui.notice(format!(
                "nothing changed: {agent} is still logged in as `{}`, by the login from before",
                found.name
            ));
            return Ok(0);
        }
        (true, false, Some(how)) => format!(
            "nothing changed: it {how}, and {agent} is still logged in as `{}`, by the login from before; for another one run this again",
            found.name
        ),
        // It may be half of one, or another process renewed the one from before.
        (true, true, Some(how)) => format!(
            "it {how}, though the login `{}` of {agent} is another one now; see whether it works, or run this again",
            found.name
        ),
        (false, _, how) => format!(
            "nobody is logged in to {agent}: it {}, without a login; run this again",
            how.unwrap_or_else(|| "ended".to_owned())
        ),
    };
    Err(Error::new(ErrorKind::Refused, OPERATION, message))
}

/// Runs it with this command's own streams. Ctrl-C is for the agent, not for us.
async fn at_this_terminal(mut command: Command) -> Result<ExitStatus> {
    let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
        .map_err(|error| Error::io(OPERATION, "can't wait for signals", error))?;
    let ignored = tokio::spawn(async move { while interrupts.recv().await.is_some() {} });
    let program = command.get_program().to_string_lossy().into_owned();
    let ended = tokio::task::spawn_blocking(move || command.status()).await;
    ignored.abort();
    let ended = ended.map_err(|error| {
        Error::new(ErrorKind::Internal, OPERATION, "the login was not waited for")
            .with_source(error)
    })?;
    ended.map_err(|error| Error::io(OPERATION, format!("can't run `{program}`"), error))
}

/// Says who is logged in, of one agent or of all.
async fn status(context: &Context, arguments: &Login) -> Result<u8> {
    let manager = &context.manager;
    let agents: Vec<String> = match &arguments.agent {
        Some(agent) => vec![agent.clone()],
        None => manager.profiles().iter().map(|profile| profile.name.clone()).collect(),
    };
    let mut logins = Vec::new();
    for agent in &agents {
        let credentials = &manager.profiles().find(agent)?.credentials;
        if credentials.files.is_empty() && credentials.environment.is_empty() {
            continue;
        }
        match &arguments.credentials {
            Some(name) => logins.push((agent, manager.login(agent, Some(name)).await?)),
            None => {
                logins.push((agent, manager.login(agent, None).await?));
                let names = manager.logins(agent).await?;
                for name in names.iter().filter(|name| *name != "default") {
                    logins.push((agent, manager.login(agent, Some(name)).await?));
                }
            }
        }
    }
    let ready = logins.iter().any(|(_, login)| login.ready);
    if context.ui.json {
        let logins: Vec<_> = logins.iter().map(|(agent, login)| document(agent, login)).collect();
        context.ui.document(&json!({ "logins": logins }));
    } else {
        let rows: Vec<_> = logins
            .iter()
            .map(|(agent, login)| {
                let directory = login.directory.as_ref().map_or("-", |path| path.as_str());
                [plain(agent), login.name.clone(), state(login).to_owned(), plain(directory)]
                    .map(|cell| (cell, ""))
                    .to_vec()
            })
            .collect();
        context.ui.text(table(&HEADINGS, &rows));
    }
    // Asked about one, the answer is the code, too.
    Ok(u8::from(arguments.agent.is_some() && !ready))
}

fn state(login: &Found) -> &'static str {
    match (login.by_variable, &login.by_setting, login.ready) {
        (true, _, _) => "logged in by a variable",
        (_, Some(_), _) => "logged in by its settings",
        (_, _, true) => "logged in",
        _ => "nobody is logged in",
    }
}

fn document(agent: &str, login: &Found) -> serde_json::Value {
    json!({
        "agent": agent, "login": login.name, "ready": login.ready, "by_variable": login.by_variable,
        "by_setting": login.by_setting, "directory": login.directory,
    })
}

pub(super) async fn forget(context: &Context, arguments: &Logout) -> Result<u8> {
    let (agent, name) = (arguments.agent.as_str(), arguments.credentials.as_deref());
    let shown = name.unwrap_or("default");
    if !arguments.force {
        // What is wrong with the names comes before the question.
        context.manager.login(agent, Some(shown)).await?;
        if !at_terminal() {
            let message = "there is no terminal to ask at; use --force";
            return Err(Error::new(ErrorKind::Refused, "sessctl.logout", message));
        }
        let question = format!(
            "Remove the login `{}` of {agent}? Sessions that use it are logged out, too.",
            plain(shown)
        );
        if !context.ui.confirm(&question) {
            return Ok(1);
        }
    }
    let removed = context.manager.forget_login(agent, name).await?;
    if context.ui.json {
        context.ui.document(&json!({ "removed": removed }));
    } else if removed.is_empty() {
        context.ui.notice(format!("nobody was logged in to {agent} as `{}`", plain(shown)));
    } else {
        removed.iter().for_each(|path| context.ui.notice(format!("removed {path}")));
    }
    Ok(0)
}
