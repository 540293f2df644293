//! The schemas of all public documents.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::profile::Profile;
use crate::{
    Analytics, ErrorReport, Event, SessionLabels, SessionList, SessionRecord, SessionSpec,
    SessionStats,
};

/// The JSON Schemas (draft 2020-12) of all public documents, by name: `spec`, `record`, `list`,
/// `stats`, `analytics`, `event`, `error`, `profile`.
///
/// `docs/schemas/<name>.json` is the same, kept so by a test. What is read (`spec`, `record`, `profile`) is
/// described as it is accepted, what is only written as it is produced.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let (read, write) = (Contract::Read, Contract::Write);
    vec![
        ("spec", schema::<SessionSpec>("spec", "What is asked for", read)),
        ("profile", schema::<Profile>("profile", "A file about an agent, as JSON", read)),
        ("record", schema::<SessionRecord>("record", "The durable document about a session", read)),
        ("list", schema::<SessionList>("list", "What `sessctl list --json` prints", write)),
        (
            "stats",
            schema::<SessionStats>("stats", "What `sessctl stats NAME --json` prints", write),
        ),
        (
            "analytics",
            schema::<Analytics>("analytics", "What `sessctl stats --json` prints of all", write),
        ),
        ("event", schema::<Event>("event", "Something that happened on the way", write)),
        ("labels", schema::<SessionLabels>("labels", "What an engine's objects carry", write)),
        ("error", schema::<ErrorReport>("error", "Why an operation could not be done", write)),
    ]
}

#[derive(Clone, Copy)]
enum Contract {
    Read,
    Write,
}

fn schema<T: JsonSchema>(name: &str, title: &str, contract: Contract) -> Value {
    let settings = SchemaSettings::draft2020_12();
    let settings = match contract {
        Contract::Read => settings.for_deserialize(),
        Contract::Write => settings.for_serialize(),
    };
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), format!("urn:sessctl:schema:{name}").into());
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}
