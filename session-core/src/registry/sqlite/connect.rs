//! Opening the file: making it, bringing it up to date, reading it where it can't be written.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::failure::{damaged, failure};
use crate::{Error, ErrorKind, Result, Timestamp};

/// `sess` in ASCII: tells our file from any other program's.
const APPLICATION_ID: i32 = 0x7365_7373;
/// What `PRAGMA user_version` is after all of [`MIGRATIONS`].
const VERSION: usize = MIGRATIONS.len();
/// Statement `n` brings a file from version `n` to `n + 1`. Never change one that was released.
const MIGRATIONS: [&str; 1] = [include_str!("schema-1.sql")];
const STATEMENTS_KEPT: usize = 32;
const OPERATION: &str = "registry.open";

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// As usual.
    Write,
    /// Only for reading, with the write-ahead log that is there.
    Read,
    /// Only for reading, with no log: its directory can't be written, so nobody writes it.
    ReadUnchanging,
}

/// A file that is one of ours and of this version.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) access: Access,
    pub(super) is_new: bool,
}

/// Opens `path`, makes it if it is missing, brings it up to date. The connection then does not
/// wait for others: [`SqliteRegistry`](super::SqliteRegistry) does.
pub(super) fn open(path: &Utf8Path, patience: Duration) -> Result<Opened> {
    let opened = open_waiting(path, patience)?;
    let fail = |error| failure(OPERATION, path, error);
    opened.connection.busy_timeout(Duration::ZERO).map_err(fail)?;
    Ok(opened)
}

fn open_waiting(path: &Utf8Path, patience: Duration) -> Result<Opened> {
    make_file(path)?;
    let written = prepare(path, patience);
    let Err(error) = written else { return written };
    if error.kind() != ErrorKind::PermissionDenied {
        return Err(error);
    }
    [Access::Read, Access::ReadUnchanging]
        .into_iter()
        .find_map(|access| read_only(path, access, patience).transpose())
        .unwrap_or(Err(error))
}

/// Another connection to a file that [`open`] has seen.
pub(super) fn again(path: &Utf8Path, access: Access, patience: Duration) -> Result<Connection> {
    let fail = |error| failure(OPERATION, path, error);
    let connection = connect(path, access, patience).map_err(fail)?;
    connection.busy_timeout(Duration::ZERO).map_err(fail)?;
    Ok(connection)
}

/// See [`SqliteRegistry::set_aside`](super::SqliteRegistry::set_aside).
pub(super) fn set_aside(path: &Utf8Path, now: Timestamp) -> Result<Utf8PathBuf> {
    let failed = |error| {
        Error::io("registry.set-aside", format!("can't move the registry {path} aside"), error)
    };
    let beside = |path: &Utf8Path, suffix: &str| Utf8PathBuf::from(format!("{path}{suffix}"));
    let base = beside(path, &format!(".damaged-{}", now.to_compact()));
    let taken = |path: &Utf8Path| {
        ["", "-wal", "-shm"].iter().any(|part| fs::symlink_metadata(beside(path, part)).is_ok())
    };
    let mut target = base.clone();
    let mut count = 1;
    while taken(&target) {
        count += 1;
        target = beside(&base, &format!("-{count}"));
    }
    // The log first: left behind, it would be played into the file that is made next.
    for part in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, part), beside(&target, part)) {
            Err(error) if part.is_empty() || error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    Ok(target)
}

/// Makes an empty file that nobody else can read, if there is none.
fn make_file(path: &Utf8Path) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Where nothing can be made, what is there can still be read.
        Err(_) if path.is_file() => Ok(()),
        Err(error) => Err(Error::io(OPERATION, format!("can't make the registry {path}"), error)),
    }
}

fn connect(path: &Utf8Path, access: Access, patience: Duration) -> rusqlite::Result<Connection> {
    let common = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let (flags, query) = match access {
        Access::Write => (OpenFlags::SQLITE_OPEN_READ_WRITE, ""),
        Access::Read => (OpenFlags::SQLITE_OPEN_READ_ONLY, ""),
        Access::ReadUnchanging => (OpenFlags::SQLITE_OPEN_READ_ONLY, "?immutable=1"),
    };
    let connection =
        Connection::open_with_flags(format!("file:{}{query}", escaped(path)), common | flags)?;
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // The file may come from anywhere: its schema may not call functions with effects.
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// `path` in a URI: `?`, `#` and `%` would end it or mean something else.
fn escaped(path: &Utf8Path) -> String {
    path.as_str().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn prepare(path: &Utf8Path, patience: Duration) -> Result<Opened> {
    let fail = |error| failure(OPERATION, path, error);
    let mut connection = connect(path, Access::Write, patience).map_err(fail)?;
    if connection.is_readonly("main").map_err(fail)? {
        let message = format!("{path} can't be written");
        return Err(Error::new(ErrorKind::PermissionDenied, OPERATION, message));
    }
    if is_current(&connection, path)? {
        let is_new = is_new(&connection).map_err(fail)?;
        return Ok(Opened { connection, access: Access::Write, is_new });
    }
    use_log(&connection, patience).map_err(fail)?;
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    let version = version(&transaction, path)?;
    for migration in &MIGRATIONS[version..] {
        transaction.execute_batch(migration).map_err(fail)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail)?;
    transaction
        .pragma_update(None, "user_version", i64::try_from(VERSION).unwrap_or(i64::MAX))
        .map_err(fail)?;
    transaction.commit().map_err(fail)?;
    let is_new = is_new(&connection).map_err(fail)?;
    Ok(Opened { connection, access: Access::Write, is_new })
}

/// `Ok(None)` where the file can't be read this way.
fn read_only(path: &Utf8Path, access: Access, patience: Duration) -> Result<Option<Opened>> {
    let Ok(connection) = connect(path, access, patience) else { return Ok(None) };
    match is_current(&connection, path) {
        Ok(true) => {
            let is_new = is_new(&connection).map_err(|error| failure(OPERATION, path, error))?;
            Ok(Some(Opened { connection, access, is_new }))
        }
        Ok(false) => Ok(None),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT built FROM registry", [], |row| Ok(!row.get::<_, bool>(0)?))
}

/// Whether the file is ours and of this version; an error if it is not ours or of a newer one.
fn is_current(connection: &Connection, path: &Utf8Path) -> Result<bool> {
    Ok(version(connection, path)? == VERSION)
}

fn version(connection: &Connection, path: &Utf8Path) -> Result<usize> {
    let fail = |error| failure(OPERATION, path, error);
    let number = |pragma| {
        connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(fail)
    };
    let (application, version) = (number("application_id")?, number("user_version")?);
    if application != i64::from(APPLICATION_ID) {
        let things: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(fail)?;
        let is_empty = things == 0 && application == 0 && version == 0;
        return if is_empty { Ok(0) } else { Err(damaged(OPERATION, path)) };
    }
    let version = usize::try_from(version).map_err(|_| damaged(OPERATION, path))?;
    if version > VERSION {
        let message = format!(
            "the registry {path} has version {version}, newer than {VERSION}; use the newer program"
        );
        return Err(Error::new(ErrorKind::NewerVersion, OPERATION, message));
    }
    Ok(version)
}

/// Turns the write-ahead log on. SQLite does not wait for others here, so we do.
fn use_log(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    let begin = Instant::now();
    loop {
        let set = connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()));
        match set {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begin.elapsed() < patience =>
            {
                thread::sleep(Duration::from_millis(2));
            }
            set => return set,
        }
    }
}
