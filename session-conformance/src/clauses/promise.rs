//! What a backend says of itself, before a session exists.

use crate::Case;
use crate::clause::{Verdict, ensure};

pub(super) async fn kind_is_a_word(case: &Case) -> Verdict {
    let kind = case.backend.kind();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(
        kind.starts_with(|c: char| c.is_ascii_lowercase()) && kind.chars().all(allowed),
        "the kind {kind:?} is not lowercase letters, digits and dashes"
    );
    let again = case.fresh().await?;
    ensure!(again.kind() == kind, "the kind changes: {kind:?}, then {:?}", again.kind());
    Ok(())
}

pub(super) async fn capabilities_constant(case: &Case) -> Verdict {
    let promised = case.backend.capabilities().clone();
    let again = case.fresh().await?.capabilities().clone();
    ensure!(promised == again, "a fresh handle promises {again:?}, not {promised:?}");
    ensure!(
        *case.backend.capabilities() == promised,
        "the same handle promises something else the second time"
    );
    Ok(())
}

pub(super) async fn probe_changes_nothing(case: &Case) -> Verdict {
    let made = case.make().await?;
    let report = case.backend.probe().await?;
    ensure!(report.kind == case.backend.kind(), "the report is about the kind {:?}", report.kind);
    ensure!(report.is_usable(), "sessions can be made, but a check failed: {report:?}");
    let list = case.fresh().await?.list().await?;
    ensure!(
        list.len() == 1 && list[0].id == made.id,
        "after a probe the list is not what it was: {list:?}"
    );
    Ok(())
}

pub(super) async fn snapshots_as_promised(case: &Case) -> Verdict {
    let made = case.make().await?;
    let promised = case.backend.capabilities().snapshots;
    let given = made.session.snapshots().is_some();
    ensure!(promised == given, "snapshots: promised {promised}, given {given}");
    Ok(())
}

pub(super) async fn stats_as_promised(case: &Case) -> Verdict {
    let made = case.make().await?;
    let promised = case.backend.capabilities().stats;
    let given = made.session.stats().is_some();
    ensure!(promised == given, "stats: promised {promised}, given {given}");
    if !promised {
        return Ok(());
    }
    let main = case.start(&made, &[crate::Step::Wait]).await?;
    let Some(stats) = made.session.stats() else { return Ok(()) };
    let usage = stats.usage().await?;
    ensure!(usage.processes > 0, "a running session has no processes: {usage:?}");
    drop(main);
    Ok(())
}
