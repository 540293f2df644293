//! Records as rows.

use rusqlite::types::{ToSql, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Params, Result as SqlResult, Transaction};

use super::failure::is_conflict;
use super::read;
use super::{DamagedEntry, Entry, Filter, Revision};
use crate::{Error, ErrorKind, Result, SessionId, SessionRecord};

/// Makes a row. The triggers of the schema keep the table `sources` in step.
pub(super) const INSERT: &str = "INSERT INTO sessions \
    (id, name, backend, phase, sources, created_at, revision, record) \
    VALUES (:id, :name, :backend, :phase, :sources, :created_at, 1, :record)";
/// Replaces a row if nobody has since `:seen`.
pub(super) const UPDATE: &str = "UPDATE sessions SET name = :name, backend = :backend, \
    phase = :phase, sources = :sources, created_at = :created_at, revision = revision + 1, \
    record = :record, problem = NULL WHERE id = :id AND revision = :seen";
/// The same where no indexed column changes.
pub(super) const UPDATE_DOCUMENT: &str = "UPDATE sessions SET phase = :phase, \
    revision = revision + 1, record = :record, problem = NULL WHERE id = :id AND revision = :seen \
    AND name = :name AND backend = :backend AND sources = :sources AND created_at = :created_at";
/// One row by id.
pub(super) const BY_ID: &str =
    "SELECT id, name, revision, record, problem FROM sessions WHERE id = ?1";
/// One row by name.
pub(super) const BY_NAME: &str =
    "SELECT id, name, revision, record, problem FROM sessions WHERE name = ?1";

/// A record's columns.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    backend: String,
    phase: String,
    sources: String,
    created_at: i64,
    record: String,
}

impl Row {
    /// Fails as [`SessionRecord::to_index_json`] does.
    pub(super) fn new(record: &SessionRecord) -> Result<Self> {
        let plain = "paths and unit variants are plain data";
        let sources: Vec<_> = record.sources().collect();
        let phase = serde_json::to_value(record.phase).expect(plain);
        Ok(Self {
            id: record.id.to_string(),
            name: record.name.to_string(),
            backend: record.spec.backend.clone(),
            phase: phase.as_str().unwrap_or_default().to_owned(),
            sources: serde_json::to_string(&sources).expect(plain),
            created_at: record.created_at.sort_key(),
            record: record.to_index_json()?,
        })
    }

    /// The columns by the names that the statements use.
    pub(super) fn parameters(&self) -> [(&'static str, &dyn ToSql); 7] {
        [
            (":id", &self.id),
            (":name", &self.name),
            (":backend", &self.backend),
            (":phase", &self.phase),
            (":sources", &self.sources),
            (":created_at", &self.created_at),
            (":record", &self.record),
        ]
    }
}

/// Takes in a record if its id is not there; gives it back if it could not be.
pub(super) fn adopt(
    transaction: &Transaction<'_>,
    record: Result<SessionRecord, DamagedEntry>,
) -> SqlResult<Option<DamagedEntry>> {
    let entry = match record {
        Ok(record) => match Row::new(&record) {
            Ok(row) => {
                if is_there(transaction, &row.id)? {
                    return Ok(None);
                }
                let inserted = transaction.prepare_cached(INSERT)?.execute(&row.parameters()[..]);
                match inserted {
                    Ok(_) => return Ok(None),
                    Err(error) if is_conflict(&error) => {
                        let message = "another session has its name; rename one of them";
                        let error = Error::new(ErrorKind::AlreadyExists, "registry.adopt", message)
                            .with_session(row.id);
                        return Ok(Some(DamagedEntry::new(Some(record.id), Some(row.name), error)));
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(error) => DamagedEntry::new(Some(record.id), Some(record.name.to_string()), error),
        },
        Err(entry) => entry,
    };
    let Some(id) = entry.id else { return Ok(Some(entry)) };
    let id = id.to_string();
    if is_there(transaction, &id)? {
        return Ok(None);
    }
    let insert = "INSERT OR IGNORE INTO sessions (id, name, revision, created_at, record, problem) \
                  VALUES (?1, ?2, 1, ?3, '', ?4)";
    let problem = serde_json::to_string(&entry.error.report()).expect("a report is plain data");
    let inserted =
        transaction.prepare_cached(insert)?.execute((&id, &entry.name, i64::MIN, &problem))?;
    if inserted == 0 {
        // Its name is taken, which a damaged record has no say in.
        transaction.prepare_cached(insert)?.execute((&id, None::<String>, i64::MIN, &problem))?;
    }
    Ok(None)
}

fn is_there(transaction: &Transaction<'_>, id: &str) -> SqlResult<bool> {
    transaction.prepare_cached("SELECT 1 FROM sessions WHERE id = ?1")?.exists([id])
}

/// The row that `select` finds by `key`.
pub(super) fn one(
    connection: &Connection,
    select: &str,
    key: &str,
) -> SqlResult<Option<Result<Entry>>> {
    let mut statement = connection.prepare_cached(select)?;
    let found = statement.query_row([key], |row| Ok(parse(&Columns::of(row)?))).optional()?;
    Ok(found.map(|found| found.map_err(|damaged| *damaged.error)))
}

/// The rows that `filter` wants, newest first; those of which too little is known to filter, last.
pub(super) fn list(
    connection: &Connection,
    filter: &Filter,
) -> SqlResult<Vec<Result<Entry, DamagedEntry>>> {
    let limit = i64::try_from(filter.limit.unwrap_or(usize::MAX)).unwrap_or(i64::MAX);
    let backend = filter.backend.as_deref();
    let source = filter.source.as_ref().map(|path| path.as_str());
    let columns = "SELECT s.id, s.name, s.revision, s.record, s.problem FROM";
    let newest = "ORDER BY s.created_at DESC, s.id DESC LIMIT ?1";
    let sources = "sources o CROSS JOIN sessions s ON s.id = o.session WHERE o.source = ?2";
    let newest_of_source = "ORDER BY o.created_at DESC, o.session DESC LIMIT ?1";
    let mut rows = match (backend, source) {
        (None, None) => found(connection, &format!("{columns} sessions s {newest}"), [limit])?,
        (Some(backend), None) => found(
            connection,
            &format!("{columns} sessions s WHERE s.backend = ?2 {newest}"),
            (limit, backend),
        )?,
        (None, Some(source)) => {
            found(connection, &format!("{columns} {sources} {newest_of_source}"), (limit, source))?
        }
        (Some(backend), Some(source)) => found(
            connection,
            &format!("{columns} {sources} AND s.backend = ?3 {newest_of_source}"),
            (limit, source, backend),
        )?,
    };
    let room = limit.saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
    if room > 0 && (backend.is_some() || source.is_some()) {
        let unknown = format!("{columns} sessions s WHERE s.backend IS NULL {newest}");
        rows.extend(found(connection, &unknown, [room])?);
    }
    Ok(rows)
}

fn found(
    connection: &Connection,
    select: &str,
    parameters: impl Params,
) -> SqlResult<Vec<Result<Entry, DamagedEntry>>> {
    read::all(connection.prepare_cached(select)?.query(parameters)?)
}

/// A row as it stands in the file: any column may hold anything.
pub(super) struct Columns<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) revision: i64,
    pub(super) record: ValueRef<'a>,
    pub(super) problem: Option<&'a str>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a rusqlite::Row<'_>) -> SqlResult<Self> {
        let text = |column| -> SqlResult<_> { Ok(row.get_ref(column)?.as_str().ok()) };
        Ok(Self {
            id: text(0)?,
            name: text(1)?,
            revision: row.get(2)?,
            record: row.get_ref(3)?,
            problem: text(4)?,
        })
    }
}

/// The entry that a row stands for.
pub(super) fn parse(columns: &Columns<'_>) -> Result<Entry, DamagedEntry> {
    let id: Option<SessionId> = columns.id.and_then(|id| id.parse().ok());
    let name = columns.name;
    let parsed = match (columns.problem, columns.record) {
        (Some(problem), _) => Err(stored_problem(problem)),
        (None, ValueRef::Text(json) | ValueRef::Blob(json)) => SessionRecord::from_json(json)
            .and_then(|record| {
                let is_own = id == Some(record.id) && name == Some(record.name.as_str());
                if is_own { Ok(record) } else { Err(stranger()) }
            }),
        (None, _) => Err(stranger()),
    };
    let revision = Revision(columns.revision.unsigned_abs());
    parsed.map(|record| Entry::new(record, revision)).map_err(|error| {
        let session = name.map(str::to_owned).or_else(|| id.map(|id| id.to_string()));
        let error = session.into_iter().fold(error, Error::with_session);
        DamagedEntry::new(id, name.map(str::to_owned), error)
    })
}

fn stranger() -> Error {
    let message = "the registry has another session's record in its place; `sessctl doctor \
                   --rebuild` makes the registry again";
    Error::new(ErrorKind::Damaged, "registry.fetch", message)
}

/// The error with which a record was taken in.
fn stored_problem(problem: &str) -> Error {
    match serde_json::from_str::<crate::ErrorReport>(problem) {
        Ok(report) => Error::new(report.kind, report.operation, report.message),
        Err(error) => Error::new(ErrorKind::Damaged, "registry.fetch", "the record is damaged")
            .with_source(error),
    }
}
