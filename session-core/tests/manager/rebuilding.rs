//! `rebuild`: the index again, from what is really there (S4.E7).

use std::sync::Arc;

use session_conformance::MemoryBackend;
use session_core::{
    Backend as _, ErrorKind, Filter, MemoryRegistry, Phase, Progress, Rebuilt, Registry, SessionId,
};

use crate::place::{TEXT, entries, named};
use crate::world::{World, waits};

async fn rebuild(world: &World) -> Rebuilt {
    world.manager.rebuild().await.expect("it can be rebuilt")
}

async fn names(world: &World) -> Vec<String> {
    let list = world.manager.list(&Filter::default()).await.expect("it lists");
    assert_eq!(list.notices, Vec::<String>::new());
    list.sessions.into_iter().map(|item| item.name).collect()
}

fn assert_nothing_done(rebuilt: &Rebuilt, indexed: usize) {
    assert_eq!((rebuilt.indexed, rebuilt.dropped), (indexed, 0), "{rebuilt:?}");
    assert!(rebuilt.mended.is_empty() && rebuilt.recovered.is_empty(), "{rebuilt:?}");
}

/// The index is gone: the record files make it again.
#[tokio::test]
async fn a_lost_index_comes_from_the_files() {
    let world = World::new();
    let records = [world.create("one").await, world.create("two").await];
    for record in &records {
        world.registry.remove(&record.id).await.expect("it can be lost");
    }
    assert!(world.registry.list(&Filter::default()).await.expect("it lists").is_empty());
    let rebuilt = rebuild(&world).await;
    assert_eq!((rebuilt.indexed, rebuilt.problems.len()), (2, 0), "{rebuilt:?}");
    for record in &records {
        let found = world.registry.find(&record.name).await.expect("it is there again");
        assert_eq!(found.record, *record);
    }
    assert_nothing_done(&rebuild(&world).await, 2);
}

/// A damaged file is written again from the index, and what was there is kept.
#[tokio::test]
async fn a_damaged_file_is_mended_and_kept() {
    for damage in [&b"null"[..], b"{\"schema_version\": 1, \"id\"", b"\xff\x00", b""] {
        let world = World::new();
        let record = world.create("one").await;
        let path = world.place.layout().record(&record.id);
        std::fs::write(&path, damage).expect("it is ours");
        let rebuilt = rebuild(&world).await;
        assert_eq!((rebuilt.mended.as_slice(), rebuilt.problems.len()), (&[record.id][..], 0));
        assert_eq!(world.manager.find("one").await.expect("it is there"), record);
        let directory = world.place.layout().session(&record.id);
        let kept = entries(&directory);
        let kept: Vec<_> = kept.iter().filter(|name| name.starts_with("record-damaged-")).collect();
        let [kept] = kept.as_slice() else { panic!("{kept:?}") };
        assert_eq!(std::fs::read(directory.join(kept)).expect("it is kept"), damage);
        assert_nothing_done(&rebuild(&world).await, 1);
    }
}

/// So it is by whatever writes the record next.
#[tokio::test]
async fn any_change_keeps_a_damaged_file() {
    let world = World::new();
    let record = world.create("one").await;
    let directory = world.place.layout().session(&record.id);
    std::fs::write(world.place.layout().record(&record.id), "null").expect("it is ours");
    world.start(&record).await;
    world.stop(&record).await;
    let kept = entries(&directory);
    assert_eq!(kept.iter().filter(|name| name.starts_with("record-damaged-")).count(), 1);
}

/// What is damaged everywhere is told, and keeps nothing else from being done.
#[tokio::test]
async fn what_can_not_be_mended_is_told() {
    let world = World::new();
    let (one, two) = (world.create("one").await, world.create("two").await);
    let newer = world.create("newer").await;
    let layout = world.place.layout();
    std::fs::write(layout.record(&one.id), "null").expect("it is ours");
    world.registry.remove(&one.id).await.expect("it can be lost");
    world.memory.vanish(&one.id);
    // A newer version's, which can't be read at all here, beside a row of this version.
    let unreadable = r#"{"schema_version": 9}"#;
    std::fs::write(layout.record(&newer.id), unreadable).expect("it is ours");
    world.registry.remove(&two.id).await.expect("it can be lost");

    for _ in 0..2 {
        let rebuilt = rebuild(&world).await;
        let problems: Vec<_> =
            rebuilt.problems.iter().map(|problem| (problem.id, problem.error.kind())).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.contains(&(Some(one.id), ErrorKind::Damaged)), "{problems:?}");
        assert!(problems.contains(&(Some(newer.id), ErrorKind::NewerVersion)), "{problems:?}");
        assert_eq!(rebuilt.indexed, 1);
        assert!(rebuilt.recovered.is_empty(), "its work is where its record was");
    }
    assert_eq!(std::fs::read_to_string(layout.record(&newer.id)).expect("there"), unreadable);
    world.manager.find("two").await.expect("it is there again");
    let work = one.projects[0].path.join("file");
    assert_eq!(std::fs::read_to_string(work).expect("it is there"), TEXT);
}

/// Rows of sessions whose directory is gone go, those of sessions in the making stay.
#[tokio::test]
async fn rows_without_a_file_are_dropped() {
    let world = World::new();
    let (gone, making) = (world.create("gone").await, world.create("making").await);
    let layout = world.place.layout();
    for record in [&gone, &making] {
        std::fs::remove_dir_all(layout.session(&record.id)).expect("it is ours");
        world.memory.vanish(&record.id);
    }
    let entry = world.registry.fetch(&making.id).await.expect("it is there");
    let mut record = entry.record;
    record.phase = Phase::Creating;
    world.registry.update(&record, entry.revision).await.expect("it is there");
    let rebuilt = rebuild(&world).await;
    assert_eq!((rebuilt.dropped, rebuilt.problems.len()), (1, 0), "{rebuilt:?}");
    assert_eq!(names(&world).await, ["making"]);
    world.create("gone").await;
}

/// Two files with one name: the newer one has it, the other is told, each time the same.
#[tokio::test]
async fn of_a_name_clash_one_is_told() {
    let world = World::new();
    let first = world.create("one").await;
    world.registry.remove(&first.id).await.expect("it can be lost");
    let second = world.create("one").await;
    for lost in [false, true, true] {
        if lost {
            world.registry.remove(&second.id).await.expect("it can be lost");
        }
        let rebuilt = rebuild(&world).await;
        let [problem] = rebuilt.problems.as_slice() else { panic!("{rebuilt:?}") };
        assert_eq!((problem.id, problem.error.kind()), (Some(first.id), ErrorKind::AlreadyExists));
        assert_eq!(world.manager.find("one").await.expect("it is there").id, second.id);
    }
    // Stale rows have no say.
    std::fs::remove_dir_all(world.place.layout().session(&second.id)).expect("it is ours");
    world.memory.vanish(&second.id);
    let rebuilt = rebuild(&world).await;
    assert_eq!((rebuilt.dropped, rebuilt.indexed, rebuilt.problems.len()), (1, 1, 0));
    assert_eq!(world.manager.find("one").await.expect("it is there").id, first.id);
    assert_nothing_done(&rebuild(&world).await, 1);
}

/// Lesson 21: no record at all, in no file and no row: as much as the backend knows.
#[tokio::test]
async fn a_session_without_a_record_is_recovered() {
    for damage in ["missing", "no directory", "damaged"] {
        let directory = damage != "no directory";
        let world = World::new();
        let lost = world.create("one").await;
        world.start(&lost).await;
        world.registry.remove(&lost.id).await.expect("it can be lost");
        let session = world.place.layout().session(&lost.id);
        match damage {
            "missing" => std::fs::remove_file(session.join("record.json")).expect("it is ours"),
            "damaged" => std::fs::write(session.join("record.json"), "null").expect("it is ours"),
            _ => std::fs::remove_dir_all(&session).expect("it is ours"),
        }
        let rebuilt = rebuild(&world).await;
        assert!(rebuilt.problems.is_empty(), "{damage}: {rebuilt:?}");
        let kept = entries(&session).iter().any(|name| name.starts_with("record-damaged-"));
        assert_eq!(kept, damage == "damaged");
        assert_eq!(rebuilt.recovered, [lost.id], "{rebuilt:?}");
        let found = world.manager.find("one").await.expect("by its label");
        assert_eq!((found.id, found.phase), (lost.id, Phase::Ready));
        if directory {
            assert_eq!(found.spec.working_directory, lost.spec.working_directory);
        }
        assert_nothing_done(&rebuild(&world).await, 1);
        world.stop(&found).await;
        world.manager.remove(&found.id, true, &Progress::default()).await.expect("removable");
        assert!(world.found().await.is_empty());
    }
}

/// A recovered name that is taken, or that there is none, becomes one with the id.
#[tokio::test]
async fn a_recovered_name_that_is_taken_gets_the_id() {
    let world = World::new();
    let record = world.create("one").await;
    let stray = SessionId::new();
    let backend = MemoryBackend::new(world.memory.clone());
    backend.create(&stray, &record.spec).await.expect("it can be made");
    let half_made = SessionId::new();
    world.memory.half_made(&half_made, &record.spec, 0);
    let rebuilt = rebuild(&world).await;
    let mut recovered = rebuilt.recovered.clone();
    recovered.sort();
    assert_eq!((recovered, rebuilt.problems.len()), (vec![stray, half_made], 0), "{rebuilt:?}");
    for id in [stray, half_made] {
        let found = world.manager.find(&format!("recovered-{id}")).await.expect("by its id");
        assert_eq!(found.id, id);
    }
    assert_nothing_done(&rebuild(&world).await, 3);
    assert_eq!(world.manager.find("one").await.expect("it is there").id, record.id);
}

/// Somebody makes sessions and removes them meanwhile: nothing is taken in that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuilding_beside_others_takes_in_no_ghosts() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let world = World::with(Default::default(), registry);
    let manager = world.manager.clone();
    let others = tokio::spawn(async move {
        let none = Progress::default();
        for round in 0..60 {
            let spec = waits(named(&format!("n{round}")));
            let record = manager.create(spec, &none).await.expect("it can be made");
            manager.remove(&record.id, false, &none).await.expect("it can be removed");
        }
    });
    while !others.is_finished() {
        let rebuilt = rebuild(&world).await;
        assert!(rebuilt.recovered.is_empty(), "{rebuilt:?}");
    }
    others.await.expect("no panic");
    let rebuilt = rebuild(&world).await;
    assert_eq!((rebuilt.indexed, rebuilt.dropped), (0, 0), "{rebuilt:?}");
    assert_eq!(names(&world).await, Vec::<String>::new());
    assert!(world.found().await.is_empty());
}
