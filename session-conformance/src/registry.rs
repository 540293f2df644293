//! The contract of a registry, as clauses.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use libtest_mimic::{Arguments, Trial};
use session_core::{
    Entry, Filter, Registry, ResolvedSpec, Result, SessionId, SessionName, SessionRecord, Timestamp,
};

use crate::clause::Verdict;
use crate::registry_clauses::REGISTRY_CLAUSES;
use crate::runner::{block_on, bounded, conclude, fail, skipped};
use crate::{Failure, clause::ensure};

/// How long one clause may take before it has failed.
const BOUND: Duration = Duration::from_secs(60);

/// A place with one registry in it, for one clause: made before the clause, dropped after it.
#[async_trait]
pub trait RegistryFixture: Send + Sync + 'static {
    /// Gives a fresh handle to *the* registry of this place, as a new process would make it.
    async fn registry(&self) -> Result<Arc<dyn Registry>>;

    /// Whether [`write`](Self::write) works.
    fn can_write(&self) -> bool {
        false
    }

    /// Puts these bytes in the place of the stored document of a session that was inserted before,
    /// behind the registry's back. They may be no document at all.
    async fn write(&self, id: &SessionId, document: &[u8]) -> Result<()> {
        let _ = (id, document);
        Ok(())
    }
}

/// One sentence of the contract of a registry, as code.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RegistryClause {
    /// Its name, which is also a bullet of the trait's `# Contract` list.
    pub name: &'static str,
    pub(crate) writes: bool,
    pub(crate) run: for<'a> fn(&'a RegistryCase) -> BoxFuture<'a, Verdict>,
}

impl RegistryClause {
    /// Whether it needs [`RegistryFixture::write`].
    pub fn needs_write(&self) -> bool {
        self.writes
    }
}

impl fmt::Debug for RegistryClause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClause").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Runs every clause on the registry that `make` gives a place to, as [`main`](crate::main) does
/// for backends.
///
/// ```no_run
/// # use session_conformance::MemoryRegistryFixture;
/// fn main() -> std::process::ExitCode {
///     session_conformance::registry_main(|| Ok(MemoryRegistryFixture::new()))
/// }
/// ```
pub fn registry_main<F: RegistryFixture>(
    make: impl Fn() -> Result<F> + Send + Sync + 'static,
) -> ExitCode {
    let make: Arc<dyn Fn() -> Result<F> + Send + Sync> = Arc::new(make);
    let can_write = match make() {
        Ok(fixture) => fixture.can_write(),
        Err(error) => return fail(&format!("the fixture can't be made: {}", Failure::from(error))),
    };
    let trial = |clause: &'static RegistryClause| {
        if clause.writes && !can_write {
            return skipped(clause.name, "fixture has no write");
        }
        let make = Arc::clone(&make);
        let run = move || {
            let fixture = make().map_err(Failure::from)?;
            Ok(block_on(check_registry(Arc::new(fixture), clause))?)
        };
        Trial::test(clause.name, run)
    };
    conclude(&Arguments::from_args(), REGISTRY_CLAUSES.iter().map(trial).collect())
}

/// Checks one clause on one fixture, within a bound. Needs a tokio runtime with time.
pub async fn check_registry(
    fixture: Arc<dyn RegistryFixture>,
    clause: &RegistryClause,
) -> std::result::Result<(), Failure> {
    let registry = fixture.registry().await?;
    let case = RegistryCase { fixture, registry };
    bounded(BOUND, (clause.run)(&case)).await
}

/// What a clause of a registry works with.
pub(crate) struct RegistryCase {
    pub(crate) fixture: Arc<dyn RegistryFixture>,
    pub(crate) registry: Arc<dyn Registry>,
}

/// A record that was made `age` minutes before a fixed moment.
pub(crate) fn record(name: &str, age: i64) -> Verdict<SessionRecord> {
    let name = SessionName::try_from(name.to_owned())?;
    let directory = format!("/nowhere/{name}");
    let spec = ResolvedSpec::new(name, "memory", vec!["true".to_owned()], directory);
    let made = Timestamp::from_milliseconds(1_700_000_000_000 - age * 60_000);
    Ok(SessionRecord::new(SessionId::new(), spec, "somebody", made))
}

impl RegistryCase {
    pub(crate) async fn fresh(&self) -> Verdict<Arc<dyn Registry>> {
        Ok(self.fixture.registry().await?)
    }

    /// Adds a record and gives it as it was stored.
    pub(crate) async fn add(&self, name: &str, age: i64) -> Verdict<Entry> {
        let record = record(name, age)?;
        self.registry.insert(&record).await?;
        Ok(self.registry.fetch(&record.id).await?)
    }

    /// The names of the records that are listed and can be read.
    pub(crate) async fn names(&self, filter: &Filter) -> Verdict<Vec<String>> {
        let list = self.fresh().await?.list(filter).await?;
        Ok(list.into_iter().flatten().map(|entry| entry.record.name.to_string()).collect())
    }

    pub(crate) async fn expect_names(&self, filter: &Filter, expected: &[&str]) -> Verdict {
        let names = self.names(filter).await?;
        ensure!(names == expected, "with {filter:?} are listed {names:?}, not {expected:?}");
        Ok(())
    }
}
