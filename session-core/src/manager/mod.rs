//! The paved path: operations of many steps over registry, workspaces, backends and terminals.

mod agent;
mod audit;
mod choose;
mod claim;
mod clean;
mod connect;
mod conversations;
mod create;
mod facts;
mod list;
mod login;
mod mounts;
mod rebuild;
mod remove;
mod run;
mod settle;
mod take_in;
mod trash;
mod update;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use conversations::{ConversationEntry, ExportTo, Exported};
pub use list::Inspection;
pub use login::{LoginOutcome, LoginRun};
pub use remove::Removed;
pub use settle::Reconciled;
pub use trash::{TRASH_RETENTION, TrashItem};

use crate::lock::FileLock;
use crate::profile::Profiles;
use crate::{
    Backend, Backends, Catalog, Error, ErrorKind, Event, HostView, Layout, Policy, Progress,
    Registry, Result, Session, SessionId, SessionRecord, Terminals, Workspaces,
};

/// How long an operation waits for another one on the same session before it fails with `Busy`.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(60);
/// How long one backend may take to say what it has. An engine behind ssh takes nearly two seconds
/// for its first answer (docs/engines.md).
const DEFAULT_ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Runs whole operations on sessions.
///
/// Every operation that changes something runs in a task of its own, under a lock per session
/// that also holds between processes. Dropping the returned future stops the waiting, not the
/// work; [`Progress::cancel`] stops the work. A process that is killed in the middle leaves a
/// session that the next operation on it, or [`reconcile`](Self::reconcile), makes whole or gone.
///
/// Cheap to clone; two managers in one process do not know of each other.
#[derive(Debug, Clone)]
pub struct Manager {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    catalog: Catalog,
    host: HostView,
    policy: Policy,
    profiles: Profiles,
    backends: Backends,
    made: Mutex<BTreeMap<String, Arc<dyn Backend>>>,
    workspaces: Arc<dyn Workspaces>,
    terminals: Arc<dyn Terminals>,
    patience: Duration,
    answer_limit: Duration,
}

impl Manager {
    /// Puts the parts together; no I/O.
    pub fn new(
        layout: Layout,
        host: HostView,
        backends: Backends,
        registry: Arc<dyn Registry>,
        workspaces: Arc<dyn Workspaces>,
        terminals: Arc<dyn Terminals>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                catalog: Catalog::new(layout, registry),
                host,
                policy: Policy::default(),
                profiles: Profiles::new(),
                backends,
                made: Mutex::default(),
                workspaces,
                terminals,
                patience: DEFAULT_PATIENCE,
                answer_limit: DEFAULT_ANSWER_LIMIT,
            }),
        }
    }

    /// Changes how long an operation waits for another one on the same session; clones made before
    /// keep theirs.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        self.changed(|inner| inner.patience = patience)
    }

    /// Changes how long one backend may take to say what it has, or that it is there at all, before
    /// that counts as no answer; clones made before keep theirs.
    #[must_use]
    pub fn with_answer_limit(self, limit: Duration) -> Self {
        self.changed(|inner| inner.answer_limit = limit)
    }

    /// Changes the rules that decide what a new session is; clones made before keep theirs.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        self.changed(|inner| inner.policy = policy)
    }

    /// Gives it the agents it knows; none at first. Clones made before keep theirs.
    #[must_use]
    pub fn with_profiles(self, profiles: Profiles) -> Self {
        self.changed(|inner| inner.profiles = profiles)
    }

    /// What it was told about the machine and the person.
    pub fn host(&self) -> &HostView {
        &self.inner.host
    }

    /// The agents it knows.
    pub fn profiles(&self) -> &Profiles {
        &self.inner.profiles
    }

    /// The records.
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        self.inner.catalog.layout()
    }

    /// The kinds of backends there are.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.inner.backends.kinds()
    }

    /// The backend of `kind`; made when first asked for.
    pub fn backend(&self, kind: &str) -> Result<Arc<dyn Backend>> {
        self.inner.backend(kind)
    }

    /// Finds a session by name or id.
    pub async fn find(&self, name_or_id: &str) -> Result<SessionRecord> {
        self.inner.catalog.find(name_or_id).await
    }

    /// Itself, with another inside; what was handed out before stays as it was.
    fn changed(self, change: impl FnOnce(&mut Inner)) -> Self {
        let of = &self.inner;
        let mut inner = Inner {
            catalog: of.catalog.clone(),
            host: of.host.clone(),
            policy: of.policy.clone(),
            profiles: of.profiles.clone(),
            backends: of.backends.clone(),
            made: Mutex::new(of.made().clone()),
            workspaces: Arc::clone(&of.workspaces),
            terminals: Arc::clone(&of.terminals),
            patience: of.patience,
            answer_limit: of.answer_limit,
        };
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Runs `work` to its end in a task of its own.
    async fn drive<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        match tokio::spawn(work(Arc::clone(&self.inner))).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let message = "an operation did not reach its end";
                Err(Error::new(ErrorKind::Internal, "manager.drive", message).with_source(error))
            }
        }
    }
}

impl Inner {
    fn layout(&self) -> &Layout {
        self.catalog.layout()
    }

    fn backend(&self, kind: &str) -> Result<Arc<dyn Backend>> {
        let mut made = self.made();
        if let Some(backend) = made.get(kind) {
            return Ok(Arc::clone(backend));
        }
        let backend = self.backends.make(kind, self.layout())?;
        made.insert(kind.to_owned(), Arc::clone(&backend));
        Ok(backend)
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, Arc<dyn Backend>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the session's lock for one operation.
    async fn lock(&self, id: &SessionId) -> Result<FileLock> {
        FileLock::take(&self.layout().lock(id), self.patience)
            .await
            .map_err(|error| error.with_session(id.to_string()))
    }

    /// Reads a record under the session's lock; leaves no lock of a session that is not there.
    async fn read(&self, id: &SessionId) -> Result<SessionRecord> {
        let record = self.catalog.read(id).await;
        if record.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            self.catalog.remove_locks(id);
        }
        record
    }

    /// Opens the session through its backend; `None` where that has nothing of it.
    async fn open(&self, record: &SessionRecord) -> Result<Option<Arc<dyn Session>>> {
        match self.backend(&record.spec.backend)?.open(&record.id).await {
            Ok(session) => Ok(Some(session)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.with_session(record.name.as_str())),
        }
    }
}

/// Tells the steps of one operation on one session.
struct Steps<'a> {
    progress: &'a Progress,
    session: SessionId,
    operation: &'static str,
}

impl<'a> Steps<'a> {
    fn new(progress: &'a Progress, session: SessionId, operation: &'static str) -> Self {
        Self { progress, session, operation }
    }

    /// Runs one step between its two events.
    async fn step<T>(
        &self,
        step: &'static str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let (session, operation, step) = (self.session, self.operation.to_owned(), step.to_owned());
        self.progress.report(Event::StepBegan {
            session,
            operation: operation.clone(),
            step: step.clone(),
        });
        tracing::debug!(%session, operation, step, "begins");
        let began = std::time::Instant::now();
        let outcome = work.await;
        let milliseconds = began.elapsed().as_millis();
        match &outcome {
            Ok(_) => tracing::debug!(%session, operation, step, milliseconds, "done"),
            Err(error) => {
                tracing::debug!(%session, operation, step, milliseconds, %error, "failed")
            }
        }
        let outcome = outcome?;
        self.progress.report(Event::StepEnded { session, operation, step });
        Ok(outcome)
    }
}
