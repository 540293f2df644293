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
use crate::{labels, status, transfer};

const OPERATION: &str = "engine.stop";
const DESTROY: &str = "engine.destroy";
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
            if stopped(engine, OPERATION, container, grace).await?.is_some() {
                return Ok(());
            }
        }
        container::end(engine, OPERATION, container).await
    };
    let ended = ended.await;
    place.mark_ending(false).await;
    ended
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
    for volume in found.volumes.unwrap_or_default() {
        let options = RemoveVolumeOptions { force: true };
        match engine.long().remove_volume(&volume.name, Some(options)).await {
            Ok(()) | Err(Failure::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(failure) => return Err(engine.error(DESTROY, "remove a volume", failure)),
        }
    }
    Ok(())
}
