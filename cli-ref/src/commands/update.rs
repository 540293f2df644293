//! `sessctl update`: an agent's program, brought up to date; and what a start says and does about that.

use std::process::Stdio;

use serde_json::json;
use session_core::{Result, UpdateCheck};

use super::Context;
use crate::args::Update;

pub(super) async fn run(context: &Context, arguments: &Update) -> Result<u8> {
    let profile = context.manager.profiles().find(&arguments.agent)?;
    let (agent, title) = (&profile.name, &profile.title);
    if arguments.silent {
        let _ = context.manager.check_update_if_due(agent).await;
        return Ok(0);
    }
    if arguments.check {
        let known = context.manager.check_update(agent).await?;
        match context.ui.json {
            true => context.ui.document(&json!({
                "agent": agent, "installed": known.installed, "latest": known.latest,
                "is_old": known.is_old(), "unfit": known.unfit,
            })),
            false => context.ui.line(in_words(agent, title, &known)),
        }
        return Ok(0);
    }
    let updated = context.manager.update_agent(agent).await?;
    if context.ui.json {
        context.ui.document(&json!({
            "agent": agent, "from": updated.from, "to": updated.to, "changed": updated.changed,
        }));
    } else if updated.changed {
        let from = updated.from.map(|from| format!(", was {from}")).unwrap_or_default();
        context.ui.line(format!("{title} {} is installed{from}", updated.to));
    } else {
        let version = updated.from.unwrap_or(updated.to);
        context.ui.line(format!("{title} {version} is up to date"));
    }
    Ok(0)
}

fn in_words(agent: &str, title: &str, known: &UpdateCheck) -> String {
    let latest = known.latest.as_deref().unwrap_or_default();
    match (&known.installed, &known.unfit, known.is_old()) {
        (Some(installed), _, false) => format!("{title} {installed} is up to date"),
        (installed, Some(reason), true) => {
            let installed = installed.as_deref().unwrap_or("nothing");
            format!("{title}: {installed} is installed; {reason}")
        }
        (Some(installed), None, true) => format!(
            "{title} {latest} is out, {installed} is installed; `sessctl update -a {agent}` installs it"
        ),
        (None, _, _) => {
            format!("{title} is not installed; `sessctl update -a {agent}` installs {latest}")
        }
    }
}

/// Tells what is known of a newer version, and finds out in the background at most once a day. Never fails, never waits
/// for a registry.
pub(super) async fn look(context: &Context, agent: &str) {
    let environment = &context.surroundings.host.environment;
    let in_ci =
        environment.get("CI").is_some_and(|value| !matches!(value.as_str(), "" | "false" | "0"));
    if in_ci || !context.surroundings.settings.update_check.value {
        return;
    }
    let Ok(known) = context.manager.known_update(agent).await else { return };
    if let (Some(installed), Some(latest), None, true) =
        (&known.installed, &known.latest, &known.unfit, known.is_old())
    {
        let title =
            context.manager.profiles().find(agent).map_or(agent, |profile| profile.title.as_str());
        context.ui.notice(format!(
            "note: {title} {latest} is out, {installed} is installed; `sessctl update -a {agent}` installs it when no session of it runs"
        ));
    }
    if !known.is_fresh() {
        find_out(context, agent);
    }
}

/// Starts this program again, to find out.
fn find_out(context: &Context, agent: &str) {
    let Ok(program) = std::env::current_exe() else { return };
    let home = context.surroundings.layout.home();
    // A process group of its own: Ctrl-C at the terminal is not meant for it.
    let spawned = tokio::process::Command::new(program)
        .args(["--home", home.as_str(), "update", "--agent", agent, "--check", "--silent"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    if let Err(error) = spawned {
        tracing::debug!(%error, "no check for updates");
    }
}
