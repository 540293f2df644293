//! Many sessions.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::Engine;
use crate::world::World;

crate::on_each_engine! {
    /// S4.T9: five sessions work at the same time, each in its own copy.
    five_sessions_work_at_once;
    /// Issue 3: fifty sessions, with lists in between.
    serial_fifty_sessions;
}

/// How many commands run at the same time.
const BESIDE: usize = 4;

fn five_sessions_work_at_once(engine: Engine) {
    let world = World::new(engine);
    let names: Vec<_> = (0..5).map(|number| world.name(&format!("load{number}"))).collect();
    let script = "echo $SESSCTL_SESSION_NAME >mine; i=0; \
                  while [ $i -lt 200 ]; do echo line-$i; echo $i >>README.md; i=$((i+1)); done; \
                  exec sleep 1000";
    each(&names, |name| world.start_command(name, &["sh", "-c", script]));
    each(&names, |name| {
        crate::world::until("its output is there", || {
            world.good(&["logs", name]).contains("line-199")
        });
        let here = world.good(&[
            "exec",
            name,
            "--",
            "sh",
            "-c",
            "cat mine; tail -n 1 README.md; wc -l <README.md",
        ]);
        let lines: Vec<_> = here.lines().map(str::trim).collect();
        assert_eq!(lines, [name.as_str(), "199", "201"], "{name}");
    });
    let sessions = world.assert_listed("with five");
    assert!(sessions.iter().all(|session| session["status"] == "running"), "{sessions:#?}");
    each(&names, |name| drop(world.good(&["remove", "--force", name])));
    world.assert_empty("at the end");
}

fn serial_fifty_sessions(engine: Engine) {
    let world = World::new(engine);
    let names: Vec<_> = (0..50).map(|number| world.name(&format!("many{number}"))).collect();
    let begun = AtomicUsize::new(0);
    each(&names, |name| {
        world.good(&[
            "start",
            "--detach",
            "--empty",
            name,
            "--network",
            "none",
            "--",
            "sleep",
            "1000",
        ]);
        if begun.fetch_add(1, Ordering::Relaxed) % 10 == 9 {
            let sessions = world.sessions();
            // An engine at work may not answer in time, which is told and no state of a session.
            let known = ["running", "incomplete", "stopped", "unknown"];
            let status = |it: &serde_json::Value| it["status"].as_str().unwrap_or("?").to_owned();
            let strange: Vec<_> =
                sessions.iter().map(status).filter(|it| !known.contains(&it.as_str())).collect();
            assert!(strange.is_empty(), "{strange:?}");
            let mine = sessions.iter().find(|it| it["name"] == name.as_str()).map(status);
            assert!(mine.is_some_and(|it| ["running", "unknown"].contains(&it.as_str())), "{name}");
        }
    });
    let sessions = world.assert_listed("with fifty");
    assert_eq!(sessions.len(), 50);
    assert!(sessions.iter().all(|session| session["status"] == "running"), "{sessions:#?}");
    each(&names, |name| drop(world.good(&["remove", "--force", name])));
    world.assert_empty("at the end");
}

/// Does it for each name, some at the same time.
fn each(names: &[String], work: impl Fn(&String) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(name);
                }
            });
        }
    });
}
