//! The engine fails at each request, one after the other.

use crate::engine::Engine;
use crate::kills::{MANY, start};
use crate::proxy::{At, Fault, Proxy};
use crate::world::{World, finish};

crate::on_each_engine! {
    /// Issue 3: a server error at each step of create and start is told, and nothing stays behind.
    a_start_that_is_refused_at_a_request;
    a_start_whose_connection_is_cut_before_a_request;
    a_start_whose_connection_is_cut_after_a_request;
}

fn a_start_that_is_refused_at_a_request(engine: Engine) {
    failed_starts(engine, Fault::Refused);
}

fn a_start_whose_connection_is_cut_before_a_request(engine: Engine) {
    failed_starts(engine, Fault::CutBefore);
}

fn a_start_whose_connection_is_cut_after_a_request(engine: Engine) {
    failed_starts(engine, Fault::CutAfter);
}

fn failed_starts(engine: Engine, fault: Fault) {
    let world = World::new(engine);
    let name = &world.name("box");
    let repository = world.repository();
    let struck = (1..MANY).take_while(|at| {
        let proxy = Proxy::new(&world.engine.socket, At::Number(*at), fault);
        let done = finish(world.command_at(&proxy.socket(), &start(name)).output());
        let struck = proxy.disarm();
        let what = format!("{fault:?} {struck:?}: {done:?}");
        if done.code != 0 {
            assert!(done.code > 2 && done.code != 70, "no code of its own: {what}");
            assert!(!done.err.contains("panicked"), "{what}");
        }
        let sessions = world.assert_listed(&what);
        match sessions.as_slice() {
            [] => assert_ne!(done.code, 0, "{what}"),
            [session] => {
                // Before it was made there is none to speak of.
                assert!(done.code == 0 || done.err.contains(name), "which session? {what}");
                let status = if done.code == 0 { "running" } else { "stopped" };
                assert_eq!(session["status"], status, "{what}: {session:#}");
                world.good(&["remove", "--force", name]);
            }
            _ => panic!("{what}: {sessions:#?}"),
        }
        world.assert_empty(&what);
        assert_eq!(world.repository(), repository, "{what}");
        struck.is_some()
    });
    assert!(struck.count() > 8, "the commands did not go through the proxy");
}
