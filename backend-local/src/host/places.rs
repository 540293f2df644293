//! The places of all sessions of one kind: made, found and removed.

use std::fs;
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Error, ErrorKind, Found, Layout, ProbeReport, ProjectPlan, ResolvedSpec, Result, SessionId,
    Strategy, Timestamp,
};

use crate::host::program::Runner;
use crate::host::session::end_all;
use crate::host::state::{Place, Presence, SessionFile};
use crate::host::{probe, status};

/// How long `remove` lets processes end by themselves; who wants longer calls `stop` first.
const REMOVE_GRACE: Duration = Duration::from_secs(1);

/// The sessions of one kind under one [`Layout`], each in `sessions/<id>/<kind>`.
///
/// Cheap to make; touches nothing until asked to. The operations are what
/// [`session_core::Backend`] asks for, and keep its contract. They need a tokio runtime with I/O
/// and time.
#[derive(Debug, Clone)]
pub struct Places {
    layout: Layout,
    kind: &'static str,
    runner: Runner,
}

impl Places {
    /// The places of `kind` under `layout`; programs run by themselves.
    pub fn new(layout: &Layout, kind: &'static str) -> Self {
        Self { layout: layout.clone(), kind, runner: Runner::new(|_| Vec::new()) }
    }

    /// Has every program run through another: `words` gives what stands before the program's path
    /// and arguments, for a session that works in these directories: those of its projects
    /// and its working directory, none below another.
    ///
    /// The program is looked for on the host, before anything is started. The first word is the
    /// path of a program. It has the environment, the directory and the terminal that are meant
    /// for the session's, and must hand them on with the marks ([`SESSION_VARIABLE`] and
    /// [`RUN_VARIABLE`]); its exit is taken for the program's. If it stays in between, signals
    /// reach it as well.
    ///
    /// [`SESSION_VARIABLE`]: crate::host::SESSION_VARIABLE
    /// [`RUN_VARIABLE`]: crate::host::RUN_VARIABLE
    #[must_use]
    pub fn with_runner(
        self,
        words: impl Fn(&[Utf8PathBuf]) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        Self { runner: Runner::new(words), ..self }
    }

    /// Finds out whether sessions can be made here, without changing anything. The codes of the
    /// checks begin with the kind.
    pub async fn probe(&self) -> Result<ProbeReport> {
        let (kind, home) = (self.kind, self.layout.home().to_owned());
        blocking("host.probe", move || Ok(probe::report(kind, &home))).await
    }

    /// Makes the place of a session: first the directory, which takes the id, last the file that
    /// marks it whole. Fails with `AlreadyExists` if the id is in use.
    pub async fn make(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Place> {
        let (place, spec, workspace) = (self.place(id), spec.clone(), self.layout.workspace(id));
        blocking("host.create", move || {
            make(&place, &spec, &workspace)
                .map_err(|error| error.with_session(spec.name.as_str()))?;
            Ok(place)
        })
        .await
    }

    /// Finds the place of a session, whole or not; `NotFound` if there is nothing of it.
    pub async fn find(&self, id: &SessionId) -> Result<Place> {
        let place = self.place(id);
        blocking("host.open", move || match place.presence() {
            Presence::Absent => {
                let message = "there is no such session in this home; list shows those there are";
                Err(Error::new(ErrorKind::NotFound, "host.open", message)
                    .with_session(place.id().to_string()))
            }
            Presence::Directory | Presence::Odd => Ok(place),
        })
        .await
    }

    /// Lists all of them, half-made ones included, in no particular order.
    pub async fn list(&self) -> Result<Vec<Found>> {
        let places = self.clone();
        blocking("host.list", move || find_all(&places)).await
    }

    /// Ends a session's processes and removes its place; `Ok` if there is none. Drive it to
    /// completion.
    pub async fn remove(&self, id: &SessionId) -> Result<()> {
        let place = self.place(id);
        blocking("host.destroy", move || remove(&place)).await
    }

    fn place(&self, id: &SessionId) -> Place {
        Place::new(self.layout.session(id).join(self.kind), id, self.runner.clone())
    }
}

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = "the work was broken off; the runtime is shutting down or it panicked";
        Err(Error::new(ErrorKind::Internal, operation, message).with_source(error))
    })
}

fn make(place: &Place, spec: &ResolvedSpec, workspace: &Utf8Path) -> Result<()> {
    const OPERATION: &str = "host.create";
    if !spec.working_directory.is_absolute() {
        let message = format!(
            "the working directory `{}` is not absolute; give a whole path",
            spec.working_directory.as_str().escape_debug()
        );
        return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    }
    let directory = place.directory();
    let parent = directory.parent().expect("it is <sessions>/<id>/<kind>");
    let refused = |path: &str, error| Error::io(OPERATION, format!("can't make `{path}`"), error);
    fs::create_dir_all(parent).map_err(|error| refused(parent.as_str(), error))?;
    // Making it is what decides between two who create the same id at once.
    if let Err(error) = fs::DirBuilder::new().mode(0o700).create(directory) {
        if error.kind() == IoKind::AlreadyExists {
            let message = format!("the id {} is in use; destroy that session first", place.id());
            return Err(Error::new(ErrorKind::AlreadyExists, OPERATION, message));
        }
        return Err(refused(directory.as_str(), error));
    }
    place.write_session(&SessionFile {
        version: SessionFile::VERSION,
        id: *place.id(),
        working_directory: spec.working_directory.clone(),
        projects: spec.projects.iter().map(|plan| project(plan, workspace)).collect(),
        spec_hash: spec.hash(),
        labels: spec.backend_labels(),
        created_at: Timestamp::now(),
    })
}

/// Where a project is.
fn project(plan: &ProjectPlan, workspace: &Utf8Path) -> Utf8PathBuf {
    match plan.strategy {
        Strategy::Mount => plan.source.clone(),
        _ => workspace.join(&plan.name),
    }
}

fn find_all(places: &Places) -> Result<Vec<Found>> {
    const OPERATION: &str = "host.list";
    let sessions = places.layout.sessions();
    let refused = |error| Error::io(OPERATION, format!("can't read `{sessions}`"), error);
    let entries = match fs::read_dir(&sessions) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(refused(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(refused)?.file_name();
        // What is not named like a session is not one.
        let Some(Ok(id)) = name.to_str().map(str::parse::<SessionId>) else { continue };
        let place = places.place(&id);
        if let Some((status, labels)) = status::labelled(&place) {
            found.push(Found::new(id, status, labels));
        }
    }
    Ok(found)
}

fn remove(place: &Place) -> Result<()> {
    let directory = place.directory();
    let refused = |path: Utf8PathBuf, error: std::io::Error| match error.kind() {
        IoKind::NotFound => Ok(()),
        _ => Err(Error::io("host.destroy", format!("can't remove `{path}`"), error)
            .with_session(place.id().to_string())),
    };
    // Processes first, even if nothing is there: they carry the id themselves.
    end_all(place, REMOVE_GRACE)?;
    match place.presence() {
        Presence::Absent => Ok(()),
        Presence::Odd => {
            fs::remove_file(directory).or_else(|error| refused(directory.to_owned(), error))
        }
        Presence::Directory => {
            // The mark of a whole session goes first: if we die half way, it is half-made.
            let mark = directory.join(SessionFile::NAME);
            if mark.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
                fs::remove_file(&mark).or_else(|error| refused(mark.clone(), error))?;
            }
            // Does not follow links, by name or by race (std uses directory handles).
            fs::remove_dir_all(directory).or_else(|error| refused(directory.to_owned(), error))
        }
    }
}
