//! `sessctl stats`: what sessions use now, and what their agents did (S1.F4, S3.12, S4.35).

use session_core::{Analytics, Filter, Result, SessionAnalytics, Sum};

use super::{Context, list};
use crate::amount;
use crate::args::Stats;
use crate::table::{Row, fitted, table};
use crate::terminal;
use crate::ui::plain;

const HEADINGS: [&str; 4] = ["NAME", "PROCESSES", "MEMORY", "CPU TIME"];
const ALL: [&str; 10] = [
    "NAME", "AGENT", "STATUS", "MODEL", "MESSAGES", "TOOLS", "ACTIVITY", "SIZE", "MEMORY",
    "CPU TIME",
];
const BOLD: &str = "\x1b[1m";

pub(super) async fn run(context: &Context, arguments: &Stats) -> Result<u8> {
    let Some(name) = &arguments.name else { return all(context, arguments).await };
    let record = context.manager.find(name).await?;
    let stats = context.manager.stats(&record.id).await?;
    if context.ui.json {
        let facts = context.manager.facts(&record.id).await?;
        context.ui.document(&stats.with_facts(facts));
        return Ok(0);
    }
    let [memory, time] = list::usage(Some(&stats.usage));
    let cells = [stats.name, stats.usage.processes.to_string(), memory, time];
    context.ui.text(table(&HEADINGS, &[cells.map(|cell| (cell, "")).to_vec()]));
    Ok(0)
}

async fn all(context: &Context, arguments: &Stats) -> Result<u8> {
    let mut filter = Filter::default();
    filter.backend.clone_from(&arguments.backend);
    let analytics = context.manager.analytics(&filter).await?;
    if context.ui.json {
        context.ui.document(&analytics);
        return Ok(0);
    }
    for notice in &analytics.notices {
        context.ui.notice(format!("note: {}", plain(notice)));
    }
    context.ui.text(render(&analytics, terminal::width()));
    Ok(0)
}

/// The table that people read, at a terminal of this width: sessions, then sums by agent and by model, then all.
fn render(analytics: &Analytics, width: Option<usize>) -> String {
    if analytics.sessions.is_empty() {
        return "no sessions yet; `sessctl start` makes one\n".to_owned();
    }
    let mut rows: Vec<_> = analytics.sessions.iter().map(session).collect();
    let mut sum = |name: String, agent: &str, model: &str, sum: &Sum| {
        rows.push(together(name, agent, model, sum));
    };
    if analytics.by_agent.len() > 1 {
        for (agent, of) in &analytics.by_agent {
            sum("all of agent".to_owned(), &plain(agent), "", of);
        }
    }
    if analytics.by_model.len() > 1 {
        for (model, of) in &analytics.by_model {
            sum("all with model".to_owned(), "", &plain(model), of);
        }
    }
    sum("all".to_owned(), "", "", &analytics.total);
    fitted(&ALL, &rows, width)
}

fn session(session: &SessionAnalytics) -> Row {
    let state = session.facts.state.map(|state| format!(", {}", state.as_str()));
    let first = [
        plain(&session.name),
        plain(&session.agent),
        format!("{}{}", session.status, state.unwrap_or_default()),
    ];
    let facts = list::facts(Some(&session.facts));
    let cells = first.into_iter().chain(facts).chain(list::usage(session.usage.as_ref()));
    cells.map(|cell| (cell, "")).collect()
}

fn together(name: String, agent: &str, model: &str, sum: &Sum) -> Row {
    let used = sum.running > 0;
    let cells = [
        name,
        agent.to_owned(),
        format!("{} of {} running", sum.running, sum.sessions),
        model.to_owned(),
        sum.message_count.to_string(),
        sum.tool_call_count.to_string(),
        sum.last_activity.map_or_else(|| "-".to_owned(), |time| time.to_table()),
        amount::shown(sum.disk_bytes),
        if used { amount::shown(sum.memory_bytes) } else { "-".to_owned() },
        if used { amount::seconds(sum.cpu_milliseconds) } else { "-".to_owned() },
    ];
    cells.map(|cell| (cell, BOLD)).to_vec()
}
