//! `sessctl config`: what is configured, and where.

use serde_json::{Value, json};

use crate::args::{Config, ConfigAction};
use crate::config::Origin;
use crate::surroundings::Surroundings;
use crate::table::table;
use crate::ui::{Ui, plain};

const HEADINGS: [&str; 3] = ["KEY", "VALUE", "FROM"];

/// Needs no sessions, so that it works where they can't be reached.
pub(crate) fn run(ui: Ui, surroundings: &Surroundings, arguments: &Config) -> u8 {
    let ConfigAction::Show = &arguments.action;
    let home = ("home", json!(surroundings.layout.home()), &surroundings.home_origin);
    let rows = surroundings.settings.rows().into_iter().chain([home]);
    if ui.json {
        let values: Vec<Value> =
            rows.map(|(key, value, origin)| entry(key, value, origin)).collect();
        ui.document(&json!({ "values": values }));
        return 0;
    }
    let rows: Vec<_> = rows
        .map(|(key, value, origin)| {
            [key.to_owned(), shown(&value), plain(&origin.to_string())]
                .map(|cell| (cell, ""))
                .to_vec()
        })
        .collect();
    ui.text(table(&HEADINGS, &rows));
    0
}

fn entry(key: &str, value: Value, origin: &Origin) -> Value {
    let mut entry = json!({ "key": key, "value": value, "origin": origin.word() });
    match origin {
        Origin::User(path) | Origin::Project(path) => entry["path"] = json!(path.to_string_lossy()),
        Origin::Environment(name) => entry["variable"] = json!(name),
        Origin::Flag(name) => entry["flag"] = json!(name),
        Origin::Default => {}
    }
    entry
}

/// A text as it is, a list with commas as it would stand in the environment.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        Value::Bool(switch) => switch.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    if text.is_empty() { "-".to_owned() } else { plain(&text) }
}
