//! `sessctl clean`: frees what agents make anew.

use serde_json::{Value, json};
use session_core::{
    Disposable, Error, ErrorKind, Filter, Result, SessionId, SessionRecord, StatusWord,
};

use super::Context;
use crate::amount;
use crate::args::Clean;
use crate::surroundings::at_terminal;
use crate::table::table;
use crate::ui::plain;

const HEADINGS: [&str; 3] = ["SESSION", "SIZE", "PATH"];

/// What there is of one session.
struct Found {
    id: SessionId,
    name: String,
    items: Vec<Disposable>,
}

impl Found {
    fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.bytes).sum()
    }

    fn document(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "bytes": self.bytes(), "items": self.items })
    }
}

pub(super) async fn run(context: &Context, arguments: &Clean) -> Result<u8> {
    let mut skipped = Vec::new();
    let mut all = match arguments.names.as_slice() {
        [] => stopped(context, &mut skipped).await?,
        names => named(context, names).await?,
    };
    all.retain(|found| !found.items.is_empty());
    let wanted = !arguments.dry_run && !all.is_empty();
    if !context.ui.json {
        show(context, &all);
        skipped.iter().for_each(|notice| context.ui.notice(format!("note: {notice}")));
    }
    if wanted && !arguments.force {
        if !at_terminal() {
            let message = "there is no terminal to ask at; use --force to remove it, or --dry-run";
            return Err(Error::new(ErrorKind::Refused, "sessctl.clean", message));
        }
        if !context.ui.confirm("Remove these for good? The agents make them anew.") {
            return Ok(1);
        }
    }
    if wanted {
        for found in &mut all {
            found.items = context.manager.clean(&found.id).await?;
        }
    }
    let total: u64 = all.iter().map(Found::bytes).sum();
    if context.ui.json {
        let sessions: Vec<_> = all.iter().map(Found::document).collect();
        context.ui.document(&json!({
            "removed": wanted, "bytes": total, "sessions": sessions, "notices": skipped,
        }));
    } else if wanted {
        context.ui.notice(format!("freed {}", amount::shown(total)));
    }
    Ok(0)
}

/// Those that are meant; one that can't be cleaned now is an error before anything is removed.
async fn named(context: &Context, names: &[String]) -> Result<Vec<Found>> {
    let mut all: Vec<Found> = Vec::new();
    for name in names {
        let record = context.manager.find(name).await?;
        if all.iter().all(|found| found.id != record.id) {
            all.push(found(context, &record).await?);
        }
    }
    Ok(all)
}

/// All that do not run; `skipped` gets the others.
async fn stopped(context: &Context, skipped: &mut Vec<String>) -> Result<Vec<Found>> {
    let list = context.manager.list(&Filter::default()).await?;
    let mut all = Vec::new();
    for item in list.sessions {
        let Some(id) = item.id else { continue };
        if item.status == StatusWord::Running {
            skipped.push(format!("{} is left out: it is running", item.name));
            continue;
        }
        let record = context.manager.find(&id.to_string()).await;
        let looked = match &record {
            Ok(record) => found(context, record).await,
            Err(_) => continue,
        };
        match looked {
            Ok(found) => all.push(found),
            Err(error) => skipped.push(format!("{} is left out: {}", item.name, error.message())),
        }
    }
    Ok(all)
}

async fn found(context: &Context, record: &SessionRecord) -> Result<Found> {
    let items = context.manager.disposable(&record.id).await?;
    Ok(Found { id: record.id, name: record.name.to_string(), items })
}

fn show(context: &Context, all: &[Found]) {
    if all.is_empty() {
        return context.ui.line("there is nothing to clean");
    }
    let mut rows = Vec::new();
    for found in all {
        for item in &found.items {
            let more = if item.incomplete { "+" } else { "" };
            let size = format!("{}{more}", amount::shown(item.bytes));
            rows.push(
                [found.name.clone(), size, plain(item.path.as_str())]
                    .map(|cell| (cell, ""))
                    .to_vec(),
            );
        }
    }
    context.ui.text(table(&HEADINGS, &rows));
}
