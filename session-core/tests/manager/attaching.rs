//! `attach`: starts what does not run, unless the client only watches.

use session_core::{AttachOptions, ErrorKind, Progress, SessionId, TerminalEvent, TerminalSize};

use crate::world::World;

fn options() -> AttachOptions {
    AttachOptions::new(TerminalSize::new(90, 25))
}

/// S2.5: attaching starts a stopped session, at the client's size, and once.
#[tokio::test]
async fn attach_starts_what_is_stopped() {
    let world = World::new();
    let record = world.create("one").await;
    for _ in 0..2 {
        let attached = world.manager.attach(&record.id, &options(), &Progress::default()).await;
        let event = attached.expect("it can be attached").output.next().await;
        assert_eq!(event.expect("the fake says one thing"), TerminalEvent::Detached);
    }
    let launches = world.holders.launches.lock().expect("no panic").clone();
    assert_eq!(launches.len(), 1);
    assert_eq!(launches[0].as_ref().map(|launch| launch.size), Some(TerminalSize::new(90, 25)));
    let watching = options().with_read_only(true);
    world.manager.attach(&record.id, &watching, &Progress::default()).await.expect("it runs");
}

/// A client that only watches starts nothing.
#[tokio::test]
async fn read_only_on_stopped_is_refused() {
    let world = World::new();
    let record = world.create("one").await;
    let watching = options().with_read_only(true);
    let refused = world.manager.attach(&record.id, &watching, &Progress::default()).await;
    assert_eq!(refused.expect_err("it is stopped").kind(), ErrorKind::Refused);
    assert!(world.holders.launches.lock().expect("no panic").is_empty());
}

/// S2.E4: what is not there is not found, whoever asks.
#[tokio::test]
async fn attach_to_what_is_not_there_is_not_found() {
    let world = World::new();
    for read_only in [true, false] {
        let options = options().with_read_only(read_only);
        let missing = world.manager.attach(&SessionId::new(), &options, &Progress::default()).await;
        assert_eq!(missing.expect_err("there is none").kind(), ErrorKind::NotFound);
    }
    assert!(!world.place.layout().home().join("locks").exists());
}
