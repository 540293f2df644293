use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use camino::Utf8Path;
use libtest_mimic::{Arguments, Trial};
use session_core::{Backend, Result};

use super::{conclude, skipped, trials};
use crate::{CLAUSES, Fixture, Hooks, MemoryFixture, Step};

/// A backend whose engine is not there.
struct Absent(MemoryFixture);

#[async_trait]
impl Fixture for Absent {
    async fn backend(&self) -> Result<Arc<dyn Backend>> {
        self.0.backend().await
    }

    fn directory(&self) -> &Utf8Path {
        self.0.directory()
    }

    fn unavailable(&self) -> Option<String> {
        Some("no engine answers".to_owned())
    }

    fn hooks(&self) -> Hooks {
        Hooks::new()
    }

    fn program(&self, steps: &[Step]) -> Vec<String> {
        self.0.program(steps)
    }
}

fn absent(require: bool) -> Vec<Trial> {
    let make = || Ok(Absent(MemoryFixture::new()?));
    trials(Arc::new(make), require).expect("the fixture can be made")
}

/// Issue 2, section 6: an absent engine is a visible skip.
#[test]
fn an_absent_engine_is_listed_as_ignored() {
    let trials = absent(false);
    assert_eq!(trials.len(), CLAUSES.len());
    let ignored: Vec<_> = trials.iter().filter(|trial| trial.has_ignored_flag()).collect();
    assert_eq!(ignored.len(), CLAUSES.iter().filter(|clause| clause.needs_engine()).count());
    let reasons: Vec<_> = ignored.iter().map(|trial| trial.kind()).collect();
    assert!(reasons.contains(&"skipped: no engine answers"), "{reasons:?}");
    assert!(reasons.contains(&"skipped: fixture has no half_made"), "{reasons:?}");
    assert_eq!(conclude(&Arguments::default(), trials), ExitCode::SUCCESS);
}

/// Issue 2, section 6: a required engine that is absent is a failure.
#[test]
fn an_absent_engine_fails_where_it_is_required() {
    assert_eq!(conclude(&Arguments::default(), absent(true)), ExitCode::from(101));
}

/// Issue 2, section 6: a suite that ran nothing fails.
#[test]
fn a_suite_without_a_clause_fails() {
    let all_skipped = || vec![skipped("anything", "of no use")];
    assert_eq!(conclude(&Arguments::default(), all_skipped()), ExitCode::FAILURE);
    let list = Arguments { list: true, ..Arguments::default() };
    assert_eq!(conclude(&list, all_skipped()), ExitCode::SUCCESS);
}
