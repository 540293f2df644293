//! `${NAME}` in MCP configurations.

use std::collections::BTreeMap;

/// A text of a configuration: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Variable { name: String, default: Option<String> },
}

/// What variables may be looked up in.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    /// Those that we set for the session.
    pub(super) session: &'a BTreeMap<String, String>,
    /// The person's environment, for what the person wrote.
    pub(super) person: Option<&'a BTreeMap<String, String>>,
}

/// A text with everything put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// It holds something of the person's environment.
    pub(super) personal: bool,
}

impl Text {
    /// Reads a text; `reference` is another way to write a variable, with `NAME` in it. The error is the reason.
    pub(super) fn parse(text: &str, reference: Option<&str>) -> Result<Self, String> {
        let reference = reference.and_then(|form| form.split_once("NAME"));
        let reference = reference.filter(|(before, after)| !before.is_empty() && !after.is_empty());
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("$${") {
                literal.push_str("${");
                rest = after;
                continue;
            }
            let (variable, after) = if let Some(inside) = rest.strip_prefix("${") {
                let (inside, after) = inside
                    .split_once('}')
                    .ok_or("has a `${` without its `}`; write `$${` for a literal `${`")?;
                (variable(inside)?, after)
            } else if let Some((name, after)) = reference.and_then(|(before, after)| {
                rest.strip_prefix(before)?.split_once(after).filter(|(name, _)| is_name(name))
            }) {
                (Piece::Variable { name: name.to_owned(), default: None }, after)
            } else {
                let next = rest.chars().next().map_or(0, char::len_utf8);
                literal.push_str(&rest[..next]);
                rest = &rest[next..];
                continue;
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(variable);
            rest = after;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// The names of its variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { name, .. } => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// Puts everything in, once: what a value holds is not expanded again. The error is the first name that is not set
    /// and has no default; an empty value counts as not set.
    pub(super) fn expand(&self, values: Values<'_>) -> Result<Expanded, &str> {
        let mut expanded = Expanded { text: String::new(), personal: false };
        for piece in &self.pieces {
            let (name, default) = match piece {
                Piece::Literal(text) => {
                    expanded.text.push_str(text);
                    continue;
                }
                Piece::Variable { name, default } => (name, default),
            };
            let set = |values: &'_ BTreeMap<String, String>| {
                values.get(name).filter(|value| !value.is_empty()).cloned()
            };
            if let Some(value) = set(values.session) {
                expanded.text.push_str(&value);
            } else if let Some(value) = values.person.and_then(set) {
                expanded.text.push_str(&value);
                expanded.personal = true;
            } else if let Some(default) = default {
                expanded.text.push_str(default);
            } else {
                return Err(name);
            }
        }
        Ok(expanded)
    }
}

/// What stands between `${` and `}`.
fn variable(inside: &str) -> Result<Piece, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_name(name) {
        let shown = inside.escape_debug();
        return Err(format!("`${{{shown}}}` names no variable; write `$${{` for a literal `${{`"));
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(format!("the default of `{name}` holds another variable; write it without"));
    }
    Ok(Piece::Variable { name: name.to_owned(), default: default.map(str::to_owned) })
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
