//! The schema, and what can be a prefix.

use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::values::branch_prefix;
use super::{Config, KEYS};

fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    schema.insert("$id".to_owned(), "urn:sessctl:schema:config".into());
    schema.insert("title".to_owned(), "What a file of configuration may say".into());
    schema.to_value()
}

/// Invariant 14. `UPDATE_SCHEMAS=1` writes the file again.
#[test]
fn config_schema_is_what_the_code_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas/config.json");
    let text = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).expect("docs/schemas can be written");
    }
    let again = "UPDATE_SCHEMAS=1 cargo nextest run -p cli-ref config_schema";
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == text,
        "docs/schemas/config.json is old; run `{again}`"
    );
}

#[test]
fn config_schema_has_the_keys_that_are_known() {
    let schema = schema();
    let keys: Vec<&String> = schema["properties"].as_object().expect("keys").keys().collect();
    assert_eq!(keys, KEYS);
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], Value::Null, "all are optional");
}

#[test]
fn prefixes_that_git_would_refuse() {
    for good in ["", "session/", "me-", "a/b/", "wip.x/", "é/"] {
        assert!(branch_prefix(good.to_owned()).is_ok(), "{good}");
    }
    for bad in ["/a", "-x/", "a b/", "a//", "a/../", ".a/", "a/.b", "a.lock/", "a~", "@{", "x\n"] {
        assert!(branch_prefix(bad.to_owned()).is_err(), "{bad:?}");
    }
}
