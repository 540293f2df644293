//! Files that are made of the person's and of what the profile sets in them.

use serde_json::{Map, Value};

use super::comments;
use crate::profile::{Format, Template, Variables};
use crate::{Error, ErrorKind, Result};

/// What the profile sets in a file, rendered. A text that needs `${LAST20_…}` of a variable that is not set
/// is left out of its list or table.
pub(super) fn rendered(
    content: Option<&Map<String, Value>>,
    variables: &Variables,
) -> Result<Option<Value>> {
    let Some(content) = content else { return Ok(None) };
    expand(Value::Object(content.clone()), variables)
}

/// The same of any value.
pub(super) fn expand(value: Value, variables: &Variables) -> Result<Option<Value>> {
    Ok(Some(match value {
        Value::String(text) => {
            let template = Template::parse(&text)?;
            let missing =
                |name: &&str| name.starts_with("LAST20_") && variables.get(name).is_none();
            if template.names().any(|name| missing(&name)) {
                return Ok(None);
            }
            Value::String(template.render(variables)?)
        }
        Value::Array(items) => {
            let items = items.into_iter().map(|item| expand(item, variables));
            Value::Array(items.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        }
        Value::Object(table) => {
            let mut expanded = Map::new();
            for (key, value) in table {
                if let Some(value) = expand(value, variables)? {
                    expanded.insert(Template::parse(&key)?.render(variables)?, value);
                }
            }
            Value::Object(expanded)
        }
        other => other,
    }))
}

/// What is put into a file.
#[derive(Debug, Default)]
pub(super) struct Put {
    /// Keys at the top of what is there that are taken away first.
    pub(super) without: Vec<String>,
    /// Set in it in depth.
    pub(super) over: Option<Value>,
    /// Set in it, in depth, where nothing is then.
    pub(super) under: Option<Value>,
    /// Added to lists: their places, keys with dots between, and what comes behind what is there.
    pub(super) lists: Vec<(String, Value)>,
}

impl Put {
    pub(super) fn is_nothing(&self) -> bool {
        self.over.is_none() && self.under.is_none() && self.lists.is_empty()
    }
}

/// The file's bytes: `base`, or an empty document, and what is put into it.
///
/// A base that can't be read as what it should be is an error that says so; it is the person's file.
pub(super) fn merged(
    format: Format,
    base: Option<&[u8]>,
    keep: &[String],
    put: Put,
    called: &str,
) -> Result<Vec<u8>> {
    let mut document = match base {
        Some(bytes) => read(format, bytes, called)?,
        None => Value::Object(Map::new()),
    };
    if let (Value::Object(table), false) = (&mut document, keep.is_empty()) {
        table.retain(|key, _| keep.contains(key));
    }
    if let Value::Object(table) = &mut document {
        table.retain(|key, _| !put.without.contains(key));
    }
    if let Some(over) = put.over {
        set(&mut document, over);
    }
    if let Some(under) = put.under {
        fill(&mut document, under);
    }
    for (path, items) in put.lists {
        add(&mut document, &path, items);
    }
    write(format, &document, called)
}

pub(super) fn read(format: Format, bytes: &[u8], called: &str) -> Result<Value> {
    let refuse = |reason: String| {
        let message =
            format!("`{called}` is not valid: {reason}; mend it, or keep it out of the session");
        Err(Error::new(ErrorKind::InvalidInput, "agent.prepare", message))
    };
    let Ok(text) = std::str::from_utf8(bytes) else { return refuse("it is no text".to_owned()) };
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let value = match format {
        Format::Json => serde_json::from_str(text)
            .or_else(|_| serde_json::from_str(&comments::without(text)))
            .map_err(|error| error.to_string()),
        Format::Toml => toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line =
                before.map(|before| format!(" at line {}", before.matches('\n').count() + 1));
            error.message().to_owned() + &line.unwrap_or_default()
        }),
    };
    match value {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => refuse("it is no table".to_owned()),
        Err(reason) => refuse(reason),
    }
}

pub(super) fn write(format: Format, document: &Value, called: &str) -> Result<Vec<u8>> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(document).map_err(|error| error.to_string()),
        Format::Toml => toml::to_string(document).map_err(|error| error.to_string()),
    };
    let mut text = text.map_err(|reason| {
        let message = format!("`{called}` can't be written: {reason}");
        Error::new(ErrorKind::InvalidInput, "agent.prepare", message)
    })?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text.into_bytes())
}

/// Sets what `under` has and `document` has not: tables in depth.
fn fill(document: &mut Value, under: Value) {
    let (Value::Object(document), Value::Object(under)) = (document, under) else { return };
    for (key, value) in under {
        match document.get_mut(&key) {
            Some(there) => fill(there, value),
            None => drop(document.insert(key, value)),
        }
    }
}

/// Sets `over` in `document`: tables in depth, everything else whole.
pub(crate) fn set(document: &mut Value, over: Value) {
    match (document, over) {
        (Value::Object(document), Value::Object(over)) => {
            for (key, value) in over {
                match document.get_mut(&key) {
                    Some(there) => set(there, value),
                    None => drop(document.insert(key, value)),
                }
            }
        }
        (document, over) => *document = over,
    }
}

/// Sets `value` at `path`, keys with dots between them; a list is added to what is there.
pub(super) fn add(document: &mut Value, path: &str, value: Value) {
    let (key, rest) = match path.split_once('.') {
        Some((key, rest)) => (key, Some(rest)),
        None => (path, None),
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let table = document.as_object_mut().expect("it was just made a table");
    let there = table.entry(key).or_insert(Value::Null);
    match (rest, there, value) {
        (Some(rest), there, value) => add(there, rest, value),
        (None, Value::Array(there), Value::Array(items)) => {
            for item in items {
                if !there.contains(&item) {
                    there.push(item);
                }
            }
        }
        (None, there, value) => *there = value,
    }
}
