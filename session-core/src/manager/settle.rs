//! Bringing what a killed process left to whole or gone.

use std::collections::BTreeSet;

use super::{Inner, Manager};
use crate::catalog::blocking;
use crate::lock::FileLock;
use crate::{Error, ErrorKind, Filter, Phase, Progress, Result, SessionId, SessionRecord};

/// What [`Manager::reconcile`] did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Reconciled {
    /// Sessions whose making or removing had been cut off, and that are now gone.
    pub settled: Vec<SessionRecord>,
    /// Sessions that could not be settled now, with the reason.
    pub left: Vec<(SessionRecord, crate::Error)>,
}

impl Manager {
    /// Finishes what killed processes left half done: unfinished sessions are taken back,
    /// unfinished removals are gone on with. Sessions that somebody works on are left alone.
    ///
    /// Idempotent. A backend that does not answer leaves its sessions for the next time.
    pub async fn reconcile(&self) -> Result<Reconciled> {
        self.drive(|inner| async move {
            let mut report = Reconciled::default();
            // Both: what was cut off between a file and its row is unfinished by one of them only.
            let (mut entries, trouble) = inner.catalog.list(&Filter::default()).await?;
            if trouble.is_none() {
                entries.extend(inner.catalog.scan().await?);
            }
            let mut seen = BTreeSet::new();
            let records = entries.into_iter().flatten().map(|entry| entry.record);
            let unfinished: Vec<_> = records
                .filter(|record| record.phase != Phase::Ready && seen.insert(record.id))
                .collect();
            // One that hangs would be waited for once a session.
            let kinds: BTreeSet<&str> =
                unfinished.iter().map(|record| record.spec.backend.as_str()).collect();
            let answers = inner.observe_all(kinds).await;
            for record in unfinished {
                if let Some(Err(reason)) = answers.get(&record.spec.backend) {
                    let error =
                        Error::new(ErrorKind::BackendUnavailable, "manager.reconcile", reason);
                    report.left.push((record, error));
                    continue;
                }
                match inner.try_settle(&record.id).await {
                    Ok(true) => report.settled.push(record),
                    Ok(false) => {}
                    Err(error) => report.left.push((record, error)),
                }
            }
            inner.sweep_locks().await;
            Ok(report)
        })
        .await
    }
}

impl Inner {
    /// Settles a session if nobody works on it; whether it is gone now.
    pub(super) async fn try_settle(&self, id: &SessionId) -> Result<bool> {
        match FileLock::try_take(&self.layout().lock(id))? {
            Some(_lock) => Ok(self.settle(id).await?.is_none()),
            None => Ok(false),
        }
    }

    /// Removes the lock files of sessions that are not there, as a killed process leaves them.
    async fn sweep_locks(&self) {
        let directory = self.layout().locks();
        let files = blocking(move || Ok(directory.read_dir_utf8().into_iter().flatten().collect()));
        let files: Vec<std::io::Result<camino::Utf8DirEntry>> = files.await.unwrap_or_default();
        let ids = files.iter().flatten().filter_map(|file| file.path().file_stem()?.parse().ok());
        for id in ids.collect::<BTreeSet<SessionId>>() {
            if let Ok(Some(_lock)) = FileLock::try_take(&self.layout().lock(&id)) {
                // It takes them with it where there is nothing to read.
                let _ = self.read(&id).await;
            }
        }
    }

    /// Settles a session under its lock; gives its record if it is whole, `None` if it is gone.
    pub(super) async fn settle(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        let record = match self.read(id).await {
            Ok(record) => record,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let has_file = self.catalog.has_file(id).await?;
        let in_trash = self.layout().trash().join(id.to_string()).is_dir();
        match record.phase {
            Phase::Creating => self.take_back(&record).await.map(|()| None),
            Phase::Removing => {
                self.finish_removal(&record, &Progress::default()).await.map(|_| None)
            }
            Phase::Ready if !has_file && in_trash => {
                self.finish_removal(&record, &Progress::default()).await.map(|_| None)
            }
            Phase::Ready if !self.layout().session(id).is_dir() => {
                let name = &record.name;
                let message = format!(
                    "its directory is gone; `sessctl remove {name}` takes away what is left of it"
                );
                Err(Error::new(ErrorKind::Lost, "manager.settle", message)
                    .with_session(name.as_str()))
            }
            Phase::Ready => {
                self.refresh(&record).await?;
                Ok(Some(record))
            }
        }
    }

    /// Undoes a `create` that did not get to its end; nothing ever ran in the session.
    pub(super) async fn take_back(&self, record: &SessionRecord) -> Result<()> {
        self.backend(&record.spec.backend)?.destroy(&record.id).await?;
        self.catalog.discard(&record.id).await?;
        self.release_ports(&record.id).await;
        self.catalog.remove_locks(&record.id);
        Ok(())
    }

    /// Brings the index up to date with a record file that a killed process wrote last.
    async fn refresh(&self, record: &SessionRecord) -> Result<()> {
        if record.is_newer() {
            return Ok(());
        }
        self.catalog.update(&record.id, |_| {}).await.map(drop)
    }
}
