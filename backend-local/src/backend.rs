//! The backend: makes, finds and destroys.

use std::fs;
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use session_core::{
    Backend, Capabilities, Error, ErrorKind, Found, Isolation, Layout, ProbeReport, ResolvedSpec,
    Result, Session, SessionId, Timestamp,
};

use crate::session::{LocalSession, end_all};
use crate::state::{Place, Presence, SessionFile};
use crate::{probe, status};

pub(crate) const KIND: &str = "local";

/// How long `destroy` lets processes end by themselves; who wants longer calls `stop` first.
const DESTROY_GRACE: Duration = Duration::from_secs(1);

/// Sessions in directories of the host, under one [`Layout`].
///
/// Cheap to make; touches nothing until asked to. Needs a tokio runtime with I/O and time.
#[derive(Debug, Clone)]
pub struct LocalBackend {
    layout: Layout,
    capabilities: Capabilities,
}

impl LocalBackend {
    /// The backend for the sessions under `layout`.
    pub fn new(layout: &Layout) -> Self {
        let mut capabilities = Capabilities::new(Isolation::Directory);
        capabilities.host_processes = true;
        capabilities.exec_when_stopped = true;
        capabilities.stats = true;
        Self { layout: layout.clone(), capabilities }
    }

    fn session(&self, place: Place) -> Arc<dyn Session> {
        Arc::new(LocalSession::new(place))
    }
}

#[async_trait]
impl Backend for LocalBackend {
    fn kind(&self) -> &str {
        KIND
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self) -> Result<ProbeReport> {
        let home = self.layout.home().to_owned();
        blocking("local.probe", move || Ok(probe::report(&home))).await
    }

    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        let place = Place::new(&self.layout, id);
        let spec = spec.clone();
        let made = blocking("local.create", move || {
            make(&place, &spec).map_err(|error| error.with_session(spec.name.as_str()))?;
            Ok(place)
        });
        Ok(self.session(made.await?))
    }

    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        let place = Place::new(&self.layout, id);
        let found = blocking("local.open", move || match place.presence() {
            Presence::Absent => {
                let message = "there is no such session in this home; list shows those there are";
                Err(Error::new(ErrorKind::NotFound, "local.open", message)
                    .with_session(place.id().to_string()))
            }
            Presence::Directory | Presence::Odd => Ok(place),
        });
        Ok(self.session(found.await?))
    }

    async fn list(&self) -> Result<Vec<Found>> {
        let layout = self.layout.clone();
        blocking("local.list", move || find_all(&layout)).await
    }

    async fn destroy(&self, id: &SessionId) -> Result<()> {
        let place = Place::new(&self.layout, id);
        blocking("local.destroy", move || remove(&place)).await
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

fn make(place: &Place, spec: &ResolvedSpec) -> Result<()> {
    const OPERATION: &str = "local.create";
    if !spec.working_directory.is_absolute() {
        let message = format!(
            "the working directory `{}` is not absolute; give a whole path",
            spec.working_directory.as_str().escape_debug()
        );
        return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    }
    let directory = place.directory();
    let parent = directory.parent().expect("it is <sessions>/<id>/local");
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
        spec_hash: spec.hash(),
        labels: spec.backend_labels(),
        created_at: Timestamp::now(),
    })
}

fn find_all(layout: &Layout) -> Result<Vec<Found>> {
    const OPERATION: &str = "local.list";
    let sessions = layout.sessions();
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
        let place = Place::new(layout, &id);
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
        _ => Err(Error::io("local.destroy", format!("can't remove `{path}`"), error)
            .with_session(place.id().to_string())),
    };
    // Processes first, even if nothing is there: they carry the id themselves.
    end_all(place, DESTROY_GRACE)?;
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
