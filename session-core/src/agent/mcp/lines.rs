//! Where in a file its servers and their fields stand, for errors.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::agent::comments;
use crate::profile::Format;

/// The table, a server, a field and a name in that; what is deeper is none of ours.
const DEEPEST: usize = 4;

/// The lines of keys, by their way from the top.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<Vec<String>, usize>);

impl Lines {
    /// Those of the table `top` and of what is in it. Of a text that can't be read, fewer.
    pub(super) fn of(format: Format, bytes: &[u8], top: &str) -> Self {
        let Ok(text) = std::str::from_utf8(bytes) else { return Self::default() };
        let mut found = BTreeMap::new();
        match format {
            Format::Json => {
                let text = comments::without(text);
                Scan {
                    text: text.as_bytes(),
                    at: 0,
                    line: 1,
                    top,
                    way: Vec::new(),
                    found: &mut found,
                }
                .value();
            }
            Format::Toml => {
                if let Ok(table) = DeTable::parse(text) {
                    keys(text, table.get_ref(), top, &mut Vec::new(), &mut found);
                }
            }
        }
        Self(found)
    }

    /// The line of the key that `way` leads to, or of the last one on it that is there.
    pub(super) fn at(&self, way: &[&str]) -> Option<usize> {
        let way: Vec<String> = way.iter().map(|key| (*key).to_owned()).collect();
        (1..=way.len()).rev().find_map(|length| self.0.get(&way[..length]).copied())
    }
}

fn keys(
    text: &str,
    table: &DeTable<'_>,
    top: &str,
    way: &mut Vec<String>,
    found: &mut BTreeMap<Vec<String>, usize>,
) {
    for (key, value) in table {
        if way.is_empty() && key.get_ref() != top {
            continue;
        }
        way.push(key.get_ref().to_string());
        let before = text.as_bytes().iter().take(key.span().start);
        found.insert(way.clone(), before.filter(|byte| **byte == b'\n').count() + 1);
        if let (DeValue::Table(table), true) = (value.get_ref(), way.len() < DEEPEST) {
            keys(text, table, top, way, found);
        }
        way.pop();
    }
}

/// Goes through a text of JSON that was read already; in any other it stops somewhere.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    top: &'a str,
    way: Vec<String>,
    found: &'a mut BTreeMap<Vec<String>, usize>,
}

impl Scan<'_> {
    /// A value; `None` at the end of what can be read.
    fn value(&mut self) -> Option<()> {
        match self.next()? {
            b'"' => {
                self.string()?;
            }
            open @ (b'{' | b'[') => {
                self.at += 1;
                loop {
                    match self.next()? {
                        b'}' | b']' => break self.at += 1,
                        b',' => self.at += 1,
                        b'"' if open == b'{' => self.entry()?,
                        _ if open == b'[' => self.value()?,
                        _ => return None,
                    }
                }
            }
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || b",]}".contains(byte);
                let length = self.text[self.at..].iter().take_while(|byte| !ends(byte)).count();
                // Nothing would be gone on with for ever.
                self.at += Some(length).filter(|length| *length > 0)?;
            }
        }
        Some(())
    }

    /// A key and its value.
    fn entry(&mut self) -> Option<()> {
        let line = self.line;
        let quoted = self.string()?;
        if self.next()? != b':' {
            return None;
        }
        self.at += 1;
        let is_ours = |way: &[String]| way.first().is_some_and(|first| *first == self.top);
        let key = match self.way.len() < DEEPEST && (self.way.is_empty() || is_ours(&self.way)) {
            true => serde_json::from_slice(&self.text[quoted]).ok()?,
            false => String::new(),
        };
        self.way.push(key);
        if self.way.len() <= DEEPEST && self.way[0] == self.top {
            self.found.insert(self.way.clone(), line);
        }
        self.value()?;
        self.way.pop();
        Some(())
    }

    /// A text with its quotes.
    fn string(&mut self) -> Option<std::ops::Range<usize>> {
        let begin = self.at;
        self.at += 1;
        loop {
            match self.text.get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => break self.at += 1,
                _ => self.at += 1,
            }
        }
        Some(begin..self.at)
    }

    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        loop {
            match *self.text.get(self.at)? {
                b'\n' => (self.at, self.line) = (self.at + 1, self.line + 1),
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte => return Some(byte),
            }
        }
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
        #[test]
        fn any_text_ends(text in "[\\[\\]{}:,\"\\\\a \n]{0,40}") {
            Lines::of(Format::Json, text.as_bytes(), "a");
            Lines::of(Format::Json, format!("{{\"a\": {text}").as_bytes(), "a");
        }

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
