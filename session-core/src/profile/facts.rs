//! How to read what an agent is doing from what it wrote.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What the files of an agent tell about it, read without running it.
///
/// The lists of selectors are for conversations that are files of JSON lines ([`Conversation::file`]): each line is
/// looked at by all of them.
///
/// [`Conversation::file`]: super::Conversation::file
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Facts {
    /// Lines that name the model; the last one counts.
    pub model: Vec<Selector>,
    /// Lines that are messages.
    pub messages: Vec<Selector>,
    /// Lines that are, or hold, calls of tools.
    pub tool_calls: Vec<Selector>,
    /// Lines that say when something happened (text as of RFC 3339, or milliseconds since 1970); the latest counts.
    pub activity: Vec<Selector>,
    /// Lines after which the agent works.
    pub busy: Vec<Selector>,
    /// Lines after which it has nothing to do.
    pub idle: Vec<Selector>,
    /// Lines after which it waits for an answer of the person's.
    pub waiting: Vec<Selector>,
    /// The same from [`Conversation::database`](super::Conversation::database).
    pub database: Option<DatabaseFacts>,
    /// What its running processes say of themselves.
    pub live: Option<Live>,
}

/// Picks lines, and something in them.
///
/// A path is names with dots between; `[]` behind a name stands for each thing of the list there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Selector {
    /// What must be: a path, and the text, number or `true`/`false` there; `*` for anything but null, `begin*` for a text that begins
    /// so. A line counts as often as its condition with `[]` is met, once without.
    #[serde(rename = "where")]
    pub conditions: BTreeMap<String, String>,
    /// What must not be, in the same form; of a list none.
    pub unless: BTreeMap<String, Unwanted>,
    /// The path of what is wanted, for what is not counted.
    pub value: Option<String>,
    /// A path: lines that have the same there, not far from each other, count once.
    pub once_per: Option<String>,
}

/// What must not be somewhere: one thing, or any of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Unwanted {
    /// One thing.
    One(String),
    /// Any of several.
    Any(Vec<String>),
}

impl JsonSchema for Unwanted {
    fn schema_name() -> Cow<'static, str> {
        "Unwanted".into()
    }

    /// One place for both types, so that a mistake in either is told.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What must not be somewhere: one thing, or any of several.",
            "type": ["string", "array"],
            "items": { "type": "string" },
        })
    }
}

impl Unwanted {
    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Any(several) => several,
        }
        .iter()
        .map(String::as_str)
    }
}

/// Queries of one row and one column each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct DatabaseFacts {
    /// The model's name.
    pub model: Option<String>,
    /// The number of messages.
    pub messages: Option<String>,
    /// The number of calls of tools.
    pub tool_calls: Option<String>,
    /// When something last happened: milliseconds since 1970, or text as of RFC 3339.
    pub activity: Option<String>,
    /// One of `busy`, `idle`, `waiting`.
    pub state: Option<String>,
}

/// Files of one JSON document each, one for each running process of the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Live {
    /// Where they are, a path below `${STATE}` with `*`.
    pub file: String,
    /// Where those of the person's own processes are, a template; to see that they have a conversation open.
    pub host: Option<String>,
    /// The path of the process's id in it. A file of a process that is gone counts for nothing.
    pub process: Option<String>,
    /// The path of the conversation's id.
    pub conversation: Option<String>,
    /// The path of the word for what it does.
    pub status: Option<String>,
    /// The words for: it works.
    pub busy: Vec<String>,
    /// The words for: it has nothing to do.
    pub idle: Vec<String>,
    /// The words for: it waits for an answer.
    pub waiting: Vec<String>,
}
