//! Finding everything that was made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind as IoKind;
use std::time::Duration;

use bollard::errors::Error as Failure;
use bollard::models::ContainerSummaryStateEnum as State;
use bollard::query_parameters::ListContainersOptions;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use session_core::{Error, Found, Layout, Result, SessionId, Status};
use tokio::time::Instant;

use crate::backend::{Shared, blocking};
use crate::container::inspect;
use crate::place::{Place, SessionFile};
use crate::{labels, status};

const OPERATION: &str = "engine.list";
/// How long an engine may give an answer that can't be read (Podman's `stopped`).
const UNREADABLE: Duration = Duration::from_secs(2);
/// How many containers are looked at at the same time.
const LOOKS: usize = 16;

/// A container of ours, as the engine lists it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) session: SessionId,
    /// Its full id.
    pub(crate) container: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// It does not run, and is not about to end.
    pub(crate) is_stopped: bool,
    /// It runs, and is not about to end.
    is_running: bool,
}

/// The containers of this home, or of one session of it.
pub(crate) async fn containers(
    shared: &Shared,
    operation: &'static str,
    id: Option<&SessionId>,
) -> Result<Vec<Listed>> {
    let engine = shared.engine().await?;
    let deadline = Instant::now() + UNREADABLE;
    let found = loop {
        let filters = Some(labels::filter(&shared.layout, id));
        let options = ListContainersOptions { all: true, filters, ..Default::default() };
        match engine.short().list_containers(Some(options)).await {
            Ok(found) => break found,
            Err(Failure::JsonDataError { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(failure) => return Err(engine.error(operation, "list the containers", failure)),
        }
    };
    let listed = found.into_iter().filter_map(|found| {
        let labels = found.labels?;
        let session = labels::id(&labels)?;
        let is_stopped = matches!(found.state, Some(State::CREATED | State::EXITED | State::DEAD));
        let is_running = found.state == Some(State::RUNNING);
        let labels = labels::shown(&labels);
        Some(Listed { session, container: found.id?, labels, is_stopped, is_running })
    });
    Ok(listed.collect())
}

/// Everything of this home: what the engine has, and what is remembered of what it has not.
///
/// One request, and one more for each session of which neither that nor what is written down tells
/// the state: one whose start or end nobody has written down. So a container that ended unseen, because
/// its holder was dead, and that a person then started by hand passes for running here;
/// [`status`] looks closer.
pub(crate) async fn list(shared: &Shared) -> Result<Vec<Found>> {
    let containers = containers(shared, OPERATION, None).await?;
    let (layout, kind) = (shared.layout.clone(), shared.kind.word());
    let known = blocking(OPERATION, move || {
        let mut by_id: BTreeMap<SessionId, Vec<Listed>> = BTreeMap::new();
        for id in places(&layout, kind)? {
            by_id.entry(id).or_default();
        }
        for listed in containers {
            by_id.entry(listed.session).or_default().push(listed);
        }
        let known = |(id, listed)| known(Place::new(&layout, kind, &id), listed);
        Ok(by_id.into_iter().map(known).collect::<Vec<_>>())
    })
    .await?;
    let looks = known.into_iter().map(|known| look(shared, known));
    stream::iter(looks).buffer_unordered(LOOKS).try_collect().await
}

/// What is known of a session before its container is looked at.
enum Known {
    All(Found),
    /// All but the state of its container.
    But(Place, SessionFile),
}

fn known(place: Place, listed: Vec<Listed>) -> Known {
    let id = *place.id();
    let session = match place.session() {
        Ok(Some(session)) => session,
        other => {
            let labels = listed.into_iter().next().map(|listed| listed.labels).unwrap_or_default();
            let status = other.err().map_or(Status::Incomplete, status::lost);
            return Known::All(Found::new(id, status, labels));
        }
    };
    let all = |status, session: SessionFile| Known::All(Found::new(id, status, session.labels));
    let Some(listed) = listed.iter().find(|listed| listed.container == session.container) else {
        return all(status::lost("its container is gone"), session);
    };
    let told = match place.state() {
        Ok(state) if listed.is_stopped => status::of_stopped(&state),
        Ok(state) if listed.is_running => status::of_running(&state),
        Ok(_) => None,
        Err(reason) => Some(status::lost(reason)),
    };
    match told {
        Some(status) => all(status, session),
        None => Known::But(place, session),
    }
}

async fn look(shared: &Shared, known: Known) -> Result<Found> {
    let (place, session) = match known {
        Known::All(found) => return Ok(found),
        Known::But(place, session) => (place, session),
    };
    let status = match inspect(shared.engine().await?, OPERATION, &session.container).await? {
        Some(seen) => status::seen_as(&place, &seen),
        None => status::lost("its container is gone"),
    };
    Ok(Found::new(*place.id(), status, session.labels))
}

/// The ids of which something is remembered.
fn places(layout: &Layout, kind: &str) -> Result<BTreeSet<SessionId>> {
    let sessions = layout.sessions();
    let refused = |error| Error::io(OPERATION, format!("can't read `{sessions}`"), error);
    let entries = match fs::read_dir(&sessions) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory) => {
            return Ok(BTreeSet::new());
        }
        Err(error) => return Err(refused(error)),
    };
    let mut ids = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(refused)?.file_name();
        // What is not named like a session is not one.
        let Some(Ok(id)) = name.to_str().map(str::parse::<SessionId>) else { continue };
        if Place::new(layout, kind, &id).exists() {
            ids.insert(id);
        }
    }
    Ok(ids)
}
