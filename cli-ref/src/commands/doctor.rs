//! `sessctl doctor`: what sessions need, and the index mended.

use serde_json::json;
use session_core::{Check, CheckOutcome, ProbeReport, Result, TRASH_RETENTION, Timestamp};

use super::Context;
use crate::args::Doctor;

pub(super) async fn run(context: &Context, arguments: &Doctor) -> Result<u8> {
    if arguments.rebuild {
        return rebuild(context).await;
    }
    let mut reports = Vec::new();
    for kind in context.manager.kinds() {
        let probed = match context.manager.backend(kind) {
            Ok(backend) => backend.probe().await,
            Err(error) => Err(error),
        };
        reports.push(probed.unwrap_or_else(|error| {
            let remedy = "see the message; `sessctl list` works without it";
            let check = Check::failed(format!("{kind}-probe"), error.to_string(), remedy);
            ProbeReport::new(kind, "unknown", vec![check])
        }));
    }
    let usable = reports.iter().any(ProbeReport::is_usable);
    if context.ui.json {
        let document = json!({ "home": context.manager.layout().home(), "backends": reports });
        context.ui.document(&document);
    } else {
        context.ui.line(format!("home: {}", context.manager.layout().home()));
        reports.iter().for_each(|report| show(context, report));
        show_trash(context).await?;
    }
    Ok(u8::from(!usable))
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
