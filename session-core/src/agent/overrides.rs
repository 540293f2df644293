//! Settings of one session: set in the agent's file, or given to it as arguments.

use camino::Utf8Path;
use serde_json::{Map, Value};

use super::beneath::Beneath;
use super::plan::AgentPlan;
use super::{content, person};
use crate::profile::{Format, Overrides, Profile, SharePolicy, Template, Variables};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "agent.settings";
/// What the file is called, in the session's directory (S4.24).
const FILE: &str = "settings-override.json";

/// Sets what the session's file says in the agent's, over everything else. Blocks.
pub(crate) fn set(plan: &AgentPlan, profile: &Profile, directory: &Utf8Path) -> Result<()> {
    let Some((overrides, settings)) = read(profile, directory)? else { return Ok(()) };
    let Some(resource) =
        profile.resources.iter().find(|resource| resource.name == overrides.resource)
    else {
        return Ok(());
    };
    let mut over = Map::new();
    let mut lists = Vec::new();
    for (key, value) in settings {
        match overrides.rules.get(&key) {
            None => drop(over.insert(key, value)),
            Some(rule) => lists.extend(rule.into.clone().map(|path| (path, value))),
        }
    }
    if over.is_empty() && lists.is_empty() {
        return Ok(());
    }
    if plan.shares.get(&resource.name) == Some(&SharePolicy::SharedRw) {
        let message = format!(
            "`{}` is shared live with you, so `{FILE}` can't be set in it; share it otherwise (--share)",
            resource.name
        );
        return Err(Error::new(ErrorKind::Refused, OPERATION, message));
    }
    let state = Beneath::open(&plan.state.host)?;
    let format = resource.format.unwrap_or(Format::Json);
    let mut document = match state.read(&resource.target)? {
        Some(bytes) => content::read(format, &bytes, &resource.target)?,
        None => Value::Object(Map::new()),
    };
    content::set(&mut document, Value::Object(over));
    for (path, value) in lists {
        content::add(&mut document, &path, value);
    }
    state.write(&resource.target, &content::write(format, &document, &resource.target)?)
}

/// Keeps the person's file for the session. Blocks.
pub(crate) fn keep(from: &Utf8Path, directory: &Utf8Path) -> Result<()> {
    let refuse = |reason: String| {
        let message = format!("`{from}` {reason} (--settings)");
        Err(Error::new(ErrorKind::InvalidInput, OPERATION, message))
    };
    let bytes = match person::read(from) {
        Ok(bytes) => bytes,
        Err(error) => return refuse(format!("can't be read: {error}")),
    };
    content::read(Format::Json, &bytes, from.as_str())?;
    Beneath::open(directory)?.write(FILE, &bytes)
}

/// The arguments that the session's file comes to. Blocks.
pub(crate) fn arguments(profile: &Profile, directory: &Utf8Path) -> Result<Vec<String>> {
    let Some((overrides, settings)) = read(profile, directory)? else { return Ok(Vec::new()) };
    let mut arguments = Vec::new();
    for (key, value) in settings {
        let Some(rule) = overrides.rules.get(&key) else { continue };
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            other => other.to_string(),
        };
        let variables = Variables::new().with("VALUE", text);
        for argument in &rule.arguments {
            arguments.push(Template::parse(argument)?.render(&variables)?);
        }
    }
    Ok(arguments)
}

/// The session's file; `None` where there is none, or the agent takes none.
fn read<'a>(
    profile: &'a Profile,
    directory: &Utf8Path,
) -> Result<Option<(&'a Overrides, Map<String, Value>)>> {
    let Some(overrides) = &profile.overrides else { return Ok(None) };
    let Some(bytes) = Beneath::open(directory)?.read(FILE)? else { return Ok(None) };
    let called = directory.join(FILE);
    match content::read(Format::Json, &bytes, called.as_str())? {
        Value::Object(settings) => Ok(Some((overrides, settings))),
        _ => Ok(None),
    }
}
