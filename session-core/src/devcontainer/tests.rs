//! Text in, text out: what an edit changes, and that it changes nothing else.

use camino::Utf8Path;
use jsonc_parser::{CollectOptions, ParseOptions, ast, parse_to_ast};
use proptest::prelude::*;
use serde_json::Value;

use super::edit::{apply, owners, remove};
use super::{Form, Mount};

const OWNER: &str = "agent";

fn mount(name: &str, readonly: bool) -> Mount {
    let home = Utf8Path::new("/home/me");
    let path = home.join(".agent").join(name);
    let target = format!("/home/vscode/.agent/{name}");
    Mount::new(name, home, path, target, readonly, true).expect("a plain path")
}

fn mounts() -> Vec<Mount> {
    vec![mount("talks", false), mount("skills", true)]
}

fn applied(text: &str) -> String {
    apply(text, OWNER, &mounts(), Form::Strings).expect("it can be edited").text
}

fn removed(text: &str) -> String {
    remove(text, None).expect("it can be edited")
}

/// S1.7, S1.8: comments, indentation and commas stay as they are.
#[test]
fn a_list_is_added_behind_everything_else() {
    let text = "// ours\n{\n\t\"image\": \"x\", // pinned\n\t\"remoteUser\": \"me\" // not root\n\t// \"init\": true\n}\n";
    let edited = applied(text);
    insta::assert_snapshot!(edited);
    assert_eq!(removed(&edited), text);
}

/// S1.7, S1.8.
#[test]
fn mounts_join_those_that_are_there() {
    let text = r#"{
  "mounts": [
    "source=cache,target=/cache,type=volume", // shared
    // the next one is Bob's
    { "source": "/b", "target": "/b", "type": "bind" },
  ],
  "image": "x",
}
"#;
    let edited = apply(text, OWNER, &mounts(), Form::Objects).expect("it can be edited").text;
    insta::assert_snapshot!(edited);
    assert_eq!(removed(&edited), text);
}

/// Whatever the file looks like, taking out undoes putting in.
#[test]
fn odd_files_are_as_before() {
    for text in [
        "{}",
        "{ }",
        "{\n}",
        "{/* a */}",
        "{ // a\n}",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{\"a\":1 /* b */ , /* c */ // d\n /* e */}",
        "{\"mounts\":[]}",
        "{\"mounts\": [ // none yet\n ], \"b\": {}}",
        "{\"mounts\":[\"source=a,target=/a\"]}",
        "{\"mounts\":[\"source=a,target=/a\" , ] , }",
        "\u{feff}{\r\n  \"a\": 1\r\n}\r\n",
        "{\n    \"a\": [1, 2],\n    \"mounts\": [{\"target\": \"/a\"}]\n}",
        "{\"\\u006dounts\": []}",
    ] {
        let edited = applied(text);
        assert!(edited.contains("/home/vscode/.agent/skills"), "{edited}");
        assert_eq!(applied(&edited), edited, "{text:?}");
        assert_eq!(removed(&edited), text, "{edited}");
        assert_eq!(removed(text), text);
    }
}

/// What others write around, behind and into the list stays when ours goes.
#[test]
fn only_ours_is_taken_out() {
    let edited = applied("{\n  \"image\": \"x\"\n}\n");
    let more = edited.replace("\n  ]", ",\n    \"source=b,target=/b\" // mine\n  ]");
    assert_ne!(more, edited);
    let text = removed(&more);
    assert_eq!(
        text,
        "{\n  \"image\": \"x\",\n  \"mounts\": [\n    \"source=b,target=/b\" // mine\n  ]\n}\n"
    );
    let moved = edited.replace("\n}\n", ",\n  \"init\": true\n}\n");
    assert_eq!(removed(&moved), "{\n  \"image\": \"x\",\n  \"init\": true\n}\n");
    let noted = edited.replace("\n  ]", "\n    // more to come\n  ]");
    assert_eq!(
        removed(&noted),
        "{\n  \"image\": \"x\",\n  \"mounts\": [\n    // more to come\n  ]\n}\n"
    );
}

/// A formatter may have been at it.
#[test]
fn a_formatted_file_is_recognised() {
    let objects = |text: &str| apply(text, OWNER, &mounts(), Form::Objects).expect("good").text;
    let edited = objects("{\n  \"image\": \"x\"\n}\n");
    let formatted = edited.replace("{ \"source\"", "{\n      \"source\"").replace("\" }", "\"\n }");
    assert_ne!(formatted, edited);
    assert_eq!(objects(&formatted), formatted, "nothing new is said");
    assert_eq!(removed(&formatted), "{\n  \"image\": \"x\"\n}\n");
}

/// Each agent has a part of its own, and they go in any order.
#[test]
fn several_agents() {
    let text = "{\n  \"image\": \"x\"\n}\n";
    let other = [mount("other", true)];
    let one = applied(text);
    let both = apply(&one, "other", &other, Form::Strings).expect("good").text;
    insta::assert_snapshot!(both);
    assert_eq!(owners(&both).expect("good"), [OWNER, "other"]);
    assert_eq!(applied(&both), both);
    assert_eq!(remove(&both, Some("other")).expect("good"), one);
    let second = remove(&both, Some(OWNER)).expect("good");
    assert_eq!(owners(&second).expect("good"), ["other"]);
    assert_eq!(remove(&second, Some("other")).expect("good"), text);
    assert_eq!(removed(&both), text);
}

/// A part is replaced where it stands.
#[test]
fn changed_mounts_replace_the_former() {
    let text = "{\n  \"mounts\": [\n    \"source=b,target=/b\"\n  ],\n  \"image\": \"x\"\n}\n";
    let edited = applied(text);
    let changed = apply(&edited, OWNER, &[mount("new", false)], Form::Strings).expect("good").text;
    assert!(changed.contains(".agent/new") && !changed.contains("skills"), "{changed}");
    assert_eq!(removed(&changed), text);
    assert_eq!(apply(&edited, OWNER, &[], Form::Strings).expect("good").text, text);
}

/// What the file mounts itself is not mounted twice.
#[test]
fn places_that_are_taken() {
    for element in [
        r#""source=mine,target=/home/vscode/.agent/skills/,type=volume""#,
        r#""type=volume,src=mine,dst=/home/vscode/.agent/skills""#,
        r#"{ "source": "mine", "target": "/home/vscode/.agent/skills" }"#,
    ] {
        let text = format!("{{ \"mounts\": [{element}] }}");
        let applied = apply(&text, OWNER, &mounts(), Form::Strings).expect("good");
        assert_eq!(applied.taken, [mount("skills", true)]);
        assert!(!applied.text.contains("skills,type=bind"), "{}", applied.text);
        assert_eq!(removed(&applied.text), text);
    }
}

/// Nothing is changed in a file that can't be understood; the line and the reason are said.
#[test]
fn files_that_are_refused() {
    let begin = "/* sessctl:begin agent */";
    let end = "/* sessctl:end agent */";
    for (text, line, reason) in [
        (String::new(), 1, "not an object"),
        ("[]".into(), 1, "not an object"),
        ("{\n\"a\": 1\n\"b\": 2}".into(), 2, "comma"),
        ("{\n\n'a': 1}".into(), 3, "quote"),
        ("{\na: 1}".into(), 2, "string"),
        ("{\"a\": 1".into(), 1, "unterminated"),
        ("{}\n{}".into(), 2, "more than one"),
        ("{\n\"mounts\": {}}".into(), 2, "`mounts` is not a list"),
        ("{\"mounts\": [],\n\"mounts\": []}".into(), 2, "two `mounts`"),
        (format!("{{\"mounts\": [\n{begin}]}}"), 2, "has no `sessctl:end agent`"),
        (format!("{{\"mounts\": [\n{end}]}}"), 2, "has no partner"),
        (format!("{{\"mounts\": [{begin}{end}\n{begin}{end}]}}"), 2, "twice"),
    ] {
        for error in [
            apply(&text, OWNER, &mounts(), Form::Strings).map(|_| ()).expect_err(&text),
            remove(&text, None).map(|_| ()).expect_err(&text),
        ] {
            let message = error.to_string();
            assert!(message.contains(&format!("line {line}:")), "{text:?}: {message}");
            assert!(message.contains(reason), "{text:?}: {message}");
        }
    }
}

/// Objects can't be read-only (devcontainers/spec#511), so what must be is never one.
#[test]
fn what_is_read_only_is_never_an_object() {
    for form in [Form::Strings, Form::Objects] {
        assert_eq!(
            mount("skills", true).render(form),
            r#""source=${localEnv:HOME}/.agent/skills,target=/home/vscode/.agent/skills,type=bind,readonly""#
        );
    }
    assert_eq!(
        mount("talks", false).render(Form::Objects),
        r#"{ "source": "${localEnv:HOME}/.agent/talks", "target": "/home/vscode/.agent/talks", "type": "bind" }"#
    );
}

#[test]
fn paths_that_a_mount_can_not_have() {
    let home = Utf8Path::new("/home/me");
    for path in ["/a,readonly=false", "/a\"b", "/${localEnv:X}", "/a\nb"] {
        for (source, target) in [(path, "/x"), ("/x", path)] {
            Mount::new("x", home, source.into(), target.into(), true, true).expect_err(path);
        }
    }
    let outside = Mount::new("x", home, "/home/me2/x".into(), "/x".into(), false, true);
    let outside = outside.expect("good");
    assert_eq!(outside.source, "/home/me2/x");
}

proptest! {
    /// For any file: putting in and taking out is no change, and neither is putting in twice.
    #[test]
    fn putting_in_and_taking_out_is_no_change(text in document(), objects: bool, both: bool) {
        let form = if objects { Form::Objects } else { Form::Strings };
        let mut edited = apply(&text, OWNER, &mounts(), form).expect("it is good").text;
        prop_assert_eq!(&apply(&edited, OWNER, &mounts(), form).expect("still").text, &edited);
        if both {
            edited = apply(&edited, "other", &[mount("other", true)], form).expect("good").text;
            prop_assert_eq!(owners(&edited).expect("still good").len(), 2);
        }
        let plain = value(&text);
        let mut with = value(&edited);
        with.as_object_mut().expect("an object").remove("mounts");
        let mut without = plain.clone();
        without.as_object_mut().expect("an object").remove("mounts");
        prop_assert_eq!(with, without, "all else says the same");
        let former = plain.get("mounts").and_then(|list| list.as_array()).map_or(0, Vec::len);
        let list = value(&edited)["mounts"].as_array().map_or(0, Vec::len);
        prop_assert_eq!(list, former + 2 + usize::from(both));
        if both {
            let first = remove(&edited, Some(OWNER)).expect("good");
            prop_assert_eq!(&remove(&first, Some("other")).expect("good"), &text);
        }
        prop_assert_eq!(&removed(&edited), &text);
    }

    /// Whatever stands in a file, nothing breaks.
    #[test]
    fn no_text_breaks_it(text in r#"([{}\[\],:"a/*\n ]|"mounts"|/\* sessctl:(begin|end|list) a \*/|1)*"#) {
        let _ = apply(&text, OWNER, &mounts(), Form::Strings);
        let _ = remove(&text, None);
    }
}

/// What a reader of the file sees.
fn value(text: &str) -> Value {
    let text = text.trim_start_matches('\u{feff}');
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    plain(&parsed.expect("it is good").value.expect("an object"))
}

fn plain(value: &ast::Value<'_>) -> Value {
    match value {
        ast::Value::Object(object) => object
            .properties
            .iter()
            .map(|property| (property.name.as_str().to_owned(), plain(&property.value)))
            .collect(),
        ast::Value::Array(array) => array.elements.iter().map(plain).collect(),
        ast::Value::StringLit(text) => text.value.as_ref().into(),
        ast::Value::NumberLit(number) => number.value.into(),
        ast::Value::BooleanLit(boolean) => boolean.value.into(),
        ast::Value::NullKeyword(_) => Value::Null,
    }
}

/// White space and comments of any kind.
fn blank() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just(" ".to_owned()),
        3 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        2 => Just("\t".to_owned()),
        1 => "// [a-z,\\]}\" é]{0,6}\n",
        1 => "/\\*[a-z,\\]}/\" \n]{0,6} \\*/",
    ];
    prop::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

fn document() -> impl Strategy<Value = String> {
    let mark = prop_oneof![4 => Just(""), 1 => Just("\u{feff}")];
    let others = prop::collection::vec(property(), 0..4);
    let list = prop::option::of((list(), 0..4usize));
    (mark, blank(), others, list, any::<bool>(), blank(), blank()).prop_map(
        |(mark, before, mut properties, list, trailing, end, after)| {
            if let Some((list, at)) = list {
                properties.insert(at.min(properties.len()), list);
            }
            let comma = if trailing && !properties.is_empty() { "," } else { "" };
            format!("{mark}{before}{{{}{comma}{end}}}{after}", properties.join(","))
        },
    )
}

fn property() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("1".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("\"a // \\\" b\"".to_owned()),
        Just("{ \"x\": [ ] }".to_owned()),
        Just("[1, {} /* c */]".to_owned()),
    ];
    (blank(), "[a-l]{1,3}", blank(), blank(), scalar, blank()).prop_map(
        |(before, name, middle, after, value, end)| {
            format!("{before}\"{name}\"{middle}:{after}{value}{end}")
        },
    )
}

fn list() -> impl Strategy<Value = String> {
    let element = prop_oneof![
        Just("\"source=a,target=/a,type=volume\"".to_owned()),
        Just("{ \"source\": \"b\" /* b */, \"target\": \"/b\", }".to_owned()),
    ];
    let element =
        (blank(), element, blank()).prop_map(|(before, it, after)| format!("{before}{it}{after}"));
    let elements = prop::collection::vec(element, 0..3);
    (blank(), blank(), elements, any::<bool>(), blank(), blank()).prop_map(
        |(before, middle, elements, trailing, end, after)| {
            let comma = if trailing && !elements.is_empty() { "," } else { "" };
            format!("{before}\"mounts\":{middle}[{}{comma}{end}]{after}", elements.join(","))
        },
    )
}
