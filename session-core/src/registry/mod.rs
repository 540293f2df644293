//! The index of records: names, and compare-and-swap.

mod memory;
mod open;
mod records_only;
mod sqlite;

use std::fmt::Debug;

use async_trait::async_trait;

pub use memory::MemoryRegistry;
pub use open::{OpenedRegistry, open_registry};
pub use sqlite::SqliteRegistry;

use crate::{Error, Result, SessionId, SessionName, SessionRecord};

/// Which version of a record was seen; opaque, grows with each update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a registry makes it, everybody else passes it on")]
pub struct Revision(pub u64);

/// A record with the revision at which it was read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The record.
    pub record: SessionRecord,
    /// Its revision.
    pub revision: Revision,
}

impl Entry {
    /// Puts the two together.
    pub fn new(record: SessionRecord, revision: Revision) -> Self {
        Self { record, revision }
    }
}

/// A record that can't be read, in its place in a list.
#[derive(Debug)]
#[non_exhaustive]
pub struct DamagedEntry {
    /// The session's id, if that much is known.
    pub id: Option<SessionId>,
    /// The session's name, if that much is known.
    pub name: Option<String>,
    /// What is wrong.
    pub error: Box<Error>,
}

impl DamagedEntry {
    /// An entry that `error` prevents from being read.
    pub fn new(id: Option<SessionId>, name: Option<String>, error: Error) -> Self {
        Self { id, name, error: Box::new(error) }
    }
}

/// Which records are wanted; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Only those of this backend kind.
    pub backend: Option<String>,
    /// Only those with a project from this directory.
    pub source: Option<camino::Utf8PathBuf>,
    /// At most this many, newest first.
    pub limit: Option<usize>,
}

/// Durable intent, shared by processes.
///
/// # Contract
/// - `fetch_missing_is_not_found`: by id and by name.
/// - `insert_stores_the_record`: all of it, at the revision that is given back.
/// - `find_is_by_exact_name`: case matters, a beginning is not enough.
/// - `fresh_handle_sees_everything`: also what another process inserted.
/// - `insert_claims_the_name`: another insert of it fails with `AlreadyExists`, at any time and
///   from any process.
/// - `insert_claims_the_id`: so does another insert of the id.
/// - `concurrent_inserts_of_one_name`: of N, one succeeds.
/// - `update_stores_the_record`: at a revision that is greater than the one before.
/// - `update_of_missing_is_not_found`: and inserts nothing.
/// - `update_is_compare_and_swap`: an update with a revision that is not the present one fails
///   with `Busy` and changes nothing.
/// - `concurrent_updates_of_one_revision`: of N, one succeeds.
/// - `remove_forgets_the_record`: its name is free afterwards.
/// - `remove_is_idempotent`: removing what is not there is `Ok`.
/// - `list_is_newest_first`: by `created_at`, then by id.
/// - `list_filters_by_backend`, `list_filters_by_source`: exactly these.
/// - `list_stops_at_the_limit`: the newest stay.
/// - `unknown_fields_survive`: what another version wrote is read back and written back.
/// - `damaged_is_an_error_of_its_own`: `Damaged`, and it can be removed.
/// - `list_survives_damage`: a damaged record is an `Err` in its place, never a lost list.
/// - `newer_version_is_shown`: where its known fields still fit.
/// - `newer_version_is_never_rewritten`: an update fails with `NewerVersion`.
#[async_trait]
pub trait Registry: Debug + Send + Sync {
    /// Adds a record; claims its name.
    async fn insert(&self, record: &SessionRecord) -> Result<Revision>;
    /// Reads by id; `NotFound`, `Damaged` or `NewerVersion` where it can't.
    async fn fetch(&self, id: &SessionId) -> Result<Entry>;
    /// Reads by name; as [`fetch`](Self::fetch).
    async fn find(&self, name: &SessionName) -> Result<Entry>;
    /// Replaces a record if its revision is still `seen`; gives the new revision.
    async fn update(&self, record: &SessionRecord, seen: Revision) -> Result<Revision>;
    /// Forgets a record; `Ok` if there is none.
    async fn remove(&self, id: &SessionId) -> Result<()>;
    /// Lists, newest first.
    async fn list(&self, filter: &Filter) -> Result<Vec<Result<Entry, DamagedEntry>>>;
}
