//! Agents' programs are kept up to date, by a registry that is a script here.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use serde_json::Value;

use crate::place::{Done, Place, finish, until};

const PROFILE: &str = r#"
title = "Probe"
program = "PROGRAM"

[arguments]
version = ["--version"]

[update]
package = "@test/probe"
query = ["npm", "view", "${PACKAGE}@latest", "version", "engines", "--json"]
install = ["npm", "install", "--global", "${PACKAGE}@${VERSION}"]
engine = { name = "node", version = ["node", "--version"] }
"#;

/// npm: answers what `registry.json` says, and installs what it is asked for, or what `instead` says; `calls` has every
/// command, `where` its directory. `wait` holds it up, `wait-install` what installs.
const NPM: &str = r#"#!/bin/sh
here=${0%/*}/..
echo "$*" >> "$here/calls"
pwd >> "$here/where"
while [ -e "$here/wait" ]; do sleep 0.05; done
case "$1" in
view) [ -e "$here/offline" ] && { echo "npm error network" >&2; exit 1; }; cat "$here/registry.json" ;;
install) while [ -e "$here/wait-install" ]; do sleep 0.05; done; version=${3##*@}; [ -e "$here/instead" ] && version=$(cat "$here/instead")
  [ -e "$here/denied" ] && { echo "npm error EACCES: permission denied" >&2; exit 243; }
  echo "$version" > "$here/installed" ;;
esac
"#;

/// The agent: says its version, or runs until it is ended.
const PROBE: &str = r#"#!/bin/sh
here=${0%/*}/..
[ "$1" = --version ] && { echo "$(cat "$here/installed") (Probe)"; exit; }
exec sleep 600
"#;

struct World {
    place: Place,
    /// What no other test's program is called: who runs is seen by its name.
    program: String,
}

impl World {
    /// Version 1.0.0 is installed and 1.2.0 is out, which needs Node 22; this is 22.1.
    fn new() -> Self {
        let place = Place::new();
        let program = place.name("probe");
        let profile = PROFILE.replace("PROGRAM", &program);
        place.write("user/.config/sessctl/agents/probe.toml", &profile);
        for (name, text) in
            [("npm", NPM), (program.as_str(), PROBE), ("node", "#!/bin/sh\ncat ${0%/*}/../node\n")]
        {
            let path = format!("bin/{name}");
            place.write(&path, text);
            let file = place.path(&path);
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))
                .expect("a mode");
        }
        place.write("installed", "1.0.0\n");
        place.write("node", "v22.1.0\n");
        place.write("registry.json", r#"{ "version": "1.2.0", "engines": { "node": ">=22" } }"#);
        Self { place, program }
    }

    fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Done {
        let path = format!(
            "{}:{}",
            self.place.path("bin").display(),
            std::env::var("PATH").expect("a PATH")
        );
        let mut command = self.place.command(words);
        command.env("PATH", path).envs(variables.iter().copied()).stdin(Stdio::null());
        finish(command.output())
    }

    fn run(&self, words: &[&str]) -> Done {
        self.run_with(words, &[])
    }

    /// Starts a session that looks for no update in the background, which would be in the way of another.
    fn start(&self, name: &str) -> Done {
        let words = ["start", name, "-d", "-a", "probe", "--empty"];
        self.run_with(&words, &[("SESSCTL_UPDATE_CHECK", "false")])
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path(name)).unwrap_or_default()
    }

    fn installs(&self) -> usize {
        self.file("calls").lines().filter(|line| line.starts_with("install")).count()
    }

    fn known(&self) -> Value {
        serde_json::from_str(&self.file("home/updates/probe.json")).unwrap_or_default()
    }

    fn audit(&self) -> Vec<String> {
        let lines = self.file("home/audit.log");
        let lines =
            lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
        let updates = lines.filter(|line| line["operation"] == "update");
        updates.map(|line| format!("{} {} {}", line["from"], line["to"], line["outcome"])).collect()
    }
}

/// S3.3, S3.4: the latest, exactly that, with a line in the audit log; then there is nothing to do.
#[test]
fn the_latest_is_installed() {
    let world = World::new();
    let checked = world.run(&["update", "-a", "probe", "--check"]);
    assert!(checked.out.contains("1.2.0 is out, 1.0.0 is installed"), "{checked:?}");
    assert_eq!(world.installs(), 0);
    let updated = world.run(&["update", "-a", "probe"]);
    assert_eq!(
        (updated.code, updated.out.as_str()),
        (0, "Probe 1.2.0 is installed, was 1.0.0\n"),
        "{updated:?}"
    );
    assert!(world.file("calls").contains("install --global @test/probe@1.2.0\n"));
    assert_eq!(world.file("installed"), "1.2.0\n");
    let again = world.run(&["update", "-a", "probe"]);
    assert_eq!((again.code, again.out.as_str()), (0, "Probe 1.2.0 is up to date\n"), "{again:?}");
    assert_eq!(world.installs(), 1);
    assert_eq!(world.audit(), [r#""1.0.0" "1.2.0" "ok""#]);
    let said = world.run(&["--json", "update", "-a", "probe", "--check"]);
    let said: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&said["installed"], &said["is_old"]), (&"1.2.0".into(), &false.into()));
}

/// S3.3: where the local Node is too old for the latest, nothing older is taken; nor is what was not asked for called an update.
#[test]
fn an_older_release_is_never_taken() {
    let world = World::new();
    world.place.write("node", "v20.20.2\n");
    let refused = world.run(&["update", "-a", "probe"]);
    assert_eq!(refused.code, 79, "{refused:?}");
    assert!(refused.err.contains("needs node >=22, and this is 20.20.2"), "{refused:?}");
    assert_eq!((world.installs(), world.file("installed").as_str()), (0, "1.0.0\n"));
    world.place.write("node", "v22.1.0\n");
    world.place.write("instead", "1.1.0\n");
    let refused = world.run(&["update", "-a", "probe"]);
    assert_eq!(refused.code, 79, "{refused:?}");
    assert!(refused.err.contains("says that it is 1.1.0"), "{refused:?}");
    // A registry that is behind takes nothing back.
    world.place.write("registry.json", r#""1.0.5""#);
    let done = world.run(&["update", "-a", "probe"]);
    assert_eq!((done.code, done.out.as_str()), (0, "Probe 1.1.0 is up to date\n"), "{done:?}");
    assert_eq!(world.installs(), 1);
    assert_eq!(world.audit().len(), 2, "what was refused is told, too");
}

/// S3.3: not while a session of the agent, or any process of its program, runs.
#[test]
fn nothing_is_installed_while_it_runs() {
    let world = World::new();
    let started = world.start("busy");
    assert_eq!(started.code, 0, "{started:?}");
    let refused = world.run(&["update", "-a", "probe"]);
    assert_eq!(refused.code, 79, "{refused:?}");
    assert!(refused.err.contains("session busy"), "{refused:?}");
    world.run(&["stop", "--time", "0", "busy"]);
    // By hand, without a session.
    let mut other = std::process::Command::new("sh");
    let other = other.args(["-c", "read line"]).stdin(Stdio::piped()).arg0(&world.program);
    let mut other = other.spawn().expect("a shell");
    let refused = world.run(&["update", "-a", "probe"]);
    assert!(refused.err.contains(&format!("process {}", other.id())), "{refused:?}");
    drop(other.stdin.take());
    other.wait().expect("it ends");
    assert_eq!(world.installs(), 0);
    assert_eq!(world.run(&["update", "-a", "probe"]).code, 0);
}

/// S3.3: a session does not start while its agent's program is being replaced, and leaves nothing of the attempt.
#[test]
fn nothing_starts_while_it_is_installed() {
    let world = World::new();
    let made = world.start("made");
    assert_eq!(made.code, 0, "{made:?}");
    world.run(&["stop", "--time", "0", "made"]);
    world.place.write("wait-install", "");
    std::thread::scope(|scope| {
        let update = scope.spawn(|| world.run(&["update", "-a", "probe"]));
        until("it is being installed", || world.installs() == 1);
        let refused = world.start("made");
        assert_eq!(refused.code, 75, "{refused:?}");
        assert!(refused.err.contains("is being updated"), "{refused:?}");
        assert_eq!(world.place.session("made")["status"], "stopped");
        std::fs::remove_file(world.place.path("wait-install")).expect("it was there");
        assert_eq!(update.join().expect("no panic").code, 0);
    });
    assert_eq!(world.start("made").code, 0);
}

/// npm reads `.npmrc` where it runs, which may name a registry and send it variables: it never runs in a project.
#[test]
fn a_project_has_no_say() {
    let world = World::new();
    world.place.write("project/.npmrc", "registry=http://127.0.0.1:1/\n");
    let run = |words: &[&str]| {
        let path = format!(
            "{}:{}",
            world.place.path("bin").display(),
            std::env::var("PATH").expect("a PATH")
        );
        let mut command = world.place.command(words);
        command.env("PATH", path).current_dir(world.place.path("project")).stdin(Stdio::null());
        finish(command.output())
    };
    assert_eq!(run(&["update", "-a", "probe", "--check"]).code, 0);
    assert_eq!(run(&["update", "-a", "probe"]).code, 0);
    let updates = world.place.path("home/updates").canonicalize().expect("it is there");
    let places: Vec<_> = world.file("where").lines().map(str::to_owned).collect();
    assert_eq!(places, vec![updates.to_str().expect("UTF-8"); 3]);
}

/// S3.4: one at a time.
#[test]
fn two_updates_do_not_meet() {
    let world = World::new();
    world.place.write("wait", "");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| world.run(&["update", "-a", "probe"]));
        until("the first one asks the registry", || !world.file("calls").is_empty());
        let second = world.run(&["update", "-a", "probe"]);
        assert_eq!(second.code, 75, "{second:?}");
        std::fs::remove_file(world.place.path("wait")).expect("it was there");
        assert_eq!(first.join().expect("no panic").code, 0);
    });
    assert_eq!(world.installs(), 1);
}

/// S3.2: a start waits for no registry, asks at most once a day, and tells what is known; never in CI, never if told not to.
#[test]
fn a_start_looks_in_the_background() {
    let world = World::new();
    let start = |name: &str, variables: &[(&str, &str)]| {
        let started = world.run_with(&["start", name, "-d", "-a", "probe", "--empty"], variables);
        assert_eq!(started.code, 0, "{started:?}");
        started.err
    };
    assert!(!start("ci", &[("CI", "true")]).contains("note"));
    start("off", &[("SESSCTL_UPDATE_CHECK", "false")]);
    assert_eq!(world.file("calls"), "");
    world.place.write("wait", "");
    let told = start("first", &[]);
    assert!(!told.contains("is out"), "{told}");
    until("the registry is asked", || world.file("calls").lines().count() == 1);
    std::fs::remove_file(world.place.path("wait")).expect("it was there");
    until("what it says is kept", || world.known()["latest"] == "1.2.0");
    let told = start("second", &[]);
    assert!(told.contains("1.2.0 is out, 1.0.0 is installed"), "{told}");
    assert_eq!(world.file("calls").lines().count(), 1, "once a day");
    assert_eq!(world.installs(), 0);
}

/// S3.2, S3.E2: without a network a start says nothing; an update says why, and what to run by hand.
#[test]
fn failures_are_told_where_they_matter() {
    let world = World::new();
    world.place.write("offline", "");
    let started = world.run(&["start", "one", "-d", "-a", "probe", "--empty"]);
    assert_eq!((started.code, started.err.as_str()), (0, ""), "{started:?}");
    until("it was tried", || !world.known()["checked_at"].is_null());
    world.run(&["stop", "--time", "0", "one"]);
    let failed = world.run(&["update", "-a", "probe"]);
    assert_eq!(failed.code, 71, "{failed:?}");
    assert!(failed.err.contains("npm error network"), "{failed:?}");
    std::fs::remove_file(world.place.path("offline")).expect("it was there");
    world.place.write("denied", "");
    let failed = world.run(&["update", "-a", "probe"]);
    assert!(failed.err.contains("permission denied"), "{failed:?}");
    assert!(failed.err.contains("npm install --global @test/probe@1.2.0"), "{failed:?}");
    let unknown = world.run(&["update", "-a", "shell"]);
    assert_eq!(unknown.code, 76, "{unknown:?}");
}
