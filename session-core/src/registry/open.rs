//! The registry of one home, made or mended where it is missing or damaged (S4.E7).

use std::sync::Arc;
use std::time::Duration;

use super::records_only::RecordsOnly;
use super::{DamagedEntry, Registry, SqliteRegistry};
use crate::catalog::{blocking, make_private};
use crate::lock::FileLock;
use crate::{ErrorKind, Layout, Records, Result, SessionRecord, Timestamp};

/// How long another process may take to make the index.
const PATIENCE: Duration = Duration::from_secs(60);

/// A registry, and what had to be done to have one.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpenedRegistry {
    /// The registry.
    pub registry: Arc<dyn Registry>,
    /// What a person should know, a sentence each; empty when all is well.
    pub notices: Vec<String>,
}

/// Opens the index of `layout`, and makes the home if it is missing.
///
/// A missing index is made from the record files. A damaged one is moved aside, kept, and made
/// again. Where nothing can be written (a read-only home, a full disk), lists still work: from the
/// index if it can be read, else from the record files; changes then fail with `PermissionDenied`
/// or `StorageFull`. Safe to call from several processes at once.
pub async fn open_registry(layout: &Layout) -> Result<OpenedRegistry> {
    match open_or_make(layout).await {
        Err(error)
            if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::StorageFull) =>
        {
            Ok(from_records(layout, &error))
        }
        opened => opened,
    }
}

async fn open_or_make(layout: &Layout) -> Result<OpenedRegistry> {
    make_private(layout.home())?;
    match open(layout).await {
        Ok(registry) if !registry.is_new() => {
            Ok(OpenedRegistry { registry: Arc::new(registry), notices: Vec::new() })
        }
        Err(error) if error.kind() != ErrorKind::Damaged => Err(error),
        _ => make(layout).await,
    }
}

/// Makes the index under a lock, unless another process was faster.
async fn make(layout: &Layout) -> Result<OpenedRegistry> {
    let _lock = FileLock::take(&layout.home().join("registry.lock"), PATIENCE).await?;
    let mut notices = Vec::new();
    let registry = match open(layout).await {
        Err(error) if error.kind() == ErrorKind::Damaged => {
            let path = layout.registry();
            let aside =
                blocking(move || SqliteRegistry::set_aside(&path, Timestamp::now())).await?;
            notices.push(format!(
                "the index was damaged; it is kept as `{aside}` and was made again from the records"
            ));
            open(layout).await?
        }
        opened => opened?,
    };
    if registry.is_new() {
        let left_out = registry.adopt(records(layout).await?).await?;
        notices.extend(left_out.iter().map(|entry| {
            let name = entry.name.clone().or(entry.id.map(|id| id.to_string()));
            let name = name.unwrap_or_else(|| "?".to_owned());
            format!("session `{name}` could not be taken into the index: {}", entry.error)
        }));
    }
    Ok(OpenedRegistry { registry: Arc::new(registry), notices })
}

async fn open(layout: &Layout) -> Result<SqliteRegistry> {
    let path = layout.registry();
    blocking(move || SqliteRegistry::open(path)).await
}

async fn records(layout: &Layout) -> Result<Vec<Result<SessionRecord, DamagedEntry>>> {
    let records = Records::new(layout.clone());
    blocking(move || records.scan()).await
}

/// What can be listed where nothing can be written.
fn from_records(layout: &Layout, why: &crate::Error) -> OpenedRegistry {
    let registry = RecordsOnly::new(Records::new(layout.clone()), why);
    let notices = vec![format!("nothing can be written, so sessions can only be looked at: {why}")];
    OpenedRegistry { registry: Arc::new(registry), notices }
}
