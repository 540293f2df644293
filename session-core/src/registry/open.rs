//! The registry of one home, made or mended where it is missing or damaged (S4.E7).

use std::sync::Arc;
use std::time::Duration;

use super::{DamagedEntry, MemoryRegistry, Registry, SqliteRegistry};
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
/// again. Where nothing can be written, lists still work: from the file if it can be read, else
/// from the records. Safe to call from several processes at once.
pub async fn open_registry(layout: &Layout) -> Result<OpenedRegistry> {
    if let Err(error) = make_private(layout.home()) {
        return in_memory(layout, &error).await;
    }
    match open(layout).await {
        Ok(registry) if registry.is_new() => {}
        Ok(registry) => {
            return Ok(OpenedRegistry { registry: Arc::new(registry), notices: Vec::new() });
        }
        Err(error) if error.kind() == ErrorKind::Damaged => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return in_memory(layout, &error).await;
        }
        Err(error) => return Err(error),
    }
    make(layout).await
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
async fn in_memory(layout: &Layout, why: &crate::Error) -> Result<OpenedRegistry> {
    let registry = MemoryRegistry::new();
    for record in records(layout).await.unwrap_or_default().into_iter().flatten() {
        registry.insert(&record).await.map(drop).or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NewerVersion => Ok(()),
            _ => Err(error),
        })?;
    }
    let notices = vec![format!("nothing can be written, so sessions can only be looked at: {why}")];
    Ok(OpenedRegistry { registry: Arc::new(registry), notices })
}
