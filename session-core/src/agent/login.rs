//! Where an agent's login is, and whether somebody is logged in.

use camino::Utf8PathBuf;
use serde::Serialize;

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
    /// Somebody is logged in there, or a variable is a login of its own.
    pub ready: bool,
    /// A variable is a login of its own. Of a login that was asked for by its name that is never said: it is
    /// another one.
    pub by_variable: bool,
    /// Its name.
    pub name: String,
    /// It was asked for by this name.
    pub named: bool,
}

impl Login {
    /// What to do where the agent can't work without and nobody is logged in.
    pub(super) fn missing(&self, profile: &Profile, placement: Placement) -> Option<String> {
        let uploaded = placement == Placement::Uploaded;
        let needed = self.named || profile.credentials.required;
        if self.by_variable || (self.ready && !uploaded) || !needed {
            return None;
        }
        let variables = profile.credentials.environment.join(", ");
        if self.named && self.directory.is_none() {
            return Some(format!(
                "{} has no logins with names; leave --credentials out, and set one of {variables}",
                profile.title
            ));
        }
        if uploaded {
            let named = if self.named { "leave --credentials out, and " } else { "" };
            return Some(format!(
                "a login can't be shared with an uploaded session (--upload): {named}set one of {variables}"
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
        match &profile.credentials.remedy {
            Some(remedy) => remedy.clone(),
            None if profile.arguments.login.is_empty() => format!("set one of {variables}"),
            None if variables.is_empty() || self.named => format!("run `{login}` once"),
            None => format!("run `{login}` once, or set one of {variables}"),
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
/// own; else ours, where nobody is logged in yet. Variables that are a login count unless one is asked for by name. Changes nothing.
pub(crate) async fn find(
    profile: &Profile,
    options: &AgentOptions,
    host: &HostView,
    layout: &Layout,
    on_host: bool,
) -> Result<Login> {
    let named = options.credentials.is_some();
    let is_set = |name| host.environment.get(name).is_some_and(|value: &String| !value.is_empty());
    let by_variable = !named && profile.credentials.environment.iter().any(is_set);
    let name = options.credentials.clone().unwrap_or_else(|| DEFAULT.to_owned());
    check_name(&name)?;
    if profile.credentials.files.is_empty() {
        return Ok(Login { directory: None, ready: by_variable, by_variable, name, named });
    }
    let ours = layout.credentials(&profile.name, &name);
    let theirs = match (&profile.credentials.host, on_host, &options.credentials) {
        (Some(template), true, None) => Some(host_path(template, &profile.host_variables(host))?),
        _ => None,
    };
    let files = profile.credentials.files.clone();
    let found = blocking(move || {
        let holds =
            |directory: &Utf8PathBuf| files.iter().all(|file| directory.join(file).is_file());
        let candidates = std::iter::once(ours.clone()).chain(theirs);
        Ok(candidates.into_iter().find(holds).map_or((ours, false), |found| (found, true)))
    });
    let (directory, logged_in) = found.await?;
    let ready = logged_in || by_variable;
    Ok(Login { directory: Some(directory), ready, by_variable, name, named })
}
