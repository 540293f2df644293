//! What there is, recorded and observed, with every engine up or down.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::{Inner, Manager};
use crate::{
    Backend, DamagedEntry, Error, ErrorKind, Filter, Found, ListItem, Phase, Result, SessionId,
    SessionList, SessionRecord, Status,
};

/// One session looked at closely.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// What is recorded.
    pub record: SessionRecord,
    /// What is observed, or why it could not be.
    pub status: std::result::Result<Status, String>,
}

/// What one backend knows of its sessions, or why it does not say; of one of them, or of all.
pub(super) type Observed = std::result::Result<BTreeMap<SessionId, Looked>, String>;
type Looked = std::result::Result<Status, String>;

impl Manager {
    /// Lists sessions with what is recorded and what is observed. Only reads.
    ///
    /// A damaged record, a missing index or a backend that does not answer takes nothing else out
    /// of the list; the notices say what is missing. Backends are asked at the same time, each for
    /// at most the time of [`with_answer_limit`](Self::with_answer_limit).
    pub async fn list(&self, filter: &Filter) -> Result<SessionList> {
        let (entries, trouble) = self.inner.catalog.list(filter).await?;
        let mut notices = Vec::new();
        if let Some(error) = trouble {
            notices.push(format!(
                "the index could not be read ({error}); this list comes from the record files. `sessctl doctor --rebuild` makes the index again"
            ));
        }
        let mut kinds: BTreeSet<&str> =
            entries.iter().flatten().map(|entry| entry.record.spec.backend.as_str()).collect();
        let unfiltered = *filter == Filter::default();
        if unfiltered {
            kinds.extend(self.kinds());
        }
        let observed = self.inner.observe_all(kinds).await;

        let mut known = BTreeSet::new();
        let mut sessions = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => {
                    known.insert(entry.record.id);
                    let mut record = entry.record;
                    let mut status = observe_one(&record, &observed);
                    if matches!(status, Ok(Status::Lost { .. })) {
                        match self.inner.record_of_lost(record).await {
                            Some(now) => record = now,
                            None => continue,
                        }
                        if record.phase != Phase::Ready {
                            status = Ok(Status::Incomplete);
                        }
                    }
                    if let Err(reason) = &status {
                        notices.push(reason.clone());
                    }
                    sessions.push(ListItem::new(&record, &status));
                }
                Err(damaged) => {
                    known.extend(damaged.id);
                    sessions.push(damaged_item(&damaged));
                }
            }
        }
        if unfiltered {
            for (kind, found) in &observed {
                for (id, _) in found.iter().flatten().filter(|(id, _)| !known.contains(id)) {
                    // It may have been made after the records were listed.
                    if self.inner.catalog.read(id).await.is_err() {
                        notices.push(format!(
                            "backend `{kind}` has session {id}, which has no record; `sessctl doctor --rebuild` takes it in"
                        ));
                    }
                }
            }
        }
        notices.sort();
        notices.dedup();
        Ok(SessionList::new(sessions, notices))
    }

    /// Looks at one session by name or id; its status is an error where the backend does not answer
    /// in time.
    pub async fn inspect(&self, name_or_id: &str) -> Result<Inspection> {
        let record = self.find(name_or_id).await?;
        let looked = self.inner.answer(&record.spec.backend, self.inner.look(&record)).await;
        let status = looked.map_err(|error| error.to_string());
        Ok(Inspection { record, status })
    }
}

impl Inner {
    /// The present status; a session whose backend part is gone is lost.
    pub(super) async fn look(&self, record: &SessionRecord) -> Result<Status> {
        match self.open(record).await? {
            Some(session) => session.status().await,
            None => Ok(vanished(record)),
        }
    }

    /// What each of these backends knows; all are asked at once.
    pub(super) async fn observe_all<'a>(
        &self,
        kinds: impl IntoIterator<Item = &'a str>,
    ) -> BTreeMap<String, Observed> {
        let asked =
            kinds.into_iter().map(|kind| async { (kind.to_owned(), self.observe(kind).await) });
        join_all(asked).await.into_iter().collect()
    }

    /// Everything that one backend knows.
    async fn observe(&self, kind: &str) -> Observed {
        let listed = async {
            let backend = self.backend(kind)?;
            Backend::list(&*backend).await
        };
        match self.answer(kind, listed).await {
            Ok(found) => Ok(found.into_iter().map(looked).collect()),
            Err(error) => Err(format!(
                "backend `{kind}` does not answer, so the status of its sessions is not known: {}",
                error.message()
            )),
        }
    }

    /// The record, as it is now, of a session that its backend does not know; `None` if it was removed after the records were listed.
    async fn record_of_lost(&self, record: SessionRecord) -> Option<SessionRecord> {
        match self.catalog.read(&record.id).await {
            Ok(now) => Some(now),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(_) => Some(record),
        }
    }

    /// Waits for the answer of backend `kind`, but not longer than anybody wants to wait for a
    /// list. What is asked must only read: it is let go.
    pub(super) async fn answer<T>(
        &self,
        kind: &str,
        asked: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let limit = self.answer_limit;
        tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| {
            let message = format!("it gave no answer in {limit:?}; `sessctl doctor` looks at it");
            Err(Error::new(ErrorKind::BackendUnavailable, format!("{kind}.answer"), message))
        })
    }
}

fn looked(found: Found) -> (SessionId, Looked) {
    (found.id, found.unknown.map_or(Ok(found.status), Err))
}

fn observe_one(record: &SessionRecord, observed: &BTreeMap<String, Observed>) -> Looked {
    match observed.get(&record.spec.backend) {
        Some(Ok(found)) => match found.get(&record.id) {
            Some(Err(reason)) => {
                Err(format!("the status of `{}` is not known: {reason}", record.name))
            }
            Some(Ok(status)) => Ok(status.clone()),
            None => Ok(vanished(record)),
        },
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(format!("backend `{}` was not asked", record.spec.backend)),
    }
}

/// The status of a session that its backend does not know.
fn vanished(record: &SessionRecord) -> Status {
    match record.phase {
        Phase::Ready => {
            Status::Lost { reason: format!("backend `{}` has nothing of it", record.spec.backend) }
        }
        Phase::Creating | Phase::Removing => Status::Incomplete,
    }
}

fn damaged_item(damaged: &DamagedEntry) -> ListItem {
    let id = damaged.id.map(|id| id.to_string());
    let name = damaged.name.clone().or(id).unwrap_or_else(|| "?".to_owned());
    let error: &Error = &damaged.error;
    let hint = match error.kind() {
        ErrorKind::NewerVersion => "",
        _ => "; `sessctl doctor --rebuild` tries to mend it",
    };
    ListItem::damaged(damaged.id, name, format!("{}{hint}", error.message()))
}
