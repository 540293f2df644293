//! Finding everything that was made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind as IoKind;
use std::time::Duration;

use bollard::errors::Error as Failure;
use bollard::query_parameters::ListContainersOptions;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use session_core::{Error, Found, Layout, Result, SessionId, Status};
use tokio::time::Instant;

use crate::backend::{Shared, blocking};
use crate::container::inspect;
use crate::failure::engine_error;
use crate::place::Place;
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
            Err(failure) => return Err(engine_error(operation, "list the containers", failure)),
        }
    };
    let listed = found.into_iter().filter_map(|found| {
        let labels = found.labels?;
        let session = labels::id(&labels)?;
        Some(Listed { session, container: found.id?, labels: labels::shown(&labels) })
    });
    Ok(listed.collect())
}

/// Everything of this home: what the engine has, and what is remembered of what it has not.
pub(crate) async fn list(shared: &Shared) -> Result<Vec<Found>> {
    let containers = containers(shared, OPERATION, None).await?;
    let (layout, kind) = (shared.layout.clone(), shared.kind.word());
    let mut ids = blocking(OPERATION, move || places(&layout, kind)).await?;
    let mut by_id: BTreeMap<SessionId, Listed> = BTreeMap::new();
    for listed in containers {
        ids.insert(listed.session);
        by_id.insert(listed.session, listed);
    }
    let looks = ids.into_iter().map(|id| found(shared, id, by_id.remove(&id)));
    let found: Vec<_> = stream::iter(looks).buffer_unordered(LOOKS).try_collect().await?;
    Ok(found)
}

async fn found(shared: &Shared, id: SessionId, listed: Option<Listed>) -> Result<Found> {
    let place = Place::new(&shared.layout, shared.kind.word(), &id);
    let session = match place.session() {
        Ok(Some(session)) => session,
        Ok(None) => {
            let labels = listed.map(|listed| listed.labels).unwrap_or_default();
            return Ok(Found::new(id, Status::Incomplete, labels));
        }
        Err(reason) => {
            let labels = listed.map(|listed| listed.labels).unwrap_or_default();
            return Ok(Found::new(id, status::lost(reason), labels));
        }
    };
    let seen = match listed.filter(|listed| listed.container == session.container) {
        Some(_) => inspect(shared.engine().await?, OPERATION, &session.container).await?,
        None => None,
    };
    let status = match seen {
        Some(seen) => status::seen_as(&place, &seen),
        None => status::lost("its container is gone"),
    };
    Ok(Found::new(id, status, session.labels))
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
