//! Conversations that are kept in an SQLite database.
//!
//! The database is the session's: it may be no database, be locked, or be made to harm its readers. It is read from a
//! private copy, so that neither its locks nor its files are touched, with what SQLite has against hostile files.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::{Duration, SystemTime};

use camino::Utf8Path;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::Budget;
use crate::agent::beneath::Beneath;
use crate::agent::pattern;
use crate::facts::AgentState;
use crate::profile::{Database, DatabaseFacts};

/// A larger one is not read.
const LARGEST: u64 = 512 * 1024 * 1024;
/// More conversations than a session has.
const MOST_ROWS: usize = 10_000;
/// Steps of SQLite's machine between two looks at the time.
const STEPS: std::ffi::c_int = 10_000;
/// More than any text in it has, and any document that is made of a conversation.
pub(crate) const MOST_TEXT: u64 = 128 * 1024 * 1024;
/// How often a copy is begun anew because the database was changed meanwhile.
const ATTEMPTS: usize = 5;
/// How long the list of conversations may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the queries gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Answers {
    pub(super) model: Option<String>,
    pub(super) messages: Option<u64>,
    pub(super) tool_calls: Option<u64>,
    pub(super) activity: Option<i64>,
    pub(super) state: Option<AgentState>,
    /// Ids, the latest first, with milliseconds since 1970.
    pub(super) conversations: Vec<(String, i64)>,
}

/// Where a database is, and where a private copy of it may be made.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The directory that it is below; no link leads out of that.
    pub(crate) directory: &'a Utf8Path,
    /// Its path there; its `-wal` lies beside it.
    pub(crate) file: &'a str,
    /// A directory that outlives nothing: what is left there by a killed process is in nobody's way.
    pub(crate) scratch: &'a Utf8Path,
}

/// A private copy of a database, removed with the value.
pub(crate) struct Copy {
    _directory: tempfile::TempDir,
    connection: Connection,
}

/// The ids of all conversations and when they were last written to, the latest first; none if there is no database.
pub(crate) fn conversations(place: &Place<'_>, database: &Database) -> Vec<(String, SystemTime)> {
    let answers = ask(place, database, None, &Budget::of(PATIENCE)).unwrap_or_default();
    let time = |ms: i64| match u64::try_from(ms) {
        Ok(ms) => SystemTime::UNIX_EPOCH + Duration::from_millis(ms.min(1 << 52)),
        Err(_) => SystemTime::UNIX_EPOCH,
    };
    answers.conversations.into_iter().map(|(id, ms)| (id, time(ms))).collect()
}

/// Size and time of last change of the database and of its log: what changes when anything in it does.
pub(super) fn stamp(place: &Place<'_>) -> Option<Vec<(u64, i64)>> {
    let beneath = Beneath::open(place.directory).ok()?;
    let of = |path: &str| state_of(&beneath.file(path)?);
    let file = of(place.file)?;
    Some(std::iter::once(file).chain(of(&format!("{}-wal", place.file))).collect())
}

/// Size and time of last change of a file.
fn state_of(file: &File) -> Option<(u64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    let found = file.metadata().ok()?;
    let moment = found.mtime().saturating_mul(1_000_000_000).saturating_add(found.mtime_nsec());
    Some((found.len(), moment))
}

/// Runs all queries; `None` if there is no database that can be read.
pub(super) fn ask(
    place: &Place<'_>,
    database: &Database,
    facts: Option<&DatabaseFacts>,
    budget: &Budget,
) -> Option<Answers> {
    let copy = Copy::make(place, budget)?;
    let mut answers = Answers { conversations: copy.conversations(database), ..Answers::default() };
    if let Some(facts) = facts {
        let number = |query: &Option<String>| copy.text(query).and_then(|text| text.parse().ok());
        answers.model = copy.text(&facts.model);
        answers.messages = number(&facts.messages);
        answers.tool_calls = number(&facts.tool_calls);
        answers.activity = copy.text(&facts.activity).and_then(|text| moment(&text));
        answers.state = copy.text(&facts.state).and_then(|text| match text.as_str() {
            "busy" => Some(AgentState::Busy),
            "idle" => Some(AgentState::Idle),
            "waiting" => Some(AgentState::Waiting),
            _ => None,
        });
    }
    Some(answers)
}

fn moment(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| super::moment(text))
}

/// Copies database and log to `to`; `Some(false)` if the database was changed meanwhile.
fn copy_files(place: &Place<'_>, to: &std::path::Path) -> Option<bool> {
    let beneath = Beneath::open(place.directory).ok()?;
    let mut file = beneath.file(place.file)?;
    let before = state_of(&file)?;
    let log = beneath.file(&format!("{}-wal", place.file));
    if before.0 > LARGEST
        || log.as_ref().is_some_and(|log| length(log).is_none_or(|length| length > LARGEST))
    {
        return None;
    }
    // The log first: what is moved from it into the database meanwhile is then in both.
    if let Some(mut log) = log {
        take(&mut log, &to.join("copy.db-wal"))?;
    }
    take(&mut file, &to.join("copy.db"))?;
    Some(state_of(&file)? == before)
}

fn length(file: &File) -> Option<u64> {
    file.metadata().ok().map(|found| found.len())
}

fn take(from: &mut File, to: &std::path::Path) -> Option<()> {
    from.seek(SeekFrom::Start(0)).ok()?;
    let mut to = File::create_new(to).ok()?;
    std::io::copy(&mut from.take(LARGEST), &mut to).ok().map(drop)
}

impl Copy {
    /// A copy that is as the database was at one moment; `None` if there is none that can be read.
    pub(crate) fn make(place: &Place<'_>, budget: &Budget) -> Option<Self> {
        for _ in 0..ATTEMPTS {
            if budget.is_spent() {
                return None;
            }
            // A session's own disk, private, and removed with the session if we are killed.
            let directory =
                tempfile::Builder::new().prefix(".facts-").tempdir_in(place.scratch).ok()?;
            if copy_files(place, directory.path())? {
                return Self::open(directory, budget);
            }
        }
        None
    }

    fn open(directory: tempfile::TempDir, budget: &Budget) -> Option<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let path = directory.path().canonicalize().ok()?.join("copy.db");
        let mut connection = Connection::open_with_flags(path, flags).ok()?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).ok()?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).ok()?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).ok()?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false).ok()?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MOST_TEXT as i32).ok()?;
        let until = budget.until;
        connection
            .progress_handler(STEPS, Some(move || std::time::Instant::now() >= until))
            .ok()?;
        connection.pragma_update(None, "cell_size_check", true).ok()?;
        connection.pragma_update(None, "mmap_size", 0).ok()?;
        connection.pragma_update(None, "query_only", true).ok()?;
        Some(Self { _directory: directory, connection })
    }

    /// The document that a query makes of a conversation; `None` if there is no such conversation.
    pub(crate) fn document(&self, query: &str, id: &str) -> rusqlite::Result<Option<String>> {
        self.connection.query_row(query, [id], |row| row.get(0)).optional()
    }

    /// The ids of a conversation's messages; `None` where the query can't be asked.
    pub(crate) fn messages(&self, query: &str, id: &str) -> Option<Vec<String>> {
        let mut query = self.connection.prepare(query).ok()?;
        let rows = query.query_map([id], |row| Ok(text(row.get_ref(0)?))).ok()?;
        rows.map(|row| row.ok().flatten()).collect()
    }

    /// The one value that a query gives, as text.
    fn text(&self, query: &Option<String>) -> Option<String> {
        let found = self.connection.query_row(query.as_ref()?, [], |row| Ok(text(row.get_ref(0)?)));
        found.ok().flatten()
    }

    fn conversations(&self, database: &Database) -> Vec<(String, i64)> {
        let read = || -> rusqlite::Result<Vec<(String, i64)>> {
            let mut query = self.connection.prepare(&database.conversations)?;
            let rows =
                query.query_map([], |row| Ok((text(row.get_ref(0)?), text(row.get_ref(1)?))))?;
            // What comes before a row that can't be read is read.
            let rows = rows.take(MOST_ROWS).map_while(Result::ok);
            let rows = rows.filter_map(|(id, at)| Some((id?, moment(&at?)?)));
            Ok(rows.filter(|(id, _)| pattern::is_id(id)).collect())
        };
        let mut rows = read().unwrap_or_default();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        rows
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    let text = match value {
        ValueRef::Integer(number) => number.to_string(),
        // Times are also kept as numbers with a fraction.
        ValueRef::Real(number) if number.abs() < 9e15 => format!("{number:.0}"),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok()?.to_owned(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= 256).then_some(text)
}
