//! `sessctl trash`: removed sessions.

use std::time::Duration;

use serde_json::json;
use session_core::{Error, ErrorKind, Result, TRASH_RETENTION, Timestamp, TrashItem};

use super::Context;
use crate::args::{Trash, TrashAction};
use crate::surroundings::at_terminal;
use crate::table::table;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(context: &Context, arguments: &Trash) -> Result<u8> {
    match &arguments.action {
        TrashAction::List => list(context).await,
        TrashAction::Empty { older_than, all, force } => {
            let age = match older_than {
                _ if *all => Duration::ZERO,
                Some(days) => DAY.saturating_mul(u32::try_from(*days).unwrap_or(u32::MAX)),
                None => TRASH_RETENTION,
            };
            empty(context, age, *force).await
        }
    }
}

async fn list(context: &Context) -> Result<u8> {
    let items = context.manager.trash().await?;
    if context.ui.json {
        let removed = items.iter().map(|item| {
            let name = item.record.as_ref().map(|record| record.name.as_str());
            json!({ "id": item.id, "name": name, "removed_at": item.removed_at, "directory": item.directory })
        });
        context.ui.document(&json!({ "removed": removed.collect::<Vec<_>>() }));
        return Ok(0);
    }
    if items.is_empty() {
        context.ui.line("the trash is empty");
        return Ok(0);
    }
    let rows: Vec<_> = items
        .iter()
        .map(|item| {
            let name = item.record.as_ref().map_or("?", |record| record.name.as_str());
            vec![
                (name.to_owned(), ""),
                (item.id.to_string(), ""),
                (item.removed_at.to_table(), ""),
                (item.directory.to_string(), ""),
            ]
        })
        .collect();
    context.ui.text(table(&["NAME", "ID", "REMOVED", "DIRECTORY"], &rows));
    Ok(0)
}

async fn empty(context: &Context, age: Duration, force: bool) -> Result<u8> {
    let oldest = Timestamp::now().as_milliseconds();
    let age_of = |item: &TrashItem| oldest.saturating_sub(item.removed_at.as_milliseconds());
    let items = context.manager.trash().await?;
    let count = items
        .iter()
        .filter(|item| u128::from(age_of(item).unsigned_abs()) >= age.as_millis())
        .count();
    if count > 0 && !force {
        if !at_terminal() {
            let message = "there is no terminal to ask at; use --force";
            return Err(Error::new(ErrorKind::Refused, "sessctl.trash", message));
        }
        let question =
            format!("Delete {count} removed sessions for good, with work that is only there?");
        if !context.ui.confirm(&question) {
            return Ok(1);
        }
    }
    let deleted = context.manager.empty_trash(age).await?;
    if context.ui.json {
        context.ui.document(&json!({ "deleted": deleted }));
    } else {
        context.ui.notice(format!("deleted {deleted} removed sessions for good"));
    }
    Ok(0)
}
