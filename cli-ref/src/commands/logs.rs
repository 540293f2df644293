//! `sessctl logs`: what a session printed, as text that no terminal obeys (S0.20).

use session_core::Result;
use session_terminal::log;

use super::Context;
use crate::args::Logs;

pub(super) async fn run(context: &Context, arguments: &Logs) -> Result<u8> {
    let record = context.manager.find(&arguments.name).await?;
    let home = context.manager.layout().home();
    let lines = arguments.tail.unwrap_or(usize::MAX);
    if arguments.follow {
        let mut follow = log::follow(home, &record.id, lines);
        while let Some(line) = follow.next().await? {
            show(context, &line);
        }
    } else {
        log::last_lines(home, &record.id, lines)?.iter().for_each(|line| show(context, line));
    }
    Ok(0)
}

/// A line as it is, or as a document of its own.
fn show(context: &Context, line: &str) {
    if context.ui.json {
        context.ui.line(serde_json::json!({ "line": line }));
    } else {
        context.ui.line(line);
    }
}
