//! What becomes of the file, and of the directories that are mounted.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use serde_json::Value;

use super::{AGENT, is_empty, place, text, write};
use crate::place::{Place, finish};

const ORDINARY: &str = r#"// The container of this project.
{
    "name": "web", // shown in the title
    "image": "debian:12",
    "mounts": [
        "source=cache,target=/cache,type=volume",
    ],
    /* "runArgs": ["--init"], */
}
"#;

fn settings(place: &Place) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    let root = place.path("").canonicalize().expect("a root");
    settings.add_filter(&format!("{}/?", root.to_str().expect("UTF-8")), "[ROOT]/");
    settings.add_filter(" {2,}", "  "); // the columns are as wide as this run's paths
    settings
}

/// S1.5, S1.6, S1.7, S1.8, S1.17: written, and taken out to the byte; doing either twice is doing it once.
#[test]
fn written_and_taken_out() {
    for form in ["strings", "objects"] {
        let place = place();
        write(&place, ORDINARY);
        let said = place.good(&["devcontainer", "apply", "-a", AGENT, "--form", form]);
        let applied = text(&place);
        settings(&place).bind(|| {
            insta::assert_snapshot!(format!("{form}_said"), said);
            insta::assert_snapshot!(form, applied);
        });
        let again = place.good(&["devcontainer", "apply", ".", "-a", AGENT, "--form", form]);
        assert!(again.contains("nothing to change"), "{again}");
        assert_eq!(text(&place), applied);
        place.good(&["devcontainer", "apply", "--disable"]);
        assert_eq!(text(&place), ORDINARY);
        let again = place.good(&["devcontainer", "apply", "--disable"]);
        assert!(again.contains("nothing of sessctl's"), "{again}");
        assert_eq!(text(&place), ORDINARY);
    }
}

/// S1.18, S1.19: logins aren't mounted, whatever is asked for, and neither is a directory that has one.
#[test]
fn no_login_is_ever_mounted() {
    let place = place();
    write(&place, ORDINARY);
    let shares =
        ["login=shared-ro", "login=shared-rw", "everything=shared-ro", "everything=shared-rw"];
    for share in shares {
        let done = place.run(&["devcontainer", "apply", "-a", AGENT, "--share", share]);
        assert_eq!(done.code, 0, "{done:#?}");
        assert!(done.err.contains("logins are never mounted"), "{done:#?}");
        let applied = text(&place);
        assert!(!applied.contains("login.json"), "{applied}");
        assert!(!applied.contains("/.helper,"), "{applied}");
    }
}

/// S1.5, S1.6, S1.18, S1.19: what the shipped profile shares, and what it does not.
#[test]
fn what_the_shipped_profile_shares() {
    let place = Place::new();
    for file in [".credentials.json", "settings.json", "mcp.json", "CLAUDE.md", "stats-cache.json"]
    {
        place.write(&format!("user/.claude/{file}"), "{}");
    }
    place.write("user/.claude.json", "{}");
    let shown = place.good(&["devcontainer", "mounts", "-a", "claude", "--json"]);
    let document: Value = serde_json::from_str(&shown).expect("JSON");
    let mounts = document["mounts"].as_array().expect("a list");
    let of = |name: &str| {
        let target = format!("/home/vscode/.claude/{name}");
        mounts.iter().find(|mount| mount["target"] == target.as_str())
    };
    for state in ["projects", "todos", "session-env", "paste-cache", "file-history"] {
        assert_eq!(of(state).expect(state)["readonly"], false, "{state}");
    }
    for configuration in ["agents", "commands", "skills", "rules", "settings.json", "CLAUDE.md"] {
        assert_eq!(of(configuration).expect(configuration)["readonly"], true, "{configuration}");
    }
    for never in [".credentials.json", "mcp.json", "stats-cache.json", ".claude.json"] {
        assert!(of(never).is_none(), "{never}");
    }
    let words = ["devcontainer", "mounts", "-a", "claude", "--form", "strings"];
    let shown = place.good(&words);
    for never in ["credential", ".claude.json", ".gitconfig", ".ssh", "mcp"] {
        assert!(!shown.contains(never), "{never} is in {shown}");
    }
}

/// S1.16: what is configuration is read-only in either form; S1.5: what is a conversation is not.
#[test]
fn shown_in_both_forms() {
    let place = place();
    for form in ["strings", "objects"] {
        let words = ["devcontainer", "mounts", "-a", AGENT, "--form", form];
        insta::assert_snapshot!(format!("mounts_{form}"), place.good(&words));
    }
    let document: Value =
        serde_json::from_str(&place.good(&["devcontainer", "mounts", "-a", AGENT, "--json"]))
            .expect("JSON");
    for mount in document["mounts"].as_array().expect("a list") {
        let is_state = mount["resource"] == "talks";
        assert_eq!(mount["readonly"], !is_state, "{mount}");
    }
}

/// S1.E1: what is missing, and what the file has, stands in a table.
#[test]
fn what_to_check() {
    let place = place();
    let before = place.run(&["devcontainer", "mounts", "-a", AGENT]);
    settings(&place).bind(|| {
        insta::assert_snapshot!("before", format!("{}---\n{}", before.out, before.err));
    });
    write(&place, ORDINARY);
    place.good(&["devcontainer", "apply", "-a", AGENT]);
    let after = place.good(&["devcontainer", "mounts", "-a", AGENT]);
    assert!(!after.contains("missing") && !after.contains(" no "), "{after}");
}

/// S1.E2: an engine would make them as root, or fail.
#[test]
fn missing_directories_are_made() {
    let place = place();
    write(&place, ORDINARY);
    let done = place.run(&["devcontainer", "apply", "-a", AGENT]);
    assert!(done.err.contains("note: made"), "{done:#?}");
    let made = place.path("user/.helper/commands").metadata().expect("it is made");
    assert!(made.is_dir());
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
    let me = place.path("user").metadata().expect("ours").uid();
    assert_eq!(made.uid(), me);
}

/// S1.E2: what lies between the home and what is mounted would be root's.
#[test]
fn who_owns_what_lies_above() {
    let place = place();
    write(&place, ORDINARY);
    let done = place.run(&["devcontainer", "apply", "-a", AGENT]);
    let remedy = "\"postCreateCommand\": \"sudo chown vscode /home/vscode/.helper\"";
    assert!(done.err.contains(remedy), "{done:#?}");
    let done = place.run(&["devcontainer", "apply", "-a", AGENT, "--user", "root"]);
    assert!(!done.err.contains("postCreateCommand"), "{done:#?}");
}

/// S1.E2.
#[test]
fn somebody_elses_directories_are_told() {
    let place = place();
    let skills = place.path("user/.helper/skills");
    if std::os::unix::fs::chown(&skills, Some(12345), None).is_err() {
        return crate::place::skip("only root can give files away");
    }
    let done = place.run(&["devcontainer", "mounts", "-a", AGENT]);
    assert!(done.err.contains("belongs to the user 12345"), "{done:#?}");
    assert!(done.err.contains("chown"), "{done:#?}");
}

/// S1.17: single resources, and all at once.
#[test]
fn what_is_shared_can_be_chosen() {
    let place = place();
    let mounts = |words: &[&str]| {
        let words = [&["devcontainer", "mounts", "-a", AGENT, "--json"], words].concat();
        let document: Value = serde_json::from_str(&place.good(&words)).expect("JSON");
        let mounts = document["mounts"].as_array().expect("a list").clone();
        mounts.into_iter().map(|it| it["resource"].as_str().expect("text").to_owned()).collect()
    };
    let shared: Vec<String> = mounts(&[]);
    assert!(shared.contains(&"talks".into()) && shared.contains(&"skills".into()));
    let private: Vec<String> = mounts(&["--preset", "private"]);
    assert!(!private.contains(&"talks".into()) && private.contains(&"skills".into()));
    let one: Vec<String> = mounts(&["--share", "skills=private"]);
    assert!(one.contains(&"talks".into()) && !one.contains(&"skills".into()));
    assert!(mounts(&["--preset", "bare"]).is_empty());
    let wrong = place.bad(&["devcontainer", "mounts", "-a", AGENT, "--share", "skill=private"], 64);
    assert!(wrong.contains("`skill`") && wrong.contains("skills"), "{wrong}");
    let nobody = place.bad(&["devcontainer", "mounts"], 64);
    assert!(nobody.contains("-a AGENT"), "{nobody}");
}

/// The user in the container decides where things are looked for.
#[test]
fn the_user_in_the_container() {
    let place = place();
    for (file, words, home) in [
        ("{}", &[][..], "/home/vscode/"),
        (r#"{ "remoteUser": "node" }"#, &[], "/home/node/"),
        (r#"{ "containerUser": "root" }"#, &[], "/root/"),
        (r#"{ "remoteUser": "node" }"#, &["--user", "root"], "/root/"),
    ] {
        write(&place, file);
        let words = [&["devcontainer", "mounts", "-a", AGENT, "--form", "strings"], words].concat();
        let shown = place.good(&words);
        assert!(shown.contains(&format!("target={home}.helper/skills")), "{file}: {shown}");
    }
    write(&place, r#"{ "remoteUser": "${localEnv:USER}" }"#);
    let wrong = place.bad(&["devcontainer", "apply", "-a", AGENT], 64);
    assert!(wrong.contains("--user"), "{wrong}");
}

/// On the host the agent's own variable says where its files are; in the container it is where they are by default.
#[test]
fn files_that_are_elsewhere() {
    let place = place();
    place.write("elsewhere/skills/x/SKILL.md", "{}");
    let words = ["devcontainer", "mounts", "-a", AGENT, "--form", "strings"];
    let mut command = place.command(&words);
    let done = finish(command.env("HELPER_HOME", place.path("elsewhere")).output());
    let skills = place.path("elsewhere/skills");
    let expected = format!("source={},target=/home/vscode/.helper/skills,", skills.display());
    assert!(done.out.contains(&expected), "{done:#?}");
}

/// A project without a file gets one, and loses it again.
#[test]
fn a_project_without_a_file() {
    let place = place();
    place.good(&["devcontainer", "apply", "-a", AGENT]);
    insta::assert_snapshot!("fresh", text(&place));
    place.good(&["devcontainer", "apply", "--disable"]);
    assert!(is_empty(&place.path("project")), "the directory was made for it");
    place.good(&["devcontainer", "apply", "--disable"]);
    assert!(is_empty(&place.path("project")));
}

/// The three places where a file may be, and the file itself by name.
#[test]
fn files_are_found() {
    for name in [
        ".devcontainer.json",
        ".devcontainer/devcontainer.json",
        ".devcontainer/a/devcontainer.json",
    ] {
        let place = place();
        let path = format!("project/{name}");
        place.write(&path, "{}");
        place.good(&["devcontainer", "apply", "-a", AGENT]);
        assert!(place.read(&path).contains("skills"));
        place.good(&["devcontainer", "apply", name, "--disable"]);
        assert_eq!(place.read(&path), "{}");
        place.write("project/.devcontainer/b/devcontainer.json", "{}");
        place.write("project/.devcontainer/a/devcontainer.json", "{}");
        if name.contains("/a/") {
            let several = place.bad(&["devcontainer", "apply", "-a", AGENT], 64);
            assert!(
                several.contains("a/devcontainer.json") && several.contains("b/devcontainer.json"),
                "{several}"
            );
        }
    }
    place().bad(&["devcontainer", "apply", "nowhere", "-a", AGENT], 66);
}

/// A file keeps its access, and no half of it is ever there.
#[test]
fn access_is_kept() {
    let place = place();
    write(&place, ORDINARY);
    let path = place.path("project/.devcontainer/devcontainer.json");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("ours");
    place.good(&["devcontainer", "apply", "-a", AGENT]);
    assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o640);
    let names = std::fs::read_dir(path.parent().expect("a parent")).expect("there").count();
    assert_eq!(names, 1, "nothing is left beside it");
}

/// A project may come from anybody: its links do not choose what is rewritten.
#[test]
fn links_that_lead_out() {
    let place = place();
    place.write("user/important.json", "{}");
    let out = place.path("user/important.json");
    std::fs::create_dir(place.path("project/.devcontainer")).expect("new");
    let link = place.path("project/.devcontainer/devcontainer.json");
    symlink(&out, &link).expect("new");
    for path in [".", ".devcontainer/devcontainer.json"] {
        let refused = place.bad(&["devcontainer", "apply", path, "-a", AGENT], 64);
        assert!(refused.contains("leads out of the project"), "{refused}");
    }
    assert_eq!(place.read("user/important.json"), "{}");
    // Within the project a link stays one.
    std::fs::remove_file(&link).expect("ours");
    place.write("project/shared.json", "{}");
    symlink("../shared.json", &link).expect("new");
    place.good(&["devcontainer", "apply", "-a", AGENT]);
    assert!(link.symlink_metadata().expect("there").is_symlink());
    assert!(place.read("project/shared.json").contains("skills"));
    // A directory that is a link is not gone through either.
    std::fs::remove_dir_all(place.path("project/.devcontainer")).expect("ours");
    std::fs::create_dir(place.path("user/elsewhere")).expect("new");
    symlink(place.path("user/elsewhere"), place.path("project/.devcontainer")).expect("new");
    for path in [".", ".devcontainer/devcontainer.json"] {
        let refused = place.bad(&["devcontainer", "apply", path, "-a", AGENT], 64);
        assert!(refused.contains("leads out of the project"), "{refused}");
        assert!(is_empty(&place.path("user/elsewhere")));
    }
    place.write("user/elsewhere/devcontainer.json", "{}");
    for path in [".", ".devcontainer/devcontainer.json"] {
        place.bad(&["devcontainer", "apply", path, "-a", AGENT], 64);
        assert_eq!(place.read("user/elsewhere/devcontainer.json"), "{}");
    }
}

/// Nothing is changed in a file that can't be understood; line and reason are said.
#[test]
fn a_file_with_a_mistake() {
    let place = place();
    let wrong = "{\n  \"image\": \"x\"\n  \"mounts\": []\n}\n";
    write(&place, wrong);
    for words in [&["-a", AGENT][..], &["--disable"]] {
        let words = [&["devcontainer", "apply"], words].concat();
        let said = place.bad(&words, 64);
        assert!(said.contains("devcontainer.json") && said.contains("line 2"), "{said}");
        assert!(said.contains("comma"), "{said}");
    }
    assert_eq!(text(&place), wrong);
    assert!(!place.path("user/.helper/commands").exists(), "nothing else was made either");
}

/// With Docker Compose nothing can be read-only from here, so it is left out, and that is said.
#[test]
fn compose() {
    let place = place();
    write(&place, "{ \"dockerComposeFile\": \"compose.yml\", \"service\": \"app\" }");
    let done = place.run(&["devcontainer", "apply", "-a", AGENT]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert!(done.err.contains("`skills` left out") && done.err.contains(":ro"), "{done:#?}");
    let applied = text(&place);
    assert!(applied.contains("talks") && !applied.contains("skills"), "{applied}");
}
