//! Removed sessions: listed, brought back, deleted for good.

use std::time::{Duration, SystemTime};

use session_conformance::Operation;
use session_core::{ErrorKind, Phase, Progress, SessionRecord};

use crate::place::{TEXT, assert_nothing_left, entries};
use crate::world::World;

async fn removed(world: &World, name: &str) -> SessionRecord {
    let record = world.create(name).await;
    let none = Progress::default();
    world.manager.remove(&record.id, false, &none).await.expect("it can be removed").record
}

/// What was removed comes back stopped, with its files, and can be used.
#[tokio::test]
async fn restore_brings_everything_back() {
    let world = World::new();
    let record = removed(&world, "one").await;
    let none = Progress::default();
    let back = world.manager.restore("one", &none).await.expect("it comes back");
    assert_eq!(back, record);
    assert_eq!(back.phase, Phase::Ready);
    let file = back.projects[0].path.join("file");
    assert_eq!(std::fs::read_to_string(file).expect("it is there"), TEXT);
    assert!(entries(&world.place.layout().trash()).is_empty());
    world.start(&back).await;
    world.stop(&back).await;
    assert_eq!(world.audit()[2], "restore one ok");
    world.manager.remove(&back.id, false, &none).await.expect("it can be removed again");
    assert_eq!(world.manager.trash().await.expect("it can be read").len(), 1);
}

/// By name if only one had it, else by id; never over another session.
#[tokio::test]
async fn restore_refuses_what_is_not_clear() {
    let world = World::new();
    let none = Progress::default();
    let first = removed(&world, "one").await;
    let second = removed(&world, "one").await;
    let error = world.manager.restore("one", &none).await.expect_err("there are two");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains(&first.id.to_string()), "{error}");
    let error = world.manager.restore("two", &none).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound);

    let third = world.create("one").await;
    let error = world.manager.restore(&second.id.to_string(), &none).await;
    let error = error.expect_err("the name is taken");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(entries(&world.place.layout().sessions()), [third.id.to_string()]);
    let locks = entries(&world.place.layout().home().join("locks"));
    assert!(locks.iter().all(|lock| lock.starts_with(&third.id.to_string())), "{locks:?}");
    assert_eq!(world.manager.trash().await.expect("it can be read").len(), 2);
    world.manager.remove(&third.id, false, &none).await.expect("it can be removed");
    let back = world.manager.restore(&second.id.to_string(), &none).await.expect("by id");
    assert_eq!(back.id, second.id);
}

/// A backend that fails leaves it in the trash, and the name free.
#[tokio::test]
async fn a_restore_that_fails_leaves_it_in_the_trash() {
    let world = World::new();
    let record = removed(&world, "one").await;
    let none = Progress::default();
    world.memory.fail_next(Operation::Create, ErrorKind::BackendUnavailable);
    let failed = world.manager.restore("one", &none).await;
    assert_eq!(failed.expect_err("told to fail").kind(), ErrorKind::BackendUnavailable);
    assert_nothing_left(&world.place.layout());
    assert_eq!(entries(&world.place.layout().trash()), [record.id.to_string()]);

    // Not even the taking back works; then the next command does it.
    world.memory.fail_next(Operation::Create, ErrorKind::BackendUnavailable);
    world.memory.fail_next(Operation::Destroy, ErrorKind::BackendUnavailable);
    world.manager.restore("one", &none).await.expect_err("told to fail");
    let back = world.manager.restore("one", &none).await.expect("the engine is up again");
    assert_eq!((back.id, back.phase), (record.id, Phase::Ready));
}

/// A record of a newer version is not written, so it stays where it is.
#[tokio::test]
async fn a_newer_record_is_not_restored() {
    let world = World::new();
    let record = removed(&world, "one").await;
    let path = world.place.layout().trash().join(record.id.to_string()).join("record.json");
    let json = std::fs::read_to_string(&path).expect("it is there");
    let newer = json.replace("\"schema_version\": 1", "\"schema_version\": 2");
    std::fs::write(&path, newer).expect("it is writable");
    let refused = world.manager.restore("one", &Progress::default()).await;
    assert_eq!(refused.expect_err("it is newer").kind(), ErrorKind::NewerVersion);
    assert_nothing_left(&world.place.layout());
}

/// S4.29: only what is old enough goes, and read-only directories and links go too, not followed.
#[tokio::test]
async fn empty_trash_takes_the_old_only() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let world = World::new();
    let layout = world.place.layout();
    let (old, new) = (removed(&world, "old").await, removed(&world, "new").await);
    let directory = layout.trash().join(old.id.to_string());
    let month = SystemTime::now() - Duration::from_secs(31 * 24 * 60 * 60);
    let record = std::fs::File::options().write(true).open(directory.join("record.json"));
    record.expect("it is there").set_modified(month).expect("it is ours");
    symlink(world.place.project(), directory.join("workspace/link")).expect("it is writable");
    let locked = directory.join("workspace/project");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o500)).expect("ours");
    // One that a killed process had begun to delete.
    std::fs::create_dir(
        layout.trash().join(format!(".emptying-{}", session_core::SessionId::new())),
    )
    .expect("the trash is writable");

    let items = world.manager.trash().await.expect("it can be read");
    let names: Vec<_> = items.iter().map(|item| item.id).collect();
    assert_eq!(names, [new.id, old.id], "latest first");
    let age = Duration::from_secs(30 * 24 * 60 * 60);
    assert_eq!(world.manager.empty_trash(age).await.expect("it can be emptied"), 1);
    assert_eq!(entries(&layout.trash()), [new.id.to_string()]);
    assert_eq!(std::fs::read_to_string(world.place.project().join("file")).expect("there"), TEXT);
    assert_eq!(world.manager.empty_trash(Duration::MAX).await.expect("nothing is so old"), 0);
    assert_eq!(world.manager.empty_trash(Duration::ZERO).await.expect("all are"), 1);
    assert!(entries(&layout.trash()).is_empty());
}
