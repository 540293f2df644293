//! Finding everything that was made.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind as IoKind;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use session_core::{Error, ErrorKind, Found, Layout, Result, SessionId, Status, Timestamp};
use tokio::time::{Instant, timeout_at};

use crate::backend::{Shared, blocking};
use crate::container::inspect;
use crate::engine::escaped;
use crate::place::{Place, Run, SessionFile};
use crate::{labels, status};

const OPERATION: &str = "engine.list";
/// How long an engine may take for the containers that it is asked about one by one.
const LOOKS_LIMIT: Duration = Duration::from_secs(1);
/// How many of them are looked at at the same time.
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
    run: RunMark,
}

/// What a list tells a container's runs apart by (docs/engines.md, S6).
#[derive(Debug, Clone, Default)]
struct RunMark {
    /// Podman: its process, and when that was started, in seconds since 1970.
    process: Option<(i64, i64)>,
    /// Docker: its ends on networks, which each run has anew.
    endpoints: Vec<String>,
}

/// One container of the answer. bollard's own type refuses a whole list for a state that it does not
/// know (S1), and lacks what Podman says in its own list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    id: String,
    labels: Option<HashMap<String, String>>,
    state: Option<String>,
    pid: Option<i64>,
    started_at: Option<i64>,
    network_settings: Option<NetworkSettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    networks: Option<HashMap<String, Network>>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "EndpointID")]
    endpoint: Option<String>,
}

/// The containers of this home, or of one session of it.
pub(crate) async fn containers(
    shared: &Shared,
    operation: &'static str,
    id: Option<&SessionId>,
) -> Result<Vec<Listed>> {
    let engine = shared.engine().await?;
    let filters = serde_json::json!(labels::filter(&shared.layout, id)).to_string();
    let list = if engine.dialect().lists_starts { "/v4.0.0/libpod" } else { "" };
    let path = format!("{list}/containers/json?all=true&filters={}", escaped(&filters));
    let found: Option<Vec<Summary>> =
        engine.document(operation, "list the containers", &path).await?;
    let found = found.ok_or_else(|| {
        let message = "the engine does not list its containers; update it";
        Error::new(ErrorKind::Unsupported, operation, message)
    })?;
    Ok(found.into_iter().filter_map(Summary::into_listed).collect())
}

impl Summary {
    fn into_listed(self) -> Option<Listed> {
        let labels = self.labels?;
        let session = labels::id(&labels)?;
        let state = self.state.unwrap_or_default();
        let networks = self.network_settings.and_then(|settings| settings.networks);
        let endpoints = networks.into_iter().flatten().filter_map(|(_, network)| network.endpoint);
        Some(Listed {
            session,
            container: self.id,
            labels: labels::shown(&labels),
            is_stopped: matches!(state.as_str(), "created" | "configured" | "exited" | "dead"),
            is_running: state == "running",
            run: RunMark {
                process: self.pid.zip(self.started_at),
                endpoints: endpoints.filter(|endpoint| !endpoint.is_empty()).collect(),
            },
        })
    }
}

impl RunMark {
    /// Whether that is certainly the run of the container that was listed.
    fn is_of(&self, run: &Run) -> bool {
        let started = run.started_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
        let second = started.map(|at| at.as_milliseconds().div_euclid(1000));
        let process = run.pid.zip(second);
        let by_process = process.is_some() && self.process == process;
        by_process || run.endpoint.as_ref().is_some_and(|it| self.endpoints.contains(it))
    }
}

/// Everything of this home: what the engine has, and what is remembered of what it has not.
///
/// One request, another where a container is missing, and one more for each session of which neither that nor what is written down tells
/// the state: one whose start or end nobody has written down. Where the engine does not answer one
/// of those in time, that session is [`Found::unknown`], and the others are as they are.
pub(crate) async fn list(shared: &Shared) -> Result<Vec<Found>> {
    let listed = containers(shared, OPERATION, None).await?;
    let (layout, kind) = (shared.layout.clone(), shared.kind.word());
    let known = blocking(OPERATION, move || {
        let mut by_id: BTreeMap<SessionId, Vec<Listed>> = BTreeMap::new();
        for id in places(&layout, kind)? {
            by_id.entry(id).or_default();
        }
        for listed in listed {
            by_id.entry(listed.session).or_default().push(listed);
        }
        let known = |(id, listed)| known(Place::new(&layout, kind, &id), listed);
        Ok(by_id.into_iter().map(known).collect::<Vec<_>>())
    });
    let mut known = known.await?;
    if known.iter().any(|known| matches!(known, Known::Gone(..))) {
        // Or made after the engine was asked: what was there before it is asked again is in that answer.
        let listed = containers(shared, OPERATION, None).await?;
        known = blocking(OPERATION, move || Ok(again(known, &listed))).await?;
    }
    let deadline = Instant::now() + LOOKS_LIMIT;
    let looks = known.into_iter().map(|known| look(shared, known, deadline));
    Ok(stream::iter(looks).buffer_unordered(LOOKS).collect().await)
}

/// What is known of a session before its container is looked at.
enum Known {
    All(Found),
    /// All but the state of its container.
    But(Place, SessionFile),
    /// Its container is not in the engine's list.
    Gone(Place, SessionFile),
}

/// The same, where those whose containers were missing may be in a later list.
fn again(all: Vec<Known>, listed: &[Listed]) -> Vec<Known> {
    let once_more = |before| match before {
        Known::Gone(place, _) => {
            let own = listed.iter().filter(|listed| listed.session == *place.id());
            let own = own.cloned().collect();
            known(place, own)
        }
        before => before,
    };
    all.into_iter().map(once_more).collect()
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
        return Known::Gone(place, session);
    };
    let told = match place.state() {
        Ok(state) if listed.is_stopped => status::of_stopped(&state),
        Ok(state) if listed.is_running => status::of_running(&state, |run| listed.run.is_of(run)),
        Ok(_) => None,
        Err(reason) => Some(status::lost(reason)),
    };
    match told {
        Some(status) => all(status, session),
        None => Known::But(place, session),
    }
}

async fn look(shared: &Shared, known: Known, deadline: Instant) -> Found {
    let (place, session) = match known {
        Known::All(found) => return found,
        Known::But(place, session) => (place, session),
        Known::Gone(place, session) => {
            let status = status::lost("its container is gone");
            return Found::new(*place.id(), status, session.labels);
        }
    };
    let seen = async { inspect(shared.engine().await?, OPERATION, &session.container).await };
    let unknown = match timeout_at(deadline, seen).await {
        Ok(Ok(Some(seen))) => {
            return Found::new(*place.id(), status::seen_as(&place, &seen), session.labels);
        }
        Ok(Ok(None)) => {
            let status = status::lost("its container is gone");
            return Found::new(*place.id(), status, session.labels);
        }
        Ok(Err(error)) => error.message().to_owned(),
        Err(_) => format!("the engine gave no answer in {LOOKS_LIMIT:?} about its container"),
    };
    Found::unknown(*place.id(), unknown, session.labels)
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
