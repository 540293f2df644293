//! `sessctl stop` and `sessctl restart`.

use std::time::Duration;

use session_core::{AttachOptions, Error, ErrorKind, Result};

use super::{Context, attach};
use crate::args::{Restart, Stop};
use crate::surroundings::at_terminal;
use crate::terminal;

/// How long a restarted session has to end by itself.
const RESTART_GRACE: Duration = Duration::from_secs(10);

/// Says nothing, whether something ran or not (S2.13).
pub(super) async fn stop(context: &Context, arguments: &Stop) -> Result<u8> {
    let record = context.manager.find(&arguments.name).await?;
    let grace = Duration::from_secs(arguments.time);
    context.manager.stop(&record.id, grace, &context.progress()).await?;
    context.document(&record.id).await?;
    Ok(0)
}

/// Starts and enters; a running session is only entered (S2.14), unless it is forced.
pub(super) async fn restart(context: &Context, arguments: &Restart) -> Result<u8> {
    if !arguments.detach && !at_terminal() {
        let message = "there is no terminal to enter the session at; use --detach";
        return Err(Error::new(ErrorKind::InvalidInput, "sessctl.restart", message));
    }
    let chord = attach::chord(context, arguments.detach_key.as_deref())?;
    let record = context.manager.find(&arguments.name).await?;
    let progress = context.progress();
    if arguments.force {
        context.manager.restart(&record.id, RESTART_GRACE, terminal::size(), &progress).await?;
    } else {
        context.manager.start(&record.id, terminal::size(), &progress).await?;
    }
    if arguments.detach {
        context.document(&record.id).await?;
        return Ok(0);
    }
    let options = AttachOptions::new(terminal::size());
    attach::enter(context, &record, options, chord, None).await
}
