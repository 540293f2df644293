//! `sessctl remove`: ask, say what would be hard to get back, move to the trash.

use session_core::{Error, ErrorKind, Progress, Result, SessionRecord, UnsavedWork};

use super::Context;
use crate::args::Remove;
use crate::surroundings::at_terminal;
use crate::ui::plain;

/// So many changed files are named; the rest is counted.
const NAMED_FILES: usize = 5;

pub(super) async fn run(context: &Context, arguments: &Remove) -> Result<u8> {
    let mut records = Vec::new();
    for name in &arguments.names {
        records.push(context.manager.find(name).await?);
    }
    for record in &records {
        let name = &record.name;
        if !arguments.force {
            if !at_terminal() {
                let message = "there is no terminal to ask at; use --force to remove it";
                return Err(Error::new(ErrorKind::Refused, "sessctl.remove", message)
                    .with_session(name.as_str()));
            }
            refuse_running(context, record).await?;
            let unsaved = context.manager.unsaved(&record.id).await?;
            let question =
                format!("{}Remove session {name}? It goes to the trash.", describe(&unsaved));
            if !context.ui.confirm(&question) {
                context.ui.notice(format!("kept {name}"));
                return Ok(1);
            }
        }
        let removed =
            context.manager.remove(&record.id, arguments.force, &Progress::default()).await?;
        let again = match removed.trash {
            Some(_) => format!("; `sessctl trash restore {}` brings it back", record.id),
            None => String::new(),
        };
        context.ui.notice(format!("removed {name}{again}"));
    }
    Ok(0)
}

/// Says so before the question is asked.
async fn refuse_running(context: &Context, record: &SessionRecord) -> Result<()> {
    let name = record.name.as_str();
    let status = context.manager.inspect(name).await?.status;
    if status.is_ok_and(|status| status.is_running()) {
        let message =
            format!("it is running; stop it first (`sessctl stop {name}`) or use --force");
        return Err(Error::new(ErrorKind::Refused, "sessctl.remove", message).with_session(name));
    }
    Ok(())
}

/// What exists in the session only.
fn describe(unsaved: &UnsavedWork) -> String {
    let mut lines = Vec::new();
    if let Some(reason) = &unsaved.unknown {
        lines.push(format!("It can't be told what work is only here: {}", plain(reason)));
    }
    if !unsaved.files.is_empty() {
        let named: Vec<_> =
            unsaved.files.iter().take(NAMED_FILES).map(|file| plain(file)).collect();
        let more = unsaved.files.len().saturating_sub(NAMED_FILES);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        lines.push(format!("Files that are only here: {}{more}", named.join(", ")));
    }
    if unsaved.commits > 0 {
        lines.push(format!("Commits that are only here: {}", unsaved.commits));
    }
    if unsaved.stashes > 0 {
        lines.push(format!("Stashes that are only here: {}", unsaved.stashes));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}
