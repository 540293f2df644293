//! Where an agent's login is, and whether somebody is logged in.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::beneath::Beneath;
use super::login_setting;
use super::person::host_path;
use super::plan::{AgentOptions, Placement};
use crate::catalog::blocking;
use crate::profile::Profile;
use crate::{Error, ErrorKind, HostView, Layout, Result};

/// The login that is used where none is named.
pub(crate) const DEFAULT: &str = "default";
/// A directory is called by it, below others.
const LONGEST_NAME: usize = 64;

/// What is known about an agent's login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Login {
    /// The directory that holds it, shared by all sessions that use it.
    pub directory: Option<Utf8PathBuf>,
    /// Somebody is logged in there, or a variable or a setting is a login of its own.
    pub ready: bool,
    /// A variable is a login of its own. Of a login that was asked for by its name that is never said: it is
    /// another one.
    pub by_variable: bool,
    /// The key of the person's settings that is one, or says that another service is used; never said of a login that
    /// was asked for by its name, either.
    pub by_setting: Option<String>,
    /// Its name.
    pub name: String,
    /// It was asked for by this name.
    pub named: bool,
}

impl Login {
    /// What to do where the agent can't work without and nobody is logged in.
    pub(crate) fn missing(&self, profile: &Profile, placement: Placement) -> Option<String> {
        let uploaded = placement == Placement::Uploaded;
        let needed = self.named || profile.credentials.required;
        let travels = self.by_variable || self.by_setting.is_some();
        if travels || (self.ready && !uploaded) || !needed {
            return None;
        }
        let variables = profile.credentials.environment.join(", ");
        let how = match variables.is_empty() {
            true => "share the session's files with its engine instead".to_owned(),
            false => format!("set one of {variables}"),
        };
        let without = if self.named { "leave --credentials out, and " } else { "" };
        if self.named && self.directory.is_none() {
            return Some(format!("{} has no logins with names; {without}{how}", profile.title));
        }
        if uploaded {
            return Some(format!(
                "a login can't be shared with an uploaded session (--upload): {without}{how}"
            ));
        }
        Some(format!("nobody is logged in to {}: {}", profile.title, self.remedy(profile)))
    }

    /// How to log in.
    pub(crate) fn remedy(&self, profile: &Profile) -> String {
        let login = match self.name.as_str() {
            DEFAULT => format!("sessctl login -a {}", profile.name),
            name => format!("sessctl login -a {} --credentials {name}", profile.name),
        };
        let variables = profile.credentials.environment.join(", ");
        let remedy = match &profile.credentials.remedy {
            Some(remedy) => remedy.clone(),
            None if profile.arguments.login.is_empty() => format!("set one of {variables}"),
            None if variables.is_empty() || self.named => format!("run `{login}` once"),
            None => format!("run `{login}` once, or set one of {variables}"),
        };
        match &profile.credentials.hint {
            Some(hint) => format!("{remedy}; {hint}"),
            None => remedy,
        }
    }
}

/// Refuses a name that could be something else than that of a directory.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if begins && name.len() <= LONGEST_NAME && name.chars().all(good) {
        return Ok(());
    }
    let message = format!(
        "`{}` can't be the name of a login; use letters, digits and `-_.@+`, {LONGEST_NAME} at most, a letter or digit first",
        name.escape_debug().take(80).collect::<String>()
    );
    Err(Error::new(ErrorKind::InvalidInput, "agent.login", message))
}

/// Refuses one of our login directories in which something else stands in a login file's place: sessions in containers can
/// write there, and an agent on the host would write through their link into whatever it leads to. Blocks.
pub(crate) fn check_directory(directory: &Utf8Path, profile: &Profile) -> Result<()> {
    for file in &profile.credentials.files {
        let path = directory.join(file);
        match path.symlink_metadata() {
            Ok(found) if !found.is_file() => {
                let message = format!(
                    "`{path}` is no file but something that a session put in its place; look at it, remove it, and log in again"
                );
                return Err(Error::new(ErrorKind::Refused, "agent.login", message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A digest of each of a login's files, to see later whether one was written; `None` for one that is not there. Blocks.
pub(crate) fn digests(directory: &Utf8Path, profile: &Profile) -> Result<Vec<Option<Vec<u8>>>> {
    let beneath = Beneath::open(directory)?;
    let digest = |file: &String| {
        let bytes = beneath.read(file)?;
        Ok(bytes.map(|bytes| Sha256::digest(bytes).to_vec()))
    };
    profile.credentials.files.iter().map(digest).collect()
}

/// Finds the login of `profile`: the one that is asked for; else ours; else, for sessions on the host, the person's
/// own; else ours, where nobody is logged in yet. Variables that are a login count unless one is asked for by name. Changes nothing.
pub(crate) async fn find(
    profile: &Profile,
    options: &AgentOptions,
    host: &HostView,
    layout: &Layout,
    on_host: bool,
) -> Result<Login> {
    let credentials = &profile.credentials;
    let named = options.credentials.is_some();
    let headless = credentials.headless.iter().filter(|_| options.headless);
    let is_set = |name| host.environment.get(name).is_some_and(|value: &String| !value.is_empty());
    let by_variable = !named && credentials.environment.iter().chain(headless).any(is_set);
    let name = options.credentials.clone().unwrap_or_else(|| DEFAULT.to_owned());
    check_name(&name)?;
    let by_setting = match named || credentials.settings.is_empty() {
        true => None,
        false => {
            let (profile, options, host) = (profile.clone(), options.clone(), host.clone());
            blocking(move || Ok(login_setting::find(&profile, &options, &host, on_host))).await?
        }
    };
    let ready = by_variable || by_setting.is_some();
    let found = Login { directory: None, ready, by_variable, by_setting, name, named };
    if credentials.files.is_empty() {
        return Ok(found);
    }
    let ours = layout.credentials(&profile.name, &found.name);
    let theirs = match (&credentials.host, on_host, &options.credentials) {
        (Some(template), true, None) => Some(host_path(template, &profile.host_variables(host))?),
        _ => None,
    };
    let files = credentials.files.clone();
    let looked = blocking(move || {
        let all = |is_login: &dyn Fn(Utf8PathBuf) -> bool, directory: &Utf8Path| {
            files.iter().all(|file| is_login(directory.join(file)))
        };
        // Ours is written to by sessions: a link there is one that they made, and no login.
        if all(&|file| file.symlink_metadata().is_ok_and(|found| found.is_file()), &ours) {
            return Ok((ours, true));
        }
        match theirs.filter(|theirs| all(&|file| file.is_file(), theirs)) {
            Some(theirs) => Ok((theirs, true)),
            None => Ok((ours, false)),
        }
    });
    let (directory, logged_in) = looked.await?;
    Ok(Login { directory: Some(directory), ready: ready || logged_in, ..found })
}
