//! The command that an agent is started with, this time.

use camino::Utf8Path;

use super::conversation::Found;
use super::plan::AgentPlan;
use crate::Result;
use crate::profile::{Profile, Template, Variables};

/// Program and arguments: resumes `latest` if there is one, else begins, with a conversation from elsewhere if the plan
/// has one.
///
/// `program` is what runs, `mcp_file` names its MCP servers, `settings` are arguments of this session's own; `variables`
/// lacks only what belongs to arguments. The first start of all has the prompt.
pub(crate) fn argv(
    program: Vec<String>,
    plan: &AgentPlan,
    profile: &Profile,
    latest: Option<&Found>,
    first: bool,
    mcp_file: Option<&Utf8Path>,
    settings: &[String],
    variables: &Variables,
) -> Result<Vec<String>> {
    let mut variables = variables.clone();
    let origin = plan.origin.as_ref();
    let fork = origin.filter(|origin| origin.fork && latest.is_none());
    if let Some(origin) = fork {
        variables.set("FROM", plan.state.inside.join(&origin.copy).as_str());
    }
    if let Some(id) = latest.map(|found| &found.id).or(plan.conversation.as_ref()) {
        variables.set("CONVERSATION_ID", id.as_str());
    }
    let arguments = &profile.arguments;
    let mut chosen = vec![&arguments.always];
    chosen.push(match (latest, fork) {
        (Some(_), _) => &arguments.resume,
        (None, Some(_)) => &arguments.fork,
        (None, None) => &arguments.new,
    });
    if let Some(file) = mcp_file {
        variables.set("MCP_FILE", file.as_str());
        chosen.push(&arguments.mcp);
    }
    if plan.unattended {
        chosen.push(&arguments.unattended);
    }
    let mut argv = program;
    let mut add = |words: &[String], variables: &Variables| {
        for word in words {
            argv.push(Template::parse(word)?.render(variables)?);
        }
        Ok::<(), crate::Error>(())
    };
    for words in chosen {
        add(words, &variables)?;
    }
    // The person's own words are no templates.
    let own = settings.iter().chain(&plan.arguments);
    let escaped: Vec<_> = own.map(|word| word.replace("${", "$${")).collect();
    add(&escaped, &variables)?;
    let told = latest.is_none() || (first && origin.is_some());
    if let Some(prompt) = plan.prompt.as_ref().filter(|_| told) {
        variables.set("PROMPT", prompt.as_str());
        add(if plan.headless { &arguments.headless } else { &arguments.prompt }, &variables)?;
    }
    Ok(argv)
}
