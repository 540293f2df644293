//! Ids, names and moments: what is accepted is safe, what is refused says why.

use camino::{Utf8Component, Utf8Path};
use proptest::prelude::*;
use session_core::{ErrorKind, NAME_MAX_BYTES, SessionId, SessionName, Timestamp};

/// The list of bad names, and what comparable tools were caught out by.
#[test]
fn bad_names_are_refused_with_a_reason() {
    let long = "a".repeat(300);
    let just_too_long = "a".repeat(NAME_MAX_BYTES + 1);
    let bad = [
        ("", "empty"),
        ("..", "begin"),
        (".", "begin"),
        (".hidden", "begin"),
        ("-rf", "begin"),
        ("--help", "begin"),
        ("_x", "begin"),
        ("a/b", "`/`"),
        ("/etc/passwd", "begin"),
        ("../x", "begin"),
        ("a/../../b", "`/`"),
        ("a\\b", "`\\\\`"),
        (long.as_str(), "300 bytes"),
        (just_too_long.as_str(), "bytes"),
        ("a\nb", "`\\n`"),
        ("a\u{1b}[31m", "`\\u{1b}`"),
        ("a\0", "`\\0`"),
        ("a\u{7f}", "`\\u{7f}`"),
        ("a b", "` `"),
        ("a:b", "`:`"),
        ("a*", "`*`"),
        ("naïve", "`ï`"),
        ("a\u{202e}b", "`\\u{202e}`"),
    ];
    for (name, reason) in bad {
        let error = name.parse::<SessionName>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
        assert!(error.message().contains(reason), "{name:?}: {error}");
        assert!(!error.to_string().contains(char::is_control), "{name:?} is shown harmlessly");
        assert!(error.to_string().len() < 400, "{name:?} is shown in part");
    }
}

#[test]
fn good_names_are_taken_as_they_are() {
    let longest = "a".repeat(NAME_MAX_BYTES);
    for name in ["a", "7", "Auth-2", "a..b", "20260111-190549-ab12", "x_y.z", longest.as_str()] {
        assert_eq!(name.parse::<SessionName>().unwrap().as_str(), name);
    }
    assert_ne!("A".parse::<SessionName>().unwrap(), "a".parse().unwrap());
}

/// S4.7.
#[test]
fn an_id_has_one_spelling() {
    let id = SessionId::new();
    let text = id.to_string();
    assert_eq!(text.parse::<SessionId>().unwrap(), id);
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<SessionId>(&json).unwrap(), id);
    let simple = text.replace('-', "");
    let others = [text.to_uppercase(), simple, format!("{{{text}}}"), format!("urn:uuid:{text}")];
    for other in others {
        assert!(other.parse::<SessionId>().is_err(), "{other}");
        assert!(serde_json::from_str::<SessionId>(&format!("\"{other}\"")).is_err(), "{other}");
    }
    assert!(SessionId::new() > id, "later ids sort after earlier ones");
}

#[test]
fn moments_are_rfc_3339_in_utc() {
    let moment = Timestamp::from_milliseconds(1_768_158_349_123);
    assert_eq!(moment.to_string(), "2026-01-11T19:05:49.123Z");
    assert_eq!(moment.to_table(), "2026-01-11 19:05:49");
    assert_eq!(moment.to_compact(), "20260111-190549");
    let elsewhere: Timestamp = "2026-01-11T20:05:49.123+01:00".parse().unwrap();
    assert_eq!(elsewhere, moment);
    assert_eq!(serde_json::to_string(&elsewhere).unwrap(), "\"2026-01-11T19:05:49.123Z\"");
    for bad in
        ["", "yesterday", "2026-01-11", "2026-13-01T00:00:00Z", "2026-01-11T19:05:49", "1768158349"]
    {
        assert_eq!(bad.parse::<Timestamp>().unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
    }
    assert!(Timestamp::from_milliseconds(i64::MIN) < Timestamp::from_milliseconds(i64::MAX));
}

proptest! {
    #[test]
    fn an_accepted_name_is_one_safe_path_component(text in "\\PC{0,40}|[a-zA-Z0-9._/-]{0,140}|(?s).{0,10}") {
        let Ok(name) = text.parse::<SessionName>() else { return Ok(()) };
        prop_assert_eq!(name.as_str(), &text);
        let path = Utf8Path::new(name.as_str());
        let components: Vec<_> = path.components().collect();
        prop_assert_eq!(components, vec![Utf8Component::Normal(name.as_str())]);
        prop_assert!(text.len() <= NAME_MAX_BYTES && !text.starts_with(['-', '.']));
        let json = serde_json::to_string(&name).unwrap();
        prop_assert_eq!(serde_json::from_str::<SessionName>(&json).unwrap(), name);
    }

    #[test]
    fn a_moment_round_trips(milliseconds in any::<i64>()) {
        let moment = Timestamp::from_milliseconds(milliseconds);
        prop_assert_eq!(moment.to_string().parse::<Timestamp>().unwrap(), moment);
        prop_assert!(moment.to_string().ends_with('Z'));
    }

    #[test]
    fn no_text_panics(text in ".*") {
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<SessionId>();
    }
}
