//! Servers in the form that an agent reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::expand::{Text, Values};
use super::servers::{Field, Level, Said, Servers};
use crate::profile::Mcp;

/// What an agent is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rendered {
    /// The table of servers, for its file.
    pub(crate) servers: Map<String, Value>,
    /// Variables that the file refers to: what must not lie on a disk, and what the agent would expand again.
    pub(crate) environment: BTreeMap<String, String>,
}

/// Puts all variables in, and brings every server into the form of `mcp`. The errors are all problems.
pub(crate) fn render(
    servers: &Servers,
    mcp: &Mcp,
    session: &BTreeMap<String, String>,
    person: &BTreeMap<String, String>,
) -> Result<Rendered, Vec<String>> {
    let mut renderer =
        Renderer { mcp, session, person, environment: BTreeMap::new(), problems: Vec::new() };
    let mut table = Map::new();
    for (name, values) in servers.iter() {
        if let Some(server) = renderer.server(name, values) {
            table.insert(name.to_owned(), Value::Object(server));
        }
    }
    match renderer.problems.is_empty() {
        true => Ok(Rendered { servers: table, environment: renderer.environment }),
        false => Err(renderer.problems),
    }
}

struct Renderer<'a> {
    mcp: &'a Mcp,
    session: &'a BTreeMap<String, String>,
    person: &'a BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Renderer<'_> {
    fn server(&mut self, name: &str, values: &BTreeMap<Field, Said>) -> Option<Map<String, Value>> {
        let first = values.values().next()?;
        let runs = values.contains_key(&Field::Command);
        let form = match (runs, values.contains_key(&Field::Url)) {
            (true, _) => &self.mcp.local,
            (_, true) => &self.mcp.remote,
            _ => {
                self.problem(name, first, "says neither a `command` nor a `url`".to_owned());
                return None;
            }
        };
        let Some(form) = form.clone() else {
            self.problem(
                name,
                first,
                "is of a kind that this agent can't use; leave it out".to_owned(),
            );
            return None;
        };
        let mut parts = BTreeMap::new();
        let (mut environment, mut headers, mut others) = (Map::new(), Map::new(), Map::new());
        for (field, said) in values {
            let value = self.value(name, field, said, &said.value)?;
            match field {
                Field::Command => drop(parts.insert("COMMAND", value)),
                Field::Arguments => drop(parts.insert("ARGUMENTS", value)),
                Field::Url => drop(parts.insert("URL", value)),
                Field::Environment(key) => drop(environment.insert(key.clone(), value)),
                Field::Header(key) => drop(headers.insert(key.clone(), value)),
                Field::Other(key) => drop(others.insert(key.clone(), value)),
                Field::Transport | Field::Enabled => {}
            }
        }
        if let Some(url) = parts.get("URL").cloned() {
            let transport =
                values.get(&Field::Transport).map_or("http".into(), |said| said.value.clone());
            let also = if transport == "sse" { "SSE_URL" } else { "HTTP_URL" };
            parts.insert(also, url);
            parts.insert("TRANSPORT", transport);
        }
        if let Some(command) = parts.get("COMMAND").cloned() {
            let mut line = vec![command];
            line.extend(
                parts.get("ARGUMENTS").and_then(Value::as_array).into_iter().flatten().cloned(),
            );
            parts.insert("COMMAND_LINE", line.into());
        }
        if !environment.is_empty() {
            parts.insert("ENVIRONMENT", environment.into());
        }
        if !headers.is_empty() {
            parts.insert("HEADERS", headers.into());
        }
        for (key, value) in form {
            let part = value.as_str().and_then(|text| text.strip_prefix("${")?.strip_suffix('}'));
            match part {
                Some(part) => match parts.get(part) {
                    Some(value) => drop(others.insert(key, value.clone())),
                    None => drop(others.remove(&key)),
                },
                None => drop(others.insert(key, value)),
            }
        }
        let reached = !parts.contains_key("URL")
            || others.values().any(|value| Some(value) == parts.get("URL"));
        if !reached {
            self.problem(
                name,
                first,
                "speaks in a way that this agent does not; leave it out".to_owned(),
            );
            return None;
        }
        Some(others)
    }

    /// A value with all variables put in; `None` after a problem.
    fn value(&mut self, server: &str, field: &Field, said: &Said, value: &Value) -> Option<Value> {
        Some(match value {
            Value::String(text) => Value::String(self.text(server, field, said, text)?),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value(server, field, said, item));
                Value::Array(items.collect::<Option<_>>()?)
            }
            Value::Object(table) => {
                let mut expanded = Map::new();
                for (key, value) in table {
                    expanded.insert(key.clone(), self.value(server, field, said, value)?);
                }
                Value::Object(expanded)
            }
            other => other.clone(),
        })
    }

    fn text(&mut self, server: &str, field: &Field, said: &Said, text: &str) -> Option<String> {
        let at = field.shown();
        let parsed = match Text::parse(text, said.reference.as_deref()) {
            Ok(parsed) => parsed,
            Err(reason) => {
                self.problem(server, said, format!("`{at}` {reason}"));
                return None;
            }
        };
        let of_project = said.level == Level::Project;
        let person = (!of_project).then_some(self.person);
        let expanded = match parsed.expand(Values { session: self.session, person }) {
            Ok(expanded) => expanded,
            Err(name) => {
                let name = name.to_owned();
                let reason = if of_project {
                    format!(
                        "`{at}` needs `{name}`, and a project's file may only use variables of the session; give it a default (`${{{name}:-…}}`) or a value (--env), or say it in a file of yours (--mcp-config)"
                    )
                } else {
                    format!(
                        "`{at}` needs `{name}`, which is not set; set it, or give it a default (`${{{name}:-…}}`)"
                    )
                };
                self.problem(server, said, reason);
                return None;
            }
        };
        let again = self.mcp.expands.iter().any(|mark| expanded.text.contains(mark.as_str()));
        let Some(reference) = self.mcp.reference.as_ref().filter(|_| expanded.personal || again)
        else {
            return Some(expanded.text);
        };
        // Some agents put the value in before they read the file.
        if expanded.text.contains(['"', '\\']) || expanded.text.contains(char::is_control) {
            return Some(expanded.text);
        }
        let known = self.environment.iter().find(|(_, value)| **value == expanded.text);
        let name = match known {
            Some((name, _)) => name.clone(),
            None => {
                let name = format!("SESSCTL_MCP_{}", self.environment.len() + 1);
                self.environment.insert(name.clone(), expanded.text);
                name
            }
        };
        Some(reference.replace("NAME", &name))
    }

    fn problem(&mut self, server: &str, said: &Said, reason: String) {
        let line = said.line.map(|line| format!(", line {line}")).unwrap_or_default();
        let (server, file) = (server.escape_debug(), &said.file);
        self.problems.push(format!("MCP server `{server}` in `{file}`{line}: {reason}"));
    }
}
