//! `sessctl trash`: removed sessions.

use std::time::Duration;

use session_core::{Error, ErrorKind, Progress, Result};

use super::Context;
use crate::args::{Trash, TrashAction};
use crate::surroundings::at_terminal;
use crate::ui::table;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(context: &Context, arguments: &Trash) -> Result<u8> {
    match &arguments.action {
        TrashAction::List => list(context).await,
        TrashAction::Restore { name } => {
            let record = context.manager.restore(name, &Progress::default()).await?;
            context
                .ui
                .notice(format!("restored {0}; enter it with `sessctl attach {0}`", record.name));
            Ok(0)
        }
        TrashAction::Empty { older_than, force } => empty(context, *older_than, *force).await,
    }
}

async fn list(context: &Context) -> Result<u8> {
    let items = context.manager.trash().await?;
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

async fn empty(context: &Context, days: u64, force: bool) -> Result<u8> {
    let count = context.manager.trash().await?.len();
    if count > 0 && !force {
        if !at_terminal() {
            let message = "there is no terminal to ask at; use --force";
            return Err(Error::new(ErrorKind::Refused, "sessctl.trash", message));
        }
        let which =
            if days == 0 { "all".to_owned() } else { format!("those older than {days} days") };
        let question = format!(
            "Of {count} removed sessions, delete {which} for good, with work that is only there?"
        );
        if !context.ui.confirm(&question) {
            return Ok(1);
        }
    }
    let age = DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX));
    let deleted = context.manager.empty_trash(age).await?;
    context.ui.notice(format!("deleted {deleted} removed sessions for good"));
    Ok(0)
}
