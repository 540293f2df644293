//! The command that an agent is started with, this time.

use camino::Utf8Path;

use super::conversation::Found;
use super::plan::AgentPlan;
use crate::Result;
use crate::profile::{Profile, Template, Variables};

/// What is true of one start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    /// The conversation to go on with.
    pub(crate) latest: Option<&'a Found>,
    /// The session never started before.
    pub(crate) first: bool,
    /// Names its MCP servers.
    pub(crate) mcp_file: Option<&'a Utf8Path>,
    /// Arguments of this session's own.
    pub(crate) settings: &'a [String],
}

/// Program and arguments: resumes the latest conversation if there is one, else begins, with a conversation from elsewhere
/// if the plan has one.
///
/// `program` is what runs; `variables` lacks only what belongs to arguments. The first start of all has the prompt; one that
/// begins anew has neither that nor what came from elsewhere.
pub(crate) fn argv(
    program: Vec<String>,
    plan: &AgentPlan,
    profile: &Profile,
    occasion: Occasion<'_>,
    variables: &Variables,
) -> Result<Vec<String>> {
    let Occasion { latest, first, mcp_file, settings } = occasion;
    let mut variables = variables.clone();
    let origin = plan.origin.as_ref().filter(|_| !plan.begins_anew);
    let fork = origin.filter(|origin| origin.fork && latest.is_none());
    if let Some(origin) = fork {
        variables.set("FROM", plan.state.inside.join(&origin.copy).as_str());
    }
    if let Some(id) = latest.map(|found| &found.id).or(plan.conversation.as_ref()) {
        variables.set("CONVERSATION_ID", id.as_str());
    }
    let arguments = &profile.arguments;
    // Once: what it asks for may have been done, whether or not a conversation is found.
    let told = first && !plan.begins_anew && (latest.is_none() || origin.is_some());
    let prompt = plan.prompt.as_ref().filter(|_| told);
    if let Some(prompt) = prompt {
        variables.set("PROMPT", no_option(prompt));
    }
    let mut chosen = vec![&arguments.always];
    let going_on = match (latest, fork) {
        (Some(_), _) => &arguments.resume,
        (None, Some(_)) => &arguments.fork,
        (None, None) => &arguments.new,
    };
    match prompt.is_some() && plan.headless {
        true if latest.is_some() && !arguments.headless_resume.is_empty() => {
            chosen.push(&arguments.headless_resume);
        }
        // Many agents have a word of its own for that, whose flags follow it.
        true => chosen.extend([&arguments.headless, going_on]),
        false => chosen.push(going_on),
    }
    if let Some(file) = mcp_file {
        variables.set("MCP_FILE", file.as_str());
        chosen.push(&arguments.mcp);
    }
    if plan.unattended {
        chosen.push(&arguments.unattended);
    }
    if plan.debug {
        chosen.push(&arguments.debug);
    }
    let render = |word: &String| Template::parse(word)?.render(&variables);
    let mut argv = program;
    for word in chosen.into_iter().flatten() {
        argv.push(render(word)?);
    }
    // The person's own words are no templates.
    argv.extend(settings.iter().chain(&plan.arguments).cloned());
    if prompt.is_some() && !plan.headless {
        for word in &arguments.prompt {
            argv.push(render(word)?);
        }
    }
    Ok(argv)
}

/// A prompt that no agent takes for an option: it may be somebody else's text, and options make agents run programs.
fn no_option(prompt: &str) -> String {
    match prompt.starts_with('-') {
        true => format!(" {prompt}"),
        false => prompt.to_owned(),
    }
}
