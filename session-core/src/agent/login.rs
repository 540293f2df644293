//! Where an agent's login is, and whether somebody is logged in.

use camino::Utf8PathBuf;
use serde::Serialize;

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
    /// A variable is a login of its own.
    pub by_variable: bool,
    /// The key of the person's settings that is one, or says that another service is used.
    pub by_setting: Option<String>,
    /// The name it was asked for by.
    pub name: String,
}

impl Login {
    /// What to do where the agent can't work without and nobody is logged in.
    pub(super) fn missing(&self, profile: &Profile, placement: Placement) -> Option<String> {
        let uploaded = placement == Placement::Uploaded;
        let travels = self.by_variable || self.by_setting.is_some();
        if travels || (self.ready && !uploaded) || !profile.credentials.required {
            return None;
        }
        if uploaded {
            let variables = profile.credentials.environment.join(", ");
            let how = match variables.is_empty() {
                true => "share the session's files with its engine instead".to_owned(),
                false => format!("set one of {variables}"),
            };
            return Some(format!(
                "a login can't be shared with an uploaded session (--upload): {how}"
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
            None if variables.is_empty() => format!("run `{login}` once"),
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

/// Finds the login of `profile`: the one that is asked for; else ours; else, for sessions on the host, the person's
/// own; else ours, where nobody is logged in yet. Changes nothing.
pub(crate) async fn find(
    profile: &Profile,
    options: &AgentOptions,
    host: &HostView,
    layout: &Layout,
    on_host: bool,
) -> Result<Login> {
    let credentials = &profile.credentials;
    let headless = credentials.headless.iter().filter(|_| options.headless);
    let is_set = |name| host.environment.get(name).is_some_and(|value: &String| !value.is_empty());
    let by_variable = credentials.environment.iter().chain(headless).any(is_set);
    let name = options.credentials.clone().unwrap_or_else(|| DEFAULT.to_owned());
    check_name(&name)?;
    let by_setting = match credentials.settings.is_empty() {
        true => None,
        false => {
            let (profile, options, host) = (profile.clone(), options.clone(), host.clone());
            blocking(move || Ok(login_setting::find(&profile, &options, &host, on_host))).await?
        }
    };
    let ready = by_variable || by_setting.is_some();
    if credentials.files.is_empty() {
        return Ok(Login { directory: None, ready, by_variable, by_setting, name });
    }
    let ours = layout.credentials(&profile.name, &name);
    let theirs = match (&credentials.host, on_host, &options.credentials) {
        (Some(template), true, None) => Some(host_path(template, &profile.host_variables(host))?),
        _ => None,
    };
    let files = credentials.files.clone();
    let found = blocking(move || {
        let holds =
            |directory: &Utf8PathBuf| files.iter().all(|file| directory.join(file).is_file());
        let candidates = std::iter::once(ours.clone()).chain(theirs);
        Ok(candidates.into_iter().find(holds).map_or((ours, false), |found| (found, true)))
    });
    let (directory, logged_in) = found.await?;
    let ready = ready || logged_in;
    Ok(Login { directory: Some(directory), ready, by_variable, by_setting, name })
}
