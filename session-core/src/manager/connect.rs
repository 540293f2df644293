//! What a session is connected to: MCP servers, ports, and the variables that say so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use camino::Utf8PathBuf;

use super::Inner;
use crate::agent::{self, AgentOptions, Seen, mcp};
use crate::catalog::{blocking, make_private};
use crate::lock::FileLock;
use crate::profile::{Template, Variables};
use crate::{AgentPlan, Error, Result, SessionId, SessionRecord, Timestamp, ports};

/// Variables that scripts expect: data, for they are named after an agent.
const EXPECTED: &str = include_str!("../../data/session-variables.toml");
/// What the variable of a port begins with.
const PORT: &str = "SESSCTL_PORT_";
/// A project's file, which is a stranger's, must not use up all that there are.
const MOST_PORTS: usize = 32;
/// How long others may take to get their ports.
const PORTS_PATIENCE: Duration = Duration::from_secs(10);

/// What one start needs besides the plan.
#[derive(Debug, Default)]
pub(super) struct Connected {
    /// The file that names the agent's MCP servers, as the session sees it.
    pub(super) mcp_file: Option<Utf8PathBuf>,
    /// Variables that this file refers to; they may be secret.
    pub(super) environment: BTreeMap<String, String>,
}

impl Inner {
    /// Refuses, before anything is made, what could not be started: MCP servers that need what is not there.
    pub(super) async fn check_connections(
        &self,
        record: &SessionRecord,
        asked: &AgentOptions,
    ) -> Result<()> {
        let Some(plan) = &record.spec.agent_plan else { return Ok(()) };
        let files = self.asked_files(asked);
        let project = mcp::project_to_be(&record.spec);
        let servers = self.read_servers(record, plan, project, files).await?;
        let names = servers.named(PORT);
        check_names(names.iter())?;
        let mut pretended = record.clone();
        pretended.ports = names.into_iter().map(|name| (name, 1)).collect();
        self.render(&pretended, plan, &servers).map(drop)
    }

    /// Makes what the session's directory needs, and keeps the files that it was asked for with.
    pub(super) async fn keep_asked(
        &self,
        record: &SessionRecord,
        asked: &AgentOptions,
    ) -> Result<()> {
        let files = self.asked_files(asked);
        let settings = asked.settings.as_ref().map(|file| self.host.working_directory.join(file));
        let spec = record.spec.clone();
        let profile = match (&spec.agent_plan, &settings) {
            (Some(plan), Some(_)) => Some(self.profiles.find(&plan.profile)?.clone()),
            _ => None,
        };
        blocking(move || {
            for mount in spec.mounts.iter().filter(|mount| mount.target == agent::CONTAINER_FILES) {
                make_private(&mount.source)?;
            }
            mcp::keep(&files, &spec.directory)?;
            if let (Some(profile), Some(settings)) = (profile, settings) {
                agent::keep_settings(&profile, &settings, &spec.directory)?;
            }
            Ok(())
        })
        .await
    }

    /// The session's servers, of all levels, and its record with a port for each name that they or the person use.
    pub(super) async fn lease_ports(
        &self,
        record: &SessionRecord,
        host_processes: bool,
    ) -> Result<(SessionRecord, mcp::Servers)> {
        let mut names: BTreeSet<String> = record.spec.ports.iter().cloned().collect();
        let mut servers = mcp::Servers::default();
        if let Some(plan) = &record.spec.agent_plan {
            let project = mcp::project(&record.spec);
            let directory = record.spec.directory.clone();
            let kept = blocking(move || Ok(mcp::kept(&directory))).await?;
            servers = self.read_servers(record, plan, project, kept).await?;
            names.extend(servers.named(PORT));
        }
        if names.is_empty() && record.ports.is_empty() {
            return Ok((record.clone(), servers));
        }
        check_names(names.iter()).map_err(|error| error.with_session(record.name.as_str()))?;
        let lock = FileLock::take(&self.layout().ports_lock(), PORTS_PATIENCE).await?;
        let (layout, id, had) = (self.layout().clone(), record.id, record.ports.clone());
        let range = self.policy.ports.clone();
        let given = blocking(move || {
            // A container's ports are its own: nobody else can listen there.
            let is_free = |port| !host_processes || ports::nobody_listens(port);
            ports::lease(&layout, &id, &names, &had, &range, is_free)
        })
        .await
        .map_err(|error| error.with_session(record.name.as_str()))?;
        drop(lock);
        if given == record.ports {
            return Ok((record.clone(), servers));
        }
        let record = self.catalog.update(&record.id, |record| record.ports = given).await?;
        Ok((record, servers))
    }

    /// Gives up a session's ports; those of one that is gone are reclaimed anyway.
    pub(super) async fn release_ports(&self, id: &SessionId) {
        let (layout, id) = (self.layout().clone(), *id);
        if !layout.ports().is_dir() {
            return;
        }
        let released = async {
            let _lock = FileLock::take(&layout.ports_lock(), PORTS_PATIENCE).await?;
            let layout = layout.clone();
            blocking(move || ports::release(&layout, &id)).await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, session = %id, "its ports stay taken until others need them");
        }
    }

    /// Writes the servers for the session's agent, whose directory is ready on the host.
    pub(super) async fn connect(
        &self,
        record: &SessionRecord,
        servers: &mcp::Servers,
    ) -> Result<Connected> {
        let Some(plan) = &record.spec.agent_plan else { return Ok(Connected::default()) };
        let profile = self.profiles.find(&plan.profile)?;
        let (plan, profile) = (plan.clone(), profile.clone());
        let directory = record.spec.directory.clone();
        let rendered = match &profile.mcp {
            Some(_) => self.render(record, &plan, servers)?,
            None => mcp::Rendered::default(),
        };
        let files = self.files(record);
        blocking(move || {
            agent::set_overrides(&plan, &profile, &directory)?;
            let Some(files) = files else { return Ok(Connected::default()) };
            make_private(&files.host)?;
            let mcp_file = mcp::write(&plan, &profile, &rendered, &files.host)?;
            Ok(Connected { mcp_file, environment: rendered.environment })
        })
        .await
        .map_err(|error| error.with_session(record.name.as_str()))
    }

    /// The variables that tell a session's processes about it.
    pub(super) fn about(&self, record: &SessionRecord) -> Result<BTreeMap<String, String>> {
        let mut about = BTreeMap::new();
        about.insert("SESSCTL_SESSION_ID".to_owned(), record.id.to_string());
        about.insert("SESSCTL_SESSION_NAME".to_owned(), record.name.to_string());
        if let Some(files) = self.files(record) {
            about.insert("SESSCTL_SESSION_DIR".to_owned(), files.inside.to_string());
        }
        let ports = record.ports.iter();
        about.extend(ports.map(|(name, port)| (format!("{PORT}{name}"), port.to_string())));
        if record.spec.agent_plan.is_some() {
            let variables = self.session_variables(record, Variables::new());
            for (name, text) in expected() {
                if let Ok(value) = Template::parse(&text)?.render(&variables)
                    && !value.is_empty()
                {
                    about.insert(name, value);
                }
            }
        }
        Ok(about)
    }

    /// Adds what is known of the session to the variables of templates.
    pub(super) fn session_variables(
        &self,
        record: &SessionRecord,
        variables: Variables,
    ) -> Variables {
        let started = record.started_at.unwrap_or_else(Timestamp::now).as_milliseconds() / 1000;
        let mut variables = variables
            .with("SESSION_ID", record.id.to_string())
            .with("SESSION_NAME", record.name.to_string())
            .with("SESSION_USER", record.user.as_str())
            .with("START_TIME", started.to_string());
        if let Some(files) = self.files(record) {
            variables.set("SESSION_DIR", files.inside.as_str());
        }
        if let Some(client) = &record.ssh_client {
            variables.set("SSH_CLIENT", client.as_str());
        }
        variables
    }

    /// What a session calls its directory; `None` where it can't see one.
    fn files(&self, record: &SessionRecord) -> Option<Seen> {
        let spec = &record.spec;
        let backend = self.backend(&spec.backend).ok()?;
        if backend.capabilities().host_processes {
            return Some(Seen { host: spec.directory.clone(), inside: spec.directory.clone() });
        }
        let mounted = spec.mounts.iter().find(|mount| mount.target == agent::CONTAINER_FILES);
        let mounted =
            mounted.map(|mount| Seen { host: mount.source.clone(), inside: mount.target.clone() });
        let carried = || spec.agent_plan.as_ref().map(|plan| plan.state.clone());
        mounted.or_else(carried)
    }

    fn asked_files(&self, asked: &AgentOptions) -> Vec<Utf8PathBuf> {
        asked.mcp_config.iter().map(|file| self.host.working_directory.join(file)).collect()
    }

    async fn read_servers(
        &self,
        record: &SessionRecord,
        plan: &AgentPlan,
        project: (Utf8PathBuf, Utf8PathBuf),
        asked: Vec<Utf8PathBuf>,
    ) -> Result<mcp::Servers> {
        let profile = self.profiles.find(&plan.profile)?.clone();
        let (plan, host) = (plan.clone(), self.host.clone());
        blocking(move || mcp::read(&plan, &profile, &host, Some(&project), &asked))
            .await
            .map_err(|error| error.with_session(record.name.as_str()))
    }

    fn render(
        &self,
        record: &SessionRecord,
        plan: &AgentPlan,
        servers: &mcp::Servers,
    ) -> Result<mcp::Rendered> {
        let profile = self.profiles.find(&plan.profile)?;
        let Some(mcp) = &profile.mcp else { return Ok(mcp::Rendered::default()) };
        let variables = plan.variables(profile, &self.host, &record.id, &record.name);
        let mut session = record.spec.environment.clone();
        session.extend(mcp::more_variables(mcp, &variables)?);
        session.extend(self.about(record)?);
        mcp::render(servers, mcp, &session, &self.host.environment)
            .map_err(|problems| mcp::refused(problems).with_session(record.name.as_str()))
    }
}

/// The names of variables that scripts expect, so that those of another session do not get in.
pub(super) fn expected_names() -> impl Iterator<Item = String> {
    expected().into_keys()
}

fn expected() -> BTreeMap<String, String> {
    toml::from_str(EXPECTED).expect("a test reads it")
}

/// Refuses names that no variable can have, and too many.
pub(super) fn check_names<'a>(names: impl Iterator<Item = &'a String> + Clone) -> Result<()> {
    let count = names.clone().count();
    let mut wrong: Vec<_> = names
        .filter(|name| !ports::is_name(name))
        .map(|name| {
            format!(
                "`{}` can't name a port; use letters, digits and `_` (--port)",
                name.escape_debug()
            )
        })
        .collect();
    if count > MOST_PORTS {
        wrong.push(format!("{count} ports are more than the {MOST_PORTS} that one session gets"));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::problems("manager.ports", wrong)),
    }
}
