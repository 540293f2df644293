//! Which agent works in a new session, where nobody named one.

use session_core::{
    Check, CheckOutcome, Error, ErrorKind, Filter, Policy, Readiness, Result, SessionSpec,
};

use super::Context;
use super::choice::HOST;
use crate::engines::Images;
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

/// One that can be chosen.
struct Choice {
    agent: Readiness,
    program: Program,
    /// Enter may mean it: what this host or a login has of it shows that the person uses it.
    is_likely: bool,
}

/// Where the program of an agent is, as far as it can be told before there is a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Program {
    /// Looked for on this host, or in an image of ours that is there.
    Known,
    /// In an image that is built or fetched first.
    ToCome,
    /// In an image only if somebody put it there.
    Unknown,
}

impl Choice {
    /// Whether it could work, in a few words.
    fn readiness(&self) -> String {
        let words = readiness(&self.agent);
        match self.program {
            Program::ToCome if self.agent.is_ready() => {
                format!("{words}; its image is not here yet")
            }
            Program::Unknown if self.agent.is_ready() => format!("{words}, if the image has it"),
            _ => words,
        }
    }
}

/// Asks which one (S2.9).
async fn choose(context: &Context, spec: &SessionSpec) -> Result<String> {
    let in_container = in_container(context, spec)?;
    let choices = choices(context, spec, in_container).await?;
    let last = last_used(context).await;
    let default = choices
        .iter()
        // A container may have what was not found.
        .position(|choice| {
            Some(&choice.agent.agent) == last.as_ref() && (choice.is_likely || in_container)
        })
        .or_else(|| choices.iter().position(|choice| choice.is_likely));
    let Some(default) = default.filter(|_| choices.len() > 1) else { return Ok(SHELL.to_owned()) };
    let mut text = "Which agent works in this session?\n".to_owned();
    for (index, choice) in choices.iter().enumerate() {
        let mark = if index == default { '*' } else { ' ' };
        let title = &choice.agent.title;
        text.push_str(&format!("{mark}{:>3}  {title} ({})\n", index + 1, choice.readiness()));
    }
    loop {
        let question = format!("{text}Number or name, Enter for {}:", choices[default].agent.title);
        let Some(answer) = context.ui.ask(&question) else {
            let message = "no agent was chosen; name one with --agent";
            return Err(Error::new(ErrorKind::Cancelled, "sessctl.start", message));
        };
        if let Some(chosen) = chosen(&answer, &choices, default) {
            return Ok(chosen.agent.agent.clone());
        }
        text = format!(
            "there is no `{}`; it is a number from 1 to {}\n",
            answer.escape_debug(),
            choices.len()
        );
    }
}

fn in_container(context: &Context, spec: &SessionSpec) -> Result<bool> {
    let Some(kind) = &spec.backend else { return Ok(false) };
    Ok(!context.manager.backend(kind)?.capabilities().host_processes)
}

/// All agents, those that could work first.
async fn choices(context: &Context, spec: &SessionSpec, in_container: bool) -> Result<Vec<Choice>> {
    let kind = spec.backend.as_deref().unwrap_or(HOST);
    let configured = &context.surroundings.settings.image.value;
    // What is in an image of the person's is not known before it runs.
    let is_theirs = spec.container.image.is_some() || *configured != Policy::default().image;
    let images = match in_container && !is_theirs {
        true => Images::of(context.manager.backend(kind)?),
        false => None,
    };
    let mut choices = Vec::new();
    for profile in context.manager.profiles().iter() {
        // One that is broken says so where it is named.
        let Ok(agent) = context.manager.readiness_in(&profile.name, None, kind).await else {
            continue;
        };
        let program = match (&images, &profile.image) {
            _ if !in_container || profile.program.is_none() => Program::Known,
            (Some(images), Some(image)) => match images.has(image).await {
                Ok(false) => Program::ToCome,
                _ => Program::Known,
            },
            _ => Program::Unknown,
        };
        let is_used = !in_container || agent.agent == SHELL || !is_warned(&agent, "login");
        let is_likely = agent.is_ready() && program != Program::Unknown && is_used;
        choices.push(Choice { agent, program, is_likely });
    }
    choices.sort_by_key(|choice| {
        let agent = &choice.agent;
        (agent.agent == SHELL, !agent.is_ready(), !choice.is_likely, choice.program)
    });
    Ok(choices)
}

fn chosen<'a>(answer: &str, choices: &'a [Choice], default: usize) -> Option<&'a Choice> {
    if answer.is_empty() {
        return choices.get(default);
    }
    let by_number =
        answer.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    by_number.or_else(|| choices.iter().find(|choice| choice.agent.agent == answer))
}

fn is_warned(agent: &Readiness, code: &str) -> bool {
    let is_it = |check: &Check| check.code == code && check.outcome == CheckOutcome::Warning;
    agent.checks.iter().any(is_it)
}

/// Whether it could work, in a few words.
pub(super) fn readiness(agent: &Readiness) -> String {
    let failed: Vec<_> = agent.failed().map(|check| check.code.as_str()).collect();
    match failed.as_slice() {
        [] if is_warned(agent, "login") => "ready, but nobody is logged in".to_owned(),
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
            assert!(chosen(answer, &[], 0).is_none());
        }
    }
}
