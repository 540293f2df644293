//! The index of records: names, and compare-and-swap.

mod memory;
mod open;
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
/// - `insert_claims_the_name`: of two inserts of one name (or id), at any time and from any
///   process, one succeeds and the other fails with `AlreadyExists`.
/// - `update_is_compare_and_swap`: an update with a revision that is not the present one fails
///   with `Busy` and changes nothing; of N updates from one revision, one succeeds.
/// - `remove_is_idempotent`: removing what is not there is `Ok`; the name is free afterwards.
/// - `list_survives_damage`: a damaged record is an `Err` in its place, never a lost list.
/// - `list_is_newest_first`: by `created_at`, then by id.
/// - `unknown_fields_survive`: what another version wrote is read back and written back.
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
