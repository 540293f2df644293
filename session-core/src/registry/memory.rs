//! A registry that lives as long as its value.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{DamagedEntry, Entry, Filter, Registry, Revision};
use crate::{Error, ErrorKind, Result, SessionId, SessionName, SessionRecord};

/// Records in memory: for tests and for programs whose sessions end with them.
#[derive(Debug, Default)]
pub struct MemoryRegistry {
    entries: Mutex<BTreeMap<SessionId, (Vec<u8>, u64)>>,
}

impl MemoryRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<SessionId, (Vec<u8>, u64)>) -> T) -> T {
        work(&mut self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

fn missing(what: &impl ToString) -> Error {
    Error::new(ErrorKind::NotFound, "registry.fetch", "no such session")
        .with_session(what.to_string())
}

fn parse((json, revision): &(Vec<u8>, u64)) -> Result<Entry> {
    Ok(Entry::new(SessionRecord::from_json(json)?, Revision(*revision)))
}

#[async_trait]
impl Registry for MemoryRegistry {
    async fn insert(&self, record: &SessionRecord) -> Result<Revision> {
        let json = record.to_index_json()?.into_bytes();
        self.with(|entries| {
            let name_taken = entries
                .values()
                .filter_map(|entry| parse(entry).ok())
                .any(|entry| entry.record.name == record.name);
            if name_taken || entries.contains_key(&record.id) {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    "registry.insert",
                    "the name is taken",
                )
                .with_session(record.name.as_str()));
            }
            entries.insert(record.id, (json, 1));
            Ok(Revision(1))
        })
    }

    async fn fetch(&self, id: &SessionId) -> Result<Entry> {
        self.with(|entries| parse(entries.get(id).ok_or_else(|| missing(id))?))
    }

    async fn find(&self, name: &SessionName) -> Result<Entry> {
        self.with(|entries| {
            let mut found = entries.values().filter_map(|entry| parse(entry).ok());
            found.find(|entry| entry.record.name == *name).ok_or_else(|| missing(name))
        })
    }

    async fn update(&self, record: &SessionRecord, seen: Revision) -> Result<Revision> {
        let json = record.to_json()?;
        self.with(|entries| {
            let entry = entries.get_mut(&record.id).ok_or_else(|| missing(&record.id))?;
            if entry.1 != seen.0 {
                let message = "the record changed since it was read; read it again";
                return Err(Error::new(ErrorKind::Busy, "registry.update", message)
                    .with_session(record.name.as_str()));
            }
            *entry = (json, seen.0 + 1);
            Ok(Revision(seen.0 + 1))
        })
    }

    async fn remove(&self, id: &SessionId) -> Result<()> {
        self.with(|entries| entries.remove(id));
        Ok(())
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Result<Entry, DamagedEntry>>> {
        let mut list: Vec<_> = self.with(|entries| {
            let wanted = |entry: &Entry| filter.accepts(&entry.record);
            entries
                .iter()
                .map(|(id, entry)| {
                    parse(entry).map_err(|error| DamagedEntry::new(Some(*id), None, error))
                })
                .filter(|entry| entry.as_ref().map_or(true, wanted))
                .collect()
        });
        list.sort_by_key(|entry| {
            std::cmp::Reverse(
                entry.as_ref().ok().map(|entry| (entry.record.created_at, entry.record.id)),
            )
        });
        list.truncate(filter.limit.unwrap_or(usize::MAX));
        Ok(list)
    }
}

impl Filter {
    /// Whether a record is wanted, `limit` aside.
    pub fn accepts(&self, record: &SessionRecord) -> bool {
        self.backend.as_ref().is_none_or(|kind| *kind == record.spec.backend)
            && self.source.as_ref().is_none_or(|source| record.sources().any(|path| path == source))
    }
}
