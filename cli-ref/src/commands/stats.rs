//! `sessctl stats`: what a session uses now.

use session_core::Result;

use super::Context;
use crate::amount;
use crate::args::Stats;
use crate::ui::table;

const HEADINGS: [&str; 4] = ["NAME", "PROCESSES", "MEMORY", "CPU TIME"];

pub(super) async fn run(context: &Context, arguments: &Stats) -> Result<u8> {
    let record = context.manager.find(&arguments.name).await?;
    let stats = context.manager.stats(&record.id).await?;
    if context.ui.json {
        context.ui.document(&stats);
        return Ok(0);
    }
    let usage = &stats.usage;
    let milliseconds = usage.cpu_milliseconds;
    let cells = [
        stats.name,
        usage.processes.to_string(),
        amount::shown(usage.memory_bytes),
        format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10),
    ];
    context.ui.text(table(&HEADINGS, &[cells.map(|cell| (cell, "")).to_vec()]));
    Ok(0)
}
