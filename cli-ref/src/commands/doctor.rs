//! `sessctl doctor`: what sessions need, and the index mended.

use serde_json::json;
use session_core::{Check, CheckOutcome, ProbeReport, Result};

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
    if arguments.json {
        let document = json!({ "home": context.manager.layout().home(), "backends": reports });
        context.ui.line(serde_json::to_string_pretty(&document).expect("reports are plain data"));
    } else {
        context.ui.line(format!("home: {}", context.manager.layout().home()));
        reports.iter().for_each(|report| show(context, report));
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

async fn rebuild(context: &Context) -> Result<u8> {
    let rebuilt = context.manager.rebuild().await?;
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
