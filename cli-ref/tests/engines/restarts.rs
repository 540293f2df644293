//! The engine itself ends and comes back.

use std::process::Command;
use std::sync::Arc;

use session_conformance::engines::{PrivateEngine, PrivateOptions};

use crate::engine::{Engine, with};
use crate::kills::start;
use crate::proxy::{At, Fault, Proxy};
use crate::screen::Screen;
use crate::world::{World, finish};

/// What becomes of containers when their engine ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Containers {
    End,
    Stay,
}

/// Answers each line with how many there were.
const COUNTS: [&str; 3] =
    ["sh", "-c", "n=0; while read line; do n=$((n+1)); echo got-$line-$n; done"];

/// Issue 3: dockerd ends its containers when it ends; the sessions are stopped then, with a code.
#[test]
fn docker_without_live_restore_stops_and_starts() {
    on_private("docker", PrivateOptions::docker(), |private, engine| {
        stops_and_starts(private, engine, Containers::End);
    });
}

/// Issue 3: containers that outlive dockerd go on, and so do their sessions.
#[test]
fn docker_with_live_restore_stops_and_starts() {
    on_private("docker", PrivateOptions::docker().with_live_restore(), |private, engine| {
        stops_and_starts(private, engine, Containers::Stay);
    });
}

/// Issue 3: Podman's containers do not need its service.
#[test]
fn podman_stops_and_starts() {
    on_private("podman", PrivateOptions::podman(), |private, engine| {
        stops_and_starts(private, engine, Containers::Stay);
    });
}

/// Issue 3: an engine that dies while a session is made or started leaves it whole or gone.
#[test]
fn docker_dies_under_a_start() {
    on_private("docker", PrivateOptions::docker(), dies);
}

/// The same.
#[test]
fn podman_dies_under_a_start() {
    on_private("podman", PrivateOptions::podman(), dies);
}

fn on_private(
    kind: &'static str,
    options: PrivateOptions,
    test: impl FnOnce(&Arc<PrivateEngine>, Engine),
) {
    // It outlives what the test makes in it.
    let private = PrivateEngine::new(options).map(Arc::new);
    let engine = private.as_ref().map_err(Clone::clone);
    let engine = engine.and_then(|private| Engine::at(kind, &private.address()));
    with(engine, |engine| test(private.as_ref().expect("it has an address"), engine));
}

fn stops_and_starts(private: &PrivateEngine, engine: Engine, containers: Containers) {
    let world = World::new(engine);
    let name = &world.name("there");
    world.start_command(name, &COUNTS);
    let mut count = 0;
    let mut speak = |from_one: bool| {
        count = if from_one { 1 } else { count + 1 };
        let screen = Screen::run(&world, &["attach", name]);
        screen.type_in(&format!("w{count}\r"));
        screen.wait_for(&format!("got-w{count}-{count}"));
        screen.kill();
    };
    speak(true);
    for end in [PrivateEngine::terminate, PrivateEngine::kill] {
        end(private);
        let list = world.list();
        assert_eq!(list["sessions"][0]["name"], name.as_str(), "{list:#}");
        assert!(list["notices"].to_string().contains("does not answer"), "{list:#}");
        world.bad(&["start", "--detach", &world.name("none")], 69);
        private.start().expect("it has run before");
        match containers {
            Containers::Stay => {
                let session = world.until_status(name, "running");
                assert_eq!(session["exit_code"], serde_json::Value::Null, "{session:#}");
                speak(false);
            }
            Containers::End => {
                let session = world.until_status(name, "stopped");
                assert!(
                    session["exit_code"].as_i64().is_some_and(|code| code > 128),
                    "{session:#}"
                );
                world.until_no_processes("after its engine ended it");
                speak(true);
            }
        }
        world.assert_listed(&format!("{containers:?}"));
    }
    hangs(private, &world, name);
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
}

/// An engine that takes connections and says nothing.
fn hangs(private: &PrivateEngine, world: &World, name: &str) {
    let pid = private.pid().expect("it runs").to_string();
    let signal = |signal: &str| Command::new("kill").args([signal, &pid]).status().expect("a kill");
    signal("-STOP");
    let list = world.run(&["list", "--json"]);
    signal("-CONT");
    assert!(list.code == 0 && list.out.contains(name), "{list:#?}");
    assert!(list.out.contains("does not answer"), "{list:#?}");
    world.until_status(name, "running");
}

fn dies(private: &Arc<PrivateEngine>, engine: Engine) {
    let world = World::new(engine);
    let repository = world.repository();
    let name = &world.name("half");
    let moments = [
        ("/containers/create", Fault::CutBefore, "make the container"),
        ("/containers/create", Fault::CutAfter, "make the container"),
        ("/start ", Fault::CutAfter, "start the container"),
    ];
    for (line, fault, doing) in moments {
        let dying = Arc::clone(private);
        let proxy =
            Proxy::with_blow(&world.engine.socket, At::Line(line), fault, move || dying.kill());
        let done = finish(world.command_at(&proxy.socket(), &start(name)).output());
        let what = format!("{fault:?} {:?}: {done:#?}", proxy.disarm());
        // The cause, not what went wrong because of it while all was taken back.
        assert!(done.code == 69 && done.err.contains(doing), "{what}");
        assert_eq!(world.list()["sessions"].as_array().map(Vec::len), Some(1), "{what}");
        private.start().expect("it has run before");
        let sessions = world.assert_listed(&what);
        assert_eq!(sessions.is_empty(), line == "/containers/create", "{what}: {sessions:#?}");
        world.start(name);
        world.until_status(name, "running");
        world.good(&["remove", "--force", name]);
        world.assert_empty(&what);
    }
    assert_eq!(world.repository(), repository);
}
