//! What has another shape than the schema says, all at once: unknown keys, missing ones, other types, other words.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::nearest;

/// One place that does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Where it begins in the text.
    pub(super) offset: usize,
    /// What is wrong, and what would fit.
    pub(super) reason: String,
}

/// Every place of `table` that does not fit, in the order of the text.
pub(super) fn misfits(schema: &Value, table: &DeTable<'_>) -> Vec<Misfit> {
    let mut walk = Walk { root: schema, found: Vec::new() };
    walk.table(schema, table, None);
    walk.found.sort_by_key(|misfit| misfit.offset);
    walk.found
}

struct Walk<'s> {
    root: &'s Value,
    found: Vec<Misfit>,
}

impl<'s> Walk<'s> {
    /// A table; `at` is where it begins and the way to it, if it is not the whole.
    fn table(&mut self, schema: &'s Value, table: &DeTable<'_>, at: Option<(usize, &str)>) {
        let known = schema["properties"].as_object();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let escaped = name.escape_debug();
            let way = at.map_or_else(|| escaped.to_string(), |(_, way)| format!("{way}.{escaped}"));
            if let Some(schema) = known.and_then(|known| known.get(name)) {
                self.value(schema, value, &way);
            } else if schema["additionalProperties"] == Value::Bool(false) {
                let known: Vec<_> =
                    known.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
                self.misfit(key.span().start, unknown("key", name, &known));
            } else {
                self.value(&schema["additionalProperties"], value, &way);
            }
        }
        let Some((offset, way)) = at else { return };
        let needed = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for missing in needed.filter(|needed| !table.keys().any(|key| key.get_ref() == needed)) {
            self.misfit(offset, format!("`{way}` needs `{missing}`"));
        }
    }

    /// A value and the way to it.
    fn value(&mut self, schema: &'s Value, value: &Spanned<DeValue<'_>>, way: &str) {
        let schema = self.resolved(schema);
        let offset = value.span().start;
        if let Some(expected) = other_type(schema, value.get_ref()) {
            return self.misfit(offset, format!("`{way}` must be {expected}"));
        }
        match value.get_ref() {
            DeValue::Table(table) => self.table(schema, table, Some((offset, way))),
            DeValue::Array(items) => {
                let way = format!("{way}[]");
                items.iter().for_each(|item| self.value(&schema["items"], item, &way));
            }
            DeValue::String(word) => {
                let words: Vec<_> = words(schema).collect();
                if !words.is_empty() && !words.contains(&&**word) {
                    self.misfit(offset, format!("`{way}`: {}", unknown("word", word, &words)));
                }
            }
            _ => {}
        }
    }

    fn misfit(&mut self, offset: usize, reason: String) {
        self.found.push(Misfit { offset, reason });
    }

    /// What a reference leads to, and of a choice the one that is not nothing.
    fn resolved(&self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..8 {
            let referred =
                schema["$ref"].as_str().and_then(|path| self.root.pointer(path.strip_prefix('#')?));
            let chosen = schema["anyOf"].as_array().filter(|_| schema["properties"].is_null());
            let chosen = chosen.and_then(|all| all.iter().find(|one| one["type"] != "null"));
            match referred.or(chosen) {
                Some(next) => schema = next,
                None => break,
            }
        }
        schema
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map_or_else(|| ";".to_owned(), |meant| format!("; did you mean `{meant}`?"));
    format!("unknown {what} `{}`{meant} known {what}s: {}", name.escape_debug(), known.join(", "))
}

/// The words that are allowed, where only some are.
fn words(schema: &Value) -> impl Iterator<Item = &str> {
    let all = schema["oneOf"].as_array().into_iter().flatten();
    all.filter_map(|one| one["const"].as_str())
}

/// What a value of another type would have to be; `None` if it has the right one, or any is right.
fn other_type(schema: &Value, value: &DeValue<'_>) -> Option<String> {
    let types: Vec<_> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ if words(schema).next().is_some() => vec!["string"],
        _ => return None,
    };
    let (own, is) = match value {
        DeValue::String(_) => ("string", "text"),
        DeValue::Integer(_) => ("integer", "a number"),
        DeValue::Float(_) => ("number", "a number"),
        DeValue::Boolean(_) => ("boolean", "`true` or `false`"),
        DeValue::Datetime(_) => ("datetime", "a date"),
        DeValue::Array(_) => ("array", "a list"),
        DeValue::Table(_) => ("object", "a table"),
    };
    if types.contains(&own) || (own == "integer" && types.contains(&"number")) {
        return None;
    }
    let known = types.iter().filter_map(|word| match *word {
        "string" => Some("text (a string in quotes)"),
        "integer" => Some("a whole number"),
        "number" => Some("a number"),
        "boolean" => Some("`true` or `false`"),
        "array" => Some("a list"),
        "object" => Some("a table"),
        _ => None,
    });
    Some(format!("{}, not {is}", known.collect::<Vec<_>>().join(" or ")))
}
