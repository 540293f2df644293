//! Making the index again from what is really there (S4.E7).

use std::collections::BTreeSet;

use super::{Inner, Manager};
use crate::lock::FileLock;
use crate::{
    Backend, Error, ErrorKind, Filter, Found, LABEL_NAME, Phase, Rebuilt, ResolvedSpec, Result,
    SessionId, SessionName, SessionRecord, Timestamp,
};

impl Manager {
    /// Makes the index again from the record files, and records again from what the backends
    /// have where a record is gone altogether.
    ///
    /// Idempotent; nothing is removed from a backend or from disk. A session taken in from a
    /// backend runs the person's shell when it is started, since its command is not known.
    pub async fn rebuild(&self) -> Result<Rebuilt> {
        self.drive(|inner| async move {
            let mut rebuilt = inner.catalog.rebuild().await?;
            let (entries, _) = inner.catalog.list(&Filter::default()).await?;
            // What is damaged everywhere is as good as none; a newer version's record is not.
            let newer = rebuilt.problems.iter().filter(|problem| !is_damaged(&problem.error));
            let known: BTreeSet<_> = entries
                .iter()
                .flatten()
                .map(|entry| entry.record.id)
                .chain(newer.filter_map(|problem| problem.id))
                .collect();
            let kinds: Vec<String> = inner.backends.kinds().map(str::to_owned).collect();
            for kind in kinds {
                let Ok(found) = inner.list_backend(&kind).await else { continue };
                for found in found.into_iter().filter(|found| !known.contains(&found.id)) {
                    match inner.recover(&kind, &found).await {
                        Ok(None) => {}
                        Ok(Some(id)) => {
                            rebuilt.recovered.push(id);
                            rebuilt.problems.retain(|problem| problem.id != Some(id));
                        }
                        Err(error) => {
                            let name = found.labels.get(LABEL_NAME).cloned();
                            let problem = crate::DamagedEntry::new(Some(found.id), name, error);
                            rebuilt.problems.push(problem);
                        }
                    }
                }
            }
            Ok(rebuilt)
        })
        .await
    }
}

impl Inner {
    async fn list_backend(&self, kind: &str) -> Result<Vec<Found>> {
        Backend::list(&*self.backend(kind)?).await
    }

    /// Records a session that only its backend knows; `None` if it is none of those after all.
    async fn recover(&self, kind: &str, found: &Found) -> Result<Option<SessionId>> {
        let id = found.id;
        // Somebody who makes or removes it holds the lock, and what was listed may be long gone.
        let Some(_lock) = FileLock::try_take(&self.layout().lock(&id))? else { return Ok(None) };
        let mut record = self.record_of(kind, found);
        match self.catalog.read(&id).await {
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // Neither the file nor the row can be read.
            Err(error) if is_damaged(&error) => self.catalog.forget(&id).await?,
            Err(error) => return Err(error),
        }
        if self.open(&record).await?.is_none() {
            self.catalog.remove_locks(&id);
            return Ok(None);
        }
        let mut taken_in = self.catalog.take_in(&record).await;
        if taken_in.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
            record.name = recovered_name(found);
            record.spec.name = record.name.clone();
            taken_in = self.catalog.take_in(&record).await;
        }
        taken_in.map(|()| Some(id))
    }

    /// As much of a record as labels and directories tell.
    fn record_of(&self, kind: &str, found: &Found) -> SessionRecord {
        let name = found.labels.get(LABEL_NAME).and_then(|name| name.parse().ok());
        let name = name.unwrap_or_else(|| recovered_name(found));
        let directory = self.layout().session(&found.id);
        let mut spec = ResolvedSpec::new(name, kind, self.host.shell.clone(), &directory);
        let workspace = self.layout().workspace(&found.id);
        let inside: Vec<_> = workspace
            .read_dir_utf8()
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.into_path()))
            .collect();
        spec.working_directory = match inside.as_slice() {
            [only] if only.is_dir() => only.clone(),
            _ if workspace.is_dir() => workspace,
            _ => directory,
        };
        let mut record =
            SessionRecord::new(found.id, spec, self.host.user.clone(), Timestamp::now());
        record.phase = Phase::Ready;
        record
    }
}

fn is_damaged(error: &Error) -> bool {
    error.kind() == ErrorKind::Damaged
}

fn recovered_name(found: &Found) -> SessionName {
    format!("recovered-{}", found.id).parse().expect("a prefix and a UUID are a name")
}
