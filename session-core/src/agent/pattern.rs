//! Names with `*`, `?` and one id in them.

/// Stands for the id.
pub(crate) const ID: &str = "${CONVERSATION_ID}";

/// Whether `text` may be an id. It becomes an argument, and agents choose the names of their files: nothing that looks
/// like an option is one.
pub(crate) fn is_id(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(good)
}

/// Whether `name` is of the form of `pattern`, and the id in it, where the pattern has one.
///
/// An id that is a UUID counts before a shorter one: other parts of a name may have the separators of ids in them.
pub(super) fn matches<'a>(pattern: &str, name: &'a str) -> Option<Option<&'a str>> {
    let Some((before, after)) = pattern.split_once(ID) else {
        return is_like(pattern, name).then_some(None);
    };
    let bounds: Vec<_> = name.char_indices().map(|(at, _)| at).chain([name.len()]).collect();
    let ends: Vec<_> = bounds.iter().copied().filter(|end| is_like(after, &name[*end..])).collect();
    let mut shortest: Option<&str> = None;
    for start in bounds.iter().copied().filter(|start| is_like(before, &name[..*start])) {
        for end in ends.iter().copied().filter(|end| *end > start) {
            let id = &name[start..end];
            if uuid::Uuid::try_parse(id).is_ok() && id.len() == 36 {
                return Some(Some(id));
            }
            if shortest.is_none_or(|shortest| id.len() < shortest.len()) {
                shortest = Some(id);
            }
        }
    }
    shortest.map(Some)
}

/// Whether `name` is `pattern` with any text for each `*` and any character for each `?`.
fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` was, and where the text that it stands for ends so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some('?') => (p, n) = (p + 1, n + 1),
            Some(c) if *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, end)) => {
                    star = Some((at, end + 1));
                    (p, n) = (at + 1, end + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ID, is_like, matches};

    const UUID: &str = "0199f7a2-5c3e-7d11-9abc-001122334455";

    /// S1.13, S1.14: the id is read from the name, whatever else has dashes in it.
    #[test]
    fn ids_in_names() {
        let jsonl = format!("{ID}.jsonl");
        assert_eq!(matches(&jsonl, &format!("{UUID}.jsonl")), Some(Some(UUID)));
        assert_eq!(matches(&jsonl, ".jsonl"), None);
        assert_eq!(matches(&jsonl, "a.json"), None);
        let rollout = format!("rollout-*-{ID}.jsonl");
        let name = format!("rollout-2026-11-21T17-00-00-{UUID}.jsonl");
        assert_eq!(matches(&rollout, &name), Some(Some(UUID)));
        let exact = format!("rollout-????-??-??T??-??-??-{ID}.jsonl");
        assert_eq!(matches(&exact, "rollout-2026-11-21T17-00-00-a-b.jsonl"), Some(Some("a-b")));
        assert_eq!(matches("*", "any"), Some(None));
        assert_eq!(matches("session-*.json", "session-.json"), Some(None));
        assert_eq!(matches("a", "b"), None);
    }

    /// The same by trying everything.
    fn is_like_slowly(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                (0..=name.len()).any(|skipped| is_like_slowly(rest, &name[skipped..]))
            }
            (Some(('?', rest)), Some((_, after))) => is_like_slowly(rest, after),
            (Some((c, rest)), Some((d, after))) => c == d && is_like_slowly(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_if_all_was_tried(pattern in "[ab*?é]{0,7}", name in "[abcé]{0,9}") {
            let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(is_like(&pattern, &name), is_like_slowly(&p, &n));
        }

        #[test]
        fn any_names_and_patterns(pattern in "\\PC{0,12}", name in "\\PC{0,40}", with_id: bool) {
            let pattern = if with_id { format!("{pattern}{ID}") } else { pattern };
            if let Some(Some(id)) = matches(&pattern, &name) {
                prop_assert!(!id.is_empty() && name.contains(id));
            }
        }

        #[test]
        fn what_is_put_in_is_found(before in "[a-z]{0,5}", id in "[a-z0-9-]{1,12}", after in "[.][a-z]{1,5}") {
            let name = format!("{before}{id}{after}");
            prop_assert_eq!(matches(&format!("{before}{ID}{after}"), &name), Some(Some(id.as_str())));
        }
    }
}
