//! The record files and their index, kept in step.

use std::sync::Arc;
use std::time::Duration;

use crate::lock::FileLock;
use crate::{
    DamagedEntry, Entry, Error, ErrorKind, Filter, Layout, Records, Registry, Result, SessionId,
    SessionName, SessionRecord,
};

/// How long a record's own lock is waited for. It is held for one read and one write only.
const RECORD_PATIENCE: Duration = Duration::from_secs(10);

/// All records of one home: the files are the truth about intent, the registry is their index.
///
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalog {
    layout: Layout,
    records: Records,
    registry: Arc<dyn Registry>,
}

/// What [`Catalog::rebuild`] did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Rebuilt {
    /// Records that the index now has.
    pub indexed: usize,
    /// Rows of the index that had no record file any more, and were dropped.
    pub dropped: usize,
    /// Sessions that had no record any more and got one from what their backend knows.
    pub recovered: Vec<SessionId>,
    /// What could not be taken in, and why.
    pub problems: Vec<DamagedEntry>,
}

impl Catalog {
    /// The records under `layout` with `registry` as their index.
    pub fn new(layout: Layout, registry: Arc<dyn Registry>) -> Self {
        Self { records: Records::new(layout.clone()), layout, registry }
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Claims the record's name, makes the session's directory (0700) and writes the record.
    ///
    /// On an error the name is free again and nothing was made.
    pub async fn add(&self, record: &SessionRecord) -> Result<()> {
        self.registry.insert(record).await?;
        let (records, copy) = (self.records.clone(), record.clone());
        let directory = self.layout.session(&record.id);
        let written = blocking(move || {
            make_private(&directory)?;
            records.write(&copy)
        })
        .await;
        if let Err(error) = written {
            self.discard(&record.id).await?;
            return Err(error);
        }
        Ok(())
    }

    /// Reads a record by id: the file, or where that is damaged or gone the index's copy of it.
    pub async fn read(&self, id: &SessionId) -> Result<SessionRecord> {
        self.read_from(id).await.map(|(record, _)| record)
    }

    /// As [`read`](Self::read), with whether it was the file.
    async fn read_from(&self, id: &SessionId) -> Result<(SessionRecord, bool)> {
        let (records, wanted) = (self.records.clone(), *id);
        match blocking(move || records.read(&wanted)).await {
            Ok(record) => Ok((record, true)),
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound) => {
                let entry = self.registry.fetch(id).await.map_err(|_| error)?;
                Ok((entry.record, false))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the record's file exists, damaged or not.
    pub async fn has_file(&self, id: &SessionId) -> Result<bool> {
        let path = self.layout.record(id);
        blocking(move || Ok(path.symlink_metadata().is_ok())).await
    }

    /// Finds a session by name, or by id.
    pub async fn find(&self, name_or_id: &str) -> Result<SessionRecord> {
        if let Ok(name) = name_or_id.parse::<SessionName>() {
            match self.registry.find(&name).await {
                Ok(entry) => return self.read(&entry.record.id).await,
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Err(_) => {}
            }
        }
        if let Ok(id) = name_or_id.parse::<SessionId>() {
            return self.read(&id).await;
        }
        let message = "no such session; `sessctl list` shows what there is";
        Err(Error::new(ErrorKind::NotFound, "catalog.find", message)
            .with_session(name_or_id.escape_debug().take(80).collect::<String>()))
    }

    /// Changes a record: reads it, lets `change` work on it, writes it, updates the index. A file
    /// that says already what it should is left alone.
    ///
    /// Serialised over processes by the record's own lock, so no change is lost. `change` must
    /// neither block nor panic. A record of a newer version is refused with `NewerVersion`.
    pub async fn update(
        &self,
        id: &SessionId,
        change: impl FnOnce(&mut SessionRecord) + Send,
    ) -> Result<SessionRecord> {
        let path = self.layout.lock(id).with_extension("record");
        let _lock = FileLock::take(&path, RECORD_PATIENCE).await?;
        let (mut record, is_in_file) = self.read_from(id).await?;
        record.refuse_newer()?;
        let before = record.clone();
        change(&mut record);
        if !is_in_file || record != before {
            let (records, copy) = (self.records.clone(), record.clone());
            blocking(move || records.write(&copy)).await?;
        }
        self.index(&record).await?;
        Ok(record)
    }

    /// Records the end of a session's main process; for holders. The link to it as a running
    /// session goes too.
    pub async fn record_end(
        &self,
        id: &SessionId,
        exit: crate::Exit,
        last_activity: Option<crate::Timestamp>,
    ) -> Result<()> {
        let record = self
            .update(id, |record| {
                record.ended_at = Some(exit.at);
                record.exit = Some(exit);
                record.last_activity = last_activity.or(record.last_activity);
            })
            .await?;
        let _ = std::fs::remove_file(self.layout.active(&record.name));
        Ok(())
    }

    /// Adds a record of a session whose directory is there already.
    pub(crate) async fn take_in(&self, record: &SessionRecord) -> Result<()> {
        self.registry.insert(record).await?;
        let (records, copy) = (self.records.clone(), record.clone());
        let written = blocking(move || records.write(&copy)).await;
        if written.is_err() {
            self.forget(&record.id).await?;
        }
        written
    }

    /// Drops the record from the index and its directory from the disk. Only for sessions that
    /// never ran: what ran goes to the trash.
    pub(crate) async fn discard(&self, id: &SessionId) -> Result<()> {
        let directory = self.layout.session(id);
        blocking(move || remove_tree(&directory)).await?;
        self.forget(id).await
    }

    /// Drops the record from the index; the files stay.
    pub(crate) async fn forget(&self, id: &SessionId) -> Result<()> {
        self.registry.remove(id).await
    }

    /// Lists from the index, or from the files if the index can't be read; the second value then
    /// says why.
    pub async fn list(
        &self,
        filter: &Filter,
    ) -> Result<(Vec<Result<Entry, DamagedEntry>>, Option<Error>)> {
        match self.registry.list(filter).await {
            Ok(entries) => Ok((entries, None)),
            Err(error) => {
                let mut entries = scan(&self.records).await?;
                entries.retain(|entry| {
                    entry.as_ref().map_or(true, |entry| filter.accepts(&entry.record))
                });
                entries.truncate(filter.limit.unwrap_or(usize::MAX));
                Ok((entries, Some(error)))
            }
        }
    }

    /// Makes the index again from the record files; where a file is damaged and the index still
    /// has the record, the file is written again.
    ///
    /// Idempotent. Rows without a file are dropped unless the session is in the making.
    pub async fn rebuild(&self) -> Result<Rebuilt> {
        let mut rebuilt = Rebuilt::default();
        let old = self.registry.list(&Filter::default()).await.unwrap_or_default();
        let old: Vec<_> = old.into_iter().flatten().map(|entry| entry.record).collect();
        let mut present = std::collections::BTreeSet::new();
        for entry in scan(&self.records).await? {
            match entry {
                Ok(entry) => {
                    present.insert(entry.record.id);
                    match self.index(&entry.record).await {
                        Ok(()) => rebuilt.indexed += 1,
                        Err(error) => {
                            let (id, name) = (entry.record.id, entry.record.name.to_string());
                            rebuilt.problems.push(DamagedEntry::new(Some(id), Some(name), error));
                        }
                    }
                }
                Err(damaged) => {
                    let known = old.iter().find(|record| Some(record.id) == damaged.id);
                    match known {
                        Some(record) => {
                            present.insert(record.id);
                            self.update(&record.id, |_| {}).await?;
                            rebuilt.indexed += 1;
                        }
                        None => rebuilt.problems.push(damaged),
                    }
                }
            }
        }
        for record in old {
            if !present.contains(&record.id) && record.phase != crate::Phase::Creating {
                self.forget(&record.id).await?;
                rebuilt.dropped += 1;
            }
        }
        Ok(rebuilt)
    }

    /// Brings the index's copy of a record up to date, whatever it holds now.
    async fn index(&self, record: &SessionRecord) -> Result<()> {
        for _ in 0..100 {
            let outcome = match self.registry.fetch(&record.id).await {
                Ok(entry) if entry.record == *record => return Ok(()),
                Ok(entry) => self.registry.update(record, entry.revision).await.map(drop),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.registry.insert(record).await.map(drop)
                }
                Err(error) if error.kind() == ErrorKind::Damaged => {
                    self.registry.remove(&record.id).await?;
                    continue;
                }
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if error.kind() == ErrorKind::Busy => {}
                outcome => return outcome,
            }
        }
        Err(Error::new(ErrorKind::Busy, "catalog.index", "the index is in heavy use; try again"))
    }
}

/// Reads every record file, newest first.
pub(crate) async fn scan(records: &Records) -> Result<Vec<Result<Entry, DamagedEntry>>> {
    let records = records.clone();
    let found = blocking(move || records.scan()).await?;
    let mut entries: Vec<_> = found
        .into_iter()
        .map(|record| record.map(|record| Entry::new(record, crate::Revision(0))))
        .collect();
    entries.sort_by_key(|entry| {
        let key = entry.as_ref().ok().map(|entry| (entry.record.created_at, entry.record.id));
        std::cmp::Reverse(key)
    });
    Ok(entries)
}

/// Runs blocking work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => {
            Err(Error::new(ErrorKind::Internal, "task.join", "a worker panicked")
                .with_source(error))
        }
    }
}

/// Makes a directory and its parents, readable by its owner only.
pub(crate) fn make_private(directory: &camino::Utf8Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Error::io("catalog.make", format!("can't make `{directory}`"), error))
}

/// Removes a tree without following links, read-only directories included; `Ok` if there is none.
pub(crate) fn remove_tree(directory: &camino::Utf8Path) -> Result<()> {
    let outcome = match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            make_writable(directory.as_std_path());
            std::fs::remove_dir_all(directory)
        }
        outcome => outcome,
    };
    match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("catalog.remove", format!("can't remove `{directory}`"), error))
        }
        _ => Ok(()),
    }
}

/// Lets the owner into every directory below, as far as that can be done.
fn make_writable(directory: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = std::fs::symlink_metadata(directory) else { return };
    if !metadata.is_dir() {
        return;
    }
    let mut permissions = metadata.permissions();
    permissions.set_mode(permissions.mode() | 0o700);
    if std::fs::set_permissions(directory, permissions).is_err() {
        return;
    }
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        make_writable(&entry.path());
    }
}
