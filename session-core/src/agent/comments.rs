//! JSON as people write it: with comments, and commas at the ends of lists.

/// The same text as plain JSON, with every byte that is taken out replaced by a space, so that lines and columns of
/// errors stay true.
pub(super) fn without(text: &str) -> String {
    let mut plain = text.as_bytes().to_vec();
    let mut comma = None;
    let mut at = 0;
    while at < plain.len() {
        match (plain[at], plain.get(at + 1)) {
            (b'"', _) => {
                at += 1;
                while at < plain.len() && plain[at] != b'"' {
                    at += if plain[at] == b'\\' { 2 } else { 1 };
                }
                comma = None;
            }
            (b'/', Some(b'/')) => {
                while at < plain.len() && plain[at] != b'\n' {
                    plain[at] = b' ';
                    at += 1;
                }
                continue;
            }
            (b'/', Some(b'*')) => {
                let end = text[at + 2..].find("*/").map_or(plain.len(), |found| at + 2 + found + 2);
                for byte in &mut plain[at..end] {
                    if *byte != b'\n' {
                        *byte = b' ';
                    }
                }
                at = end;
                continue;
            }
            (b',', _) => comma = Some(at),
            (b'}' | b']', _) => {
                if let Some(comma) = comma.take() {
                    plain[comma] = b' ';
                }
            }
            (byte, _) if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        at += 1;
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::without;

    #[test]
    fn comments_and_commas_go() {
        let text =
            "{ // é one\n \"a\": \"// no, \\\" /* no */\", /* two\n */ \"b\": [1, 2, ], /**/ }";
        let read: Value = serde_json::from_str(&without(text)).expect("plain JSON");
        assert_eq!(read, json!({"a": "// no, \" /* no */", "b": [1, 2]}));
        assert_eq!(without(text).lines().count(), text.lines().count());
    }

    proptest! {
        /// What is plain already stays as it is; nothing panics.
        #[test]
        fn plain_json_stays(text in "\\PC{0,30}", list in prop::collection::vec("\\PC{0,10}", 0..4)) {
            let _ = without(&text);
            let plain = json!({ "list": list }).to_string();
            prop_assert_eq!(without(&plain), plain);
        }
    }
}
