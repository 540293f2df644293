//! `sessctl conversations`: which there are, and one out of a session (S1.2).

use session_core::{ExportTo, Result};

use super::Context;
use crate::args::{ConversationAction, Conversations};
use crate::table::table;
use crate::ui::plain;

const HEADINGS: [&str; 5] = ["CONVERSATION", "AGENT", "SESSION", "LAST WRITTEN", "FILE"];

pub(super) async fn run(context: &Context, arguments: Conversations) -> Result<u8> {
    match arguments.action {
        ConversationAction::List { name } => list(context, name.as_deref()).await,
        ConversationAction::Export { name, to, project } => {
            let record = context.manager.find(&name).await?;
            let to = to.map_or(ExportTo::Host(project), ExportTo::Path);
            export(context, &record.id, &to).await
        }
    }
}

async fn list(context: &Context, name: Option<&str>) -> Result<u8> {
    let id = match name {
        Some(name) => Some(context.manager.find(name).await?.id),
        None => None,
    };
    let entries = context.manager.conversations(id.as_ref()).await?;
    if context.ui.json {
        context.ui.document(&entries);
        return Ok(0);
    }
    if entries.is_empty() {
        context.ui.line("no conversations yet");
        return Ok(0);
    }
    let rows = entries.iter().map(|entry| {
        let session =
            entry.session.as_ref().map_or_else(|| "(yours)".to_owned(), ToString::to_string);
        let cells = [
            plain(&entry.id),
            plain(&entry.agent),
            plain(&session),
            entry.modified.to_table(),
            plain(entry.file.as_str()),
        ];
        cells.map(|cell| (cell, "")).to_vec()
    });
    context.ui.text(table(&HEADINGS, &rows.collect::<Vec<_>>()));
    Ok(0)
}

async fn export(context: &Context, id: &session_core::SessionId, to: &ExportTo) -> Result<u8> {
    let exported = context.manager.export_conversation(id, to).await?;
    if context.ui.json {
        context.ui.document(&exported);
        return Ok(0);
    }
    context.ui.line(plain(exported.file.as_str()));
    if !exported.command.is_empty() {
        let command: Vec<_> = exported.command.iter().map(|word| quoted(&plain(word))).collect();
        let place = exported
            .directory
            .as_ref()
            .map(|directory| format!("cd {} && ", quoted(&plain(directory.as_str()))));
        let place = place.unwrap_or_default();
        context.ui.notice(format!("go on with it: {place}{}", command.join(" ")));
    }
    Ok(0)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(simple) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
