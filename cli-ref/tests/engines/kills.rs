//! The client dies at each of its requests, one after the other.

use crate::engine::Engine;
use crate::proxy::{At, Fault, Proxy};
use crate::world::{World, finish};

crate::on_each_engine! {
    /// Issue 3: `kill -9` at each step of create and start; the next command makes whole or gone.
    a_start_that_is_killed_before_a_request;
    a_start_that_is_killed_after_a_request;
    /// The same of remove.
    a_remove_that_is_killed_before_a_request;
    a_remove_that_is_killed_after_a_request;
}

fn a_start_that_is_killed_before_a_request(engine: Engine) {
    killed_starts(engine, Fault::KilledBefore);
}

fn a_start_that_is_killed_after_a_request(engine: Engine) {
    killed_starts(engine, Fault::KilledAfter);
}

fn a_remove_that_is_killed_before_a_request(engine: Engine) {
    killed_removes(engine, Fault::KilledBefore);
}

fn a_remove_that_is_killed_after_a_request(engine: Engine) {
    killed_removes(engine, Fault::KilledAfter);
}

/// More requests than any command sends.
pub(crate) const MANY: usize = 200;

/// The arguments that make and start a session that sleeps.
pub(crate) fn start(name: &str) -> [&str; 8] {
    ["start", "--detach", name, "--network", "none", "--", "sleep", "1000"]
}

fn killed_starts(engine: Engine, fault: Fault) {
    let world = World::new(engine);
    let name = &world.name("box");
    let repository = world.repository();
    let struck = (1..MANY).take_while(|at| {
        let proxy = Proxy::new(&world.engine.socket, At::Number(*at), fault);
        let done = finish(world.command_at(&proxy.socket(), &start(name)).output());
        let struck = proxy.disarm();
        let what = format!("{fault:?} {struck:?}: {done:?}");
        assert_eq!(world.repository(), repository, "{what}");
        let sessions = world.assert_listed(&what);
        match &struck {
            None => {
                assert_eq!(done.code, 0, "{what}");
                assert_eq!(world.containers().len(), 1, "{what}");
            }
            // Both ways on from there, in turns.
            Some(_) if at % 2 == 0 || sessions.is_empty() => {
                world.start(name);
                world.until_status(name, "running");
            }
            Some(_) => {}
        }
        world.good(&["remove", "--force", name]);
        world.assert_empty(&what);
        assert_eq!(world.repository(), repository, "{what}");
        struck.is_some()
    });
    assert!(struck.count() > 8, "the commands did not go through the proxy");
}

fn killed_removes(engine: Engine, fault: Fault) {
    let world = World::new(engine);
    let name = &world.name("box");
    let repository = world.repository();
    let struck = (1..MANY).take_while(|at| {
        world.start(name);
        let proxy = Proxy::new(&world.engine.socket, At::Number(*at), fault);
        let remove = ["remove", "--force", name];
        let done = finish(world.command_at(&proxy.socket(), &remove).output());
        let struck = proxy.disarm();
        let what = format!("{fault:?} {struck:?}: {done:?}");
        let sessions = world.assert_listed(&what);
        match &struck {
            None => assert!(done.code == 0 && sessions.is_empty(), "{what}"),
            Some(_) if sessions.is_empty() => {}
            Some(_) => {
                if at % 2 == 0 {
                    world.start(name);
                    world.until_status(name, "running");
                }
                world.good(&remove);
            }
        }
        world.assert_empty(&what);
        assert_eq!(world.repository(), repository, "{what}");
        struck.is_some()
    });
    assert!(struck.count() > 4, "the commands did not go through the proxy");
}
