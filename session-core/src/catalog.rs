//! The record files and their index, kept in step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::lock::FileLock;
use crate::{
    DamagedEntry, Entry, Error, ErrorKind, Filter, Layout, Phase, Records, Registry, Result,
    SessionId, SessionName, SessionRecord, Timestamp,
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
    /// Sessions whose damaged record file was written again from the index.
    pub mended: Vec<SessionId>,
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
        let created = blocking(move || records.create(&copy)).await;
        if created.is_err() {
            self.forget_again(&record.id).await;
        }
        created
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
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                // The files tell it, too, and more slowly.
                Err(error) => {
                    let mut records = scan(&self.records).await?.into_iter().flatten();
                    let found = records.find(|entry| entry.record.name == name);
                    return found.map(|entry| entry.record).ok_or(error);
                }
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
    /// neither block nor panic. A record of a newer version is refused with `NewerVersion`. A
    /// damaged file, which the index's copy replaces, is kept beside as `record-damaged-….json`.
    pub async fn update(
        &self,
        id: &SessionId,
        change: impl FnOnce(&mut SessionRecord) + Send,
    ) -> Result<SessionRecord> {
        let _lock = self.lock_record(id).await?;
        let (mut record, is_in_file) = match self.read_from(id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let _ = std::fs::remove_file(self.record_lock(id));
                return Err(error);
            }
            read => read?,
        };
        record.refuse_newer()?;
        let before = record.clone();
        change(&mut record);
        if !is_in_file || record != before {
            let (records, copy) = (self.records.clone(), record.clone());
            let path = self.layout.record(id);
            blocking(move || write_over(&records, &path, &copy)).await?;
        }
        self.index(&record).await?;
        Ok(record)
    }

    /// Keeps everybody from changing a record, and from taking it into the index again.
    pub(crate) async fn lock_record(&self, id: &SessionId) -> Result<FileLock> {
        FileLock::take(&self.record_lock(id), RECORD_PATIENCE)
            .await
            .map_err(|error| error.with_session(id.to_string()))
    }

    fn record_lock(&self, id: &SessionId) -> Utf8PathBuf {
        self.layout.lock(id).with_extension("record")
    }

    /// Removes the files of a session's locks; whoever does so holds the session's lock and has
    /// nothing left to do.
    pub(crate) fn remove_locks(&self, id: &SessionId) {
        let _ = std::fs::remove_file(self.record_lock(id));
        let _ = std::fs::remove_file(self.layout.lock(id));
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

    /// Adds a record of a session that is there already; of its directory perhaps nothing is.
    pub(crate) async fn take_in(&self, record: &SessionRecord) -> Result<()> {
        self.claim(record).await?;
        let (records, copy) = (self.records.clone(), record.clone());
        let (directory, path) = (self.layout.session(&record.id), self.layout.record(&record.id));
        let written = blocking(move || {
            make_private(&directory)?;
            write_over(&records, &path, &copy)
        })
        .await;
        if written.is_err() {
            self.forget_again(&record.id).await;
        }
        written
    }

    /// Takes the record's id and name in the index; nothing is written to the files.
    pub(crate) async fn claim(&self, record: &SessionRecord) -> Result<()> {
        self.registry.insert(record).await.map(drop)
    }

    /// Drops the record from the index and its directory from the disk. Only for sessions that
    /// never ran: what ran goes to the trash.
    pub(crate) async fn discard(&self, id: &SessionId) -> Result<()> {
        let _lock = self.lock_record(id).await?;
        let directory = self.layout.session(id);
        blocking(move || remove_tree(&directory)).await?;
        self.forget(id).await
    }

    /// Takes back a claim because of another error, which is the one to be told.
    async fn forget_again(&self, id: &SessionId) {
        if let Err(error) = self.forget(id).await {
            tracing::warn!(%error, session = %id, "a name stays taken; reconciling frees it");
        }
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

    /// Reads every record file, newest first.
    pub(crate) async fn scan(&self) -> Result<Vec<Result<Entry, DamagedEntry>>> {
        scan(&self.records).await
    }

    /// Makes the index again from the record files; where a file is damaged and the index still
    /// has the record, the file is written again and the damaged one kept beside it.
    ///
    /// Idempotent. Rows without a file are dropped unless the session is in the making or somebody
    /// works on it.
    pub async fn rebuild(&self) -> Result<Rebuilt> {
        let mut rebuilt = Rebuilt::default();
        let mut indexed = BTreeMap::new();
        for row in self.registry.list(&Filter::default()).await.unwrap_or_default() {
            match row {
                Ok(entry) => drop(indexed.insert(entry.record.id, Some(entry.record.phase))),
                Err(damaged) => drop(damaged.id.map(|id| indexed.insert(id, None))),
            }
        }
        let found = scan(&self.records).await?;
        let id_of = |entry: &Result<Entry, DamagedEntry>| {
            entry.as_ref().map_or_else(|damaged| damaged.id, |entry| Some(entry.record.id))
        };
        let present: BTreeSet<SessionId> = found.iter().filter_map(id_of).collect();
        // These first: the name of one that is gone may be that of one that is there.
        for (id, phase) in &indexed {
            if !present.contains(id) && *phase != Some(Phase::Creating) {
                rebuilt.dropped += usize::from(self.drop_row(id).await?);
            }
        }
        for entry in found {
            match entry {
                Ok(entry) => match self.reindex(&entry.record.id).await {
                    Ok(there) => rebuilt.indexed += usize::from(there),
                    Err(error) => {
                        let (id, name) = (entry.record.id, entry.record.name.to_string());
                        rebuilt.problems.push(DamagedEntry::new(Some(id), Some(name), error));
                    }
                },
                Err(mut damaged) => {
                    let mendable = damaged.error.kind() == ErrorKind::Damaged;
                    let known =
                        damaged.id.filter(|id| indexed.get(id).is_some_and(Option::is_some));
                    if let Some(id) = known.filter(|_| mendable) {
                        match self.update(&id, |_| {}).await {
                            Ok(_) => {
                                rebuilt.mended.push(id);
                                rebuilt.indexed += 1;
                                continue;
                            }
                            Err(error) => damaged.error = Box::new(error),
                        }
                    }
                    rebuilt.problems.push(damaged);
                }
            }
        }
        Ok(rebuilt)
    }

    /// Takes a record file into the index as it is now; `false` if it has gone meanwhile.
    async fn reindex(&self, id: &SessionId) -> Result<bool> {
        let _lock = self.lock_record(id).await?;
        let (records, wanted) = (self.records.clone(), *id);
        match blocking(move || records.read(&wanted)).await {
            Ok(record) => self.index(&record).await.map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let _ = std::fs::remove_file(self.record_lock(id));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Drops a row that has no file, unless somebody works on the session.
    async fn drop_row(&self, id: &SessionId) -> Result<bool> {
        let Some(_lock) = FileLock::try_take(&self.layout.lock(id))? else { return Ok(false) };
        if self.has_file(id).await? {
            return Ok(false);
        }
        self.forget(id).await?;
        self.remove_locks(id);
        Ok(true)
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

/// Writes a record; a damaged one that is there is renamed and stays beside it.
fn write_over(records: &Records, path: &Utf8Path, record: &SessionRecord) -> Result<()> {
    if records.read(&record.id).is_err_and(|error| error.kind() == ErrorKind::Damaged) {
        let aside = format!("record-damaged-{}.json", Timestamp::now().as_milliseconds());
        let aside = path.with_file_name(aside);
        std::fs::rename(path, &aside).map_err(|error| {
            Error::io("catalog.update", format!("can't rename `{path}` to `{aside}`"), error)
        })?;
    }
    records.write(record)
}

/// Makes a directory and its parents, readable by its owner only.
pub(crate) fn make_private(directory: &Utf8Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Error::io("catalog.make", format!("can't make `{directory}`"), error))
}

/// Removes a tree without following links, read-only directories included; `Ok` if there is none.
pub(crate) fn remove_tree(directory: &Utf8Path) -> Result<()> {
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
