//! `sessctl list`: all sessions, as they are recorded and as they are.

use session_core::{AgentFacts, Filter, ListItem, Phase, Result, SessionList, Usage};

use super::Context;
use crate::amount;
use crate::args::List;
use crate::table::{Row, fitted};
use crate::terminal;
use crate::ui::plain;

const HEADINGS: [&str; 7] = ["NAME", "AGENT", "STATUS", "BACKEND", "SOURCE", "BRANCH", "CREATED"];
const WIDE: [&str; 14] = [
    "NAME", "AGENT", "STATUS", "MODEL", "MESSAGES", "TOOLS", "ACTIVITY", "SIZE", "MEMORY",
    "CPU TIME", "BACKEND", "SOURCE", "BRANCH", "CREATED",
];
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";

pub(super) async fn run(context: &Context, arguments: &List) -> Result<u8> {
    let mut filter = Filter::default();
    filter.backend.clone_from(&arguments.backend);
    let look = || async {
        match arguments.wide {
            true => context.manager.list_with_facts(&filter).await,
            false => context.manager.list(&filter).await,
        }
    };
    let mut list = look().await?;
    if list.sessions.iter().any(|item| item.phase.is_some_and(|phase| phase != Phase::Ready)) {
        // What a killed command left half done is finished now, if nobody works on it.
        let _ = context.manager.reconcile().await;
        list = look().await?;
    }
    if context.ui.json {
        context.ui.document(&list);
        return Ok(0);
    }
    for notice in &list.notices {
        context.ui.notice(format!("note: {}", plain(notice)));
    }
    if arguments.names {
        list.sessions.iter().for_each(|item| context.ui.line(plain(&item.name)));
    } else {
        let render = if arguments.wide { render_wide } else { render };
        context.ui.text(render(&list, terminal::width()));
    }
    Ok(0)
}

/// The table that people read, at a terminal of this width.
fn render(list: &SessionList, width: Option<usize>) -> String {
    if list.sessions.is_empty() {
        return "no sessions yet; `sessctl start` makes one\n".to_owned();
    }
    let rows: Vec<_> = list.sessions.iter().map(row).collect();
    fitted(&HEADINGS, &rows, width)
}

/// The same with what the agents did.
fn render_wide(list: &SessionList, width: Option<usize>) -> String {
    if list.sessions.is_empty() {
        return render(list, width);
    }
    let rows: Vec<_> = list
        .sessions
        .iter()
        .map(|item| {
            let mut row = row(item);
            if let Some(state) = item.facts.as_ref().and_then(|facts| facts.state) {
                row[2].0 = format!("{}, {}", row[2].0, state.as_str());
            }
            let cells = facts(item.facts.as_ref()).into_iter().chain(usage(item.usage.as_ref()));
            row.splice(3..3, cells.map(|cell| (cell, "")));
            row
        })
        .collect();
    fitted(&WIDE, &rows, width)
}

/// Model, messages, tools, activity and size. A `+` says that there is more than was read.
pub(super) fn facts(facts: Option<&AgentFacts>) -> [String; 5] {
    let dash = || "-".to_owned();
    let Some(facts) = facts else { return [(); 5].map(|()| dash()) };
    let more = if facts.incomplete { "+" } else { "" };
    let number = |count: Option<u64>| count.map_or_else(dash, |count| format!("{count}{more}"));
    [
        facts.model.as_deref().map_or_else(dash, plain),
        number(facts.message_count),
        number(facts.tool_call_count),
        facts.last_activity.map_or_else(dash, |time| time.to_table()),
        facts.disk_bytes.map_or_else(dash, |bytes| format!("{}{more}", amount::shown(bytes))),
    ]
}

/// Memory and processor time.
pub(super) fn usage(usage: Option<&Usage>) -> [String; 2] {
    match usage {
        Some(usage) => [amount::shown(usage.memory_bytes), amount::seconds(usage.cpu_milliseconds)],
        None => ["-".to_owned(), "-".to_owned()],
    }
}

fn row(item: &ListItem) -> Row {
    let or_dash = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), plain);
    let (status, style) = status(item);
    let sources: Vec<String> = item.sources.iter().map(|source| plain(source.as_str())).collect();
    let mut source = if sources.is_empty() { "-".to_owned() } else { sources.join(" ") };
    if !item.isolated {
        source.push_str(" (live, not isolated)");
    }
    let created = item.created_at.map_or_else(|| "-".to_owned(), |time| time.to_table());
    vec![
        (plain(&item.name), ""),
        (or_dash(&item.agent), ""),
        (status, style),
        (or_dash(&item.backend), ""),
        (source, ""),
        (or_dash(&item.branch), ""),
        (created, ""),
    ]
}

fn status(item: &ListItem) -> (String, &'static str) {
    let unfinished = match item.phase {
        Some(Phase::Creating) => Some("creating"),
        Some(Phase::Removing) => Some("removing"),
        _ => None,
    };
    let word = match (item.status.as_str(), unfinished, item.exit_code, &item.status_reason) {
        ("incomplete", Some(phase), _, _) => phase.to_owned(),
        (word, Some(phase), _, _) => format!("{phase}, {word}"),
        ("stopped", None, Some(code), _) if code != 0 => format!("stopped ({code})"),
        ("lost" | "damaged", None, _, Some(reason)) => {
            format!("{} ({})", item.status, plain(reason))
        }
        (word, None, _, _) => word.to_owned(),
    };
    let style = match item.status.as_str() {
        "running" => GREEN,
        "stopped" => RED,
        _ => YELLOW,
    };
    (word, style)
}
