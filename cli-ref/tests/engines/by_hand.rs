//! A person removes a container with the engine's own command.

use crate::engine::Engine;
use crate::proxy::{At, Fault, Proxy};
use crate::world::{World, finish};

crate::on_each_engine! {
    /// Issue 3: a container that is removed by hand is a state, told with what to do, and no error for others.
    a_container_removed_by_hand_is_lost_and_can_be_cleaned_up;
    /// Issue 3: an engine that does not answer for one container does so for the others.
    a_container_that_is_not_answered_for_leaves_the_others;
}

fn a_container_removed_by_hand_is_lost_and_can_be_cleaned_up(engine: Engine) {
    let world = World::new(engine);
    let (name, other) = (&world.name("gone"), &world.name("other"));
    world.start(name);
    let before = world.containers();
    world.start(other);
    world.engine.remove(&before[0]);

    let session = world.until_status(name, "lost");
    let reason = session["status_reason"].as_str().unwrap_or_default();
    assert!(reason.contains("container is gone"), "{session:#}");
    assert_eq!(world.session(other)["status"], "running");
    // Its holder has ended; the other session has one still.
    crate::world::until("one holder is left", || world.holders() == 1);
    for arguments in [&["start", "--detach", name][..], &["exec", name, "--", "true"]] {
        let told = world.bad(arguments, 80);
        assert!(told.contains(name) && told.contains("remove"), "{arguments:?}: {told}");
    }
    // The same again: nothing of that has changed anything.
    assert_eq!(world.session(name)["status"], "lost");
    world.good(&["stop", name]);
    let file = world.session(name)["directory"].as_str().expect("a directory").to_owned();
    assert!(std::path::Path::new(&file).join("workspace/project/README.md").is_file());

    world.good(&["remove", "--force", name]);
    world.start(name);
    assert_eq!(world.session(name)["status"], "running");
    world.good(&["remove", "--force", name, other]);
    world.assert_empty("at the end");
    assert_eq!(world.names_in("trash").len(), 3, "the workspaces are kept");
}

fn a_container_that_is_not_answered_for_leaves_the_others(engine: Engine) {
    let world = World::new(engine);
    let (name, other) = (&world.name("paused"), &world.name("other"));
    world.start(name);
    let container = &world.containers()[0];
    world.start(other);
    // What is neither running nor stopped is asked about.
    world.engine.tell(container, "pause");
    let line: &'static str = format!("/{container}/json").leak();
    let proxy = Proxy::new(&world.engine.socket, At::Line(line), Fault::Silent);
    let done = finish(world.command_at(&proxy.socket(), &["list", "--json"]).output());
    assert!(proxy.disarm().is_some(), "it was not asked about: {done:#?}");
    let list: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    let status = |name: &str| {
        let sessions = list["sessions"].as_array().expect("a list");
        let found = sessions.iter().find(|session| session["name"] == name);
        found.map(|session| session["status"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(status(name).as_deref(), Some("unknown"), "{list:#}");
    assert_eq!(status(other).as_deref(), Some("running"), "{list:#}");
    let notices = list["notices"].to_string();
    assert!(notices.contains(name.as_str()) && !notices.contains(other.as_str()), "{notices}");
    world.engine.tell(container, "unpause");
    world.until_status(name, "running");
    world.good(&["remove", "--force", name, other]);
    world.assert_empty("at the end");
}
