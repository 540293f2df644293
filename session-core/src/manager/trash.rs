//! Removed sessions: looked at, brought back, deleted for good.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::{Inner, Manager, Steps};
use crate::catalog::{blocking, make_private, remove_tree};
use crate::{
    Error, ErrorKind, Layout, Phase, Progress, Result, SessionId, SessionRecord, Timestamp,
};

/// How long removed sessions are kept at least, unless a person says otherwise: 30 days.
pub const TRASH_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where entries lie while they are deleted, so that half of one is never taken for a whole one.
const EMPTYING: &str = ".emptying-";

/// A removed session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrashItem {
    /// Which session it was.
    pub id: SessionId,
    /// Its record, if that can still be read.
    pub record: Option<SessionRecord>,
    /// When it was removed.
    pub removed_at: Timestamp,
    /// Where its directory lies.
    pub directory: Utf8PathBuf,
}

impl Manager {
    /// Lists removed sessions, latest first.
    pub async fn trash(&self) -> Result<Vec<TrashItem>> {
        let layout = self.layout().clone();
        blocking(move || scan(&layout)).await
    }

    /// Brings a removed session back, stopped, with all its files; finds it by id, or by name if
    /// only one removed session has that.
    ///
    /// `AlreadyExists` if another session has its name by now; then nothing changes.
    /// On any other error, and when the process is killed, it is in the trash again, at once or
    /// after the next command.
    pub async fn restore(&self, name_or_id: &str, progress: &Progress) -> Result<SessionRecord> {
        const OPERATION: &str = "manager.restore";
        let wanted = name_or_id.to_owned();
        // A restoring that was cut off goes back to the trash first.
        if let Ok(other) = self.find(name_or_id).await
            && other.phase != Phase::Ready
        {
            let id = other.id;
            self.drive(|inner| async move { inner.try_settle(&id).await }).await?;
        }
        let named = |item: &TrashItem| {
            item.record.as_ref().is_some_and(|record| record.name.as_str() == name_or_id)
        };
        let mut found: Vec<_> = self.trash().await?;
        found.retain(|item| item.id.to_string() == name_or_id || named(item));
        let refuse = |kind, message: String| {
            Err(Error::new(kind, OPERATION, message).with_session(wanted.clone()))
        };
        let item = match found.as_slice() {
            [item] => item.clone(),
            [] => {
                return refuse(
                    ErrorKind::NotFound,
                    "no removed session has this name or id; see `sessctl trash list`".to_owned(),
                );
            }
            many => {
                let ids: Vec<_> = many.iter().map(|item| item.id.to_string()).collect();
                let message = format!(
                    "several removed sessions have this name; choose by id: {}",
                    ids.join(", ")
                );
                return refuse(ErrorKind::InvalidInput, message);
            }
        };
        let Some(record) = item.record else {
            let message =
                format!("its record can't be read; its files are in `{}`", item.directory);
            return refuse(ErrorKind::Damaged, message);
        };
        record.refuse_newer()?;
        let progress = progress.clone();
        self.drive(|inner| async move {
            let _lock = inner.lock(&record.id).await?;
            let outcome = inner.bring_back(&record, &progress).await;
            inner.audit("restore", &record, &outcome).await;
            outcome
        })
        .await
    }

    /// Deletes removed sessions for good that were removed at least `age` ago; gives how many.
    ///
    /// One that can't be deleted does not keep the others; it is the error, and tried again the
    /// next time.
    pub async fn empty_trash(&self, age: Duration) -> Result<usize> {
        let layout = self.layout().clone();
        let oldest =
            Timestamp::now().as_milliseconds() - i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        self.drive(|_| {
            blocking(move || {
                let expired: Vec<_> = scan(&layout)?
                    .into_iter()
                    .filter(|item| item.removed_at.as_milliseconds() <= oldest)
                    .collect();
                let mut outcome = Ok(());
                let mut count = 0;
                for item in &expired {
                    let doomed = layout.trash().join(format!("{EMPTYING}{}", item.id));
                    match std::fs::rename(&item.directory, &doomed) {
                        Ok(()) => count += 1,
                        // Somebody else was faster, perhaps to restore it.
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                        Err(error) => {
                            let message = format!("can't rename `{}`", item.directory);
                            outcome = Err(Error::io("manager.empty-trash", message, error));
                        }
                    }
                }
                for entry in entries(&layout)? {
                    if entry.file_name().is_some_and(|name| name.starts_with(EMPTYING)) {
                        outcome = remove_tree(&entry).and(outcome);
                    }
                }
                outcome.map(|()| count)
            })
        })
        .await
    }
}

impl Inner {
    /// Each step leaves what [`finish_removal`](Self::finish_removal) brings back to the trash.
    async fn bring_back(
        &self,
        removed: &SessionRecord,
        progress: &Progress,
    ) -> Result<SessionRecord> {
        const OPERATION: &str = "manager.restore";
        let id = removed.id;
        let steps = Steps::new(progress, id, "restore");
        let mut claimed = removed.clone();
        claimed.phase = Phase::Removing;
        if let Err(error) = steps.step("record", self.claim_for(&claimed)).await {
            self.catalog.remove_locks(&id);
            return Err(error);
        }
        let outcome = async {
            let layout = self.layout().clone();
            let moved = blocking(move || {
                make_private(&layout.sessions())?;
                let (from, to) = (layout.trash().join(id.to_string()), layout.session(&id));
                std::fs::rename(&from, &to).map_err(|error| {
                    Error::io(OPERATION, format!("can't move `{from}` to `{to}`"), error)
                })
            });
            steps.step("trash", moved).await?;
            let backend = self.backend(&removed.spec.backend)?;
            steps.step("backend", backend.create(&id, &removed.spec)).await?;
            let ready = self.catalog.update(&id, |record| record.phase = Phase::Ready);
            steps.step("ready", ready).await
        };
        match outcome.await {
            Ok(record) => Ok(record),
            Err(error) => {
                if let Err(left) = self.finish_removal(&claimed, &Progress::default()).await {
                    tracing::warn!(%left, session = %removed.name, "not yet in the trash again");
                }
                Err(error.with_session(removed.name.as_str()))
            }
        }
    }

    async fn claim_for(&self, removed: &SessionRecord) -> Result<()> {
        match self.catalog.claim(removed).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let message =
                    "another session has this name by now; remove or finish that one first";
                Err(Error::new(ErrorKind::AlreadyExists, "manager.restore", message)
                    .with_session(removed.name.as_str())
                    .with_source(error))
            }
            outcome => outcome,
        }
    }
}

/// The paths in the trash.
fn entries(layout: &Layout) -> Result<Vec<Utf8PathBuf>> {
    let trash = layout.trash();
    match trash.read_dir_utf8() {
        Ok(entries) => Ok(entries.filter_map(|entry| Some(entry.ok()?.into_path())).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io("manager.trash", format!("can't read `{trash}`"), error)),
    }
}

fn scan(layout: &Layout) -> Result<Vec<TrashItem>> {
    let mut items: Vec<TrashItem> = entries(layout)?
        .into_iter()
        .filter_map(|directory| {
            let id: SessionId = directory.file_name()?.parse().ok()?;
            let path = directory.join("record.json");
            let record = std::fs::read(&path).ok();
            let record = record.and_then(|json| SessionRecord::from_json(&json).ok());
            // The record was last written when the removal began.
            let changed =
                path.metadata().or_else(|_| directory.metadata()).ok()?.modified().ok()?;
            Some(TrashItem { id, record, removed_at: changed.into(), directory })
        })
        .collect();
    items.sort_by_key(|item| std::cmp::Reverse((item.removed_at, item.id)));
    Ok(items)
}
