//! From what the engine and the files say to one word.

use session_core::{Error, ErrorKind, Result, Status};

use crate::Engine;
use crate::container::{Observed, inspect};
use crate::place::{Place, Purpose, Run, SessionFile, State};

/// What the session is now.
pub(crate) async fn of(engine: &Engine, place: &Place) -> Result<Status> {
    let session = match place.session() {
        Ok(Some(session)) => session,
        Ok(None) if place.exists() => return Ok(Status::Incomplete),
        Ok(None) => return Ok(lost("its directory is gone")),
        Err(reason) => return Ok(lost(reason)),
    };
    match inspect(engine, "engine.status", &session.container).await? {
        Some(seen) => Ok(seen_as(place, &seen)),
        None => Ok(lost("its container is gone")),
    }
}

/// What a whole session is whose container was seen so.
pub(crate) fn seen_as(place: &Place, seen: &Observed) -> Status {
    match place.state() {
        Ok(state) => judge(&state, seen),
        Err(reason) => lost(reason),
    }
}

/// The container runs for a main process only if its present run was asked for as one; one that a
/// person started by hand idles.
fn judge(state: &State, seen: &Observed) -> Status {
    let main = runs_main(state, seen);
    match (main, seen.is_running()) {
        (true, true) => Status::Running { since: seen.since() },
        (true, false) => {
            let recorded = state.run.as_ref().and_then(|run| run.exit.clone());
            Status::Stopped { exit: Some(recorded.unwrap_or_else(|| seen.exit())) }
        }
        (false, _) => Status::Stopped { exit: last_exit(state) },
    }
}

/// Whether the container's last run is the one that was asked for a main process.
pub(crate) fn runs_main(state: &State, seen: &Observed) -> bool {
    let Some(run) = &state.run else { return false };
    run.purpose == Purpose::Main
        && match &run.started_at {
            Some(started_at) => started_at == seen.started_at(),
            None => run.before != seen.started_at(),
        }
}

/// What a session is whose container is known not to run, as far as the files alone tell.
pub(crate) fn of_stopped(state: &State) -> Option<Status> {
    let told = match &state.run {
        Some(run) if run.purpose == Purpose::Main => run.exit.is_some(),
        _ => true,
    };
    told.then(|| Status::Stopped { exit: last_exit(state) })
}

/// What a session is whose container is known to run, as far as the files and a list tell; `is_listed`
/// says whether a run is certainly the listed one.
pub(crate) fn of_running(state: &State, is_listed: impl Fn(&Run) -> bool) -> Option<Status> {
    let Some(run) = state.run.as_ref().filter(|run| run.purpose == Purpose::Main) else {
        return Some(Status::Stopped { exit: last_exit(state) });
    };
    match (&run.started_at, &run.exit) {
        (Some(started_at), None) if is_listed(run) => {
            Some(Status::Running { since: started_at.parse().ok()? })
        }
        // The run that was listed is another's, or about to end.
        (_, Some(exit)) => Some(Status::Stopped { exit: Some(exit.clone()) }),
        _ => None,
    }
}

/// How the last main process ended, as far as it was written down.
fn last_exit(state: &State) -> Option<session_core::Exit> {
    match &state.run {
        // It ended unseen: how the one before it ended says nothing of that.
        Some(run) if run.purpose == Purpose::Main && run.started_at.is_some() => run.exit.clone(),
        _ => state.exit.clone(),
    }
}

/// How the last main process ended, for the next run to keep.
pub(crate) fn exit_so_far(state: &State, seen: &Observed) -> Option<session_core::Exit> {
    match judge(state, seen) {
        Status::Stopped { exit } => exit,
        _ => None,
    }
}

/// The session's facts for an operation that needs a whole session.
pub(crate) fn whole(place: &Place, operation: &'static str) -> Result<SessionFile> {
    let refuse = |kind, message: String| {
        Err(Error::new(kind, operation, message).with_session(place.id().to_string()))
    };
    match place.session() {
        Ok(Some(session)) => Ok(session),
        Ok(None) if place.exists() => refuse(
            ErrorKind::Refused,
            "it is half made; remove the session and make it again".to_owned(),
        ),
        Ok(None) => {
            let message = "its directory is gone; remove the session and make a new one";
            refuse(ErrorKind::Lost, message.to_owned())
        }
        Err(reason) => {
            refuse(ErrorKind::Damaged, format!("{reason}; remove the session and make it again"))
        }
    }
}

/// The error for a container that somebody else removed.
pub(crate) fn container_gone(place: &Place, operation: &'static str) -> Error {
    let message = "its container is gone; remove the session and make a new one: what was in its \
                   workspace is still there";
    Error::new(ErrorKind::Lost, operation, message).with_session(place.id().to_string())
}

pub(crate) fn lost(reason: impl Into<String>) -> Status {
    Status::Lost { reason: reason.into() }
}
