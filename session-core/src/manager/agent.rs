//! The agent in a session: found before it is made, made ready before each start.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use camino::Utf8Path;

use super::Inner;
use super::connect::Connected;
use crate::agent::carry::{self, Source};
use crate::agent::{self, AgentOptions, AgentPlan, Login, Occasion, mcp};
use crate::archive::{self, Pack};
use crate::catalog::{blocking, make_private, remove_tree};
use crate::profile::{Choice, Profile, Variables};
use crate::{Error, ErrorKind, Progress, Result, Session, SessionRecord, SessionSpec};

impl Inner {
    /// The profile that is asked for, and what is known of its login; `None` where the session runs
    /// a command that has no profile.
    pub(super) async fn agent_of(
        &self,
        spec: &SessionSpec,
        on_host: bool,
    ) -> Result<Option<(&Profile, Login)>> {
        let Some(name) = &spec.agent else { return Ok(None) };
        let profile = match self.profiles.find(name) {
            Ok(profile) => profile,
            Err(error) if self.profiles.is_broken(name) => return Err(error),
            // Only what it is called in lists.
            Err(_) if !spec.command.is_empty() || self.profiles.iter().next().is_none() => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if on_host && !spec.environment.contains_key("PATH") {
            agent::check_program(profile, &self.host)?;
        }
        let options = &spec.agent_options;
        let login = agent::find_login(profile, options, &self.host, self.layout(), on_host).await?;
        Ok(Some((profile, login)))
    }

    /// Says where nobody is logged in any more: the session can be entered even so, and its agent will ask.
    pub(super) async fn say_missing_login(
        &self,
        record: &SessionRecord,
        on_host: bool,
        progress: &Progress,
    ) -> Result<()> {
        let Some((plan, profile, _)) = self.agent(record)? else { return Ok(()) };
        let options = AgentOptions {
            credentials: plan.login.clone(),
            share: plan.shares.clone(),
            headless: plan.headless,
            settings: Some(record.spec.directory.join(agent::OVERRIDES_FILE)),
            ..AgentOptions::default()
        };
        let layout = self.layout();
        let login = agent::find_login(profile, &options, &self.host, layout, on_host).await?;
        let placement = plan.placement(record.spec.container.upload);
        if let Some(missing) = login.missing(profile, placement) {
            progress.notice(missing);
        }
        Ok(())
    }

    /// Makes the agent's directory ready on the host; `Ok` at once where the session has no profile.
    pub(super) async fn prepare_agent(&self, record: &SessionRecord) -> Result<()> {
        let Some((plan, profile, variables)) = self.agent(record)? else { return Ok(()) };
        let placement = plan.placement(record.spec.container.upload);
        let (plan, profile, host) = (plan.clone(), profile.clone(), self.host.clone());
        blocking(move || agent::prepare(&plan, &profile, &host, &variables, placement))
            .await
            .map_err(|error| error.with_session(record.name.as_str()))
    }

    /// Makes the agent's directory ready where the session sees it: of an uploaded session it is brought back,
    /// made ready, and sent.
    pub(super) async fn renew_agent(
        &self,
        record: &SessionRecord,
        session: &dyn Session,
        servers: &mcp::Servers,
    ) -> Result<Connected> {
        let Some(plan) = &record.spec.agent_plan else { return Ok(Connected::default()) };
        if !record.spec.container.upload {
            self.forget_marks(record).await?;
            self.prepare_agent(record).await?;
            return self.connect(record, servers).await;
        }
        if record.started_at.is_some() {
            self.fetch_agent(record, session).await?;
        }
        self.forget_marks(record).await?;
        self.prepare_agent(record).await?;
        let connected = self.connect(record, servers).await?;
        let path = plan.state.host.clone();
        let directory = blocking(move || open(&path)).await?;
        session.put(&plan.state.inside, Pack::new(directory, ".").with_name(".").stream()).await?;
        Ok(connected)
    }

    /// Takes away what a session's agent that was killed left to say that it runs.
    async fn forget_marks(&self, record: &SessionRecord) -> Result<()> {
        let Some((plan, profile, _)) = self.agent(record)? else { return Ok(()) };
        let (plan, profile, host) = (plan.clone(), profile.clone(), self.host.clone());
        blocking(move || {
            agent::forget_marks(&plan, &profile, &host);
            Ok(())
        })
        .await
    }

    /// Brings the agent's directory of an uploaded session back to the host; what the host had goes.
    pub(super) async fn fetch_agent(
        &self,
        record: &SessionRecord,
        session: &dyn Session,
    ) -> Result<()> {
        let Some(plan) = &record.spec.agent_plan else { return Ok(()) };
        if !record.spec.container.upload {
            return Ok(());
        }
        let tar = match session.get(&plan.state.inside).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            answer => answer?,
        };
        let state = plan.state.host.clone();
        let beside = state.with_extension("fetched");
        let place = beside.clone();
        let directory = blocking(move || {
            remove_tree(&place)?;
            make_private(&place)?;
            open(&place)
        })
        .await?;
        archive::unpack(directory, tar, archive::Links::Any).await?;
        let inner = beside.join(plan.state.inside.file_name().unwrap_or_default());
        blocking(move || {
            remove_tree(&state)?;
            std::fs::rename(&inner, &state).map_err(|error| {
                Error::io("manager.agent", format!("can't move `{inner}`"), error)
            })?;
            remove_tree(&beside)
        })
        .await
    }

    /// The command of the main process, this time, and the conversation that it has then, where that is known.
    pub(super) async fn command(
        &self,
        record: &SessionRecord,
        connected: &Connected,
    ) -> Result<(Vec<String>, Option<String>)> {
        let command = record.spec.command.clone();
        let Some((plan, profile, variables)) = self.agent(record)? else {
            return Ok((command, None));
        };
        let (mut plan, profile, host) = (plan.clone(), profile.clone(), self.host.clone());
        let (noted, first) = (record.conversation.clone(), record.started_at.is_none());
        let (directory, mcp_file) = (record.spec.directory.clone(), connected.mcp_file.clone());
        blocking(move || {
            let latest = match plan.begins_anew {
                true => None,
                false => agent::latest_conversation(&plan, &profile, &host, noted.as_deref()),
            };
            let latest = latest.as_ref();
            if let (None, Choice::Ours, Some(id)) =
                (latest, profile.conversation.id, &plan.conversation)
                && agent::is_conversation_blocked(&plan, &profile, &host, id)
            {
                plan.conversation = Some(uuid::Uuid::new_v4().to_string());
            }
            let settings = agent::override_arguments(&profile, &directory)?;
            let (mcp_file, settings) = (mcp_file.as_deref(), settings.as_slice());
            let occasion = Occasion { latest, first, mcp_file, settings };
            let argv = agent::argv(command, &plan, &profile, occasion, &variables)?;
            let conversation = latest.map(|found| found.id.clone()).or(plan.conversation);
            Ok((argv, conversation))
        })
        .await
        .map_err(|error| error.with_session(record.name.as_str()))
    }

    /// Copies the conversation that a new session begins with to where its agent finds it.
    pub(super) async fn bring_conversation(
        &self,
        record: &SessionRecord,
        source: &Source,
    ) -> Result<()> {
        let Some((plan, profile, _)) = self.agent(record)? else { return Ok(()) };
        let (plan, profile, host) = (plan.clone(), profile.clone(), self.host.clone());
        let source = source.clone();
        blocking(move || carry::bring(&plan, &profile, &host, &source)).await
    }

    /// Takes other agents' marks away, and adds what the session's own one needs.
    pub(super) fn agent_environment(
        &self,
        record: &SessionRecord,
        host_processes: bool,
        environment: &mut BTreeMap<String, String>,
    ) -> Result<()> {
        let agent = self.agent(record)?;
        agent::scrub(environment, &self.profiles, agent.as_ref().map(|(_, profile, _)| *profile));
        let Some((plan, profile, variables)) = agent else { return Ok(()) };
        let in_container = !host_processes;
        agent::add_environment(environment, plan, profile, &self.host, &variables, in_container)
            .map_err(|error| error.with_session(record.name.as_str()))
    }

    /// A session's plan, its profile, and the variables of both.
    pub(super) fn agent<'a>(
        &'a self,
        record: &'a SessionRecord,
    ) -> Result<Option<(&'a AgentPlan, &'a Profile, Variables)>> {
        let Some(plan) = &record.spec.agent_plan else { return Ok(None) };
        let profile = self.profiles.find(&plan.profile).map_err(|error| {
            let message = format!(
                "its agent `{}` has no profile any more; put the profile back, or remove the session",
                plan.profile
            );
            Error::new(error.kind(), "manager.agent", message)
                .with_session(record.name.as_str())
                .with_source(error)
        })?;
        let variables = plan.variables(profile, &self.host, &record.id, &record.name);
        let variables = self.session_variables(record, variables);
        Ok(Some((plan, profile, variables)))
    }
}

fn open(directory: &Utf8Path) -> Result<OwnedFd> {
    let opened = std::fs::File::open(directory).map(OwnedFd::from);
    opened.map_err(|error| Error::io("manager.agent", format!("can't read `{directory}`"), error))
}
