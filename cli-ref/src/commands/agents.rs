//! `sessctl agents`: which agents there are, what their profiles say, and whether they could work.

use std::time::Duration;

use serde_json::{Value, json};
use session_core::profile::{Access, Profile};
use session_core::{Check, CheckOutcome, Error, Readiness, Result};

use super::{Context, menu};
use crate::args::{Agents, AgentsAction};
use crate::table::table;
use crate::ui::plain;

const HEADINGS: [&str; 4] = ["AGENT", "TITLE", "READY", "FROM"];
/// One that unpacks itself first takes three seconds; who needs longer than this has other worries.
const VERSION_LIMIT: Duration = Duration::from_secs(10);
/// Where a profile comes from that is nobody's file.
const SHIPPED: &str = "shipped";

pub(super) async fn run(context: &Context, arguments: &Agents) -> Result<u8> {
    match &arguments.action {
        AgentsAction::List => list(context).await,
        AgentsAction::Show { agent } => show(context, agent).await,
        AgentsAction::Check { agent: Some(agent) } => check(context, agent).await,
        AgentsAction::Check { agent: None } => check_all(context).await,
    }
}

/// Where the profile comes from.
fn origin(context: &Context, agent: &str) -> String {
    let file = context.surroundings.agents.files.get(agent);
    file.map_or_else(|| SHIPPED.to_owned(), |path| path.to_string_lossy().into_owned())
}

async fn list(context: &Context) -> Result<u8> {
    let mut agents = Vec::new();
    for name in context.manager.profiles().names() {
        agents.push((name, context.manager.readiness(name, None).await));
    }
    if context.ui.json {
        let agents: Vec<_> = agents
            .iter()
            .map(|(name, found)| listed(name, found, &origin(context, name)))
            .collect();
        context.ui.document(&json!({ "agents": agents }));
        return Ok(0);
    }
    let rows: Vec<_> = agents
        .iter()
        .map(|(name, found)| {
            let (title, ready) = match found {
                Ok(found) => (found.title.clone(), menu::readiness(found)),
                Err(_) => ("-".to_owned(), format!("not valid: `sessctl agents check {name}`")),
            };
            [plain(name), plain(&title), plain(&ready), plain(&origin(context, name))]
                .map(|cell| (cell, ""))
                .to_vec()
        })
        .collect();
    context.ui.text(table(&HEADINGS, &rows));
    Ok(0)
}

fn listed(name: &str, found: &Result<Readiness>, origin: &str) -> Value {
    match found {
        Ok(found) => json!({
            "agent": name, "title": found.title, "ready": found.is_ready(), "origin": origin,
            "program": found.program, "why_not": messages(found),
        }),
        Err(error) => json!({
            "agent": name, "ready": false, "origin": origin, "why_not": problems(error),
        }),
    }
}

fn messages(found: &Readiness) -> Vec<&str> {
    found.failed().map(|check| check.message.as_str()).collect()
}

fn problems(error: &Error) -> Vec<String> {
    match error.unmet() {
        [] => vec![error.message().to_owned()],
        all => all.to_vec(),
    }
}

async fn show(context: &Context, agent: &str) -> Result<u8> {
    let profile = context.manager.profiles().find(agent)?;
    let login = context.manager.login(agent, None).await?;
    let paths = profile.host_paths(context.manager.host());
    let outside = profile.outside_on(context.manager.host());
    if context.ui.json {
        let outside: Vec<_> = outside
            .iter()
            .map(|(it, path)| json!({"name": it.name, "path": path, "access": it.access}))
            .collect();
        context.ui.document(&json!({
            "agent": agent, "origin": origin(context, agent), "profile": profile, "paths": paths, "outside": outside,
            "login": login,
        }));
        return Ok(0);
    }
    let mut text = format!("# {agent}, {}\n{}", origin(context, agent), profile.to_toml()?);
    text.push_str("\n# Where that leads on this host:\n");
    for (what, path) in &paths {
        text.push_str(&format!("# {what} = {path}\n"));
    }
    if let Some(directory) = &login.directory {
        text.push_str(&format!("# login = {directory}\n"));
    }
    if !outside.is_empty() {
        text.push_str("\n# What it touches on this host besides, whatever it is told:\n");
    }
    for (it, path) in &outside {
        let does = if it.access == Access::Write { "writes" } else { "reads" };
        text.push_str(&format!("# {does} {path}: {}\n", it.what));
    }
    // What stands in a file may hold anything.
    let text: String = text.lines().map(|line| format!("{}\n", plain(line))).collect();
    context.ui.text(text);
    Ok(0)
}

async fn check(context: &Context, agent: &str) -> Result<u8> {
    let (checks, version) = looked_at(context, agent).await?;
    let good = is_good(&checks);
    if context.ui.json {
        context.ui.document(&document(context, agent, &checks, version.as_deref()));
    } else {
        shown(context, agent, &checks, version.as_deref());
    }
    Ok(u8::from(!good))
}

/// The profiles of all; of those whose program is here, everything.
async fn check_all(context: &Context) -> Result<u8> {
    let (mut good, mut documents) = (true, Vec::new());
    for agent in context.manager.profiles().names() {
        let (mut checks, version) = looked_at(context, agent).await?;
        let is_absent =
            |check: &Check| check.code == "program" && check.outcome == CheckOutcome::Failed;
        if checks.iter().any(is_absent) {
            checks.retain(|check| check.code == "profile");
            checks.push(Check::passed(
                "program",
                "not installed on this host; nothing else was looked at",
            ));
        }
        good &= is_good(&checks);
        match context.ui.json {
            true => documents.push(document(context, agent, &checks, version.as_deref())),
            false => shown(context, agent, &checks, version.as_deref()),
        }
    }
    if context.ui.json {
        context.ui.document(&json!({ "agents": documents }));
    }
    Ok(u8::from(!good))
}

/// Everything that is known of it now; what is wrong with its profile is a check, too.
async fn looked_at(context: &Context, agent: &str) -> Result<(Vec<Check>, Option<String>)> {
    let profiles = context.manager.profiles();
    let profile: Result<&Profile> = profiles.find(agent);
    let profile = match profile {
        Err(error) if profiles.is_broken(agent) => {
            let remedy = "correct the file, or remove it";
            let failed = |problem| Check::failed("profile", problem, remedy);
            return Ok((problems(&error).into_iter().map(failed).collect(), None));
        }
        found => found?,
    };
    let found = context.manager.readiness(&profile.name, None).await?;
    let mut checks = vec![Check::passed(
        "profile",
        format!("the profile is valid ({})", origin(context, agent)),
    )];
    checks.extend(found.checks);
    let version = match found.program {
        Some(_) => context.manager.agent_version(agent, VERSION_LIMIT).await?,
        None => None,
    };
    if found.program.is_some() && version.is_none() && !profile.arguments.version.is_empty() {
        let message = format!("it did not say its version within {VERSION_LIMIT:?}");
        checks.push(Check::warning("version", message, "run it by hand, and see what it says"));
    }
    Ok((checks, version))
}

fn is_good(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.outcome != CheckOutcome::Failed)
}

fn document(context: &Context, agent: &str, checks: &[Check], version: Option<&str>) -> Value {
    json!({
        "agent": agent, "origin": origin(context, agent), "good": is_good(checks), "version": version,
        "checks": checks,
    })
}

fn shown(context: &Context, agent: &str, checks: &[Check], version: Option<&str>) {
    context.ui.line(plain(agent));
    for check in checks {
        let mark = match check.outcome {
            CheckOutcome::Passed => "\x1b[32mok\x1b[0m     ",
            CheckOutcome::Warning => "\x1b[33mwarning\x1b[0m",
            _ => "\x1b[31mfailed\x1b[0m ",
        };
        context.ui.line(format!("  {mark} {}: {}", check.code, plain(&check.message)));
        if let Some(remedy) =
            check.remedy.as_ref().filter(|_| check.outcome != CheckOutcome::Passed)
        {
            context.ui.line(format!("          {}", plain(remedy)));
        }
    }
    if let Some(version) = version {
        context.ui.line(format!("  \x1b[32mok\x1b[0m      version: {}", plain(version)));
    }
}
