//! A registry in memory that can be written to behind its back, and broken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use session_core::{
    DamagedEntry, Entry, Error, ErrorKind, Filter, MemoryRegistry, RECORD_VERSION, Registry,
    Result, Revision, SessionId, SessionName, SessionRecord,
};

use crate::RegistryFixture;
use crate::mutants::mutants;

mutants! {
/// One defect of the registry of a [`StrictRegistryFixture`].
RegistryMutant {
    /// What is not there is damaged.
    MissingIsDamaged caught by fetch_missing_is_not_found,
    /// A field is not stored.
    InsertForgets caught by insert_stores_the_record,
    /// Names are compared without regard to case.
    FindIgnoresCase caught by find_is_by_exact_name,
    /// A handle sees only what it inserted.
    SeesOnlyOwn caught by fresh_handle_sees_everything,
    /// Names are not claimed.
    NamesAreFree caught by insert_claims_the_name,
    /// A second insert of an id replaces the first.
    IdsAreFree caught by insert_claims_the_id,
    /// An insert looks first and takes later.
    InsertRaces caught by concurrent_inserts_of_one_name,
    /// An update leaves the revision as it was.
    RevisionStandsStill caught by update_stores_the_record,
    /// A removed record keeps its name.
    RemoveKeepsTheName caught by remove_forgets_the_record,
    /// An update of what is not there inserts it.
    UpdateInserts caught by update_of_missing_is_not_found,
    /// The revision does not matter.
    RevisionIgnored caught by update_is_compare_and_swap,
    /// An update looks first and stores later.
    UpdateRaces caught by concurrent_updates_of_one_revision,
    /// A second removal fails.
    SecondRemoveFails caught by remove_is_idempotent,
    /// Lists begin with the oldest.
    ListIsOldestFirst caught by list_is_newest_first,
    /// Every backend's sessions are listed.
    BackendFilterIgnored caught by list_filters_by_backend,
    /// Every source's sessions are listed.
    SourceFilterIgnored caught by list_filters_by_source,
    /// Lists have no limit.
    LimitIgnored caught by list_stops_at_the_limit,
    /// Only known fields are stored.
    UnknownFieldsDropped caught by unknown_fields_survive,
    /// What is damaged is not there.
    DamagedIsMissing caught by damaged_is_an_error_of_its_own,
    /// One damaged record makes `list` fail.
    ListBreaksOnDamage caught by list_survives_damage,
    /// A record of a newer version is an error.
    NewerIsHidden caught by newer_version_is_shown,
    /// A record of a newer version is written as one of this version.
    NewerIsRewritten caught by newer_version_is_never_rewritten,
}
}

type Documents = BTreeMap<SessionId, (Vec<u8>, u64)>;

/// A place with a registry that keeps documents, not records, so that any bytes can be there.
#[derive(Debug, Default)]
pub struct StrictRegistryFixture {
    documents: Arc<Mutex<Documents>>,
    mutant: Option<RegistryMutant>,
}

impl StrictRegistryFixture {
    /// A place with an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Breaks one thing.
    #[must_use]
    pub fn with_mutant(mut self, mutant: RegistryMutant) -> Self {
        self.mutant = Some(mutant);
        self
    }
}

#[async_trait]
impl RegistryFixture for StrictRegistryFixture {
    async fn registry(&self) -> Result<Arc<dyn Registry>> {
        let (documents, mutant) = (Arc::clone(&self.documents), self.mutant);
        Ok(Arc::new(StrictRegistry { documents, mutant, own: Mutex::default() }))
    }

    fn can_write(&self) -> bool {
        true
    }

    async fn write(&self, id: &SessionId, document: &[u8]) -> Result<()> {
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = documents.get_mut(id) {
            entry.0 = document.to_vec();
        }
        Ok(())
    }
}

/// A place with a [`MemoryRegistry`] in it.
#[derive(Debug, Default)]
pub struct MemoryRegistryFixture(Arc<MemoryRegistry>);

impl MemoryRegistryFixture {
    /// A place with an empty registry.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl RegistryFixture for MemoryRegistryFixture {
    async fn registry(&self) -> Result<Arc<dyn Registry>> {
        Ok(Arc::<MemoryRegistry>::clone(&self.0))
    }
}

#[derive(Debug)]
struct StrictRegistry {
    documents: Arc<Mutex<Documents>>,
    mutant: Option<RegistryMutant>,
    own: Mutex<Vec<SessionId>>,
}

impl StrictRegistry {
    fn breaks(&self, mutant: RegistryMutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn documents(&self) -> MutexGuard<'_, Documents> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missing(&self) -> Error {
        let damaged = self.breaks(RegistryMutant::MissingIsDamaged);
        let kind = if damaged { ErrorKind::Damaged } else { ErrorKind::NotFound };
        Error::new(kind, "registry.fetch", "no such session")
    }

    fn parse(&self, (document, revision): &(Vec<u8>, u64)) -> Result<Entry> {
        let record = match SessionRecord::from_json(document) {
            Err(_) if self.breaks(RegistryMutant::DamagedIsMissing) => return Err(self.missing()),
            parsed => parsed?,
        };
        if record.is_newer() && self.breaks(RegistryMutant::NewerIsHidden) {
            return Err(Error::new(ErrorKind::NewerVersion, "registry.fetch", "it is newer"));
        }
        Ok(Entry::new(record, Revision(*revision)))
    }

    fn document(&self, record: &SessionRecord) -> Result<Vec<u8>> {
        let mut record = record.clone();
        if self.breaks(RegistryMutant::NewerIsRewritten) {
            record.schema_version = record.schema_version.min(RECORD_VERSION);
        }
        if self.breaks(RegistryMutant::UnknownFieldsDropped) {
            let known = serde_json::to_vec(&record).expect("a record is plain data");
            record = SessionRecord::from_json(&known)?;
        }
        record.to_json()
    }

    fn is_taken(&self, documents: &Documents, record: &SessionRecord) -> bool {
        let same_name = |entry: &(Vec<u8>, u64)| {
            self.parse(entry).is_ok_and(|entry| entry.record.name == record.name)
        };
        let name = !self.breaks(RegistryMutant::NamesAreFree) && documents.values().any(same_name);
        name || (!self.breaks(RegistryMutant::IdsAreFree) && documents.contains_key(&record.id))
    }
}

#[async_trait]
impl Registry for StrictRegistry {
    async fn insert(&self, record: &SessionRecord) -> Result<Revision> {
        let mut stored = record.clone();
        if self.breaks(RegistryMutant::InsertForgets) {
            stored.user.clear();
        }
        let document = self.document(&stored)?;
        let taken = || Error::new(ErrorKind::AlreadyExists, "registry.insert", "it is taken");
        let races = self.breaks(RegistryMutant::InsertRaces);
        if races && self.is_taken(&self.documents(), record) {
            return Err(taken());
        }
        tokio::task::yield_now().await;
        let mut documents = self.documents();
        if !races && self.is_taken(&documents, record) {
            return Err(taken());
        }
        documents.insert(record.id, (document, 1));
        self.own.lock().unwrap_or_else(PoisonError::into_inner).push(record.id);
        Ok(Revision(1))
    }

    async fn fetch(&self, id: &SessionId) -> Result<Entry> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        if self.breaks(RegistryMutant::SeesOnlyOwn) && !own {
            return Err(self.missing());
        }
        self.parse(self.documents().get(id).ok_or_else(|| self.missing())?)
    }

    async fn find(&self, name: &SessionName) -> Result<Entry> {
        let loose = self.breaks(RegistryMutant::FindIgnoresCase);
        let wanted = |entry: &Entry| {
            let found = &entry.record.name;
            found == name || loose && found.as_str().eq_ignore_ascii_case(name.as_str())
        };
        let documents = self.documents();
        let mut entries = documents.values().filter_map(|entry| self.parse(entry).ok());
        entries.find(wanted).ok_or_else(|| self.missing())
    }

    async fn update(&self, record: &SessionRecord, seen: Revision) -> Result<Revision> {
        let document = self.document(record)?;
        let changed = || Error::new(ErrorKind::Busy, "registry.update", "it has changed");
        let look = |documents: &Documents| match documents.get(&record.id) {
            None if self.breaks(RegistryMutant::UpdateInserts) => Ok(()),
            None => Err(self.missing()),
            Some(_) if self.breaks(RegistryMutant::RevisionIgnored) => Ok(()),
            Some(entry) if entry.1 != seen.0 => Err(changed()),
            Some(_) => Ok(()),
        };
        let races = self.breaks(RegistryMutant::UpdateRaces);
        if races {
            look(&self.documents())?;
        }
        tokio::task::yield_now().await;
        let mut documents = self.documents();
        if !races {
            look(&documents)?;
        }
        let still = self.breaks(RegistryMutant::RevisionStandsStill);
        let next = if still { seen.0 } else { seen.0 + 1 };
        documents.insert(record.id, (document, next));
        Ok(Revision(next))
    }

    async fn remove(&self, id: &SessionId) -> Result<()> {
        let mut documents = self.documents();
        if self.breaks(RegistryMutant::RemoveKeepsTheName)
            && let Some(mut entry) = documents.get(id).and_then(|entry| self.parse(entry).ok())
        {
            entry.record.id = SessionId::new();
            let document = self.document(&entry.record)?;
            documents.insert(entry.record.id, (document, 1));
        }
        let removed = documents.remove(id);
        if removed.is_none() && self.breaks(RegistryMutant::SecondRemoveFails) {
            return Err(self.missing());
        }
        Ok(())
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Result<Entry, DamagedEntry>>> {
        let mut wanted = filter.clone();
        match self.mutant {
            Some(RegistryMutant::BackendFilterIgnored) => wanted.backend = None,
            Some(RegistryMutant::SourceFilterIgnored) => wanted.source = None,
            Some(RegistryMutant::LimitIgnored) => wanted.limit = None,
            _ => {}
        }
        let mut list = Vec::new();
        for (id, entry) in &*self.documents() {
            match self.parse(entry) {
                Ok(entry) if wanted.accepts(&entry.record) => list.push(Ok(entry)),
                Ok(_) => {}
                Err(error) if self.breaks(RegistryMutant::ListBreaksOnDamage) => return Err(error),
                Err(error) => list.push(Err(DamagedEntry::new(Some(*id), None, error))),
            }
        }
        list.sort_by_key(|entry| {
            let record = entry.as_ref().ok().map(|entry| &entry.record);
            std::cmp::Reverse(record.map(|record| (record.created_at, record.id)))
        });
        if self.breaks(RegistryMutant::ListIsOldestFirst) {
            list.reverse();
        }
        list.truncate(wanted.limit.unwrap_or(usize::MAX));
        Ok(list)
    }
}
