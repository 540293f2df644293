//! Ending what runs, and removing what was made.

use std::collections::BTreeSet;
use std::time::Duration;

use bollard::errors::Error as Failure;
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};
use session_core::{Exit, Result};

use crate::Engine;
use crate::backend::{Shared, blocking};
use crate::container::{self, inspect, kill, stopped};
use crate::list::containers;
use crate::place::Place;
use crate::{exec, labels, status, transfer};

const OPERATION: &str = "engine.stop";
const DESTROY: &str = "engine.destroy";
/// How long what obeys SIGTERM at once takes.
const HEARD: Duration = Duration::from_millis(100);
/// How long a shell in the container may take to look for those that do not.
const LOOK: Duration = Duration::from_secs(2);
/// Sends SIGHUP to each process that ignores SIGTERM, bit 14 of its ignored signals; not to itself,
/// and not to the init.
const HANG_UP: &str = "for f in /proc/[0-9]*/status; do p=${f#/proc/}; p=${p%/status}; \
    [ $p = 1 ] || [ $p = $$ ] || while read -r k v; do [ \"$k\" = SigIgn: ] || continue; \
    case $v in *[4567cdef]???) kill -HUP $p;; esac; done <$f; done 2>/dev/null";

/// How long a start may be at work when its run's end is written down.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Asks, waits, kills; `Ok` where nothing runs or nothing is there.
///
/// A container's init takes all its processes along, so nothing of the session is left.
pub(crate) async fn stop(shared: &Shared, place: &Place, grace: Duration) -> Result<()> {
    let engine = shared.engine().await?;
    let session = match place.session() {
        Ok(Some(session)) => session,
        // Half made, or not to be understood: what has its label is its own all the same.
        _ => {
            for container in containers(shared, OPERATION, Some(place.id())).await? {
                end(shared, place, &container.container, grace).await?;
            }
            return Ok(());
        }
    };
    end(shared, place, &session.container, grace).await?;
    let Some(seen) = inspect(engine, OPERATION, &session.container).await? else { return Ok(()) };
    let is_main = place.state().is_ok_and(|state| status::runs_main(&state, &seen));
    if is_main && !seen.is_running() {
        // If it can't be written down, the engine still knows it.
        let _ = record_exit(place, seen.started_at(), &seen.exit()).await;
    }
    Ok(())
}

async fn end(shared: &Shared, place: &Place, container: &str, grace: Duration) -> Result<()> {
    let engine = shared.engine().await?;
    let running =
        inspect(engine, OPERATION, container).await?.is_some_and(|seen| seen.is_running());
    if !running {
        return Ok(());
    }
    // Whoever holds its output up, lets go then: the engine would wait for that.
    place.mark_ending(true).await;
    let ended = async {
        if !grace.is_zero() {
            kill(engine, OPERATION, container, "TERM").await?;
            let at_once = grace.min(HEARD);
            if stopped(engine, OPERATION, container, at_once).await?.is_some() {
                return Ok(());
            }
            hang_up(engine, container).await;
            if stopped(engine, OPERATION, container, grace - at_once).await?.is_some() {
                return Ok(());
            }
        }
        container::end(engine, OPERATION, container).await
    };
    let ended = ended.await;
    place.mark_ending(false).await;
    ended
}

/// Asks in the way that interactive shells understand: they ignore SIGTERM, and hand SIGHUP on to
/// their jobs. What does not hear that either is killed later, so nothing depends on it.
async fn hang_up(engine: &Engine, container: &str) {
    let asked = exec::output_of(engine, container, HANG_UP);
    if let Ok(Err(error)) = tokio::time::timeout(LOOK, asked).await {
        tracing::debug!(%error, "what ignores a polite end was not found");
    }
}

/// Writes the end of the run that began at `started_at` down, for lists to know it without asking
/// the engine.
pub(crate) async fn record_exit(place: &Place, started_at: &str, exit: &Exit) -> Result<()> {
    if !place.exists() {
        return Ok(());
    }
    let _lock = place.lock(LOCK_PATIENCE).await?;
    let mut state = place.state().unwrap_or_default();
    let run = state.run.as_mut().filter(|run| run.started_at.as_deref() == Some(started_at));
    let Some(run) = run.filter(|run| run.exit.is_none()) else { return Ok(()) };
    run.exit = Some(exit.clone());
    let place = place.clone();
    blocking(OPERATION, move || place.write_state(&state)).await
}

/// Removes the containers, the volumes and what is remembered, whatever of it there is.
pub(crate) async fn destroy(shared: &Shared, place: &Place) -> Result<()> {
    let engine = shared.engine().await?;
    let found = containers(shared, DESTROY, Some(place.id())).await?;
    let mut found: BTreeSet<_> = found.into_iter().map(|found| found.container).collect();
    found.extend(place.session().ok().flatten().map(|session| session.container));
    for container in found {
        end(shared, place, &container, Duration::ZERO).await?;
        transfer::let_caller_in(shared, engine, &container).await;
        container::remove(engine, DESTROY, &container).await?;
    }
    remove_volumes(shared, engine, place).await?;
    let place = place.clone();
    blocking(DESTROY, move || place.remove(DESTROY)).await
}

/// Removes the volumes of one session.
pub(crate) async fn remove_volumes(shared: &Shared, engine: &Engine, place: &Place) -> Result<()> {
    let filters = Some(labels::filter(&shared.layout, Some(place.id())));
    let found = engine
        .short()
        .list_volumes(Some(ListVolumesOptions { filters }))
        .await
        .map_err(|failure| engine.error(DESTROY, "list the volumes", failure))?;
    let home = labels::home(&shared.layout);
    for volume in found.volumes.unwrap_or_default() {
        // Podman takes a volume that has one of the labels (docs/engines.md, C14): another session's.
        let is_home = volume.labels.get(labels::HOME) == Some(&home);
        if !is_home || labels::id(&volume.labels) != Some(*place.id()) {
            continue;
        }
        let options = RemoveVolumeOptions { force: true };
        match engine.long().remove_volume(&volume.name, Some(options)).await {
            Ok(()) | Err(Failure::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(failure) => return Err(engine.error(DESTROY, "remove a volume", failure)),
        }
    }
    Ok(())
}
