//! What can be known of sessions where no index can be kept.

use async_trait::async_trait;

use super::{DamagedEntry, Entry, Filter, Registry, Revision};
use crate::catalog::{blocking, scan};
use crate::{Error, ErrorKind, Records, Result, SessionId, SessionName, SessionRecord};

/// Reads the record files for every question, and refuses every change: a change that only this
/// process knew of would be lost, and a name that only it knew of would be taken twice.
#[derive(Debug)]
pub(super) struct RecordsOnly {
    records: Records,
    kind: ErrorKind,
    why: String,
}

impl RecordsOnly {
    /// A registry of `records`; changes fail as `why` did.
    pub(super) fn new(records: Records, why: &Error) -> Self {
        Self { records, kind: why.kind(), why: why.message().to_owned() }
    }

    fn refuse<T>(&self, operation: &'static str, session: impl Into<String>) -> Result<T> {
        let message = format!("nothing can be changed here: {}", self.why);
        Err(Error::new(self.kind, operation, message).with_session(session))
    }
}

#[async_trait]
impl Registry for RecordsOnly {
    async fn insert(&self, record: &SessionRecord) -> Result<Revision> {
        self.refuse("registry.insert", record.name.as_str())
    }

    async fn fetch(&self, id: &SessionId) -> Result<Entry> {
        let (records, id) = (self.records.clone(), *id);
        let record = blocking(move || records.read(&id)).await?;
        Ok(Entry::new(record, Revision(0)))
    }

    async fn find(&self, name: &SessionName) -> Result<Entry> {
        for found in scan(&self.records).await? {
            match found {
                Ok(entry) if entry.record.name == *name => return Ok(entry),
                Err(damaged) if damaged.name.as_deref() == Some(name.as_str()) => {
                    return Err(*damaged.error);
                }
                _ => {}
            }
        }
        let message = "no such session; `sessctl list` shows all";
        Err(Error::new(ErrorKind::NotFound, "registry.fetch", message).with_session(name.as_str()))
    }

    async fn update(&self, record: &SessionRecord, _seen: Revision) -> Result<Revision> {
        self.refuse("registry.update", record.name.as_str())
    }

    async fn remove(&self, id: &SessionId) -> Result<()> {
        self.refuse("registry.remove", id.to_string())
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Result<Entry, DamagedEntry>>> {
        let mut entries = scan(&self.records).await?;
        entries.retain(|entry| entry.as_ref().map_or(true, |entry| filter.accepts(&entry.record)));
        entries.truncate(filter.limit.unwrap_or(usize::MAX));
        Ok(entries)
    }
}
