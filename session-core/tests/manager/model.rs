//! Random sequences of operations and crashes against a model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use session_core::{
    ErrorKind, Filter, Manager, MemoryRegistry, Phase, Registry, StatusWord, TerminalSize,
};

use crate::disk::manager;
use crate::fuse::{Blow, Fuse};
use crate::place::{Place, entries, named};

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone, Copy)]
enum Operation {
    Create,
    Start,
    Stop,
    Remove { force: bool },
    Restore,
}

#[derive(Debug, Clone)]
struct Move {
    operation: Operation,
    name: &'static str,
    /// The point at which it is cut off, if it gets there.
    crash: Option<u32>,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let operation = prop_oneof![
        3 => Just(Operation::Create),
        2 => Just(Operation::Start),
        2 => Just(Operation::Stop),
        2 => any::<bool>().prop_map(|force| Operation::Remove { force }),
        2 => Just(Operation::Restore),
    ];
    let name = prop::sample::select(&NAMES[..]);
    let one = (operation, name, prop::option::weighted(0.4, 0_u32..24));
    prop::collection::vec(
        one.prop_map(|(operation, name, crash)| Move { operation, name, crash }),
        1..14,
    )
}

/// What there should be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Model {
    /// Whether it runs, by name.
    sessions: BTreeMap<String, bool>,
    /// How many removed ones there are, by name.
    trash: BTreeMap<String, usize>,
}

impl Model {
    /// What it is after the operation, or how that is refused.
    fn after(&self, operation: Operation, name: &str) -> Result<Self, ErrorKind> {
        let mut after = self.clone();
        let runs = self.sessions.get(name).copied();
        match operation {
            Operation::Create if runs.is_some() => return Err(ErrorKind::AlreadyExists),
            Operation::Create => drop(after.sessions.insert(name.to_owned(), false)),
            Operation::Restore => match self.trash.get(name) {
                None => return Err(ErrorKind::NotFound),
                Some(1) if runs.is_some() => return Err(ErrorKind::AlreadyExists),
                Some(1) => {
                    after.trash.remove(name);
                    after.sessions.insert(name.to_owned(), false);
                }
                Some(_) => return Err(ErrorKind::InvalidInput),
            },
            _ if runs.is_none() => return Err(ErrorKind::NotFound),
            Operation::Remove { force: false } if runs == Some(true) => {
                return Err(ErrorKind::Refused);
            }
            Operation::Start => drop(after.sessions.insert(name.to_owned(), true)),
            Operation::Stop => drop(after.sessions.insert(name.to_owned(), false)),
            Operation::Remove { .. } => {
                after.sessions.remove(name);
                *after.trash.entry(name.to_owned()).or_default() += 1;
            }
        }
        Ok(after)
    }

    /// What there is.
    async fn observed(manager: &Manager) -> Self {
        let list = manager.list(&Filter::default()).await.expect("it can be listed");
        assert_eq!(list.notices, Vec::<String>::new());
        let mut model = Self::default();
        for item in &list.sessions {
            assert_eq!(item.phase, Some(Phase::Ready), "{item:?}");
            let runs = match item.status {
                StatusWord::Running => true,
                StatusWord::Stopped => false,
                other => panic!("{} is {other}", item.name),
            };
            let before = model.sessions.insert(item.name.clone(), runs);
            assert_eq!(before, None, "`{}` is there twice", item.name);
        }
        for item in manager.trash().await.expect("the trash can be read") {
            let record = item.record.expect("its record is whole");
            assert!(item.directory.join("workspace/project/file").is_file());
            *model.trash.entry(record.name.to_string()).or_default() += 1;
        }
        model
    }
}

async fn play(place: &Place, registry: &Arc<dyn Registry>, step: &Move) -> Result<(), ErrorKind> {
    let fuse = Fuse::new(Blow::Unwind);
    let manager = manager(place.path(), Arc::clone(registry), &fuse, true);
    let progress = fuse.progress();
    if let Some(point) = step.crash {
        fuse.light(point);
    }
    let id = async { Ok(manager.find(step.name).await?.id) };
    let (size, grace) = (TerminalSize::default(), Duration::ZERO);
    let outcome = match step.operation {
        Operation::Create => manager.create(named(step.name), &progress).await.map(drop),
        Operation::Restore => manager.restore(step.name, &progress).await.map(drop),
        operation => match id.await {
            Err(error) => Err(error),
            Ok(id) => match operation {
                Operation::Start => manager.start(&id, size, &progress).await.map(drop),
                Operation::Stop => manager.stop(&id, grace, &progress).await.map(drop),
                _ => {
                    let force = matches!(operation, Operation::Remove { force: true });
                    manager.remove(&id, force, &progress).await.map(drop)
                }
            },
        },
    };
    outcome.map_err(|error| error.kind())
}

async fn check(moves: &[Move]) {
    let place = Place::new();
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let mut model = Model::default();
    for step in moves {
        let outcome = play(&place, &registry, step).await;
        let manager = manager(place.path(), Arc::clone(&registry), &Fuse::new(Blow::Unwind), true);
        let expected = model.after(step.operation, step.name);
        if outcome == Err(ErrorKind::Internal) {
            assert!(step.crash.is_some(), "{step:?}");
            let report = manager.reconcile().await.expect("it can be reconciled");
            assert!(report.left.is_empty(), "{:?}", report.left);
            let now = Model::observed(&manager).await;
            // A removal by force stops first.
            let stopped = model.after(Operation::Stop, step.name);
            let forced = matches!(step.operation, Operation::Remove { force: true });
            let allowed = now == model
                || Ok(&now) == expected.as_ref()
                || forced && Ok(&now) == stopped.as_ref();
            assert!(allowed, "{step:?}: {model:?} {now:?}");
            model = now;
        } else {
            assert_eq!(outcome, expected.as_ref().map(drop).map_err(|kind| *kind), "{step:?}");
            model = expected.unwrap_or(model);
            assert_eq!(Model::observed(&manager).await, model, "{step:?}");
        }
        demand_no_leftovers(&place, &manager, &model).await;
    }
}

async fn demand_no_leftovers(place: &Place, manager: &Manager, model: &Model) {
    let mut ids = Vec::new();
    for name in model.sessions.keys() {
        ids.push(manager.find(name).await.expect("it is found by name").id.to_string());
    }
    ids.sort();
    let layout = place.layout();
    assert_eq!(entries(&layout.sessions()), ids);
    assert_eq!(entries(&place.path().join("engine")), ids);
    assert_eq!(entries(&layout.trash()).len(), model.trash.values().sum::<usize>());
    for lock in entries(&layout.home().join("locks")) {
        assert!(ids.iter().any(|id| lock.starts_with(id.as_str())), "the lock {lock} is left");
    }
    for link in entries(&layout.home().join("active")) {
        assert!(model.sessions.contains_key(&link), "the link {link} is left");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever is done and cut off: the list is the model, names are unique, nothing is left over.
    #[test]
    fn the_list_is_the_model(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("no limit is reached");
        runtime.block_on(check(&moves));
    }
}
