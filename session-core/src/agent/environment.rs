//! The environment of an agent's processes.

use std::collections::BTreeMap;

use super::plan::AgentPlan;
use crate::profile::{Profile, Profiles, Template, Variables};
use crate::{HostView, Result};

/// Takes away what any agent leaves to processes that it starts, so that a session begun by an agent is not taken for its child,
/// but for what `kept` hands over.
pub(crate) fn scrub(
    environment: &mut BTreeMap<String, String>,
    profiles: &Profiles,
    kept: Option<&Profile>,
) {
    let scrubbed: Vec<_> = profiles.iter().flat_map(|profile| &profile.environment.scrub).collect();
    environment.retain(|name, _| {
        kept.is_some_and(|profile| is_passed(profile, name))
            || !scrubbed.iter().any(|pattern| is_named(pattern, name))
    });
}

/// Adds what the profile sets, and hands over what it passes on, but for other logins than one that was asked for by its
/// name. No variable becomes empty.
pub(crate) fn add(
    environment: &mut BTreeMap<String, String>,
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    variables: &Variables,
    in_container: bool,
) -> Result<()> {
    if in_container {
        let passed = host
            .environment
            .iter()
            .filter(|(name, value)| is_passed(profile, name) && !value.is_empty());
        environment.extend(passed.map(|(name, value)| (name.clone(), value.clone())));
    }
    if plan.login.is_some() {
        let other_logins = &profile.credentials.environment;
        environment.retain(|name, _| !other_logins.iter().any(|pattern| is_named(pattern, name)));
    }
    let sets = [
        (true, &profile.environment.set),
        (plan.unattended, &profile.environment.unattended),
        (in_container, &profile.environment.container),
    ];
    for (name, text) in sets.into_iter().filter(|(wanted, _)| *wanted).flat_map(|(_, set)| set) {
        let template = Template::parse(text)?;
        if plan.credentials.is_none() && template.names().any(|name| name == "CREDENTIALS") {
            continue;
        }
        let value = template.render(variables)?;
        if !value.is_empty() {
            environment.insert(name.clone(), value);
        }
    }
    Ok(())
}

/// Whether the person's variable `name` goes to the agent wherever it runs.
fn is_passed(profile: &Profile, name: &str) -> bool {
    let credentials = &profile.credentials;
    let logins = credentials.environment.iter().chain(&credentials.headless);
    let passed = profile.environment.pass.iter().chain(logins);
    passed.into_iter().any(|pattern| is_named(pattern, name))
}

/// Whether `pattern`, a name or a prefix with `*`, names `name`.
fn is_named(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}
