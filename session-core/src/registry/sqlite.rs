//! The registry of one machine: an SQLite file that many processes share.

mod connect;
mod failure;
mod read;
mod rows;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, named_params};

use self::connect::{Access, Opened};
use self::failure::failure;
use super::{DamagedEntry, Entry, Filter, Registry, Revision};
use crate::{Error, ErrorKind, Result, SessionId, SessionName, SessionRecord, Timestamp};

/// How long a call waits for another process that writes, before it fails with `Busy`.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it sleeps before it looks again, at first and at last.
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);
/// Connections that are kept for the next call; more are opened when more calls run at once.
const KEPT_CONNECTIONS: usize = 4;

/// An index of records in an SQLite file (WAL, `synchronous=NORMAL`), mode 0600.
///
/// It is an index: the record files are the truth, and [`adopt`](Self::adopt) makes it from them
/// again. After a power loss the last updates may be missing; after a crash of a process none is.
/// Cloning gives another handle to the same connections. Dropping a call's future does not stop the
/// call: it is done or not done, never half.
#[derive(Clone)]
pub struct SqliteRegistry {
    shared: Arc<Shared>,
}

struct Shared {
    path: Utf8PathBuf,
    patience: Duration,
    access: Access,
    is_new: bool,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteRegistry {
    /// Opens the registry in the file `path`, and makes it if it is missing. Blocks.
    ///
    /// Where it can't be written (a read-only home), it is opened for reading: lists work, changes
    /// fail with `PermissionDenied`. Fails with `NotFound` if the directory is missing, with
    /// `PermissionDenied` if the file is missing and can't be made, with `NewerVersion` if a newer
    /// version made it, and with `Damaged` if it is no registry; see [`set_aside`](Self::set_aside).
    pub fn open(path: impl Into<Utf8PathBuf>) -> Result<Self> {
        Self::open_with_patience(path, PATIENCE)
    }

    /// As [`open`](Self::open); calls wait for other processes for at most `patience` each.
    pub fn open_with_patience(path: impl Into<Utf8PathBuf>, patience: Duration) -> Result<Self> {
        let path = path.into();
        let Opened { connection, access, is_new } = connect::open(&path, patience)?;
        let idle = Mutex::new(vec![connection]);
        Ok(Self { shared: Arc::new(Shared { path, patience, access, is_new, idle }) })
    }

    /// Moves a damaged registry out of the way, to `<path>.damaged-<time>` beside it, with what
    /// belongs to it, and says where it is now. Blocks; processes that have it open go on with the
    /// moved file.
    pub fn set_aside(path: &Utf8Path, now: Timestamp) -> Result<Utf8PathBuf> {
        connect::set_aside(path, now)
    }

    /// Whether the registry was not yet made from the records when it was opened: it has just been
    /// made, or whoever made it did not get as far as the end of [`adopt`](Self::adopt).
    pub fn is_new(&self) -> bool {
        self.shared.is_new
    }

    /// Whether changes are refused, because the file or its directory can't be written.
    pub fn is_read_only(&self) -> bool {
        self.shared.access != Access::Write
    }

    /// Takes in every record that is not there yet (by id), all or none; what is there stays.
    ///
    /// Records that could not be read are taken in as damaged, so that lists show them. Gives
    /// those that could not be taken in: their name is another session's, or they have no id.
    pub async fn adopt(
        &self,
        records: Vec<Result<SessionRecord, DamagedEntry>>,
    ) -> Result<Vec<DamagedEntry>> {
        let mut records = Some(records);
        self.run("registry.adopt", move |connection, fail| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(fail)?;
            let mut left_out = Vec::new();
            for record in records.take().into_iter().flatten() {
                left_out.extend(rows::adopt(&transaction, record).map_err(fail)?);
            }
            transaction.execute("UPDATE registry SET built = 1", []).map_err(fail)?;
            transaction.commit().map_err(fail)?;
            Ok(left_out)
        })
        .await
    }

    /// Does `work` on a connection of its own, on a thread that may block; again while another
    /// process holds the lock.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        mut work: impl FnMut(&mut Connection, &dyn Fn(rusqlite::Error) -> Error) -> Result<T>
        + Send
        + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || {
            let fail = |error| failure(operation, &shared.path, error);
            let idle = || shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = idle().pop();
            let mut connection = match kept {
                Some(connection) => connection,
                None => connect::again(&shared.path, shared.access, shared.patience)?,
            };
            let result = patiently(shared.patience, || work(&mut connection, &fail));
            let mut idle = idle();
            if idle.len() < KEPT_CONNECTIONS {
                idle.push(connection);
            }
            result
        });
        done.await.unwrap_or_else(|error| {
            let message = "the registry's thread ended early";
            Err(Error::new(ErrorKind::Internal, operation, message).with_source(error))
        })
    }
}

impl fmt::Debug for SqliteRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteRegistry")
            .field("path", &self.shared.path)
            .field("access", &self.shared.access)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Registry for SqliteRegistry {
    async fn insert(&self, record: &SessionRecord) -> Result<Revision> {
        let row = rows::Row::new(record)?;
        self.run("registry.insert", move |connection, fail| {
            let mut insert = connection.prepare_cached(rows::INSERT).map_err(fail)?;
            insert.execute(&row.parameters()[..]).map_err(|error| {
                if failure::is_conflict(&error) {
                    name_taken("registry.insert", &row.name)
                } else {
                    fail(error).with_session(&*row.name)
                }
            })?;
            Ok(Revision(1))
        })
        .await
    }

    async fn fetch(&self, id: &SessionId) -> Result<Entry> {
        let id = id.to_string();
        self.run("registry.fetch", move |connection, fail| {
            rows::one(connection, rows::BY_ID, &id).map_err(fail)?.unwrap_or_else(|| missing(&id))
        })
        .await
    }

    async fn find(&self, name: &SessionName) -> Result<Entry> {
        let name = name.to_string();
        self.run("registry.find", move |connection, fail| {
            let found = rows::one(connection, rows::BY_NAME, &name).map_err(fail)?;
            found.unwrap_or_else(|| missing(&name))
        })
        .await
    }

    async fn update(&self, record: &SessionRecord, seen: Revision) -> Result<Revision> {
        record.refuse_newer()?;
        let row = rows::Row::new(record)?;
        self.run("registry.update", move |connection, fail| {
            let seen = i64::try_from(seen.0).unwrap_or(i64::MAX);
            let mut parameters = row.parameters().to_vec();
            parameters.push((":seen", &seen));
            // Most updates change nothing that is indexed, and then cost one page instead of six.
            let update = |statement: &str| {
                connection
                    .prepare_cached(statement)
                    .and_then(|mut update| update.execute(&parameters[..]))
            };
            let changed = match update(rows::UPDATE_DOCUMENT) {
                Ok(0) => update(rows::UPDATE),
                changed => changed,
            };
            match changed {
                Ok(0) => {}
                Ok(_) => return Ok(Revision(seen.unsigned_abs() + 1)),
                Err(error) if failure::is_conflict(&error) => {
                    return Err(name_taken("registry.update", &row.name));
                }
                Err(error) => return Err(fail(error).with_session(&*row.name)),
            }
            let known = connection
                .prepare_cached("SELECT 1 FROM sessions WHERE id = :id")
                .and_then(|mut select| {
                    select.query_row(named_params! {":id": row.id}, |_| Ok(())).optional()
                })
                .map_err(fail)?;
            if known.is_none() {
                return missing(&row.name);
            }
            let message = "the record changed since it was read; read it again";
            Err(Error::new(ErrorKind::Busy, "registry.update", message).with_session(&*row.name))
        })
        .await
    }

    async fn remove(&self, id: &SessionId) -> Result<()> {
        let id = id.to_string();
        self.run("registry.remove", move |connection, fail| {
            connection
                .prepare_cached("DELETE FROM sessions WHERE id = :id")
                .and_then(|mut delete| delete.execute(named_params! {":id": id}))
                .map_err(|error| fail(error).with_session(&*id))?;
            Ok(())
        })
        .await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Result<Entry, DamagedEntry>>> {
        let filter = filter.clone();
        self.run("registry.list", move |connection, fail| {
            rows::list(connection, &filter).map_err(fail)
        })
        .await
    }
}

/// Repeats `work` while it finds the file locked.
///
/// SQLite's own waiting begins with a millisecond, many times what an update takes.
fn patiently<T>(patience: Duration, mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    loop {
        match work() {
            Err(error) if failure::is_locked(&error) && begun.elapsed() < patience => {
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            result => return result,
        }
    }
}

fn name_taken(operation: &'static str, name: &str) -> Error {
    let message = "the name (or the id) is taken; choose another, or attach to that session";
    Error::new(ErrorKind::AlreadyExists, operation, message).with_session(name)
}

fn missing<T>(what: &str) -> Result<T> {
    let message = "no such session; `sessctl list` shows all";
    Err(Error::new(ErrorKind::NotFound, "registry.fetch", message).with_session(what))
}
