//! Which agent works in a new session, where nobody named one.

use session_core::{Check, CheckOutcome, Error, ErrorKind, Filter, Readiness, Result, SessionSpec};

use super::Context;
use crate::surroundings::at_terminal;

/// The agent that is none: the person's own shell.
const SHELL: &str = "shell";

/// Fills the agent in: the configured one, else the one that is chosen at the terminal.
///
/// A command is run as it is, and without a terminal and a configured agent it is the person's shell: what
/// scripts do stays what it is.
pub(super) async fn settle(context: &Context, spec: &mut SessionSpec) -> Result<()> {
    if spec.agent.is_some() || !spec.command.is_empty() {
        return Ok(());
    }
    if let Some(word) = &spec.agent_options.resume_from
        && let Some(agent) = context.manager.agent_of_conversation(word).await?
    {
        spec.agent = Some(agent);
        return Ok(());
    }
    let configured = &context.surroundings.settings.agent;
    if !configured.value.is_empty() {
        let found = context.manager.profiles().find(&configured.value);
        found.map_err(|error| configured.origin.complain("agent", error.message()))?;
        spec.agent = Some(configured.value.clone());
    } else if at_terminal() && !context.ui.json {
        spec.agent = Some(choose(context, spec).await?);
    }
    Ok(())
}

/// Asks which one (S2.9).
async fn choose(context: &Context, spec: &SessionSpec) -> Result<String> {
    let on_host = match &spec.backend {
        Some(kind) => context.manager.backend(kind)?.capabilities().host_processes,
        None => false,
    };
    let mut agents = Vec::new();
    for profile in context.manager.profiles().iter() {
        // One that is broken says so where it is named.
        if let Ok(readiness) = context.manager.readiness(&profile.name, None).await {
            agents.push(readiness);
        }
    }
    // Those that could work come first.
    agents.sort_by_key(|agent| (agent.agent == SHELL, !agent.is_ready()));
    let last = last_used(context).await;
    let default = agents
        .iter()
        // A container may have what this host has not.
        .position(|agent| Some(&agent.agent) == last.as_ref() && (agent.is_ready() || !on_host))
        .or_else(|| agents.iter().position(Readiness::is_ready));
    let Some(default) = default.filter(|_| agents.len() > 1) else { return Ok(SHELL.to_owned()) };
    let mut text = "Which agent works in this session?\n".to_owned();
    for (index, agent) in agents.iter().enumerate() {
        let mark = if index == default { '*' } else { ' ' };
        let title = &agent.title;
        text.push_str(&format!("{mark}{:>3}  {title} ({})\n", index + 1, readiness(agent)));
    }
    loop {
        let question = format!("{text}Number or name, Enter for {}:", agents[default].title);
        let Some(answer) = context.ui.ask(&question) else {
            let message = "no agent was chosen; name one with --agent";
            return Err(Error::new(ErrorKind::Cancelled, "sessctl.start", message));
        };
        if let Some(chosen) = chosen(&answer, &agents, default) {
            return Ok(chosen.agent.clone());
        }
        text = format!(
            "there is no `{}`; it is a number from 1 to {}\n",
            answer.escape_debug(),
            agents.len()
        );
    }
}

fn chosen<'a>(answer: &str, agents: &'a [Readiness], default: usize) -> Option<&'a Readiness> {
    if answer.is_empty() {
        return agents.get(default);
    }
    let by_number =
        answer.parse::<usize>().ok().and_then(|number| agents.get(number.checked_sub(1)?));
    by_number.or_else(|| agents.iter().find(|agent| agent.agent == answer))
}

/// Whether it could work, in a few words.
pub(super) fn readiness(agent: &Readiness) -> String {
    let failed: Vec<_> = agent.failed().map(|check| check.code.as_str()).collect();
    let warned = |code: &str| {
        let is_it = |check: &Check| check.code == code && check.outcome == CheckOutcome::Warning;
        agent.checks.iter().any(is_it)
    };
    match failed.as_slice() {
        [] if warned("login") => "ready, but nobody is logged in".to_owned(),
        [] => "ready".to_owned(),
        [first, ..] => match *first {
            "program" => "not installed on this host".to_owned(),
            "login" => "nobody is logged in".to_owned(),
            code => format!("not in order: {code}"),
        },
    }
}

/// The agent of the session that was made last; no matter if that can't be read.
async fn last_used(context: &Context) -> Option<String> {
    let (entries, _) = context.manager.catalog().list(&Filter::default()).await.ok()?;
    let records = entries.into_iter().filter_map(|entry| Some(entry.ok()?.record));
    let with_agent = records.filter(|record| record.spec.agent_plan.is_some());
    let last = with_agent.max_by_key(|record| record.created_at.as_milliseconds())?;
    last.spec.agent_plan.map(|plan| plan.profile)
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn nothing_is_chosen_among_none() {
        for answer in ["", "0", "1", "-1", "x"] {
            assert_eq!(chosen(answer, &[], 0), None);
        }
    }
}
