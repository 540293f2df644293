//! Starting, stopping, attaching, and running other processes beside.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::connect::{Connected, expected_names};
use super::{Inner, Manager, Steps};
use crate::catalog::{blocking, make_private};
use crate::policy::login_shell;
use crate::{
    AttachOptions, Attachment, Capabilities, Error, ErrorKind, ExecRequest, HoldRequest, Launch,
    Process, Progress, Result, Session, SessionId, SessionRecord, SessionStats, Status,
    TerminalSize, Timestamp, Usage,
};

/// How long a holder has, after the last process ended, to record that and go.
const HOLDER_GRACE: Duration = Duration::from_secs(10);
/// How often it is asked whether it has gone.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// What the terminal of every session understands.
const TERM: &str = "xterm-256color";
/// Variables of the host that would tell a session something untrue about its terminal.
const OF_ANOTHER_TERMINAL: [&str; 5] = ["COLUMNS", "LINES", "STY", "TMUX", "TMUX_PANE"];

impl Manager {
    /// Starts a session's main process under a holder; `Ok` if it runs already.
    pub async fn start(
        &self,
        id: &SessionId,
        size: TerminalSize,
        progress: &Progress,
    ) -> Result<SessionRecord> {
        let (id, progress) = (*id, progress.clone());
        self.drive(|inner| async move {
            let _lock = inner.lock(&id).await?;
            inner.start(&id, size, false, &progress).await
        })
        .await
    }

    /// Ends a session's processes: asks, waits at most `grace`, kills. `Ok` if none run.
    pub async fn stop(
        &self,
        id: &SessionId,
        grace: Duration,
        progress: &Progress,
    ) -> Result<SessionRecord> {
        let (id, progress) = (*id, progress.clone());
        self.drive(|inner| async move {
            let _lock = inner.lock(&id).await?;
            inner.stop(&id, grace, &progress).await
        })
        .await
    }

    /// Stops a session if it runs and starts it again, under one lock.
    pub async fn restart(
        &self,
        id: &SessionId,
        grace: Duration,
        size: TerminalSize,
        progress: &Progress,
    ) -> Result<SessionRecord> {
        let (id, progress) = (*id, progress.clone());
        self.drive(|inner| async move {
            let _lock = inner.lock(&id).await?;
            inner.stop(&id, grace, &progress).await?;
            inner.start(&id, size, false, &progress).await
        })
        .await
    }

    /// Attaches to a session's terminal, starting the session first if it does not run.
    ///
    /// A read-only client starts nothing: it is `Refused` where nothing runs.
    pub async fn attach(
        &self,
        id: &SessionId,
        options: &AttachOptions,
        progress: &Progress,
    ) -> Result<Attachment> {
        let home = self.layout().home();
        let record = self.inner.catalog.read(id).await?;
        if self.inner.terminals.is_held(home, id).await? {
            self.inner.note_open_conversation(&record).await;
        } else {
            if options.read_only {
                let message =
                    "it is not running; start it with `sessctl attach` without --read-only";
                return Err(Error::new(ErrorKind::Refused, "manager.attach", message)
                    .with_session(id.to_string()));
            }
            let (id, size, progress) = (*id, options.size, progress.clone());
            self.drive(|inner| async move {
                let _lock = inner.lock(&id).await?;
                inner.start(&id, size, true, &progress).await
            })
            .await?;
        }
        self.inner.terminals.attach(home, id, options).await
    }

    /// Opens a session through its backend: archives, figures, and whatever else is the backend's.
    ///
    /// `Lost` where the backend has nothing of it. Starting and stopping belong to
    /// [`start`](Self::start) and [`stop`](Self::stop), which keep the record true.
    pub async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        let record = self.inner.catalog.read(id).await?;
        self.inner.open(&record).await?.ok_or_else(|| {
            let message = "its backend has nothing of it; remove it or look with `sessctl inspect`";
            Error::new(ErrorKind::Lost, "manager.open", message).with_session(record.name.as_str())
        })
    }

    /// The program and arguments that are a shell in a session: the person's own where processes are
    /// the host's, else a login shell of the image.
    pub async fn shell(&self, id: &SessionId) -> Result<Vec<String>> {
        let record = self.inner.catalog.read(id).await?;
        let backend = self.inner.backend(&record.spec.backend)?;
        let on_host = backend.capabilities().host_processes;
        Ok(if on_host { self.inner.host.shell.clone() } else { login_shell() })
    }

    /// Measures what a session uses now; zeros where nothing runs, and `Unsupported` where its
    /// backend can't measure.
    pub async fn stats(&self, id: &SessionId) -> Result<SessionStats> {
        let record = self.inner.catalog.read(id).await?;
        let name = record.name.as_str();
        let session = self.open(id).await?;
        let stats = session.stats().ok_or_else(|| {
            let message = format!("backend `{}` can't measure sessions", record.spec.backend);
            Error::new(ErrorKind::Unsupported, "manager.stats", message).with_session(name)
        })?;
        let usage = match session.status().await? {
            Status::Running { .. } => {
                stats.usage().await.map_err(|error| error.with_session(name))?
            }
            _ => Usage::default(),
        };
        Ok(SessionStats::new(&record, Timestamp::now(), usage))
    }

    /// Runs a process beside the main one. The request's environment is added to the session's.
    pub async fn exec(&self, id: &SessionId, request: ExecRequest) -> Result<Process> {
        let record = self.inner.catalog.read(id).await?;
        let name = record.name.as_str();
        let session = self.open(id).await?;
        let backend = self.inner.backend(&record.spec.backend)?;
        let mut environment = self.inner.environment(&record, backend.capabilities())?;
        if request.directory.is_some() {
            // It would name another directory than the one the process begins in.
            environment.remove("PWD");
        }
        environment.extend(request.environment.clone());
        let request = request.with_environment(environment);
        session.exec(request).await.map_err(|error| error.with_session(name))
    }
}

impl Inner {
    /// Starts under the session's lock.
    async fn start(
        self: &Arc<Self>,
        id: &SessionId,
        size: TerminalSize,
        awaits_client: bool,
        progress: &Progress,
    ) -> Result<SessionRecord> {
        const OPERATION: &str = "manager.start";
        let Some(record) = self.settle(id).await? else {
            let message = "no such session; `sessctl list` shows what there is";
            return Err(
                Error::new(ErrorKind::NotFound, OPERATION, message).with_session(id.to_string())
            );
        };
        let name = record.name.as_str();
        let steps = Steps::new(progress, *id, "start");
        let backend = self.backend(&record.spec.backend)?;
        let Some(session) = self.open(&record).await? else {
            let message =
                "its backend has nothing of it; its files are still there: see `sessctl inspect`";
            return Err(Error::new(ErrorKind::Lost, OPERATION, message).with_session(name));
        };
        let status = session.status().await.map_err(|error| error.with_session(name))?;
        let running = status.is_running();
        if self.terminals.is_held(self.layout().home(), id).await? {
            if running {
                return Ok(record);
            }
            // The holder of a session that has just ended has not gone yet.
            self.await_holder_end(&record).await?;
        }
        let program = match running {
            true => None,
            false => self.hold_program(&record).await.map_err(|error| error.with_session(name))?,
        };
        let (mut claim, mut conversation) = (None, None);
        let before = record.clone();
        let now = Timestamp::now();
        let (record, launch) = match running {
            true => (record, None),
            false => {
                let capabilities = backend.capabilities();
                let leased = self.lease_ports(&record, capabilities.host_processes);
                let (record, servers) = leased.await?;
                let mut connected = Connected::default();
                if record.spec.agent_plan.is_some() {
                    self.say_missing_login(&record, capabilities.host_processes, progress).await?;
                    let renewed = self.renew_agent(&record, &*session, &servers);
                    connected = steps.step("agent", renewed).await?;
                }
                let mut beginning = record.clone();
                beginning.started_at = Some(now);
                let mut environment = self.environment(&beginning, capabilities)?;
                environment.extend(connected.environment.clone());
                let record = match Self::awaits_conversation(&record) {
                    true => {
                        let taken_in = self.take_in(&record, &*session, &environment);
                        let taken_in = steps.step("conversation", taken_in).await;
                        taken_in.map_err(|error| error.with_session(name))?
                    }
                    false => record,
                };
                let (command, begun_with) = self.command(&record, &connected).await?;
                if let Some(id) = &begun_with {
                    claim = self.claim_conversation(&record, id).await?;
                }
                conversation = begun_with;
                // Not the arguments, nor what variables hold: a prompt and a key are among them.
                let (program, arguments) = (command[0].clone(), command.len().saturating_sub(1));
                let variables = environment.keys().collect::<Vec<_>>();
                tracing::debug!(session = %id, program, arguments, ?variables, "launches");
                let launch = Launch::new(command).with_environment(environment).with_size(size);
                (record, Some(launch))
            }
        };
        let record = if running {
            record
        } else {
            let begun = self.catalog.update(id, |record| {
                record.started_at = Some(now);
                record.ended_at = None;
                record.exit = None;
                record.conversation = conversation.or(record.conversation.take());
                if let Some(plan) = &mut record.spec.agent_plan {
                    plan.begins_anew = false;
                }
            });
            steps.step("record", begun).await?
        };
        let request = HoldRequest::new(
            *id,
            before.name.as_str(),
            &before.spec.backend,
            self.layout().home(),
            launch,
        )
        .with_awaited_client(awaits_client);
        // Before it runs: whoever records its end takes the link away, perhaps at once.
        self.link_active(&record).await;
        let held = steps.step("main-process", self.terminals.hold(request)).await;
        drop((claim, program));
        if held.is_err() && !running {
            let _ = std::fs::remove_file(self.layout().active(&record.name));
            let undone = self.catalog.update(id, |record| {
                record.started_at = before.started_at;
                record.ended_at = before.ended_at;
                record.exit = before.exit.clone();
                record.conversation.clone_from(&before.conversation);
                if let (Some(plan), Some(before)) =
                    (&mut record.spec.agent_plan, &before.spec.agent_plan)
                {
                    plan.begins_anew = before.begins_anew;
                }
            });
            if let Err(error) = undone.await {
                tracing::warn!(%error, session = %record.name, "a start that failed stays recorded");
            }
        }
        self.audit("start", &record, &held).await;
        held.map_err(|error| error.with_session(before.name.as_str()))?;
        if !running && before.started_at.is_some() {
            // It may have ended by itself; now nobody waits for its first byte.
            self.note_facts(&record, None).await;
        }
        Ok(record)
    }

    /// Stops under the session's lock.
    async fn stop(
        &self,
        id: &SessionId,
        grace: Duration,
        progress: &Progress,
    ) -> Result<SessionRecord> {
        let record = self.read(id).await?;
        let steps = Steps::new(progress, *id, "stop");
        if let Some(session) = self.open(&record).await? {
            let end = self.end(&record, &*session, grace);
            if session.status().await?.is_running() {
                let open = self.open_conversation(&record).await;
                let outcome = steps.step("main-process", end).await;
                self.audit("stop", &record, &outcome).await;
                outcome?;
                self.note_facts(&record, open).await;
            } else {
                // What runs beside the main process ends, too; nothing to tell (S2.13).
                end.await?;
            }
        }
        let _ = std::fs::remove_file(self.layout().active(&record.name));
        self.catalog.read(id).await
    }

    /// Ends the session's processes and waits until its holder has recorded that.
    pub(super) async fn end(
        &self,
        record: &SessionRecord,
        session: &dyn Session,
        grace: Duration,
    ) -> Result<()> {
        let name = record.name.as_str();
        session.stop(grace).await.map_err(|error| error.with_session(name))?;
        self.await_holder_end(record).await?;
        if let Status::Stopped { exit: Some(exit) } = session.status().await?
            && record.exit.as_ref() != Some(&exit)
        {
            self.catalog
                .update(&record.id, |record| {
                    record.ended_at = Some(exit.at);
                    record.exit = Some(exit);
                })
                .await?;
        }
        Ok(())
    }

    /// Waits until the holder of a session whose processes have ended has gone.
    async fn await_holder_end(&self, record: &SessionRecord) -> Result<()> {
        let deadline = Instant::now() + HOLDER_GRACE;
        while self.terminals.is_held(self.layout().home(), &record.id).await? {
            if Instant::now() >= deadline {
                let message = "its processes have ended but its holder did not; try again";
                return Err(Error::new(ErrorKind::Busy, "manager.stop", message)
                    .with_session(record.name.as_str()));
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }

    /// The environment of the session's processes.
    fn environment(
        &self,
        record: &SessionRecord,
        capabilities: &Capabilities,
    ) -> Result<BTreeMap<String, String>> {
        let mut environment = BTreeMap::new();
        if capabilities.host_processes {
            environment.clone_from(&self.host.environment);
            let expected: BTreeSet<_> = expected_names().collect();
            environment.retain(|key, _| {
                !expected.contains(key)
                    && !key.starts_with("SESSCTL_")
                    && !OF_ANOTHER_TERMINAL.contains(&key.as_str())
            });
            environment.insert("PWD".to_owned(), record.spec.working_directory.to_string());
        }
        self.agent_environment(record, capabilities.host_processes, &mut environment)?;
        environment.insert("TERM".to_owned(), TERM.to_owned());
        let (ours, expected): (Vec<_>, Vec<_>) =
            self.about(record)?.into_iter().partition(|(name, _)| name.starts_with("SESSCTL_"));
        environment.extend(expected);
        environment.extend(record.spec.environment.clone());
        environment.extend(ours);
        Ok(environment)
    }

    /// Points `active/<name>` at the session (S3.8); a convenience, so failure is only logged.
    async fn link_active(&self, record: &SessionRecord) {
        let (link, id) = (self.layout().active(&record.name), record.id);
        let linked = blocking(move || {
            let directory = link.parent().expect("`active/<name>` has a parent");
            make_private(directory)?;
            let _ = std::fs::remove_file(&link);
            symlink(format!("../sessions/{id}"), &link)
                .map_err(|error| Error::io("manager.start", format!("can't link `{link}`"), error))
        });
        if let Err(error) = linked.await {
            tracing::warn!(%error, "no link to the running session");
        }
    }
}
