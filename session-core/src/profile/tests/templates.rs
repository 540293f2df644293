//! `${NAME}`, whatever stands around it.

use proptest::prelude::*;

use crate::profile::{Template, Variables};

/// Pieces that texts are made of: plain, with signs that mean something, names.
fn pieces() -> impl Strategy<Value = Vec<Result<String, String>>> {
    let text = prop_oneof!["[a-z/ =:{}]{0,6}", Just("$".to_owned()), Just("${".to_owned())];
    let name = "[A-Z][A-Z0-9_]{0,5}";
    proptest::collection::vec(prop_oneof![text.prop_map(Ok), name.prop_map(Err)], 0..8)
}

/// The template that says these pieces, and what it has to come to.
fn written(pieces: &[Result<String, String>], value: &str) -> (String, String) {
    let (mut template, mut expected) = (String::new(), String::new());
    for piece in pieces {
        match piece {
            Ok(text) => {
                // What is before can make another sign of it.
                let joined = format!("{expected}{text}");
                if template.ends_with('$') && text.starts_with('{') {
                    continue;
                }
                template.push_str(&text.replace("${", "$${"));
                expected = joined;
            }
            Err(name) => {
                if template.ends_with('$') {
                    template.push(' ');
                    expected.push(' ');
                }
                template.push_str(&format!("${{{name}}}"));
                expected.push_str(value);
            }
        }
    }
    (template, expected)
}

fn all(pieces: &[Result<String, String>], value: &str) -> Variables {
    let names = pieces.iter().filter_map(|piece| piece.as_ref().err());
    names.fold(Variables::new(), |all, name| all.with(name, value))
}

proptest! {
    /// What is put in stays as it is, a `${…}` in it too.
    #[test]
    fn values_are_not_expanded_again(pieces in pieces(), value in "(\\$\\{HOME\\}|\\$|\\{|[a-z]){0,6}") {
        let (template, expected) = written(&pieces, &value);
        let rendered = Template::parse(&template).expect("it is one").render(&all(&pieces, &value));
        prop_assert_eq!(rendered.expect("all are set"), expected, "{}", template);
    }

    /// A name without a value is refused by name, and never becomes an empty text.
    #[test]
    fn unset_is_refused(pieces in pieces()) {
        let (template, _) = written(&pieces, "");
        let template = Template::parse(&template).expect("it is one");
        let first = template.names().next().map(str::to_owned);
        match (first, template.render(&Variables::new())) {
            (Some(name), Err(error)) => prop_assert!(error.message().contains(&format!("`${{{name}}}`")), "{}", error),
            (None, Ok(_)) => {}
            (name, answer) => prop_assert!(false, "{:?}: {:?}", name, answer),
        }
    }

    /// No text makes it panic; what it reads names only what names may be.
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        if let Ok(template) = Template::parse(&text) {
            for name in template.names() {
                prop_assert!(name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
            }
        }
    }
}

#[test]
fn what_is_no_name_is_refused() {
    for wrong in ["${", "a ${HOME", "${}", "${home}", "${A B}", "${A:-b}", "${${A}}", "${A\n}"] {
        let error = Template::parse(wrong).expect_err(wrong);
        assert!(!error.message().contains('\n'), "{error}");
    }
    let home = Variables::new().with("HOME", "/h");
    for (text, value) in [
        ("$HOME", "$HOME"),
        ("$${HOME}", "${HOME}"),
        ("$$${HOME}", "$${HOME}"),
        ("a$", "a$"),
        ("${HOME}}", "/h}"),
    ] {
        let rendered = Template::parse(text).and_then(|template| template.render(&home));
        assert_eq!(rendered.expect(text), value, "{text}");
    }
}
