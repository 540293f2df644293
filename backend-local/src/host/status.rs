//! From the files and the lock to one word.

use std::collections::BTreeMap;

use session_core::{Error, ErrorKind, Status, Timestamp};

use crate::host::state::{Place, Presence, SessionFile};
use crate::platform;

/// What the session is now. Anything that can't be understood is a reason for being lost.
pub(crate) fn of(place: &Place) -> Status {
    labelled(place).map_or_else(|| lost("its directory is gone"), |(status, _)| status)
}

/// The same with what it was labelled with, for lists; `None` if there is nothing.
pub(crate) fn labelled(place: &Place) -> Option<(Status, BTreeMap<String, String>)> {
    let unlabelled = |status| Some((status, BTreeMap::new()));
    match place.presence() {
        Presence::Absent => return None,
        Presence::Odd => return unlabelled(Status::Incomplete),
        Presence::Directory => {}
    }
    match place.session() {
        Ok(Some(session)) => Some((of_whole(place, &session), session.labels)),
        Ok(None) => unlabelled(Status::Incomplete),
        Err(reason) => unlabelled(lost(reason)),
    }
}

fn of_whole(place: &Place, session: &SessionFile) -> Status {
    // A start or an end between two of our looks can make "lost" out of them: look again.
    let mut found = main(place);
    for _ in 0..3 {
        match found {
            Status::Lost { .. } => found = main(place),
            _ => break,
        }
    }
    match found {
        Status::Stopped { .. } if !session.working_directory.is_dir() => lost("workspace"),
        found => found,
    }
}

/// The session's facts for an operation that needs a whole session.
pub(crate) fn whole(place: &Place, operation: &'static str) -> Result<SessionFile, Error> {
    let refuse = |kind, message: String| {
        Err(Error::new(kind, operation, message).with_session(place.id().to_string()))
    };
    if place.presence() == Presence::Absent {
        let message = "its directory is gone; remove the session and make a new one";
        return refuse(ErrorKind::Lost, message.to_owned());
    }
    match place.session() {
        Ok(Some(session)) => Ok(session),
        Ok(None) => refuse(
            ErrorKind::Refused,
            "it is half made; remove the session and make it again".to_owned(),
        ),
        Err(reason) => {
            refuse(ErrorKind::Damaged, format!("{reason}; remove the session and make it again"))
        }
    }
}

fn main(place: &Place) -> Status {
    if let Some(since) = place.locked_since() {
        return Status::Running { since: started_at(place).unwrap_or(since) };
    }
    let main = match place.main() {
        Ok(Some(main)) => main,
        Ok(None) => return Status::Stopped { exit: None },
        Err(reason) => return lost(reason),
    };
    match place.exit() {
        Ok(Some(end)) if end.run == main.run => Status::Stopped { exit: Some(end.exit) },
        Err(reason) => lost(reason),
        Ok(_) if platform::boot_id().is_some_and(|boot| boot != main.boot) => {
            lost("the machine was restarted")
        }
        Ok(_) => lost("holder"),
    }
}

/// When the main process was started, if main.json is about the one that runs now.
fn started_at(place: &Place) -> Option<Timestamp> {
    let main = place.main().ok()??;
    main.holder.is_alive().then_some(main.started_at)
}

fn lost(reason: impl Into<String>) -> Status {
    Status::Lost { reason: reason.into() }
}
