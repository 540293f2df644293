//! Removed sessions: looked at, brought back, deleted for good.

use std::time::{Duration, SystemTime};

use camino::Utf8PathBuf;

use super::{Inner, Manager};
use crate::catalog::{blocking, make_private, remove_tree};
use crate::{Error, ErrorKind, Layout, Phase, Result, SessionId, SessionRecord, Timestamp};

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
    pub async fn restore(&self, name_or_id: &str) -> Result<SessionRecord> {
        const OPERATION: &str = "manager.restore";
        let wanted = name_or_id.to_owned();
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
        self.drive(|inner| async move {
            let _lock = inner.lock(&record.id).await?;
            let outcome = inner.bring_back(&record).await;
            inner.audit("restore", &record, &outcome).await;
            outcome
        })
        .await
    }

    /// Deletes removed sessions for good that were removed at least `age` ago; gives how many.
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
                for item in &expired {
                    let doomed = layout.trash().join(format!("{EMPTYING}{}", item.id));
                    std::fs::rename(&item.directory, &doomed).map_err(|error| {
                        Error::io(
                            "manager.empty-trash",
                            format!("can't rename `{}`", item.directory),
                            error,
                        )
                    })?;
                }
                for entry in entries(&layout)? {
                    if entry.file_name().is_some_and(|name| name.starts_with(EMPTYING)) {
                        remove_tree(&entry)?;
                    }
                }
                Ok(expired.len())
            })
        })
        .await
    }
}

impl Inner {
    async fn bring_back(&self, removed: &SessionRecord) -> Result<SessionRecord> {
        const OPERATION: &str = "manager.restore";
        let id = removed.id;
        if self.catalog.find(removed.name.as_str()).await.is_ok() {
            let message = "another session has this name by now; remove or finish that one first";
            return Err(Error::new(ErrorKind::AlreadyExists, OPERATION, message)
                .with_session(removed.name.as_str()));
        }
        let layout = self.layout().clone();
        blocking(move || {
            make_private(&layout.sessions())?;
            let (from, to) = (layout.trash().join(id.to_string()), layout.session(&id));
            std::fs::rename(&from, &to).map_err(|error| {
                Error::io(OPERATION, format!("can't move `{from}` to `{to}`"), error)
            })
        })
        .await?;
        self.catalog.take_in(removed).await?;
        self.backend(&removed.spec.backend)?.create(&id, &removed.spec).await?;
        self.catalog.update(&id, |record| record.phase = Phase::Ready).await
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
            let age = changed.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            let removed_at =
                Timestamp::from_milliseconds(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            Some(TrashItem { id, record, removed_at, directory })
        })
        .collect();
    items.sort_by_key(|item| std::cmp::Reverse((item.removed_at, item.id)));
    Ok(items)
}
