//! Keys that mean nothing, all at once: what is known stands in the schema.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::nearest;

/// A key that means nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// Where it begins in the text.
    pub(super) offset: usize,
    /// What is wrong, and which keys there are.
    pub(super) reason: String,
}

/// Every unknown key of `table`, in the order of the text.
pub(super) fn keys(schema: &Value, table: &DeTable<'_>) -> Vec<Unknown> {
    let mut found = Vec::new();
    in_table(schema, schema, table, &mut found);
    found.sort_by_key(|unknown| unknown.offset);
    found
}

fn in_table(root: &Value, schema: &Value, table: &DeTable<'_>, found: &mut Vec<Unknown>) {
    let schema = resolved(root, schema);
    let known = schema["properties"].as_object();
    for (key, value) in table {
        let name: &str = key.get_ref();
        if let Some(schema) = known.and_then(|known| known.get(name)) {
            in_value(root, schema, value, found);
        } else if schema["additionalProperties"] == Value::Bool(false) {
            let known: Vec<&str> =
                known.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
            let meant = nearest(name, known.iter().copied());
            let meant = meant
                .map(|meant| format!("; did you mean `{meant}`?"))
                .unwrap_or_else(|| ";".to_owned());
            let reason = format!(
                "unknown key `{}`{meant} known keys: {}",
                name.escape_debug(),
                known.join(", ")
            );
            found.push(Unknown { offset: key.span().start, reason });
        } else {
            in_value(root, &schema["additionalProperties"], value, found);
        }
    }
}

fn in_value(root: &Value, schema: &Value, value: &Spanned<DeValue<'_>>, found: &mut Vec<Unknown>) {
    match value.get_ref() {
        DeValue::Table(table) => in_table(root, schema, table, found),
        DeValue::Array(items) => {
            let schema = &resolved(root, schema)["items"];
            items.iter().for_each(|item| in_value(root, schema, item, found));
        }
        _ => {}
    }
}

/// What a reference leads to, and of a choice the one that is not nothing.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..8 {
        let referred =
            schema["$ref"].as_str().and_then(|path| root.pointer(path.strip_prefix('#')?));
        let chosen = schema["anyOf"].as_array().filter(|_| schema["properties"].is_null());
        let chosen = chosen.and_then(|all| all.iter().find(|one| one["type"] != "null"));
        match referred.or(chosen) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}
