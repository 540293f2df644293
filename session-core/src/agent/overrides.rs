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
pub(crate) const FILE: &str = "settings-override.json";

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
pub(crate) fn keep(profile: &Profile, from: &Utf8Path, directory: &Utf8Path) -> Result<()> {
    let refuse = |reason: String| {
        let message = format!("`{from}` {reason} (--settings)");
        Err(Error::new(ErrorKind::InvalidInput, OPERATION, message))
    };
    let bytes = match person::read(from) {
        Ok(bytes) => bytes,
        Err(error) => return refuse(format!("can't be read: {error}")),
    };
    if let Value::Object(settings) = content::read(Format::Json, &bytes, from.as_str())?
        && let Err(reason) = fitting(profile, settings)
    {
        return refuse(format!("is not valid: {reason}"));
    }
    Beneath::open(directory)?.write(FILE, &bytes)
}

/// The arguments that the session's file comes to. Blocks.
pub(crate) fn arguments(profile: &Profile, directory: &Utf8Path) -> Result<Vec<String>> {
    let Some((overrides, settings)) = read(profile, directory)? else { return Ok(Vec::new()) };
    let mut arguments = Vec::new();
    for (key, value) in settings {
        let Some(rule) = overrides.rules.get(&key) else { continue };
        let Value::String(text) = value else { continue };
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
    let Value::Object(settings) = content::read(Format::Json, &bytes, called.as_str())? else {
        return Ok(None);
    };
    let settings = fitting(profile, settings).map_err(|reason| {
        let message = format!("`{called}` is not valid: {reason}; mend it, or remove it");
        Error::new(ErrorKind::InvalidInput, OPERATION, message)
    })?;
    Ok(Some((overrides, settings)))
}

/// The settings, where a rule wants a list or a text as one; nulls of rules say nothing. Errors are reasons: what an agent
/// does not take where the person believes it to be forbidden is worse than a refusal.
fn fitting(
    profile: &Profile,
    settings: Map<String, Value>,
) -> std::result::Result<Map<String, Value>, String> {
    let rules = profile.overrides.as_ref().map(|overrides| &overrides.rules);
    let mut fitting = Map::new();
    for (key, value) in settings {
        let value = match rules.and_then(|rules| rules.get(&key)) {
            None => value,
            Some(_) if value.is_null() => continue,
            Some(rule) if rule.list => match value {
                Value::String(text) => Value::Array(vec![text.into()]),
                Value::Array(items) if items.iter().all(Value::is_string) => Value::Array(items),
                _ => return Err(format!("`{}` must be a list of texts", key.escape_debug())),
            },
            Some(rule) if !rule.arguments.is_empty() => match value {
                Value::String(text) if !text.is_empty() => Value::String(text),
                _ => return Err(format!("`{}` must be text", key.escape_debug())),
            },
            Some(_) => value,
        };
        fitting.insert(key, value);
    }
    Ok(fitting)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fitting;
    use crate::profile::Profile;

    const PROFILE: &str = r#"
title = "Robot"

[[resources]]
name = "settings"
kind = "file"
target = "settings.json"
policy = "private"
format = "json"
content = { a = 1 }

[overrides]
resource = "settings"
rules = { banned = { into = "deny", list = true }, said = { arguments = ["--say", "${VALUE}"] } }
"#;

    /// S4.24: a value that the agent would pass over is refused, with its key.
    #[test]
    fn values_have_the_form_of_their_rule() {
        let profile = Profile::from_toml("robot", PROFILE, "robot.toml").expect("it is valid");
        let fit = |value: serde_json::Value| {
            fitting(&profile, value.as_object().expect("a table").clone())
                .map(serde_json::Value::Object)
        };
        for (given, expected) in [
            (json!({"banned": "Bash"}), json!({"banned": ["Bash"]})),
            (json!({"banned": ["a", "b"], "x": 5}), json!({"banned": ["a", "b"], "x": 5})),
            (json!({"said": "hello", "banned": null}), json!({"said": "hello"})),
        ] {
            assert_eq!(fit(given), Ok(expected));
        }
        for (wrong, key) in [
            (json!({"banned": 5}), "`banned`"),
            (json!({"banned": [1]}), "`banned`"),
            (json!({"said": 5}), "`said`"),
            (json!({"said": ""}), "`said`"),
        ] {
            assert!(fit(wrong).expect_err("it is wrong").contains(key));
        }
    }
}
