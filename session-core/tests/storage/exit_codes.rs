//! `docs/exit-codes.md` says what `EXIT_CODES` does.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use session_core::EXIT_CODES;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/exit-codes.md");

#[test]
fn codes_and_kinds_are_unique() {
    let codes: BTreeSet<_> = EXIT_CODES.iter().map(|row| row.1).collect();
    let kinds: BTreeSet<_> = EXIT_CODES.iter().map(|row| format!("{:?}", row.0)).collect();
    assert_eq!((codes.len(), kinds.len()), (EXIT_CODES.len(), EXIT_CODES.len()));
    assert!(codes.iter().all(|code| (64..=80).contains(code) || *code == 130), "{codes:?}");
    for (kind, code, _) in EXIT_CODES {
        assert_eq!(kind.exit_code(), *code);
    }
}

/// The schema lists every kind there is; so does the table.
#[test]
fn every_kind_has_a_code() {
    let schema = serde_json::to_value(schema_of_kinds()).unwrap();
    let kinds: Vec<_> =
        schema["oneOf"].as_array().unwrap().iter().map(|kind| &kind["const"]).collect();
    assert_eq!(kinds.len(), EXIT_CODES.len(), "{kinds:?}");
}

#[test]
fn the_document_is_this_table() {
    let mut table = String::from("| code | kind | meaning |\n|---:|---|---|\n");
    for (kind, code, meaning) in EXIT_CODES {
        let kind = serde_json::to_value(kind).unwrap();
        writeln!(table, "| {code} | `{}` | {meaning} |", kind.as_str().unwrap()).unwrap();
    }
    let document = std::fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(document.contains(&table), "{DOCUMENT} must contain:\n{table}");
}

fn schema_of_kinds() -> schemars::Schema {
    schemars::SchemaGenerator::default().into_root_schema_for::<session_core::ErrorKind>()
}
