//! `${NAME}` in texts of profiles and configurations.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Error, ErrorKind, Result};

/// Values for `${NAME}`.
///
/// | name | what |
/// |---|---|
/// | `HOME` | the person's home, on the host |
/// | names of the profile's places, in capitals | the person's directories, on the host |
/// | `STATE` | the agent's private directory, as the session sees it |
/// | `TMP` | a private directory with a short path, as the session sees it |
/// | `CREDENTIALS` | the login directory, as the session sees it, if there is one |
/// | `WORKSPACE` | where the session's processes begin, as the session sees it |
/// | `SESSION_ID`, `SESSION_NAME`, `SESSION_DIR` | the session's |
/// | `CONVERSATION_ID`, `PROMPT`, `FROM`, `MCP_FILE` | in arguments |
/// | `CONVERSATION_ID`, `FILE_NAME`, `PROJECT_KEY` | in `conversation.import` |
/// | `FILE` | in entries of what is hidden |
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, or replaces it.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds one, or replaces it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The names only: a prompt may be among the values.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A text with `${NAME}` in it; `$${` is a literal `${`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

impl Template {
    /// Reads a template; `InvalidInput` for a `${` without its `}` or with something else than a
    /// name (capitals, digits, `_`) in it.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse =
            |what: String| Err(Error::new(ErrorKind::InvalidInput, "template.parse", what));
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                literal.push_str(&rest[..at - 1]);
                literal.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            literal.push_str(&rest[..at]);
            let Some((name, after)) = rest[at + 2..].split_once('}') else {
                return refuse(format!("`${{` in `{}` has no `}}`", text.escape_debug()));
            };
            let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || !name.chars().all(good) {
                return refuse(format!(
                    "`${{{}}}` names no variable; names have capitals, digits and `_`",
                    name.escape_debug()
                ));
            }
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Name(name.to_owned()));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with all values put in; `InvalidInput` that names the first one that is not set. An
    /// unset variable never becomes an empty text, and no value is expanded again.
    pub fn render(&self, variables: &Variables) -> Result<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Name(name) => text.push_str(variables.get(name).ok_or_else(|| {
                    let message = format!("`${{{name}}}` is not set here");
                    Error::new(ErrorKind::InvalidInput, "template.render", message)
                })?),
            }
        }
        Ok(text)
    }
}
