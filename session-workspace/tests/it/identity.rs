//! Who commits in a copy that is where none of the person's configuration is.

use std::collections::BTreeMap;
use std::fs;

use session_core::Strategy;

use crate::fixture::Fixture;

/// A repository of a person whose own files are below `home`.
#[expect(clippy::disallowed_methods, reason = "git is found where these tests find it")]
fn of_person(configuration: &str) -> Fixture {
    let mut fixture = Fixture::repository();
    let home = fixture.base.join("home");
    fs::create_dir(&home).expect("mkdir");
    fs::write(home.join(".gitconfig"), configuration).expect("write");
    fs::write(home.join("work"), "[user]\nemail = me@work.example\n").expect("write");
    let path = std::env::var("PATH").expect("a PATH");
    let environment = [
        ("HOME", home.as_str()),
        ("PATH", &path),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        // Of a git that runs around us.
        ("GIT_DIR", "/nowhere"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    fixture.host = fixture.host.with_environment(BTreeMap::from(environment));
    fixture
}

/// What git in a copy says with nobody's configuration around it.
fn who(fixture: &Fixture, strategy: Strategy) -> [String; 2] {
    let path = fixture.made(strategy).path;
    let config = path.join(".git/config");
    let text = fs::read_to_string(&config).expect("a configuration");
    assert!(!text.contains("hunter2"), "{text}");
    ["user.name", "user.email"].map(|key| {
        let mut git = std::process::Command::new("git");
        git.args(["config", "--file", config.as_str(), "--get", key]);
        let said = git.env_clear().output().expect("git is installed").stdout;
        String::from_utf8_lossy(&said).trim_end().to_owned()
    })
}

const PERSON: &str =
    "[user]\nname = Me \\\"M\\\" E\nemail = me@home.example\n[credential]\nhelper = hunter2\n";

/// A copy says who the person is as git does in its source, the source's own first, and nothing else of the person's.
#[test]
fn a_copy_says_who_commits() {
    let fixture = of_person(PERSON);
    let name = "Me \"M\" E";
    for strategy in [Strategy::Branch, Strategy::Copy] {
        assert_eq!(who(&fixture, strategy), [name, "me@home.example"]);
    }
    // The file's last line may have no end.
    let config = fixture.source.join(".git/config");
    let before = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, format!("{before}[user]\n\temail = own@here.example")).expect("write");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        assert_eq!(who(&fixture, strategy), [name, "own@here.example"]);
    }
}

/// Where the person is somebody else in some directories, it counts where the source is, not where the copy is.
#[test]
fn it_depends_on_where_the_source_is() {
    let fixture = of_person(PERSON);
    let file = fixture.base.join("home/.gitconfig");
    let more = format!("{PERSON}[includeIf \"gitdir:{}/\"]\npath = work\n", fixture.source);
    fs::write(&file, more).expect("write");
    for strategy in [Strategy::Branch, Strategy::Copy] {
        assert_eq!(who(&fixture, strategy)[1], "me@work.example");
    }
}

/// No configuration, a broken one and no git are no errors.
#[test]
fn nobody_is_nobody() {
    for configuration in ["", "[user\n"] {
        let fixture = of_person(configuration);
        assert_eq!(who(&fixture, Strategy::Branch), ["", ""], "{configuration}");
    }
    let mut fixture = of_person(PERSON);
    let empty = BTreeMap::from([("PATH".to_owned(), fixture.root.to_string())]);
    fixture.host = fixture.host.with_environment(empty);
    assert_eq!(who(&fixture, Strategy::Copy), ["", ""]);
}
