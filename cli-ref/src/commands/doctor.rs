//! `sessctl doctor`: what sessions need, and the index mended.

use std::time::Duration;

use serde_json::json;
use session_core::{Check, CheckOutcome, Manager, ProbeReport, Result, TRASH_RETENTION, Timestamp};

use super::Context;
use crate::args::Doctor;

/// A backend that takes longer is of no use.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn run(context: &Context, arguments: &Doctor) -> Result<u8> {
    if arguments.rebuild {
        return rebuild(context).await;
    }
    // All at once: one that hangs costs its time and not that of the others.
    let mut asked = tokio::task::JoinSet::new();
    for kind in context.manager.kinds() {
        let (manager, kind) = (context.manager.clone(), kind.to_owned());
        asked.spawn(async move { probe(&manager, &kind).await });
    }
    let mut reports = asked.join_all().await;
    reports.sort_by(|one, other| one.kind.cmp(&other.kind));
    let usable = reports.iter().any(ProbeReport::is_usable);
    if context.ui.json {
        let document = json!({ "home": context.manager.layout().home(), "backends": reports });
        context.ui.document(&document);
    } else {
        context.ui.line(format!("home: {}", context.manager.layout().home()));
        reports.iter().for_each(|report| show(context, report));
        show_trash(context).await?;
        context.ui.line("\n`sessctl explain CODE` says more about a line");
    }
    Ok(u8::from(!usable))
}

/// What a backend says of itself, or why it says nothing.
async fn probe(manager: &Manager, kind: &str) -> ProbeReport {
    let probed = async { manager.backend(kind)?.probe().await };
    let error = match tokio::time::timeout(PROBE_LIMIT, probed).await {
        Ok(Ok(report)) => return report,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer in {PROBE_LIMIT:?}"),
    };
    let remedy = "see the message; other backends, and `sessctl list`, work without this one";
    let check = Check::failed(format!("{kind}-answers"), error, remedy);
    ProbeReport::new(kind, "unknown", vec![check])
}

fn show(context: &Context, report: &ProbeReport) {
    context.ui.line(format!("\n{} ({})", report.kind, report.engine));
    for check in &report.checks {
        let mark = match check.outcome {
            CheckOutcome::Passed => "\x1b[32mok\x1b[0m     ",
            CheckOutcome::Warning => "\x1b[33mwarning\x1b[0m",
            _ => "\x1b[31mfailed\x1b[0m ",
        };
        context.ui.line(format!("  {mark} {}: {}", check.code, check.message));
        if let Some(remedy) = &check.remedy {
            context.ui.line(format!("          {remedy}"));
        }
    }
}

/// What is past its retention may be deleted; nobody does that unasked.
async fn show_trash(context: &Context) -> Result<()> {
    let items = context.manager.trash().await?;
    let kept_from = Timestamp::now().as_milliseconds() - TRASH_RETENTION.as_millis() as i64;
    let past = items.iter().filter(|item| item.removed_at.as_milliseconds() < kept_from).count();
    if !items.is_empty() {
        context.ui.line(format!(
            "\ntrash: {} removed sessions, {past} of them older than 30 days (`sessctl trash empty` deletes those)",
            items.len()
        ));
    }
    Ok(())
}

async fn rebuild(context: &Context) -> Result<u8> {
    let rebuilt = context.manager.rebuild().await?;
    if context.ui.json {
        let problems = rebuilt.problems.iter().map(|problem| {
            json!({ "id": problem.id, "name": problem.name, "error": problem.error.report() })
        });
        context.ui.document(&json!({
            "indexed": rebuilt.indexed,
            "dropped": rebuilt.dropped,
            "mended": rebuilt.mended,
            "recovered": rebuilt.recovered,
            "problems": problems.collect::<Vec<_>>(),
        }));
        return Ok(u8::from(!rebuilt.problems.is_empty()));
    }
    context.ui.line(format!(
        "index made again: {} records, {} recovered from backends, {} stale rows dropped",
        rebuilt.indexed,
        rebuilt.recovered.len(),
        rebuilt.dropped
    ));
    for problem in &rebuilt.problems {
        let name = problem.name.clone().or(problem.id.map(|id| id.to_string()));
        context.ui.line(format!(
            "  not taken in: {}: {}",
            name.unwrap_or_else(|| "?".to_owned()),
            problem.error
        ));
    }
    Ok(u8::from(!rebuilt.problems.is_empty()))
}
