//! Profiles' files: what is good, and what is said of what is not.

use proptest::prelude::*;

use super::extending::files;
use crate::profile::{Profile, ProfileFile, Profiles};

/// A profile in ten lines.
pub(super) const SMALL: &str = r#"title = "Robot"
program = "robot"
[arguments]
new = ["--id", "${CONVERSATION_ID}"]
resume = ["--resume", "${CONVERSATION_ID}"]
[environment.set]
ROBOT_HOME = "${STATE}"
[conversation]
id = "ours"
file = "talks/${CONVERSATION_ID}.jsonl"
"#;

pub(super) fn problems(text: &str) -> Vec<String> {
    match Profile::from_toml("robot", text, "robot.toml") {
        Ok(profile) => panic!("{profile:#?} is good"),
        Err(error) => error.unmet().to_vec(),
    }
}

/// The text with more at its end, which must be wrong in one way, in a line counted from where it begins.
pub(super) fn one(more: &str) -> String {
    let problems = problems(&format!("{SMALL}{more}"));
    assert_eq!(problems.len(), 1, "{more}: {problems:#?}");
    problems.into_iter().next().expect("one")
}

#[test]
fn ten_lines_are_enough() {
    let profile = Profile::from_toml("robot", SMALL, "robot.toml").expect("a good one");
    assert_eq!((profile.name.as_str(), profile.program.as_deref()), ("robot", Some("robot")));
    profile.check().expect("nothing is wrong with it");
    let again =
        Profile::from_toml("robot", &profile.to_toml().expect("it can be written"), "again");
    assert_eq!(again.expect("it can be read"), profile);
    assert!(SMALL.lines().count() <= 10);
}

/// Every unknown key at once, each with its line and the key that was meant.
#[test]
fn unknown_keys() {
    let text = format!(
        "{SMALL}idd = \"ours\"\n[argumens]\n[[resources]]\nname = \"x\"\nkind = \"file\"\nsorce = \"/x\"\ntarget = \"x\"\npolicy = \"private\"\n[environment.sett]\n"
    );
    let problems = problems(&text);
    let expected = [
        ("line 11", "`idd`", "did you mean `id`?"),
        ("line 12", "`argumens`", "did you mean `arguments`?"),
        ("line 16", "`sorce`", "did you mean `source`?"),
        ("line 19", "`sett`", "did you mean `set`?"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, (line, key, meant)) in problems.iter().zip(expected) {
        for part in ["`robot.toml`", &format!("{line}:"), key, meant, "known keys: "] {
            assert!(problem.contains(part), "no {part} in {problem}");
        }
    }
}

#[test]
fn wrong_types_and_no_toml() {
    for (text, line, part) in [
        ("title = 3\n", 1, "`title` must be text (a string in quotes), not a number"),
        ("title = \"x\"\n\nprogram = [\"x\"]\n", 3, "not a list"),
        (
            "title = \"x\"\n[conversation]\nid = \"theirs\"\n",
            3,
            "`conversation.id`: unknown word `theirs`; known words: none, ours, agent",
        ),
        ("title = \"x\n", 1, "not valid"),
        ("title = \"x\"\ntitle = \"y\"\n", 2, "duplicate"),
        (
            "title = \"x\"\n[arguments]\nnew = \"--id\"\n",
            3,
            "`arguments.new` must be a list, not text",
        ),
        ("title = \"x\"\n[arguments]\nnew = [1]\n", 3, "`arguments.new[]` must be text"),
        (
            "title = \"x\"\n[places]\nconfig = { below = \"x\" }\n",
            3,
            "`places.config` needs `default`",
        ),
    ] {
        let problems = problems(text);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        for part in ["`robot.toml`", &format!("line {line}"), part] {
            assert!(problems[0].contains(part), "{text}: no {part} in {}", problems[0]);
        }
    }
    assert!(problems("title = \"\u{1b}[31m\"\n")[0].contains("line 1"));
    let told = problems("\"\\u001b[31m\" = 1\n").join("");
    assert!(told.contains("unknown key") && !told.contains('\u{1b}'), "{told:?}");
}

/// All that does not fit at once, whatever kind of misfit it is, and over a shipped profile too.
#[test]
fn misfits_are_told_at_once() {
    let rest = "program = 5\n[arguments]\nnew = \"--id\"\nresum = []\n[environment.set]\nA = [\"x\"]\n[[resources]]\nname = \"r\"\nkind = \"dir\"\npolicy = \"share-ro\"\n";
    let parts = [
        "line 2: `program` must be text",
        "line 4: `arguments.new` must be a list",
        "line 5: unknown key `resum`; did you mean `resume`?",
        "line 7: `environment.set.A` must be text",
        "line 8: `resources[]` needs `target`",
        "line 10: `resources[].kind`: unknown word `dir`; did you mean `directory`?",
        "line 11: `resources[].policy`: unknown word `share-ro`; did you mean `shared-ro`?",
    ];
    let alone = problems(&format!("title = \"Robot\"\n{rest}"));
    let file = ProfileFile::new("robot", format!("extends = \"shell\"\n{rest}"), "robot.toml");
    let over = Profiles::shipped().with_files(&[file]);
    let over = over.find("robot").expect_err("nothing of it is right").unmet().to_vec();
    for problems in [alone, over] {
        assert_eq!(problems.len(), parts.len(), "{problems:#?}");
        for (problem, part) in problems.iter().zip(parts) {
            assert!(problem.contains(part), "no {part} in {problem}");
        }
    }
}

/// All at once, not one after the other.
#[test]
fn all_problems_come_together() {
    let told = problems(
        "title = \"\"\nprogram = \"\"\n[environment.set]\nA = \"${X}${Y}\"\n[credentials]\nrequired = true\n",
    );
    assert_eq!(told.len(), 5, "{told:#?}");
}

proptest! {
    /// No text makes it panic, and what it refuses it refuses with a reason.
    #[test]
    fn any_text_is_read_or_refused(lines in proptest::collection::vec(
        prop_oneof![
            "[a-z.]{1,8} = [\"a-z${}A-Z/.]{0,10}",
            "\\[{1,2}(resources|arguments|environment\\.set|places\\.x|credentials)\\]{1,2}",
            Just("title = \"x\"".to_owned()), Just("name = \"a\"".to_owned()), Just("extends = \"robot\"".to_owned()),
            ".{0,12}",
        ], 0..10)
    ) {
        let text = lines.join("\n");
        let all = files(&[("fuzzy", &text)]);
        match all.find("fuzzy") {
            Ok(profile) => profile.check().expect("it was checked"),
            Err(error) => prop_assert!(!error.unmet().is_empty() && error.message().contains("fuzzy.toml"), "{}", error),
        }
    }
}
