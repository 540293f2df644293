//! Removing a session: out of the way at once, and nothing of the user's is deleted.

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::{Inner, Manager, Steps};
use crate::catalog::{blocking, make_private};
use crate::{
    Error, ErrorKind, Phase, Progress, Result, SessionId, SessionRecord, UnsavedWork, WORK_LINK,
};

/// How long a running session that is removed with force has to end by itself.
const FORCED_GRACE: Duration = Duration::from_secs(5);

/// A session that was removed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Removed {
    /// Its record, as it was.
    pub record: SessionRecord,
    /// Where its directory lies now, workspace included; `None` if it had none.
    pub trash: Option<Utf8PathBuf>,
}

impl Manager {
    /// Finds the work in a session that exists nowhere else; computed now, from the files.
    pub async fn unsaved(&self, id: &SessionId) -> Result<UnsavedWork> {
        let record = self.inner.catalog.read(id).await?;
        self.inner.unsaved(&record).await
    }

    /// Says whether [`remove`](Self::remove) without force would be `Refused`, and why; for front
    /// ends that ask a person first.
    pub async fn may_be_removed(&self, id: &SessionId) -> Result<()> {
        let record = self.inner.read(id).await?;
        self.inner.may_be_removed(&record).await
    }

    /// Removes a session: its processes and its backend's part end, its directory moves to the
    /// trash as it is, its name is free.
    ///
    /// Unless `force`, a running session is `Refused`, and so is one with work that exists nowhere
    /// else; the error lists that work. With `force` a running session is stopped first, and the
    /// work is in the trash, from where [`restore`](Self::restore) brings it back. Idempotent: a
    /// session that is already gone is `NotFound`, one that is half removed is gone on with.
    pub async fn remove(
        &self,
        id: &SessionId,
        force: bool,
        progress: &Progress,
    ) -> Result<Removed> {
        let (id, progress) = (*id, progress.clone());
        self.drive(|inner| async move { inner.remove(&id, force, &progress).await }).await
    }
}

impl Inner {
    async fn remove(
        self: Arc<Self>,
        id: &SessionId,
        force: bool,
        progress: &Progress,
    ) -> Result<Removed> {
        let _lock = self.lock(id).await?;
        let record = self.read(id).await?;
        if record.is_newer() {
            let message = "its record is of a newer version; remove it with that version";
            return Err(Error::new(ErrorKind::NewerVersion, "manager.remove", message)
                .with_session(record.name.as_str()));
        }
        let steps = Steps::new(progress, *id, "remove");
        if !force {
            self.may_be_removed(&record).await?;
        } else if let Some(session) = self.open(&record).await?
            && session.status().await?.is_running()
        {
            steps.step("stop", self.end(&record, &*session, FORCED_GRACE)).await?;
        }
        let outcome = async {
            let marked = self.catalog.update(id, |record| record.phase = Phase::Removing);
            match steps.step("record", marked).await {
                // Who removes sessions for want of room has none for a note of it. Without the note a removal that is
                // interrupted leaves a session that is lost, and can be removed again.
                Err(error)
                    if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::StorageFull) =>
                {
                    return Err(error);
                }
                _ => {}
            }
            self.finish_removal(&record, progress).await
        }
        .await;
        self.audit("remove", &record, &outcome).await;
        Ok(Removed { record, trash: outcome? })
    }

    /// `Refused` where a removal without force would end or hide something of the person's.
    async fn may_be_removed(&self, record: &SessionRecord) -> Result<()> {
        let refuse = |message: String| {
            Err(Error::new(ErrorKind::Refused, "manager.remove", message)
                .with_session(record.name.as_str()))
        };
        if record.phase != Phase::Ready {
            return Ok(());
        }
        if let Some(session) = self.open(record).await?
            && session.status().await?.is_running()
        {
            let name = &record.name;
            return refuse(format!(
                "it is running; stop it first (`sessctl stop {name}`) or use --force"
            ));
        }
        let unsaved = self.unsaved(record).await?;
        if unsaved.is_empty() {
            return Ok(());
        }
        refuse(format!(
            "{unsaved}; push or fetch it first, or use --force: the session then goes to the trash, and `sessctl restore` brings it back"
        ))
    }

    async fn unsaved(&self, record: &SessionRecord) -> Result<UnsavedWork> {
        let mut all = UnsavedWork::default();
        if let Some(session) = self.open(record).await? {
            match session.fetch_workspace().await {
                // No more can be brought back, so what the host has is all.
                Err(error) if error.kind() == ErrorKind::Lost => {
                    all.unknown = record.spec.container.upload.then(|| error.message().to_owned());
                }
                fetched => fetched?,
            }
        }
        // What lies beside the projects was made in the session.
        let workspace = self.layout().workspace(&record.id);
        for entry in workspace.read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name == WORK_LINK && entry.path().is_symlink();
            if !ours && !record.projects.iter().any(|project| project.name == name) {
                all.files.push(name);
            }
        }
        for project in &record.projects {
            let found = self.workspaces.unsaved(project).await?;
            all.files.extend(found.files);
            all.commits += found.commits;
            all.stashes += found.stashes;
            all.unknown = all.unknown.or(found.unknown);
        }
        Ok(all)
    }

    /// The steps from the phase `removing` on; each may already have been done.
    pub(super) async fn finish_removal(
        &self,
        record: &SessionRecord,
        progress: &Progress,
    ) -> Result<Option<Utf8PathBuf>> {
        let id = record.id;
        let steps = Steps::new(progress, id, "remove");
        let backend = self.backend(&record.spec.backend)?;
        if let Some(session) = self.open(record).await? {
            let fetched = async {
                match session.fetch_workspace().await {
                    // Or it could never be removed. Only force comes here with an upload.
                    Err(error) if error.kind() == ErrorKind::Lost => {
                        if record.spec.container.upload {
                            progress.notice(format!(
                                "what was in its volume could not be brought back: {}",
                                error.message()
                            ));
                        }
                        Ok(())
                    }
                    fetched => fetched,
                }
            };
            steps.step("workspace", fetched).await?;
        }
        if let Some(session) = self.open(record).await? {
            match self.fetch_agent(record, &*session).await {
                // Or it could never be removed. Whatever may go better the next time is tried again.
                Err(error) if matches!(error.kind(), ErrorKind::Lost | ErrorKind::InvalidInput) => {
                    progress.notice(format!(
                        "what its agent wrote could not be brought back: {}",
                        error.message()
                    ));
                }
                fetched => fetched?,
            }
        }
        steps.step("backend", backend.destroy(&id)).await?;
        // A holder that is late must not take the record into the index again.
        let _record = self.catalog.lock_record(&id).await?;
        let layout = self.layout().clone();
        let trash = steps.step("trash", blocking(move || move_to_trash(&layout, &id))).await?;
        if let Some(plan) = record.spec.agent_plan.clone() {
            let removed = blocking(move || plan.remove_temporary());
            if let Err(error) = steps.step("agent", removed).await {
                progress.notice(format!("{error}; remove it by hand"));
            }
        }
        // Before the name is free: afterwards the link may be another session's.
        let _ = std::fs::remove_file(self.layout().active(&record.name));
        self.release_ports(&id).await;
        match steps.step("index", self.catalog.forget(&id)).await {
            Err(error) if error.kind() == ErrorKind::StorageFull => progress.notice(format!(
                "there is no room to take it off the list: once there is, it is listed as lost until `sessctl remove {}` is said again",
                record.name
            )),
            forgotten => forgotten?,
        }
        self.catalog.remove_locks(&id);
        Ok(trash)
    }
}

/// Renames the session's directory into the trash; one rename, whatever its size.
fn move_to_trash(layout: &crate::Layout, id: &SessionId) -> Result<Option<Utf8PathBuf>> {
    let (from, to) = (layout.session(id), layout.trash().join(id.to_string()));
    make_private(&layout.trash())?;
    match std::fs::rename(&from, &to) {
        Ok(()) => Ok(Some(to)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(to.is_dir().then_some(to)),
        Err(error) => Err(Error::io(
            "manager.remove",
            format!("can't move `{from}` to `{to}`; it stays as it is"),
            error,
        )),
    }
}
