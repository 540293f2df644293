//! `sessctl restore`: a removed session back, as it was.

use session_core::Result;

use super::Context;
use crate::args::Restore;

pub(super) async fn run(context: &Context, arguments: &Restore) -> Result<u8> {
    let record = context.manager.restore(&arguments.name, &context.progress()).await?;
    if context.ui.json {
        context.document(&record.id).await?;
    } else {
        let name = &record.name;
        context.ui.notice(format!("restored {name}; enter it with `sessctl attach {name}`"));
    }
    Ok(0)
}
