//! Making a session.

use std::sync::Arc;

use super::connect::check_names;
use super::{Inner, Manager, Steps};
use crate::agent::carry::{self, Source};
use crate::catalog::{blocking, make_private};
use crate::{
    Circumstances, Error, ErrorKind, Phase, Progress, ProjectRecord, ResolvedSpec, Result,
    SessionId, SessionRecord, SessionSpec, Strategy, Timestamp,
};

const OPERATION: &str = "manager.create";

impl Manager {
    /// Decides everything about a session as [`create`](Self::create) would, and makes nothing: for
    /// front ends that ask a person something first. What goes wrong here would go wrong there.
    pub async fn plan(&self, spec: &SessionSpec) -> Result<ResolvedSpec> {
        let (record, _) = self.inner.resolve(SessionId::new(), spec.clone()).await?;
        Ok(record.spec)
    }

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
        let (mut record, source) = self.resolve(id, spec.clone()).await?;
        self.check_connections(&record, &spec.agent_options).await?;
        if record.spec.container.upload && !spec.container.upload {
            progress.notice(
                "the engine does not see the files of this host: the workspace is uploaded into a volume (as with --upload)",
            );
        }
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
                        (record, _) = self.resolve(id, spec.clone().with_name(name)).await?;
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
        let outcome = self.make(&record, &spec, source.as_ref(), &steps).await;
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
    async fn resolve(
        &self,
        id: SessionId,
        mut spec: SessionSpec,
    ) -> Result<(SessionRecord, Option<Source>)> {
        if spec.sources.is_empty() && spec.strategy != Some(Strategy::None) {
            spec.sources.push(self.host.working_directory.clone());
        }
        let mut facts = Vec::new();
        let mut problems = Vec::new();
        let kind = spec.backend.as_ref().unwrap_or(&self.host.default_backend);
        let backend = self.backend(kind).map_err(|error| problems.push(error)).ok();
        for source in &spec.sources {
            match self.workspaces.survey(&self.host.working_directory.join(source)).await {
                Ok(found) => facts.push(found),
                Err(error) => problems.push(error),
            }
        }
        let source = match self.origin(&mut spec).await {
            Ok(source) => source,
            Err(error) => {
                problems.push(error);
                None
            }
        };
        let on_host = backend.as_ref().is_some_and(|backend| backend.capabilities().host_processes);
        let agent = match self.agent_of(&spec, on_host).await {
            Ok(agent) => agent,
            Err(error) => {
                problems.push(error);
                None
            }
        };
        if let Err(error) = check_names(spec.ports.iter()) {
            problems.push(error);
        }
        let now = Timestamp::now();
        let mut circumstances =
            Circumstances::new(id, now, &self.host, self.layout()).with_facts(&facts);
        circumstances.capabilities = backend.as_ref().map(|backend| backend.capabilities());
        circumstances.agent = agent.as_ref().map(|(profile, login)| (*profile, login));
        let resolved = self.policy.resolve(&spec, &circumstances);
        let resolved = match (resolved, &source, &agent) {
            (Ok(mut spec), Some(source), Some((profile, _))) => {
                let settled = spec.agent_plan.as_mut().map_or(Ok(()), |plan| {
                    let project = plan.workspace.clone();
                    carry::settle(plan, profile, source, &project)
                });
                settled.map(|()| spec)
            }
            (resolved, _, _) => resolved,
        };
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
        let spec = self.look_at_mounts(spec).await?;
        let mut record = SessionRecord::new(id, spec, self.host.user.clone(), now);
        record.ssh_client.clone_from(&self.host.ssh_client);
        Ok((record, source))
    }

    /// Takes the name. If a session that was never finished has it, that is taken back first; one
    /// that is removed meanwhile has it no more.
    async fn claim(&self, record: &SessionRecord) -> Result<()> {
        make_private(self.layout().home())?;
        let error = match self.catalog.add(record).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => error,
            outcome => return outcome,
        };
        let is_free = match self.catalog.find(record.name.as_str()).await {
            Ok(other) => other.phase != Phase::Ready && self.gives_way(&other).await?,
            // Its removal came to its end in between.
            Err(none) => none.kind() == ErrorKind::NotFound,
        };
        let error = match is_free {
            true => match self.catalog.add(record).await {
                Err(again) if again.kind() == ErrorKind::AlreadyExists => again,
                outcome => return outcome,
            },
            false => error,
        };
        let name = &record.name;
        let message = format!(
            "the name is taken: attach to it (`sessctl attach {name}`), remove it (`sessctl remove {name}`), or choose another name"
        );
        Err(Error::new(ErrorKind::AlreadyExists, "manager.create", message)
            .with_session(name.as_str())
            .with_source(error))
    }

    /// Whether an unfinished session that has a name is gone now.
    async fn gives_way(&self, other: &SessionRecord) -> Result<bool> {
        if other.phase == Phase::Removing {
            // Its name is as good as free: whoever removes it has little left to do.
            let _lock = self.lock(&other.id).await?;
            return Ok(self.settle(&other.id).await?.is_none());
        }
        self.try_settle(&other.id).await
    }

    async fn make(
        &self,
        record: &SessionRecord,
        asked: &SessionSpec,
        source: Option<&Source>,
        steps: &Steps<'_>,
    ) -> Result<SessionRecord> {
        let root = self.layout().workspace(&record.id);
        blocking(move || make_private(&root)).await?;
        self.keep_asked(record, &asked.agent_options).await?;
        if record.spec.agent_plan.is_some() {
            steps.step("agent", self.prepare_agent(record)).await?;
        }
        if let Some(source) = source {
            steps.step("conversation", self.bring_conversation(record, source)).await?;
        }
        let backend = self.backend(&record.spec.backend)?;
        let beside =
            backend.capabilities().create_beside_workspace && !record.spec.container.upload;
        let create = async { backend.create(&record.id, &record.spec).await.map(drop) };
        let progress = steps.progress;
        let projects = if beside {
            // Both come to their end, whatever the other one does: what is destroyed while it is
            // made comes back. A copy nobody wants any more is told to stop.
            let copying = progress.child();
            let place = async {
                let made = steps.step("backend", create).await;
                if made.is_err() {
                    copying.cancel();
                }
                made
            };
            let (projects, made) = tokio::join!(self.provision(record, steps, &copying), place);
            match (projects, made) {
                (Err(error), Err(cause)) if error.kind() == ErrorKind::Cancelled => {
                    progress.check(OPERATION)?;
                    return Err(cause);
                }
                (projects, made) => {
                    let projects = projects?;
                    made?;
                    projects
                }
            }
        } else {
            let projects = self.provision(record, steps, progress).await?;
            steps.step("backend", create).await?;
            projects
        };
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

    /// Fills the workspace, whose directory exists; `progress` may end it early.
    async fn provision(
        &self,
        record: &SessionRecord,
        steps: &Steps<'_>,
        progress: &Progress,
    ) -> Result<Vec<ProjectRecord>> {
        let root = self.layout().workspace(&record.id);
        let filled = async {
            let mut projects = Vec::new();
            for plan in &record.spec.projects {
                progress.check(OPERATION)?;
                projects.push(self.workspaces.provision(plan, &root, progress).await?);
            }
            Ok(projects)
        };
        let projects = steps.step("workspace", filled).await?;
        progress.check(OPERATION)?;
        let working_directory = &record.spec.working_directory;
        if !working_directory.is_dir() {
            let message = format!(
                "`{working_directory}` is not there: the directory you are in is not part of what is copied; start from the top of the project"
            );
            return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
        }
        Ok(projects)
    }
}
