//! The profiles that come with the library.

use crate::profile::{Profile, ProfileFile, Profiles};

/// S2.5, S3.9: all are good, and can be written and read again.
#[test]
fn all_are_good() {
    let shipped = Profiles::shipped();
    let names: Vec<_> = shipped.names().collect();
    assert_eq!(names, ["aider", "claude", "codex", "copilot", "gemini", "opencode", "shell"]);
    for profile in shipped.iter() {
        profile.check().expect("nothing is wrong with it");
        let text = profile.to_toml().expect("it can be written");
        let again = Profile::from_toml(&profile.name, &text, &profile.name);
        assert_eq!(again.expect("it can be read"), *profile);
    }
}

/// Putting nothing, or the same, over a shipped one changes nothing but what it says of itself.
#[test]
fn each_can_be_extended() {
    for profile in Profiles::shipped().iter() {
        let name = profile.name.as_str();
        let file = ProfileFile::new(name, format!("extends = \"{name}\"\n"), "mine.toml");
        let over = Profiles::shipped().with_files(&[file]);
        let mut over = over.find(name).expect("a good one").clone();
        assert_eq!(over.extends.take().as_deref(), Some(name));
        assert_eq!(over, *profile);
    }
}
