//! Every mutant is caught first by the clause that it names, and every clause catches one first.

use std::collections::BTreeSet;
use std::sync::Arc;

use session_conformance::{
    CLAUSES, Hooks, MemoryFixture, MemoryWorld, Mutant, REGISTRY_CLAUSES, RegistryMutant,
    StrictRegistryFixture, check, check_registry,
};
use session_core::{Capabilities, Isolation};

/// The name of the first clause that a world breaks, with the reason. Time stands still unless all
/// wait, so that a clause that hangs fails at once.
fn first_broken(world: impl Fn() -> MemoryWorld) -> Option<(&'static str, String)> {
    CLAUSES.iter().find_map(|clause| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let fixture =
            MemoryFixture::with_world(world()).expect("a temporary directory can be made");
        let verdict = runtime
            .expect("a runtime without threads can be made")
            .block_on(check(Arc::new(fixture), clause));
        verdict.err().map(|failure| (clause.name, failure.to_string()))
    })
}

/// Issue 2, section 6.
#[test]
fn the_unbroken_backend_keeps_every_clause() {
    assert_eq!(first_broken(MemoryWorld::new), None);
}

/// Issue 2, section 6.
#[test]
fn every_mutant_is_caught_first_by_its_clause() {
    let halves = Mutant::ALL.chunks(Mutant::ALL.len().div_ceil(2));
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let look = |mutant: &Mutant| {
            let broken = first_broken(|| MemoryWorld::new().with_mutant(*mutant));
            let right = broken.as_ref().is_some_and(|broken| broken.0 == mutant.caught_by());
            (!right).then(|| format!("{mutant:?}, caught by {}: {broken:?}", mutant.caught_by()))
        };
        let threads: Vec<_> = halves
            .map(|half| scope.spawn(move || half.iter().filter_map(look).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no clause panics")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Issue 2, section 6.
#[test]
fn no_clause_is_without_a_mutant() {
    let caught: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.caught_by()).collect();
    let clauses: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name).collect();
    assert_eq!(clauses.len(), CLAUSES.len(), "two clauses have one name");
    let idle: Vec<_> = clauses.difference(&caught).collect();
    assert!(idle.is_empty(), "clauses that no mutant breaks: {idle:?}");
    let unknown: Vec<_> = caught.difference(&clauses).collect();
    assert!(unknown.is_empty(), "mutants of clauses that there are not: {unknown:?}");
}

/// The names of the clauses that a registry breaks.
fn first_broken_of_registry(mutant: Option<RegistryMutant>) -> Option<(&'static str, String)> {
    REGISTRY_CLAUSES.iter().find_map(|clause| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let fixture = StrictRegistryFixture::new();
        let fixture = match mutant {
            Some(mutant) => fixture.with_mutant(mutant),
            None => fixture,
        };
        let verdict = runtime
            .expect("a runtime without threads can be made")
            .block_on(check_registry(Arc::new(fixture), clause));
        verdict.err().map(|failure| (clause.name, failure.to_string()))
    })
}

/// Issue 2, section 6.
#[test]
fn every_mutant_of_the_registry_is_caught_first_by_its_clause() {
    assert_eq!(first_broken_of_registry(None), None);
    for mutant in RegistryMutant::ALL {
        let broken = first_broken_of_registry(Some(*mutant));
        let clause = broken.as_ref().map(|broken| broken.0);
        assert_eq!(clause, Some(mutant.caught_by()), "{mutant:?}: {broken:?}");
    }
    let caught: BTreeSet<_> = RegistryMutant::ALL.iter().map(|mutant| mutant.caught_by()).collect();
    let clauses: BTreeSet<_> = REGISTRY_CLAUSES.iter().map(|clause| clause.name).collect();
    assert_eq!(caught, clauses, "a clause is without a mutant, or a mutant without its clause");
}

/// Issue 2, section 6: what a backend does not promise, it refuses or leaves out.
#[test]
fn the_weakest_backend_keeps_every_clause_that_applies() {
    let weakest = Capabilities::new(Isolation::Directory);
    let hooks = Hooks::new().with_processes(true);
    for clause in CLAUSES.iter().filter(|clause| clause.inapplicable(&weakest, &hooks).is_none()) {
        let world = MemoryWorld::new().with_capabilities(weakest.clone());
        let fixture = MemoryFixture::with_world(world).expect("a temporary directory can be made");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let verdict = runtime
            .expect("a runtime without threads can be made")
            .block_on(check(Arc::new(fixture), clause));
        assert_eq!(verdict, Ok(()), "{}", clause.name);
    }
}
