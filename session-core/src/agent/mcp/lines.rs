//! Where in a file its servers and their fields stand, for errors.

use std::collections::BTreeMap;

use jsonc_parser::ast::{Object, Value as JsonValue};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use toml::de::{DeTable, DeValue};

use crate::profile::Format;

/// The table, a server, a field and a name in that; what is deeper is none of ours.
const DEEPEST: usize = 4;

/// The lines of keys, by their way from the top.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<Vec<String>, usize>);

impl Lines {
    /// Those of the table `top` and of what is in it; none of a text that can't be read.
    pub(super) fn of(format: Format, bytes: &[u8], top: &str) -> Self {
        let Ok(text) = std::str::from_utf8(bytes) else { return Self::default() };
        let mut found = Found { text, lines: BTreeMap::new(), way: Vec::new() };
        match format {
            Format::Json => {
                let parsed =
                    parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
                if let Ok(Some(JsonValue::Object(object))) = parsed.map(|parsed| parsed.value) {
                    found.members(&object, Some(top));
                }
            }
            Format::Toml => {
                if let Ok(table) = DeTable::parse(text) {
                    found.keys(table.get_ref(), Some(top));
                }
            }
        }
        Self(found.lines)
    }

    /// The line of the key that `way` leads to, or of the last one on it that is there.
    pub(super) fn at(&self, way: &[&str]) -> Option<usize> {
        let way: Vec<String> = way.iter().map(|key| (*key).to_owned()).collect();
        (1..=way.len()).rev().find_map(|length| self.0.get(&way[..length]).copied())
    }
}

/// What was found on the way through a text.
struct Found<'a> {
    text: &'a str,
    lines: BTreeMap<Vec<String>, usize>,
    way: Vec<String>,
}

impl Found<'_> {
    /// The members of an object, of these only `only`. Of a name that is there twice, the last counts, as it does when it is read.
    fn members(&mut self, object: &Object<'_>, only: Option<&str>) {
        for member in &object.properties {
            let name = member.name.as_str();
            if only.is_some_and(|only| only != name) {
                continue;
            }
            self.enter(name, member.name.start());
            if let (JsonValue::Object(object), true) = (&member.value, self.way.len() < DEEPEST) {
                self.members(object, None);
            }
            self.way.pop();
        }
    }

    /// The same of a table.
    fn keys(&mut self, table: &DeTable<'_>, only: Option<&str>) {
        for (key, value) in table {
            if only.is_some_and(|only| key.get_ref() != only) {
                continue;
            }
            self.enter(key.get_ref(), key.span().start);
            if let (DeValue::Table(table), true) = (value.get_ref(), self.way.len() < DEEPEST) {
                self.keys(table, None);
            }
            self.way.pop();
        }
    }

    fn enter(&mut self, key: &str, offset: usize) {
        self.way.push(key.to_owned());
        let before = self.text.as_bytes().iter().take(offset);
        self.lines.insert(self.way.clone(), before.filter(|byte| **byte == b'\n').count() + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Lines;
    use crate::profile::Format;

    #[test]
    fn keys_have_lines() {
        let json = "{ // one\n \"other\": {\"mcp\": [\"x\", {\"a\": 1}]},\n\n \"mcp\": {\n  \"a\\u0062\": {\n   \"args\": [1,\n 2],\n   \"env\": {\"E\": true, \"deep\":\n{\"er\": 1}},\n}, } }";
        let toml = "other = 1\n[mcp.ab]\nargs = [1,\n2]\n\n[mcp.ab.env]\nE = true\n";
        for (format, text, lines) in
            [(Format::Json, json, [4, 5, 6, 8, 8]), (Format::Toml, toml, [2, 2, 3, 6, 7])]
        {
            let found = Lines::of(format, text.as_bytes(), "mcp");
            let ways: [&[&str]; 5] = [
                &["mcp"],
                &["mcp", "ab"],
                &["mcp", "ab", "args"],
                &["mcp", "ab", "env"],
                &["mcp", "ab", "env", "E"],
            ];
            for (way, line) in ways.into_iter().zip(lines) {
                assert_eq!(found.at(way), Some(line), "{way:?}");
            }
            assert_eq!(
                found.at(&["mcp", "ab", "command"]),
                Some(lines[1]),
                "as far as it is there"
            );
            assert_eq!(found.at(&["other"]), None);
        }
    }

    proptest! {
        /// Each key of plain JSON that is printed on lines of their own has its line.
        #[test]
        fn lines_are_those_of_the_text(names in prop::collection::btree_set("\\PC{0,6}", 0..6)) {
            let table: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), 1.into())).collect();
            let text = serde_json::to_string_pretty(&serde_json::json!({ "top": table })).expect("JSON");
            let found = Lines::of(Format::Json, text.as_bytes(), "top");
            for (number, name) in table.keys().enumerate() {
                prop_assert_eq!(found.at(&["top", name]), Some(number + 3));
            }
        }
    }
}
