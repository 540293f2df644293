//! `sessctl attach`: enter a session.

use session_core::{AttachOptions, Error, ErrorKind, Result, SessionRecord};

use super::Context;
use crate::args::Attach;
use crate::chord::Chord;
use crate::surroundings::at_terminal;
use crate::terminal::{self, Left};

pub(super) async fn run(context: &Context, arguments: Attach) -> Result<u8> {
    if !at_terminal() {
        let message =
            "there is no terminal to enter the session at; `sessctl logs` shows what it printed";
        return Err(Error::new(ErrorKind::InvalidInput, "sessctl.attach", message));
    }
    let chord = chord(context, arguments.detach_key.as_deref())?;
    let record = context.manager.find(&arguments.name).await?;
    let options = AttachOptions::new(terminal::size())
        .with_read_only(arguments.read_only)
        .with_replay(arguments.replay);
    enter(context, &record, options, chord, None).await
}

/// The chord that is asked for, or else the configured one.
pub(super) fn chord(context: &Context, asked: Option<&str>) -> Result<Chord> {
    asked.map_or(Ok(context.surroundings.settings.detach_key.value), Chord::parse)
}

/// Puts the person's terminal into the session until one of them leaves.
pub(super) async fn enter(
    context: &Context,
    record: &SessionRecord,
    options: AttachOptions,
    chord: Chord,
    greeting: Option<String>,
) -> Result<u8> {
    let name = &record.name;
    let attachment = context.manager.attach(&record.id, &options, &context.progress()).await?;
    let left = terminal::enter(attachment, chord, greeting).await?;
    if let Left::Cut = left {
        let message = format!("the connection to it was cut; `sessctl attach {name}` tries again");
        return Err(
            Error::new(ErrorKind::Lost, "sessctl.attach", message).with_session(name.as_str())
        );
    }
    if context.ui.json {
        context.document(&record.id).await?;
    } else if let Left::Exited(exit) = &left {
        context.ui.notice(format!("{name} ended with code {}", exit.code));
        let now = context.manager.find(&record.id.to_string()).await;
        if now.is_ok_and(|now| now.went_on_in_vain(record)) {
            context.ui.notice(format!(
                "its agent did not go on with the conversation that is there; `sessctl start {name} --new-conversation` begins another and keeps that one"
            ));
        }
    } else {
        context.ui.notice(format!("left {name} running; come back with `sessctl attach {name}`"));
    }
    Ok(match left {
        Left::Exited(exit) => u8::try_from(exit.code).unwrap_or(u8::MAX),
        _ => 0,
    })
}
