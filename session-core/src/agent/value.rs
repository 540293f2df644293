//! Paths into JSON documents.

use serde_json::Value;

/// Longer texts are none of ours: no name and no id is.
const LONGEST_TEXT: usize = 256;

/// Names with dots between; a name with `[]` behind it stands for each thing in the list there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Each,
}

impl Path {
    pub(super) fn new(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let name = part.trim_end_matches("[]");
            if !name.is_empty() {
                steps.push(Step::Name(name.to_owned()));
            }
            steps.extend(std::iter::repeat_n(Step::Each, (part.len() - name.len()) / 2));
        }
        Self { steps }
    }

    /// Whether it may lead to several things.
    pub(super) fn is_many(&self) -> bool {
        self.steps.contains(&Step::Each)
    }
}

/// The first thing at `path` that is not null.
pub(super) fn first<'v>(document: &'v Value, path: &Path) -> Option<&'v Value> {
    let mut found = None;
    visit(document, &path.steps, &mut |value| {
        found = found.or(Some(value).filter(|value| !value.is_null()));
    });
    found
}

/// How many things at `path` are `wanted`: `*` is anything but null, a text with `*` at its end any that begins with the rest.
pub(super) fn count(document: &Value, path: &Path, wanted: &str) -> u64 {
    let mut count = 0;
    visit(document, &path.steps, &mut |value| count += u64::from(is(value, wanted)));
    count
}

/// A text, number or truth value as text; bounded.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= LONGEST_TEXT).then_some(text)
}

fn is(value: &Value, wanted: &str) -> bool {
    match (value, wanted) {
        (Value::Null, _) => false,
        (_, "*") => true,
        (Value::String(text), _) => match wanted.strip_suffix('*') {
            Some(beginning) => text.starts_with(beginning),
            None => text == wanted,
        },
        (Value::Number(number), _) => number.to_string() == wanted,
        (Value::Bool(truth), _) => truth.to_string() == wanted,
        _ => false,
    }
}

fn visit<'v>(value: &'v Value, steps: &[Step], found: &mut impl FnMut(&'v Value)) {
    match steps.split_first() {
        None => found(value),
        Some((Step::Name(name), rest)) => {
            if let Some(inner) = value.get(name) {
                visit(inner, rest, found);
            }
        }
        Some((Step::Each, rest)) => {
            for inner in value.as_array().into_iter().flatten() {
                visit(inner, rest, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Path, count, first, text};

    #[test]
    fn paths_lead_into_documents() {
        let document = json!({
            "a": {"b": [{"c": "x"}, {"c": "y"}, {"c": null}, 3], "n": null, "t": true},
            "l": [[1, 2], [3]],
        });
        let at = |path: &str| first(&document, &Path::new(path)).and_then(text);
        assert_eq!(at("a.t").as_deref(), Some("true"));
        assert_eq!(at("a.b[].c").as_deref(), Some("x"));
        assert_eq!(at("a.n"), None);
        assert_eq!(at("a.b"), None, "no text");
        assert_eq!(count(&document, &Path::new("a.b[].c"), "*"), 2);
        assert_eq!(count(&document, &Path::new("a.b[].c"), "y"), 1);
        assert_eq!(count(&document, &Path::new("l[][]"), "*"), 3);
        let texts = json!({"a": ["<one>", "<two", "two>", 1]});
        assert_eq!(count(&texts, &Path::new("a[]"), "<*"), 2);
        assert_eq!(count(&texts, &Path::new("a[]"), "<one>*"), 1);
        assert_eq!(count(&texts, &Path::new("a[]"), "1*"), 0, "a number is no text");
        assert_eq!(count(&document, &Path::new("a.b.c"), "*"), 0, "a list is no table");
        assert!(Path::new("a.b[].c").is_many() && !Path::new("a.b.c").is_many());
    }
}
