//! Several clients at once.

use std::process::{Child, Command, Stdio};

use crate::engine::Engine;
use crate::kills::start;
use crate::proxy::{At, Fault, Proxy};
use crate::world::{Done, World, finish};

crate::on_each_engine! {
    /// Issue 3: of those who make one name at once, one does, and the others get what it made or are told.
    one_name_is_made_once;
    /// Issue 3: those who start one session at once start it once.
    one_session_is_started_once;
    /// Issue 3: a start and a removal at once end in a whole session or in none.
    a_start_and_a_removal_leave_nothing_half_done;
    /// Issue 3: a container that is started after its client gave up is no main process, and the next start is a start.
    a_start_that_the_engine_hears_late;
}

const CLIENTS: usize = 4;

fn one_name_is_made_once(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("same");
    let done = at_once((0..CLIENTS).map(|_| world.command(&start(name))));
    assert!(done.iter().any(|done| done.code == 0), "{done:#?}");
    // Taken, or busy; never a defect.
    assert!(done.iter().all(|done| [0, 73, 75].contains(&done.code)), "{done:#?}");
    assert_eq!(world.assert_listed("after the race").len(), 1);
    assert_eq!(world.session(name)["status"], "running");
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
}

fn one_session_is_started_once(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("twice");
    world.start_command(name, &["sh", "-c", "echo start >>/workspace/starts; sleep 1000"]);
    world.good(&["stop", "--time", "1", name]);
    let done = at_once((0..CLIENTS).map(|_| world.command(&["start", "--detach", name])));
    assert!(done.iter().all(|done| done.code == 0), "{done:#?}");
    assert_eq!(world.session(name)["status"], "running");
    assert_eq!(world.holders(), 1, "holders: {:?}", world.processes());
    let starts = world.good(&["exec", name, "--", "cat", "/workspace/starts"]);
    assert_eq!(starts.lines().count(), 2, "{starts}");
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
}

fn a_start_and_a_removal_leave_nothing_half_done(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("torn");
    for round in 0..4 {
        world.start(name);
        world.good(&["stop", "--time", "1", name]);
        let start = world.command(&["start", "--detach", name]);
        let remove = world.command(&["remove", "--force", name]);
        let list = world.command(&["list", "--json"]);
        // Both orders of getting off.
        let commands = if round % 2 == 0 { [start, remove, list] } else { [remove, start, list] };
        let done = at_once(commands);
        let what = format!("round {round}: {done:#?}");
        assert!(done.iter().all(|done| [0, 66, 75].contains(&done.code)), "{what}");
        assert_eq!(done[2].code, 0, "{what}");
        let sessions = world.assert_listed(&what);
        // A `start` by name makes a new session where the old one has just gone.
        for _ in &sessions {
            world.good(&["remove", "--force", name]);
        }
        world.assert_empty(&what);
    }
}

fn a_start_that_the_engine_hears_late(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("late");
    let proxy = Proxy::new(&world.engine.socket, At::Line("/start "), Fault::Late);
    let done = finish(world.command_at(&proxy.socket(), &start(name)).output());
    proxy.until_back();
    let what = format!("{:?}: {done:#?}", proxy.disarm());
    assert!(done.code == 69 && done.err.contains("start the container"), "{what}");
    assert_eq!(world.session(name)["status"], "stopped", "{what}");
    world.start(name);
    world.until_status(name, "running");
    world.good(&["remove", "--force", name]);
    world.assert_empty(&what);
}

/// Runs all commands at the same time.
pub(crate) fn at_once(commands: impl IntoIterator<Item = Command>) -> Vec<Done> {
    let begin = |mut command: Command| -> Child {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts")
    };
    let children: Vec<_> = commands.into_iter().map(begin).collect();
    children.into_iter().map(|child| finish(child.wait_with_output())).collect()
}
