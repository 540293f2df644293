use proptest::prelude::*;

use super::*;

fn name(text: &str) -> ImageName {
    ImageName::new(text).expect("valid")
}

#[test]
fn names() {
    for text in ["debian", "debian:12", "a/b/c", "localhost:5000/a:1", "a@sha256:00", "0123abcd"] {
        name(text);
    }
    for text in [
        "", "/", "a/", "/a", "a//b", "..", "a/../b", ".a", "-a", "a b", "a?b", "a#b", "a%2e", "ä",
        "a\n",
    ] {
        assert!(ImageName::new(text).is_err(), "{text:?}");
    }
}

#[test]
fn one_image_has_several_names() {
    assert!(name("a:1").means("localhost/a:1"));
    assert!(name("a").means("docker.io/library/a:latest"));
    assert!(name("team/a").means("docker.io/team/a:latest"));
    assert!(name("localhost/a").means("a:latest"));
    assert!(name("localhost:5000/a").means("localhost:5000/a:latest"));
    assert!(!name("a:1").means("a:2") && !name("a").means("b/a:latest"));
}

#[test]
fn tags_are_split_off() {
    assert_eq!(name("a").split(), ("a", None));
    assert_eq!(name("localhost:5000/a").split(), ("localhost:5000/a", None));
    assert_eq!(name("localhost:5000/a:1").split(), ("localhost:5000/a", Some("1")));
    assert_eq!(name("a@sha256:00").split(), ("a", Some("sha256:00")));
}

#[test]
fn answers_without_most_fields_are_read() {
    let facts: Inspected =
        serde_json::from_str(r#"{"Id":"sha256:00","Config":null,"RepoTags":null}"#).expect("read");
    assert_eq!(ImageFacts::from(facts).id, "00");
    let listed =
        r#"{"Id":"00","RepoTags":["<none>:<none>"],"Size":-1,"Created":9223372036854775807}"#;
    let listed: Listed = serde_json::from_str(listed).expect("read");
    let summary = ImageSummary::from(listed);
    assert!(summary.names.is_empty() && summary.size == 0);
}

proptest! {
    #[test]
    fn no_name_leaves_its_place(text in "[a./:@%-]{0,12}|.*") {
        let Ok(name) = ImageName::new(text) else { return Ok(()) };
        name.means("a");
        let (short, tag) = name.split();
        prop_assert!(short.len() + tag.map_or(0, |tag| tag.len() + 1) == name.as_str().len());
        prop_assert!(name.as_str().split('/').all(|part| !part.starts_with('.') && !part.is_empty()));
        prop_assert!(!name.as_str().contains(['?', '#', '%', ' ']));
    }
}
