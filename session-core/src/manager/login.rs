//! Agents before any session: whether they could work, and their logins.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::io::AsyncReadExt as _;

use super::Manager;
use crate::agent::{
    self, AgentOptions, Aside, DEFAULT_LOGIN, Login, Placement, Readiness, check_login_name,
    find_program,
};
use crate::catalog::{blocking, make_private};
use crate::profile::Profile;
use crate::{Error, ErrorKind, Filter, Result};

const OPERATION: &str = "manager.login";
/// A version is one line.
const LONGEST_VERSION: usize = 200;

/// An agent's own way to log in, to be run at a terminal by the program.
///
/// Then call [`finish`](Self::finish), however it ended. Dropped, it leaves nothing but what the agent wrote into the
/// login directory.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoginRun {
    /// Program and arguments.
    pub command: Vec<String>,
    /// The directory that holds the login afterwards.
    pub directory: Utf8PathBuf,
    manager: Manager,
    profile: Profile,
    name: String,
    aside: Aside,
    /// Of the login's files, before it ran.
    before: Vec<Option<Vec<u8>>>,
}

/// What an agent's own login left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginOutcome {
    /// What is known of the login now.
    pub login: Login,
    /// Its files hold something else than before. Where they don't, and somebody is logged in, that is from before.
    pub changed: bool,
}

impl LoginRun {
    /// The whole environment that it runs in.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.aside.environment.0
    }

    /// Where it runs: a private directory, with nothing of a project's.
    pub fn working_directory(&self) -> &Utf8Path {
        self.aside.working_directory()
    }

    /// Makes what was written the person's alone, removes what is not needed, and says whether somebody is logged in,
    /// and whether that is new.
    pub async fn finish(self) -> Result<LoginOutcome> {
        let Self { manager, profile, name, aside, directory, before, .. } = self;
        let agent = profile.name.clone();
        let place = directory.clone();
        let (is_there, changed) = blocking(move || {
            aside.keep(&profile)?;
            aside.close()?;
            let is_there = profile.credentials.files.iter().all(|file| place.join(file).is_file());
            Ok((is_there, agent::login_digests(&place, &profile)? != before))
        })
        .await?;
        // A variable or a setting may be a login, too; that is not what was asked.
        let login = manager.login(&agent, Some(&name)).await?;
        let login = Login { ready: is_there, by_variable: false, by_setting: None, ..login };
        Ok(LoginOutcome { login, changed })
    }
}

impl Manager {
    /// Looks at what an agent needs on this host: program, login, and the checks of its profile. Runs nothing.
    pub async fn readiness(&self, agent: &str, login: Option<&str>) -> Result<Readiness> {
        let profile = self.profiles().find(agent)?.clone();
        let login = self.login(agent, login).await?;
        let host = self.inner.host.clone();
        blocking(move || Ok(agent::look_at_readiness(&profile, login, &host, Placement::Host)))
            .await
    }

    /// As [`readiness`](Self::readiness), for a session that `backend` makes: what a container brings along is not looked for on this host, and a
    /// login that is only this host's is none there. Whether an image has the program is not looked at.
    pub async fn readiness_in(
        &self,
        agent: &str,
        login: Option<&str>,
        backend: &str,
    ) -> Result<Readiness> {
        if self.backend(backend)?.capabilities().host_processes {
            return self.readiness(agent, login).await;
        }
        let profile = self.profiles().find(agent)?.clone();
        let credentials = login.map(str::to_owned);
        let options = AgentOptions { credentials, ..AgentOptions::default() };
        let (host, layout) = (self.inner.host.clone(), self.layout());
        let login = agent::find_login(&profile, &options, &host, layout, false).await?;
        blocking(move || Ok(agent::look_at_readiness(&profile, login, &host, Placement::Mounted)))
            .await
    }

    /// What is known of one of an agent's logins; without a name, of the one that sessions on this host use.
    pub async fn login(&self, agent: &str, name: Option<&str>) -> Result<Login> {
        let profile = self.profiles().find(agent)?;
        let credentials = name.map(str::to_owned);
        let options = AgentOptions { credentials, ..AgentOptions::default() };
        agent::find_login(profile, &options, &self.inner.host, self.layout(), true).await
    }

    /// The names of an agent's logins that sessions share, in order; there may be nobody logged in to some.
    pub async fn logins(&self, agent: &str) -> Result<Vec<String>> {
        let directory = self.layout().credentials(&self.profiles().find(agent)?.name, "");
        blocking(move || {
            let entries = match directory.read_dir_utf8() {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => {
                    return Err(Error::io(OPERATION, format!("can't read `{directory}`"), error));
                }
            };
            let mut names: Vec<_> = entries
                .filter_map(|entry| Some(entry.ok()?.file_name().to_owned()))
                .filter(|name| check_login_name(name).is_ok())
                .collect();
            names.sort_unstable();
            Ok(names)
        })
        .await
    }

    /// Makes everything ready for an agent's own login, with `arguments` after the profile's.
    ///
    /// `Unsupported` where the profile knows no way. Nothing of the person's environment that is a login of its own
    /// is handed over, and nothing of a project is near.
    pub async fn prepare_login(
        &self,
        agent: &str,
        name: Option<&str>,
        arguments: &[String],
    ) -> Result<LoginRun> {
        let profile = self.profiles().find(agent)?.clone();
        let name = name.unwrap_or(DEFAULT_LOGIN).to_owned();
        check_login_name(&name)?;
        if profile.arguments.login.is_empty() || profile.credentials.files.is_empty() {
            let remedy = Login::default().remedy(&profile);
            let message =
                format!("{} has no login that sessions could share: {remedy}", profile.title);
            return Err(Error::new(ErrorKind::Unsupported, OPERATION, message));
        }
        let (profiles, host, layout) =
            (self.profiles().clone(), self.inner.host.clone(), self.layout().clone());
        let (manager, arguments) = (self.clone(), arguments.to_vec());
        blocking(move || {
            let program = program(&profile, &host)?;
            let directory = layout.credentials(&profile.name, &name);
            make_private(&directory)?;
            let aside = Aside::make(&profile, &profiles, &host, &layout, Some(&directory))?;
            let mut command = vec![program.into_string()];
            command.extend(profile.arguments.login.iter().cloned());
            command.extend(arguments);
            let before = agent::login_digests(&directory, &profile)?;
            Ok(LoginRun { command, directory, manager, profile, name, aside, before })
        })
        .await
    }

    /// Removes the files of one of an agent's logins, and nothing else; gives those that were there.
    ///
    /// The login that the person has without us is never touched. Idempotent. The directory stays while a session uses it: a
    /// container would go on with one that is not there any more.
    pub async fn forget_login(&self, agent: &str, name: Option<&str>) -> Result<Vec<Utf8PathBuf>> {
        let profile = self.profiles().find(agent)?.clone();
        let name = name.unwrap_or(DEFAULT_LOGIN);
        check_login_name(name)?;
        let directory = self.layout().credentials(&profile.name, name);
        let (entries, _) = self.catalog().list(&Filter::default()).await?;
        let plans =
            entries.iter().filter_map(|entry| entry.as_ref().ok()?.record.spec.agent_plan.as_ref());
        let mut used = plans.filter_map(|plan| plan.credentials.as_ref());
        let is_used = used.any(|seen| seen.host == directory);
        blocking(move || {
            let mut removed = Vec::new();
            for file in &profile.credentials.files {
                let path = directory.join(file);
                match std::fs::remove_file(&path) {
                    Ok(()) => removed.push(path),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => {
                        return Err(Error::io(OPERATION, format!("can't remove `{path}`"), error));
                    }
                }
            }
            if !is_used {
                // It stays where the agent keeps more there.
                let _ = std::fs::remove_dir(&directory);
            }
            Ok(removed)
        })
        .await
    }

    /// What an agent's program on this host says of its version: the first line, or nothing where the profile knows no
    /// way to ask, or it does not say within `limit`. It runs in a private directory that goes afterwards.
    pub async fn agent_version(&self, agent: &str, limit: Duration) -> Result<Option<String>> {
        let profile = self.profiles().find(agent)?.clone();
        if profile.arguments.version.is_empty() || profile.program.is_none() {
            return Ok(None);
        }
        let (profiles, host, layout) =
            (self.profiles().clone(), self.inner.host.clone(), self.layout().clone());
        let words = profile.arguments.version.clone();
        let (program, aside) = blocking(move || {
            let program = program(&profile, &host)?;
            Ok((program, Aside::make(&profile, &profiles, &host, &layout, None)?))
        })
        .await?;
        let said = ask(&program, &words, &aside, limit).await;
        blocking(move || aside.close()).await?;
        said
    }
}

/// Runs it until it has said something, or the time is over; then nothing of it is left.
async fn ask(
    program: &Utf8Path,
    words: &[String],
    aside: &Aside,
    limit: Duration,
) -> Result<Option<String>> {
    let failed = |error| Error::io(OPERATION, format!("can't run `{program}`"), error);
    let mut child = tokio::process::Command::new(program)
        .args(words)
        .env_clear()
        .envs(&aside.environment.0)
        .current_dir(aside.working_directory())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let mut text = Vec::new();
    let stdout = child.stdout.take();
    let read = async {
        if let Some(stdout) = stdout {
            let _ = stdout.take(64 * 1024).read_to_end(&mut text).await;
        }
        child.wait().await
    };
    let ended = tokio::time::timeout(limit, read).await;
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    if !matches!(ended, Ok(Ok(status)) if status.success()) {
        let _ = child.wait().await;
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    Ok(line.map(|line| line.chars().filter(|c| !c.is_control()).take(LONGEST_VERSION).collect()))
}

/// The agent's program on this host.
fn program(profile: &Profile, host: &crate::HostView) -> Result<Utf8PathBuf> {
    let name = profile.program.as_deref().unwrap_or_default();
    find_program(name, host).ok_or_else(|| {
        let message =
            format!("there is no program `{name}` on this host; install {} first", profile.title);
        Error::new(ErrorKind::NotFound, OPERATION, message)
    })
}
