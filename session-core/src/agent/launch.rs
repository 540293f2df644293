//! The command that an agent is started with, this time.

use super::conversation::Found;
use super::plan::AgentPlan;
use crate::Result;
use crate::profile::{Profile, Template, Variables};

/// Program and arguments: resumes `latest` if there is one, else begins.
///
/// `program` is what runs; `variables` lacks only what belongs to arguments.
pub(crate) fn argv(
    program: Vec<String>,
    plan: &AgentPlan,
    profile: &Profile,
    latest: Option<&Found>,
    variables: &Variables,
) -> Result<Vec<String>> {
    let mut variables = variables.clone();
    if let Some(id) = latest.map(|found| &found.id).or(plan.conversation.as_ref()) {
        variables.set("CONVERSATION_ID", id.as_str());
    }
    let arguments = &profile.arguments;
    let mut chosen = vec![&arguments.always];
    chosen.push(if latest.is_some() { &arguments.resume } else { &arguments.new });
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
    let escaped: Vec<_> = plan.arguments.iter().map(|word| word.replace("${", "$${")).collect();
    add(&escaped, &variables)?;
    if let (Some(prompt), None) = (&plan.prompt, latest) {
        variables.set("PROMPT", prompt.as_str());
        add(if plan.headless { &arguments.headless } else { &arguments.prompt }, &variables)?;
    }
    Ok(argv)
}
