//! Keeping agents' programs on this host up to date (S3.2 to S3.4).

use std::time::Duration;

use camino::Utf8PathBuf;

use super::{Inner, Manager};
use crate::catalog::{blocking, make_private};
use crate::lock::FileLock;
use crate::profile::Profile;
use crate::update::{
    self, OPERATION, Programs, UpdateCheck, Updated, Version, engine_problem, processes,
};
use crate::{Error, ErrorKind, Filter, Result, SessionRecord, StatusWord};

/// How long an agent's program may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(30);

impl Manager {
    /// What the last [`check_update`](Self::check_update) of an agent's program found; asks nobody, and knows nothing
    /// where there was none.
    ///
    /// `Unsupported` where the profile does not say how its program is updated, as with all that is about updates.
    pub async fn known_update(&self, agent: &str) -> Result<UpdateCheck> {
        let profile = self.profiles().find(agent)?;
        update::way(profile)?;
        self.inner.known_update(profile).await
    }

    /// Asks the agent's program for its version and its registry for the latest release, and keeps both for
    /// [`known_update`](Self::known_update), also where the registry did not answer, which is the error then.
    ///
    /// Runs the programs that the profile names, with the person's environment, in a directory of ours; that of the agent
    /// with a state that is thrown away. Takes up to minutes where a network hangs. Changes nothing else.
    pub async fn check_update(&self, agent: &str) -> Result<UpdateCheck> {
        let (profile, manager) = (self.profiles().find(agent)?.clone(), self.clone());
        self.drive(|_| async move { manager.look_for_update(&profile).await }).await
    }

    /// As [`check_update`](Self::check_update), for the background: `None`, having asked nobody, if that was done within
    /// the last day or is being done now by anybody on this home.
    pub async fn check_update_if_due(&self, agent: &str) -> Result<Option<UpdateCheck>> {
        let (profile, manager) = (self.profiles().find(agent)?.clone(), self.clone());
        self.drive(|inner| async move {
            let Some(_lock) = inner.lock_update(&profile).await? else { return Ok(None) };
            match inner.known_update(&profile).await?.is_fresh() {
                true => Ok(None),
                false => manager.look_for_update(&profile).await.map(Some),
            }
        })
        .await
    }

    /// Installs the latest release of an agent's program, exactly that, and makes sure of it. Where it is installed
    /// already nothing happens. Otherwise there is a line in the audit log, whatever comes of it.
    ///
    /// `Refused` while a session of the agent or any process of its program runs (nothing is ended for it), where the
    /// release needs more than there is here, and where another version is there afterwards; `Busy` while it is being checked or
    /// updated already. An installation that was begun goes on when the future is dropped, for at most a quarter of an hour.
    pub async fn update_agent(&self, agent: &str) -> Result<Updated> {
        let (profile, manager) = (self.profiles().find(agent)?.clone(), self.clone());
        self.drive(|inner| async move {
            update::way(&profile)?;
            let Some(_lock) = inner.lock_update(&profile).await? else {
                let message =
                    format!("{} is being checked or updated already; wait for that", profile.title);
                return Err(Error::new(ErrorKind::Busy, OPERATION, message));
            };
            let known = manager.look_for_update(&profile).await?;
            let to = known.latest.clone().unwrap_or_default();
            if !known.is_old() {
                return Ok(Updated { from: known.installed, to, changed: false });
            }
            let outcome = manager.install_update(&profile, &known, &to).await;
            inner.audit_update(&profile.name, known.installed.as_deref(), &to, &outcome).await;
            outcome.map(|()| Updated { from: known.installed, to, changed: true })
        })
        .await
    }

    async fn look_for_update(&self, profile: &Profile) -> Result<UpdateCheck> {
        let (update, _) = update::way(profile)?;
        let mut known = UpdateCheck {
            checked_at: Some(crate::Timestamp::now()),
            installed: self.installed(profile).await.map(|version| version.to_string()),
            ..UpdateCheck::default()
        };
        let programs = self.inner.programs().await?;
        let release = update::latest(update, &programs).await;
        if let Ok(release) = &release {
            known.latest = Some(release.version.to_string());
            known.unfit = engine_problem(update, release, &programs).await;
        }
        self.inner.keep_update(profile, &known).await?;
        release.map(|_| known)
    }

    async fn install_update(&self, profile: &Profile, known: &UpdateCheck, to: &str) -> Result<()> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Refused, OPERATION, message));
        let (update, program) = update::way(profile)?;
        if let Some(reason) = &known.unfit {
            return refuse(format!("{} {reason}", profile.title));
        }
        // A session that is starting holds this; one that would start while we do is refused.
        let path = self.inner.program_lock(profile);
        let Some(_alone) = blocking(move || FileLock::try_take(&path)).await? else {
            return refuse(format!("a session of {} is starting; stop it first", profile.title));
        };
        let users = self.users(profile, program).await?;
        if !users.is_empty() {
            return refuse(format!(
                "{} runs ({}); stop that first, its program is not replaced while it works",
                profile.title,
                users.join(", ")
            ));
        }
        let wanted = Version::parse(to).ok_or_else(|| {
            Error::new(ErrorKind::Internal, OPERATION, "a version that was read can't be read")
        })?;
        update::install(update, &wanted, &self.inner.programs().await?).await?;
        let now = self.installed(profile).await;
        let installed = now.as_ref().map(ToString::to_string);
        let known = UpdateCheck { installed: installed.clone(), ..known.clone() };
        self.inner.keep_update(profile, &known).await?;
        if now.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let now = installed.unwrap_or_else(|| "no version".to_owned());
        refuse(format!(
            "{to} was installed, but `{program}` says that it is {now}; perhaps another one comes first on the PATH (`command -v {program}`)"
        ))
    }

    /// The installed version; `None` where the program is not there, or says none.
    async fn installed(&self, profile: &Profile) -> Option<Version> {
        let said = self.agent_version(&profile.name, VERSION_LIMIT).await;
        update::installed(said.ok().flatten())
    }

    /// Sessions and processes that run `program`, in words; none if it may be replaced. What can't be asked counts as
    /// running.
    async fn users(&self, profile: &Profile, program: &str) -> Result<Vec<String>> {
        let may_run = |status| matches!(status, StatusWord::Running | StatusWord::Unknown);
        let sessions = self.list(&Filter::default()).await?.sessions;
        let sessions = sessions
            .iter()
            .filter(|item| item.agent.as_ref() == Some(&profile.name) && may_run(item.status));
        let mut users: Vec<_> = sessions.map(|item| format!("session {}", item.name)).collect();
        let program = program.to_owned();
        let processes = blocking(move || Ok(processes(&program))).await?;
        users.extend(processes.into_iter().map(|id| format!("process {id}")));
        Ok(users)
    }
}

impl Inner {
    fn update_file(&self, profile: &Profile) -> Utf8PathBuf {
        self.layout().updates().join(format!("{}.json", profile.name))
    }

    async fn known_update(&self, profile: &Profile) -> Result<UpdateCheck> {
        let path = self.update_file(profile);
        blocking(move || Ok(UpdateCheck::read(&path))).await
    }

    async fn keep_update(&self, profile: &Profile, known: &UpdateCheck) -> Result<()> {
        let (path, known) = (self.update_file(profile), known.clone());
        blocking(move || known.write(&path)).await
    }

    fn program_lock(&self, profile: &Profile) -> Utf8PathBuf {
        self.layout().updates().join(format!("{}.program.lock", profile.name))
    }

    /// Keeps the program of a session's agent from being replaced until this is dropped; `Busy` while it is being replaced. `None`
    /// where it is not the host's, or nobody knows how to replace it.
    pub(super) async fn hold_program(&self, record: &SessionRecord) -> Result<Option<FileLock>> {
        let Some(plan) = &record.spec.agent_plan else { return Ok(None) };
        let profile = self.profiles.find(&plan.profile)?;
        if profile.update.is_none() || plan.state.host != plan.state.inside {
            return Ok(None);
        }
        let path = self.program_lock(profile);
        let held = blocking(move || FileLock::try_share(&path)).await?;
        if held.is_none() {
            let message = format!(
                "{} is being updated (`sessctl update`); start the session when that is done",
                profile.title
            );
            return Err(Error::new(ErrorKind::Busy, "manager.start", message));
        }
        Ok(held)
    }

    /// Held until dropped; `None` if somebody else has it.
    async fn lock_update(&self, profile: &Profile) -> Result<Option<FileLock>> {
        let path = self.layout().updates().join(format!("{}.lock", profile.name));
        blocking(move || FileLock::try_take(&path)).await
    }

    async fn programs(&self) -> Result<Programs> {
        let (host, directory) = (self.host.clone(), self.layout().updates());
        blocking(move || {
            make_private(&directory)?;
            Ok(Programs { host, directory })
        })
        .await
    }
}
