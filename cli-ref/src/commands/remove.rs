//! `sessctl remove`: refuse what would lose work, ask, move to the trash.

use serde_json::json;
use session_core::{Error, ErrorKind, Result};

use super::Context;
use crate::args::Remove;
use crate::surroundings::at_terminal;

pub(super) async fn run(context: &Context, arguments: &Remove) -> Result<u8> {
    let mut records = Vec::new();
    for name in &arguments.names {
        records.push(context.manager.find(name).await?);
    }
    let mut removed = Vec::new();
    for record in &records {
        let name = &record.name;
        if !arguments.force {
            context.manager.may_be_removed(&record.id).await?;
            if !at_terminal() {
                let message = "there is no terminal to ask at; use --force to remove it";
                return Err(Error::new(ErrorKind::Refused, "sessctl.remove", message)
                    .with_session(name.as_str()));
            }
            if !context.ui.confirm(&format!("Remove session {name}? It goes to the trash.")) {
                context.ui.notice(format!("kept {name}"));
                return Ok(1);
            }
        }
        let done = context.manager.remove(&record.id, arguments.force, &context.progress()).await?;
        if !context.ui.json {
            let again = match done.trash {
                Some(_) => format!("; `sessctl restore {}` brings it back", record.id),
                None => String::new(),
            };
            context.ui.notice(format!("removed {name}{again}"));
        }
        removed.push(json!({ "id": record.id, "name": name, "trash": done.trash }));
    }
    if context.ui.json {
        context.ui.document(&json!({ "removed": removed }));
    }
    Ok(0)
}
