//! Making a session.

use std::sync::Arc;

use super::{Inner, Manager, Steps};
use crate::catalog::{blocking, make_private};
use crate::{
    Error, ErrorKind, Phase, Progress, Result, SessionId, SessionRecord, SessionSpec, Strategy,
    Timestamp,
};

impl Manager {
    /// Makes a session, not started: its record, its workspace, its place at the backend.
    ///
    /// All problems of the request are reported in one error, before anything is made. If a step
    /// fails, or `progress` is cancelled, everything made is taken back and the name is free.
    pub async fn create(&self, spec: SessionSpec, progress: &Progress) -> Result<SessionRecord> {
        let progress = progress.clone();
        self.drive(|inner| async move { inner.create(spec, &progress).await }).await
    }
}

impl Inner {
    async fn create(
        self: Arc<Self>,
        spec: SessionSpec,
        progress: &Progress,
    ) -> Result<SessionRecord> {
        let id = SessionId::new();
        let mut record = self.resolve(id, spec.clone()).await?;
        let steps = Steps::new(progress, id, "create");
        let _lock = self.lock(&id).await?;
        let claimed = async {
            let automatic = record.name.clone();
            let mut number = 1_u32;
            loop {
                match self.claim(&record).await {
                    // Several in one second from one directory; nobody chose this name.
                    Err(error)
                        if error.kind() == ErrorKind::AlreadyExists && spec.name.is_none() =>
                    {
                        number += 1;
                        let name = format!("{automatic}-{number}").parse()?;
                        record = self.resolve(id, spec.clone().with_name(name)).await?;
                    }
                    outcome => return outcome.map(|()| record),
                }
            }
        };
        let record = match steps.step("record", claimed).await {
            Ok(record) => record,
            Err(error) => {
                self.catalog.remove_locks(&id);
                return Err(error);
            }
        };
        let outcome = self.make(&record, &steps).await;
        self.audit("create", &record, &outcome).await;
        match outcome {
            Ok(record) => Ok(record),
            Err(error) => {
                if let Err(left) = self.take_back(&record).await {
                    tracing::warn!(%left, session = %record.name, "could not take back everything");
                    progress.notice(format!(
                        "not everything of `{}` could be taken back ({left}); the next command tries again",
                        record.name
                    ));
                }
                Err(error.with_session(record.name.as_str()))
            }
        }
    }

    /// Decides everything; the record is not yet anywhere.
    async fn resolve(&self, id: SessionId, mut spec: SessionSpec) -> Result<SessionRecord> {
        if spec.sources.is_empty() && spec.strategy != Some(Strategy::None) {
            spec.sources.push(self.host.working_directory.clone());
        }
        let mut facts = Vec::new();
        let mut problems = Vec::new();
        let kind = spec.backend.as_ref().unwrap_or(&self.host.default_backend);
        problems.extend(self.backend(kind).err());
        for source in &spec.sources {
            match self.workspaces.survey(&self.host.working_directory.join(source)).await {
                Ok(found) => facts.push(found),
                Err(error) => problems.push(error),
            }
        }
        let now = Timestamp::now();
        let resolved = self.policy.resolve(&id, &spec, &facts, &self.host, self.layout(), now);
        let spec = match (resolved, problems.len()) {
            (Ok(spec), 0) => spec,
            (Err(error), 0) => return Err(error),
            (Ok(_), 1) => return Err(problems.remove(0)),
            (resolved, _) => {
                let mut all: Vec<String> =
                    problems.iter().map(|problem| problem.message().to_owned()).collect();
                all.extend(resolved.err().iter().flat_map(Error::unmet).cloned());
                return Err(Error::problems("manager.create", all));
            }
        };
        let mut record = SessionRecord::new(id, spec, self.host.user.clone(), now);
        record.ssh_client.clone_from(&self.host.ssh_client);
        Ok(record)
    }

    /// Takes the name. If a session that was never finished has it, that is taken back first.
    async fn claim(&self, record: &SessionRecord) -> Result<()> {
        make_private(self.layout().home())?;
        match self.catalog.add(record).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if let Ok(other) = self.catalog.find(record.name.as_str()).await
                    && other.phase != Phase::Ready
                    && self.try_settle(&other.id).await?
                {
                    return self.catalog.add(record).await;
                }
                let name = &record.name;
                let message = format!(
                    "the name is taken: attach to it (`sessctl attach {name}`), remove it (`sessctl remove {name}`), or choose another name"
                );
                Err(Error::new(ErrorKind::AlreadyExists, "manager.create", message)
                    .with_session(name.as_str())
                    .with_source(error))
            }
            outcome => outcome,
        }
    }

    async fn make(&self, record: &SessionRecord, steps: &Steps<'_>) -> Result<SessionRecord> {
        const OPERATION: &str = "manager.create";
        let progress = steps.progress;
        let root = self.layout().workspace(&record.id);
        let projects = steps
            .step("workspace", async {
                let made = root.clone();
                blocking(move || make_private(&made)).await?;
                let mut projects = Vec::new();
                for plan in &record.spec.projects {
                    progress.check(OPERATION)?;
                    projects.push(self.workspaces.provision(plan, &root, progress).await?);
                }
                Ok(projects)
            })
            .await?;
        progress.check(OPERATION)?;
        let working_directory = &record.spec.working_directory;
        if !working_directory.is_dir() {
            let message = format!(
                "`{working_directory}` is not there: the directory you are in is not part of what is copied; start from the top of the project"
            );
            return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
        }
        let backend = self.backend(&record.spec.backend)?;
        steps.step("backend", backend.create(&record.id, &record.spec)).await?;
        progress.check(OPERATION)?;
        steps
            .step(
                "ready",
                self.catalog.update(&record.id, |record| {
                    record.phase = Phase::Ready;
                    record.projects = projects;
                }),
            )
            .await
    }
}
