//! Configuration: two files and the environment, and what they do.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::place::{Done, Place, finish};

const USER: &str = "user/.config/sessctl/config.toml";
const PROJECT: &str = "project/.sessctl.toml";

/// What the place sets and these tests are about.
const NOTHING_SET: [&str; 3] =
    ["SESSCTL_BACKEND", "SESSCTL_DOCKER_SOCKET", "SESSCTL_PODMAN_SOCKET"];

/// Runs the command in `directory` with these variables besides.
fn run_with(place: &Place, directory: &str, variables: &[(&str, &str)], words: &[&str]) -> Done {
    let mut command = place.command(words);
    command.current_dir(place.path(directory)).envs(variables.iter().copied());
    finish(command.stdin(Stdio::null()).output())
}

/// What `config show --json` tells of `key` there.
fn shown(place: &Place, directory: &str, variables: &[(&str, &str)], key: &str) -> Value {
    let done = run_with(place, directory, variables, &["config", "show", "--json"]);
    assert_eq!(done.code, 0, "{done:#?}");
    let document: Value = serde_json::from_str(&done.out).expect("JSON");
    let values = document["values"].as_array().expect("values").clone();
    let found = values.into_iter().find(|value| value["key"] == key);
    found.unwrap_or_else(|| panic!("no `{key}` in {document:#}"))
}

fn real(place: &Place, path: &str) -> String {
    let path = place.path("").canonicalize().expect("a root").join(path);
    path.into_os_string().into_string().expect("UTF-8")
}

/// What a session has of its project.
fn exists(place: &Place, session: &str, file: &str) -> bool {
    place.directory(session).join("workspace/project").join(file).exists()
}

/// Flag over environment over project over user over default, key by key.
#[test]
fn the_nearest_value_counts() {
    let place = Place::with_repository();
    let show = |variables: &[(&str, &str)]| shown(&place, "project", variables, "exclude");
    let variable = ("SESSCTL_EXCLUDE", "from-environment,and-more");
    for file in ["from-user", "from-project", "from-environment", "from-flag"] {
        place.write(&format!("project/{file}"), "");
    }
    assert_eq!(show(&[]), json!({"key": "exclude", "value": [], "origin": "default"}));

    place.write(USER, "exclude = [\"from-user\"]\ndetach_key = \"ctrl-q\"\n");
    let path = real(&place, USER);
    let expected =
        json!({"key": "exclude", "value": ["from-user"], "origin": "user-file", "path": path});
    let mut user = show(&[]);
    user["path"] =
        json!(std::fs::canonicalize(user["path"].as_str().expect("a path")).expect("it"));
    assert_eq!(user, expected);

    place.write(PROJECT, "exclude = [\"from-project\"]\n");
    let path = real(&place, PROJECT);
    let expected = json!({
        "key": "exclude", "value": ["from-project"], "origin": "project-file", "path": path
    });
    assert_eq!(show(&[]), expected);
    assert_eq!(shown(&place, "project", &[], "detach_key")["origin"], "user-file");

    assert_eq!(
        show(&[variable]),
        json!({
            "key": "exclude",
            "value": ["from-environment", "and-more"],
            "origin": "environment",
            "variable": "SESSCTL_EXCLUDE"
        })
    );
    assert_eq!(show(&[("SESSCTL_EXCLUDE", "")]), expected, "empty is not set");

    let words = ["start", "one", "-d", "--exclude", "from-flag", "--", "sleep", "600"];
    assert_eq!(run_with(&place, "project", &[variable], &words).code, 0);
    assert!(!exists(&place, "one", "from-flag"));
    for file in ["from-user", "from-project", "from-environment"] {
        assert!(exists(&place, "one", file), "{file}: lists replace each other");
    }
}

/// Every key can be set by its variable, and the home tells where it comes from.
#[test]
fn every_key_is_shown_with_its_origin() {
    let place = Place::with_repository();
    let variables = [
        ("SESSCTL_AGENT", "shell"),
        ("SESSCTL_BACKEND", "local"),
        ("SESSCTL_BRANCH_PREFIX", "me/"),
        ("SESSCTL_DETACH_KEY", "^Q"),
        ("SESSCTL_DOCKER_SOCKET", "/docker.sock"),
        ("SESSCTL_EXCLUDE", "a"),
        ("SESSCTL_IMAGE", "debian:12"),
        ("SESSCTL_INCLUDE", "b"),
        ("SESSCTL_MOUNTS", "/srv/a:/a"),
        ("SESSCTL_PODMAN_SOCKET", "/podman.sock"),
    ];
    for (name, _) in variables {
        let key = name.trim_start_matches("SESSCTL_").to_lowercase();
        let key = key.replace("_socket", ".socket");
        let value = shown(&place, "project", &variables, &key);
        assert_eq!(
            (&value["origin"], &value["variable"]),
            (&json!("environment"), &json!(name)),
            "{value}"
        );
    }
    assert_eq!(shown(&place, "project", &variables, "detach_key")["value"], "ctrl-q");

    let home = shown(&place, "project", &[], "home");
    assert_eq!(home["variable"], "SESSCTL_HOME");
    assert_eq!(home["value"], real(&place, "home"));
    let done = place.good(&["config", "show", "--json", "--home", "elsewhere"]);
    let document: Value = serde_json::from_str(&done).expect("JSON");
    let home = document["values"].as_array().and_then(|values| values.last()).expect("values");
    assert_eq!((&home["key"], &home["flag"]), (&json!("home"), &json!("--home")));
    assert!(!place.path("home").exists(), "looking makes nothing");
}

/// S2.12: by the variable of the older tool too, which gives way to ours; never by a project, which comes with a clone.
#[test]
fn mounts_come_from_the_environment() {
    let place = Place::with_repository();
    let show = |variables: &[(&str, &str)]| shown(&place, "project", variables, "mounts");
    let old = ("AGENT_SESSION_MOUNTS", "/srv/a:/a,/srv/b:/b:rw");
    let found = show(&[old]);
    assert_eq!(found["value"], json!(["/srv/a:/a", "/srv/b:/b:rw"]));
    assert_eq!(found["variable"], "AGENT_SESSION_MOUNTS");
    assert_eq!(show(&[old, ("SESSCTL_MOUNTS", "/srv/c:/c:ro")])["value"], json!(["/srv/c:/c"]));
    for wrong in ["/srv/a", "srv/a:/a", "/srv/a:/a:rx"] {
        let refused = run_with(&place, "project", &[("SESSCTL_MOUNTS", wrong)], &["list"]);
        assert_eq!(refused.code, 64, "{refused:?}");
        assert!(refused.err.contains("`mounts` of the"), "{refused:?}");
    }
    place.write(PROJECT, "mounts = [\"/home/me/.ssh:/x\"]\n");
    let refused = run_with(&place, "project", &[], &["list"]);
    assert_eq!(refused.code, 64, "{refused:?}");
    assert!(refused.err.contains("`mounts` in"), "{refused:?}");
}

/// The table that people read.
#[test]
fn table() {
    let place = Place::with_repository();
    place.write(PROJECT, "exclude = [\"dist\", \"*.log\"]\n");
    let unset: Vec<_> = NOTHING_SET.map(|name| (name, "")).to_vec();
    let text = run_with(&place, "project", &unset, &["config", "show"]).out;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = text.lines().map(words).collect();
    assert_eq!(lines[0], ["KEY", "VALUE", "FROM"]);
    assert_eq!(lines[1], ["agent", "-", "default"]);
    assert_eq!(lines[2], ["backend", "auto", "default"]);
    assert_eq!(lines[4], ["detach_key", r"ctrl-\", "default"]);
    assert_eq!(lines[5], ["docker.socket", "-", "default"]);
    let file = real(&place, PROJECT);
    assert_eq!(lines[6], ["exclude", "dist,*.log", "project", "file", &file]);
    assert_eq!(lines[7], ["image", "sessctl-shell:latest", "default"]);
    assert_eq!(lines[8], ["include", "-", "default"]);
    assert_eq!(lines[9], ["mounts", "-", "default"]);
    assert_eq!(lines[10], ["podman.socket", "-", "default"]);
    assert_eq!(lines[11], ["ports", "20000-24999", "default"]);
    assert_eq!(lines[12], ["update_check", "true", "default"]);
    let home = lines.last().expect("the home");
    assert_eq!(
        (home[0].as_str(), &home[2..]),
        ("home", &["environment".to_owned(), "SESSCTL_HOME".to_owned()][..])
    );
}

/// The nearest one up to the top of the repository; nothing above it, and nothing above a
/// directory that is in none.
#[test]
fn the_project_file_is_found_from_below() {
    let place = Place::with_repository();
    place.write("project/src/deep/file", "");
    place.write(".sessctl.toml", "branch_prefix = \"outside/\"\n");
    let prefix = |directory: &str| shown(&place, directory, &[], "branch_prefix");
    assert_eq!(prefix("project/src/deep")["origin"], "default");

    place.write(PROJECT, "branch_prefix = \"top/\"\n");
    assert_eq!(prefix("project/src/deep")["value"], "top/");
    place.write("project/src/.sessctl.toml", "branch_prefix = \"src/\"\n");
    assert_eq!(prefix("project/src/deep")["value"], "src/");
    assert_eq!(prefix("project")["value"], "top/");

    place.write("plain/below/file", "");
    place.write("plain/.sessctl.toml", "branch_prefix = \"plain/\"\n");
    assert_eq!(prefix("plain")["value"], "plain/");
    assert_eq!(prefix("plain/below")["origin"], "default");
}

/// An unknown key names the file, the line and the key that was meant.
#[test]
fn unknown_keys() {
    let place = Place::with_repository();
    for (key, meant) in [
        ("detach_kay", "detach_key"),
        ("detach-key", "detach_key"),
        ("excludes", "exclude"),
        ("Backend", "backend"),
        ("branch", "branch_prefix"),
        ("inclde", "include"),
    ] {
        for file in [USER, PROJECT] {
            place.write(file, &format!("# mine\n\n{key} = \"x\"\n"));
            let complaint = place.bad(&["config", "show"], 64);
            let path = if file == USER { "sessctl/config.toml" } else { ".sessctl.toml" };
            for part in [&format!("`{key}`"), path, "line 3", &format!("did you mean `{meant}`")] {
                assert!(complaint.contains(part), "no {part} in {complaint}");
            }
            std::fs::remove_file(place.path(file)).expect("it was there");
        }
    }
    place.write(PROJECT, "command = [\"rm\"]\n[hooks]\n\"\\u001b[31m\" = 1\n");
    let complaint = place.bad(&["list"], 64);
    assert!(complaint.contains("`command`") && complaint.contains("`hooks`"), "{complaint}");
}

/// What is no configuration says where and why, and none of it reaches the terminal raw.
#[test]
fn broken_files() {
    let place = Place::with_repository();
    for (text, line) in [
        ("\nexclude = \"dist\"\n", 2),
        ("backend = 3\n", 1),
        ("backend = \"local\"\n\nbackend = \"local\"\n", 3),
        ("exclude = [\n", 1),
        ("exclude = [\"a\",\n3]\n", 2),
        ("[backend]\n", 1),
        ("\u{1b}[31m = 1\n", 1),
    ] {
        place.write(PROJECT, text);
        let complaint = place.bad(&["list"], 64);
        assert!(complaint.contains(".sessctl.toml"), "{text:?}: {complaint}");
        assert!(complaint.contains(&format!("line {line}")), "{text:?}: {complaint}");
        assert!(!complaint.contains('\u{1b}'), "{complaint:?}");
    }
    std::fs::write(place.path(PROJECT), b"backend = \"\xff\"\n").expect("a small file");
    assert!(place.bad(&["list"], 64).contains("UTF-8"));
}

/// A value that can't be used names its origin.
#[test]
fn bad_values() {
    let place = Place::with_repository();
    let complain = |variables: &[(&str, &str)], words: &[&str]| {
        let done = run_with(&place, "project", variables, words);
        assert_eq!(done.code, 64, "{done:#?}");
        done.err
    };
    let chord = complain(&[("SESSCTL_DETACH_KEY", "ctrl-c")], &["list"]);
    assert!(chord.contains("SESSCTL_DETACH_KEY") && chord.contains("`ctrl-c`"), "{chord}");
    let prefix = complain(&[("SESSCTL_BRANCH_PREFIX", "a b/")], &["list"]);
    assert!(prefix.contains("SESSCTL_BRANCH_PREFIX") && prefix.contains("`a b/`"), "{prefix}");
    place.write(USER, "detach_key = \"ctrl-c\"\n");
    assert!(complain(&[], &["list"]).contains("user file"));
    place.write(PROJECT, "detach_key = \"ctrl-m\"\n");
    assert!(complain(&[], &["list"]).contains("project file"));
    place.write(USER, "");

    place.write(PROJECT, "");
    place.write(USER, "backend = \"dokcer\"\n");
    place.good(&["list"]);
    let kind = complain(&[("SESSCTL_BACKEND", "")], &["start", "x", "-d"]);
    for part in ["user file", "`dokcer`", "known kinds: docker, local, podman"] {
        assert!(kind.contains(part), "no {part} in {kind}");
    }
    place.good(&["start", "x", "-d", "--backend", "local", "--", "sleep", "600"]);
}

/// A project's file is a stranger's: it neither blocks nor fills the memory nor leads elsewhere.
#[test]
fn project_files_that_are_none() {
    let place = Place::with_repository();
    let file = place.path(PROJECT);
    let refused = |why: &str| {
        let complaint = place.bad(&["list"], 64);
        assert!(complaint.contains(".sessctl.toml") && complaint.contains(why), "{complaint}");
    };
    std::fs::create_dir(&file).expect("a directory");
    refused("no regular file");
    std::fs::remove_dir(&file).expect("it is empty");

    let made = Command::new("mkfifo").arg(&file).status().expect("mkfifo");
    assert!(made.success());
    refused("no regular file");
    std::fs::remove_file(&file).expect("a fifo");

    let socket = std::os::unix::net::UnixListener::bind(&file).expect("a socket");
    refused("no regular file");
    drop(socket);
    std::fs::remove_file(&file).expect("a socket");

    place.write("secret", "backend = \"local\"\n");
    std::os::unix::fs::symlink(place.path("secret"), &file).expect("a link");
    refused("is a link");
    std::fs::remove_file(&file).expect("a link");

    let limit = 64 * 1024;
    place.write(PROJECT, &"#".repeat(limit + 1));
    refused("64 KiB");
    place.write(PROJECT, &"#".repeat(limit));
    place.good(&["list"]);

    // A person's own file may be a link.
    place.write(USER, "");
    std::fs::remove_file(place.path(USER)).expect("it was there");
    std::os::unix::fs::symlink(place.path("secret"), place.path(USER)).expect("a link");
    let unset = [("SESSCTL_BACKEND", "")];
    assert_eq!(shown(&place, "project", &unset, "backend")["origin"], "user-file");
}

/// What is configured acts on new sessions, and not where it does not fit.
#[test]
fn sessions_follow_it() {
    let place = Place::with_repository();
    place.write("project/.gitignore", ".env\n*.o\n");
    for file in ["project/.env", "project/a.o", "project/dist/big", "plain/.env", "plain/dist/big"]
    {
        place.write(file, "x");
    }
    let words = "exclude = [\"dist\"]\ninclude = [\".env\"]\nbranch_prefix = \"me/\"\n";
    place.write(USER, words);

    place.good(&["start", "one", "-d", "--", "sleep", "600"]);
    assert_eq!(place.session("one")["branch"], "me/one");
    for (file, there) in [(".env", true), ("a.o", false), ("dist", false), ("README.md", true)] {
        assert_eq!(exists(&place, "one", file), there, "{file}");
    }
    place.good(&[
        "start",
        "asked",
        "-d",
        "--branch",
        "mine",
        "--exclude",
        "",
        "--",
        "sleep",
        "600",
    ]);
    assert_eq!(place.session("asked")["branch"], "mine");
    assert!(exists(&place, "asked", "dist/big"), "an empty flag excludes nothing");

    place.good(&["start", "copy", "-d", "--no-worktree", "--", "sleep", "600"]);
    assert!(!exists(&place, "copy", "dist") && exists(&place, "copy", "a.o"));
    place.good(&["start", "live", "-d", "--mount", "--", "sleep", "600"]);
    assert_eq!(place.session("live")["isolated"], false);
    let complaint = place.bad(&["start", "no", "-d", "--mount", "--exclude", "dist"], 64);
    assert!(complaint.contains("--exclude"), "{complaint}");

    // One with git and one without, in one session.
    let plain = place.path("plain");
    let plain = plain.to_str().expect("UTF-8");
    place.good(&["start", "both", ".", plain, "-d", "--", "sleep", "600"]);
    let workspace = place.directory("both").join("workspace");
    assert!(workspace.join("plain/.env").exists() && !workspace.join("plain/dist").exists());
    assert!(workspace.join("project/.env").exists());
}

/// Where sessions run, and in what, is the person's to say: a project comes with a clone.
#[test]
fn a_project_does_not_say_where_it_runs() {
    let place = Place::with_repository();
    let all = "agent = \"evil\"\nbackend = \"local\"\nimage = \"evil\"\nexclude = [\"dist\"]\n[docker]\nsocket = \"/evil\"\n[podman]\n";
    place.write(PROJECT, all);
    for words in [&["config", "show"][..], &["list"], &["start", "x", "-d"]] {
        let complaint = place.bad(words, 64);
        for key in ["agent", "backend", "image", "docker", "podman"] {
            assert!(complaint.contains(&format!("`{key}` in")), "no {key} in {complaint}");
        }
        let user = place.path(USER);
        assert!(complaint.contains(user.to_str().expect("UTF-8")), "{complaint}");
        assert!(!complaint.contains("`exclude`"), "{complaint}");
    }
    std::fs::remove_file(place.path(PROJECT)).expect("it was there");
    place.write(USER, all);
    place.good(&["list"]);
}

/// S0.23: S0's variable counts, and ours before it.
#[test]
fn the_image_comes_from_three_places() {
    let place = Place::new();
    let image = |variables: &[(&str, &str)]| shown(&place, "project", variables, "image");
    place.write(USER, "image = \"of-the-user\"\n");
    assert_eq!(image(&[])["value"], "of-the-user");
    let old = image(&[("CLAUDE_IMAGE", "old:1")]);
    assert_eq!((&old["value"], &old["variable"]), (&json!("old:1"), &json!("CLAUDE_IMAGE")));
    let new = image(&[("CLAUDE_IMAGE", "old:1"), ("SESSCTL_IMAGE", "new:1")]);
    assert_eq!((&new["value"], &new["variable"]), (&json!("new:1"), &json!("SESSCTL_IMAGE")));
    assert_eq!(image(&[("CLAUDE_IMAGE", "")])["value"], "of-the-user", "empty is not set");
}
