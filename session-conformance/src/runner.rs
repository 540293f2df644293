//! Runs clauses as ordinary tests.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use session_core::Result;

use crate::{CLAUSES, Case, Clause, Failure, Fixture};

/// Runs every clause on the backend that `make` gives a place to, and reads the command line as
/// any test does (`cargo test`, `cargo nextest list`, filters).
///
/// A clause that says nothing about this backend is listed as ignored, its kind telling why. If
/// the fixture says that its engine is absent, only the clauses run that need none; the others are
/// listed as ignored, or fail where the environment has `SESSION_CONFORMANCE=require`. A suite in
/// which no clause ran fails.
///
/// ```no_run
/// # use session_conformance::MemoryFixture;
/// fn main() -> std::process::ExitCode {
///     session_conformance::main(MemoryFixture::new)
/// }
/// ```
pub fn main<F: Fixture>(make: impl Fn() -> Result<F> + Send + Sync + 'static) -> ExitCode {
    let require = std::env::var_os("SESSION_CONFORMANCE").is_some_and(|value| value == "require");
    match trials(Arc::new(make), require) {
        Ok(trials) => conclude(&Arguments::from_args(), trials),
        Err(failure) => fail(&format!("the fixture gives no backend: {failure}")),
    }
}

type Make<F> = Arc<dyn Fn() -> Result<F> + Send + Sync>;

fn trials<F: Fixture>(make: Make<F>, require: bool) -> std::result::Result<Vec<Trial>, Failure> {
    let fixture = make()?;
    let backend = block_on(async { fixture.backend().await.map_err(Failure::from) })?;
    let (capabilities, hooks) = (backend.capabilities().clone(), fixture.hooks());
    let unavailable = fixture.unavailable();
    let trial = |clause: &'static Clause| {
        let absent = unavailable.as_ref().filter(|_| clause.needs_engine());
        let make = Arc::clone(&make);
        let run = move || in_place(&*make, clause);
        match (clause.inapplicable(&capabilities, &hooks), absent) {
            (Some(reason), _) => skipped(clause.name, &reason),
            (None, Some(reason)) if require => {
                let reason = format!("the engine is required and absent: {reason}");
                Trial::test(clause.name, || Err(reason.into()))
            }
            (None, Some(reason)) => skipped(clause.name, reason),
            (None, None) => Trial::test(clause.name, run),
        }
    };
    Ok(CLAUSES.iter().map(trial).collect())
}

/// Checks one clause on one fixture, within the fixture's bound, and destroys what it made.
///
/// For runners other than [`main`]; needs a tokio runtime with time. Applicability is the
/// caller's matter ([`Clause::inapplicable`]).
pub async fn check(fixture: Arc<dyn Fixture>, clause: &Clause) -> std::result::Result<(), Failure> {
    let bound = fixture.bound();
    let case = Case::new(fixture).await?;
    let verdict = bounded(bound, (clause.run)(&case)).await;
    case.clean().await;
    verdict
}

pub(crate) async fn bounded(
    bound: Duration,
    work: BoxFuture<'_, std::result::Result<(), Failure>>,
) -> std::result::Result<(), Failure> {
    match tokio::time::timeout(bound, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) => Err(Failure::new("it panicked")),
        Err(_) => Err(Failure::new(format!("it was not done after {} s", bound.as_secs()))),
    }
}

fn in_place<F: Fixture>(
    make: &(dyn Fn() -> Result<F> + Send + Sync),
    clause: &'static Clause,
) -> std::result::Result<(), Failed> {
    let fixture = make().map_err(|error| Failed::from(Failure::from(error)))?;
    block_on(check(Arc::new(fixture), clause)).map_err(Failed::from)
}

/// A test that is listed and not run. Asked for by name all the same, it says so.
pub(crate) fn skipped(name: &'static str, reason: &str) -> Trial {
    let why = reason.to_owned();
    #[expect(clippy::print_stderr, reason = "a skip must be seen")]
    let run = move || {
        eprintln!("SKIPPED {name}: {why}");
        Ok(())
    };
    Trial::test(name, run).with_kind(format!("skipped: {reason}")).with_ignored_flag(true)
}

/// Runs the tests and fails if none ran although none was filtered out.
pub(crate) fn conclude(arguments: &Arguments, trials: Vec<Trial>) -> ExitCode {
    let conclusion = libtest_mimic::run(arguments, trials);
    let ran = conclusion.num_passed + conclusion.num_failed;
    if !arguments.list && ran == 0 && conclusion.num_filtered_out == 0 {
        return fail("no clause ran, so nothing was shown");
    }
    conclusion.exit_code()
}

#[expect(clippy::print_stderr, reason = "this is the program's end")]
pub(crate) fn fail(message: &str) -> ExitCode {
    eprintln!("session-conformance: {message}");
    ExitCode::FAILURE
}

pub(crate) fn block_on<T>(
    work: impl Future<Output = std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests;
