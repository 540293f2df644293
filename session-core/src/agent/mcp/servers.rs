//! Servers by name, merged over the levels of configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::expand::Text;

/// Whose words something is: it decides which variables they may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// The person's, for all sessions.
    Person,
    /// The project's: a stranger's.
    Project,
    /// The person's, for this session.
    Session,
}

/// All servers of one or more levels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Servers(BTreeMap<String, Server>);

/// What levels say about one server.
#[derive(Debug, Clone, Default, PartialEq)]
struct Server {
    /// Nothing of lower levels counts any more.
    whole: bool,
    values: BTreeMap<Field, Said>,
}

/// One value of a server. Tables are taken apart as far as they are merged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Command,
    Arguments,
    Environment(String),
    Url,
    Header(String),
    Transport,
    Enabled,
    Other(String),
}

/// A value and where it was said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) value: Value,
    pub(super) level: Level,
    /// The file, for errors.
    pub(super) file: String,
    /// Where in that the server stands.
    pub(super) line: Option<usize>,
    /// How the agent whose file this is writes variables, too.
    pub(super) reference: Option<String>,
}

/// What is wrong with a table of servers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The way to it from the table: a server, a field, a name in that.
    pub(super) way: Vec<String>,
    pub(super) reason: String,
}

impl Wrong {
    fn new(way: &[&str], reason: String) -> Self {
        Self { way: way.iter().map(|key| (*key).to_owned()).collect(), reason }
    }

    /// The same of a server.
    fn of(self, server: &str) -> Self {
        let way = std::iter::once(server.to_owned()).chain(self.way).collect();
        Self { way, reason: format!("server `{}`: {}", server.escape_debug(), self.reason) }
    }
}

impl Field {
    /// As it stands in a file.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Command => "command".to_owned(),
            Self::Arguments => "args".to_owned(),
            Self::Environment(name) => format!("env.{name}"),
            Self::Url => "url".to_owned(),
            Self::Header(name) => format!("headers.{name}"),
            Self::Transport => "type".to_owned(),
            Self::Enabled => "enabled".to_owned(),
            Self::Other(name) => name.clone(),
        }
    }
}

impl Servers {
    /// Reads a table of servers of one level; `file` is what it is called, `reference` as in [`Said`].
    pub(super) fn read(
        table: &Map<String, Value>,
        level: Level,
        file: &str,
        reference: Option<&str>,
        line: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, Wrong> {
        let mut servers = BTreeMap::new();
        for (name, value) in table {
            if name.is_empty() || name.contains(['/', '\\']) || name.chars().any(char::is_control) {
                let reason = format!(
                    "`{}` can't be the name of a server: use letters, digits, `-`, `_` and the like",
                    name.escape_debug()
                );
                return Err(Wrong::new(&[name], reason));
            }
            let line = line(name);
            let said = |value: Value| Said {
                value,
                level,
                file: file.to_owned(),
                line,
                reference: reference.map(str::to_owned),
            };
            let server = match value {
                Value::Null => Server { whole: true, values: BTreeMap::new() },
                Value::Object(table) => {
                    let values = fields(table, level).map_err(|wrong| wrong.of(name))?;
                    let runs =
                        values.contains_key(&Field::Command) || values.contains_key(&Field::Url);
                    let values = values.into_iter().map(|(field, value)| (field, said(value)));
                    // What a project says never mixes with what the person said, whose variables it would get.
                    Server { whole: runs || level == Level::Project, values: values.collect() }
                }
                _ => {
                    let reason = format!("server `{}` is no table", name.escape_debug());
                    return Err(Wrong::new(&[name], reason));
                }
            };
            servers.insert(name.clone(), server);
        }
        Ok(Self(servers))
    }

    /// `over` on top: a server that says what runs replaces one of its name, another one changes single values of it.
    /// Associative.
    #[must_use]
    pub(super) fn with(mut self, over: Self) -> Self {
        for (name, server) in over.0 {
            let below = self.0.entry(name).or_default();
            if server.whole {
                *below = server;
            } else {
                below.values.extend(server.values);
            }
        }
        self
    }

    /// Those that are there and switched on, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &BTreeMap<Field, Said>)> {
        let on = |server: &&Server| {
            let enabled = server.values.get(&Field::Enabled);
            enabled.is_none_or(|said| said.value != Value::Bool(false)) && !server.values.is_empty()
        };
        let shown = self.0.iter().map(|(name, server)| (name.as_str(), server));
        shown.filter(move |(_, server)| on(server)).map(|(name, server)| (name, &server.values))
    }

    /// The names of all variables that begin with `prefix`, without it.
    pub(crate) fn named(&self, prefix: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for said in self.iter().flat_map(|(_, values)| values.values()) {
            each_text(&said.value, &mut |text| {
                if let Ok(text) = Text::parse(text, said.reference.as_deref()) {
                    let names = text.names().filter_map(|name| name.strip_prefix(prefix));
                    found.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
                }
            });
        }
        found
    }
}

fn each_text(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, see)),
        Value::Object(table) => table.values().for_each(|value| each_text(value, see)),
        _ => {}
    }
}

/// Takes a server apart, whichever agent's words it is in.
fn fields(table: &Map<String, Value>, level: Level) -> Result<BTreeMap<Field, Value>, Wrong> {
    let mut fields = BTreeMap::new();
    for (key, value) in table {
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            ("command" | "url" | "serverUrl" | "httpUrl", Value::String(text))
                if text.is_empty() =>
            {
                return Err(Wrong::new(&[key], format!("`{key}` is empty")));
            }
            ("command", Value::String(_)) => drop(fields.insert(Field::Command, value.clone())),
            ("command", Value::Array(words)) if words.iter().all(Value::is_string) => {
                let Some((first, rest)) = words.split_first() else {
                    return Err(Wrong::new(&[key], "`command` is empty".to_owned()));
                };
                fields.insert(Field::Command, first.clone());
                fields.insert(Field::Arguments, Value::Array(rest.to_vec()));
            }
            ("args", Value::Array(words)) if words.iter().all(Value::is_string) => {
                fields.insert(Field::Arguments, value.clone());
            }
            ("env" | "environment", Value::Object(table)) => {
                for (name, value) in table {
                    if name.is_empty() || name.contains(['=', '\0']) {
                        let reason = format!("`{}` can't name a variable", name.escape_debug());
                        return Err(Wrong::new(&[key, name], reason));
                    }
                    fields.insert(
                        Field::Environment(name.clone()),
                        text(value).ok_or_else(|| wrong(&[key, name]))?,
                    );
                }
            }
            ("headers" | "http_headers", Value::Object(table)) => {
                for (name, value) in table {
                    fields.insert(
                        Field::Header(name.clone()),
                        text(value).ok_or_else(|| wrong(&[key, name]))?,
                    );
                }
            }
            ("url" | "serverUrl", Value::String(_)) => {
                drop(fields.insert(Field::Url, value.clone()))
            }
            ("httpUrl", Value::String(_)) => {
                fields.insert(Field::Url, value.clone());
                fields.entry(Field::Transport).or_insert_with(|| "http".into());
            }
            ("type" | "transport", Value::String(word)) => match word.as_str() {
                "sse" => drop(fields.insert(Field::Transport, "sse".into())),
                "http" | "streamable-http" | "streamableHttp" => {
                    fields.insert(Field::Transport, "http".into());
                }
                // What runs says it already.
                "stdio" | "local" | "remote" => {}
                // The person's agent may know more of them than we do.
                _ if level == Level::Person => {}
                _ => {
                    let reason = format!(
                        "`{key}` is `{}`, which is none of stdio, http, sse",
                        word.escape_debug()
                    );
                    return Err(Wrong::new(&[key], reason));
                }
            },
            ("enabled", Value::Bool(on)) => drop(fields.insert(Field::Enabled, (*on).into())),
            ("disabled", Value::Bool(off)) => drop(fields.insert(Field::Enabled, (!*off).into())),
            (
                "command" | "args" | "env" | "environment" | "headers" | "http_headers" | "url"
                | "serverUrl" | "httpUrl" | "type" | "transport" | "enabled" | "disabled",
                _,
            ) => return Err(wrong(&[key])),
            (_, other) => drop(fields.insert(Field::Other(key.clone()), other.clone())),
        }
    }
    if fields.contains_key(&Field::Command) && fields.contains_key(&Field::Url) {
        let reason = "it has both a `command` and a `url`; keep one";
        return Err(Wrong::new(&[], reason.to_owned()));
    }
    Ok(fields)
}

fn wrong(way: &[&str]) -> Wrong {
    let key = way.last().copied().unwrap_or_default().escape_debug();
    Wrong::new(way, format!("`{key}` has another form than MCP servers have there"))
}

/// The value of a variable: agents write numbers and switches there, too.
fn text(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(value.clone()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(switch) => Some(switch.to_string().into()),
        _ => None,
    }
}
