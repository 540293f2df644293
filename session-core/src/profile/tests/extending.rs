//! Profiles that change or inherit from others.

use super::reading::SMALL;
use crate::profile::{Preset, Profile, ProfileFile, Profiles, SharePolicy};

pub(super) fn files(files: &[(&str, &str)]) -> Profiles {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| ProfileFile::new(*name, *text, format!("{name}.toml")))
        .collect();
    let base = Profile::from_toml("robot", SMALL, "robot.toml").expect("a good one");
    Profiles::new().with(base).with_files(&files)
}

/// A file changes a profile of its own name, or makes another of it, or of another file.
#[test]
fn profiles_that_extend_others() {
    let all = files(&[
        ("third", "extends = \"second\"\ntitle = \"Third\"\n"),
        (
            "second",
            "extends = \"robot\"\n[environment.set]\nMORE = \"${STATE}/more\"\n[[resources]]\nname = \"hooks\"\nkind = \"directory\"\nsource = \"${HOME}/hooks\"\ntarget = \"hooks\"\npolicy = \"shared-ro\"\n",
        ),
        ("robot", "extends = \"robot\"\nimage = \"mine\"\n"),
    ]);
    let (robot, second, third) = (
        all.find("robot").expect("one"),
        all.find("second").expect("one"),
        all.find("third").expect("one"),
    );
    assert_eq!(robot.image.as_deref(), Some("mine"));
    assert_eq!(
        second.image.as_deref(),
        Some("mine"),
        "it extends the file, not what was there before"
    );
    assert_eq!((second.title.as_str(), third.title.as_str()), ("Robot", "Third"));
    assert_eq!(third.environment.set.len(), 2);
    assert_eq!(third.resources[0].policy_under(Preset::Private), SharePolicy::SharedRo);
    assert_eq!(third.name, "third");
    let names: Vec<_> = all.names().collect();
    assert_eq!(names, ["robot", "second", "third"]);
}

/// A file that is wrong says so where it is asked for, with its own line, and hinders nobody else.
#[test]
fn extending_wrongly() {
    let all = files(&[
        ("gone", "title = \"x\"\nextends = \"nobody\"\n"),
        ("one", "extends = \"two\"\n"),
        ("two", "extends = \"one\"\n"),
        ("typed", "extends = \"robot\"\n\n[arguments]\nnew = [\"a\"]\nresume = 3\n"),
        ("lost", "extends = \"robot\"\n[conversation]\nid = \"none\"\n"),
        ("unknown", "extends = \"robot\"\n[conversation]\nfiel = \"x\"\n"),
        ("good", "title = \"Good\"\n"),
    ]);
    for (name, parts) in [
        ("gone", &["line 2", "no agent `nobody`"][..]),
        ("one", &["`one.toml`", "line 1", "extends"]),
        ("two", &["line 1"]),
        ("typed", &["`typed.toml`", "line 5", "`arguments.resume`"]),
        ("lost", &["`lost.toml`", "`arguments.resume`"]),
        ("unknown", &["line 3", "did you mean `file`?"]),
    ] {
        let error = all.find(name).expect_err(name);
        let told = error.message();
        parts.iter().for_each(|part| assert!(told.contains(part), "{name}: no {part} in {told}"));
        assert!(all.is_broken(name));
    }
    all.find("good").expect("it is");
    let all = files(&[("robot", "program = 1\n"), ("heir", "\nextends = \"robot\"\n")]);
    assert!(all.find("robot").expect_err("no text").message().contains("`robot.toml`, line 1"));
    assert!(all.find("heir").expect_err("of no use").message().contains("`heir.toml`, line 2"));
    assert!(all.iter().any(|profile| profile.name == "robot"), "what it scrubs is still scrubbed");
}
