//! Where an agent's login is, and whether somebody is logged in.

use camino::Utf8PathBuf;

use super::plan::{AgentOptions, Placement, host_path, host_variables};
use crate::catalog::blocking;
use crate::profile::Profile;
use crate::{HostView, Layout, Result};

/// The login that is used where none is named.
const DEFAULT: &str = "default";

/// What is known about an agent's login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// The directory that holds it, shared by all sessions that use it.
    pub directory: Option<Utf8PathBuf>,
    /// Somebody is logged in there, or a variable is a login of its own.
    pub ready: bool,
    /// A variable is a login of its own.
    pub by_variable: bool,
    /// The name it was asked for by.
    pub name: String,
}

impl Login {
    /// What to do where the agent can't work without and nobody is logged in.
    pub(super) fn missing(&self, profile: &Profile, placement: Placement) -> Option<String> {
        let uploaded = placement == Placement::Uploaded;
        if self.by_variable || (self.ready && !uploaded) || !profile.credentials.required {
            return None;
        }
        if uploaded {
            return Some(format!(
                "a login can't be shared with an uploaded session (--upload): set one of {}",
                profile.credentials.environment.join(", ")
            ));
        }
        let login = match self.name.as_str() {
            DEFAULT => format!("sessctl login -a {}", profile.name),
            name => format!("sessctl login -a {} --credentials {name}", profile.name),
        };
        let by_variable: Vec<_> =
            profile.credentials.environment.iter().map(String::as_str).collect();
        let remedy = match (&profile.credentials.remedy, by_variable.is_empty()) {
            (Some(remedy), _) => remedy.clone(),
            (None, true) => format!("run `{login}` once"),
            (None, false) => {
                format!("run `{login}` once, or set one of {}", by_variable.join(", "))
            }
        };
        Some(format!("nobody is logged in to {}: {remedy}", profile.title))
    }
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
    let by_variable = profile
        .credentials
        .environment
        .iter()
        .any(|name| host.environment.get(name).is_some_and(|value| !value.is_empty()));
    let name = options.credentials.clone().unwrap_or_else(|| DEFAULT.to_owned());
    if profile.credentials.files.is_empty() {
        return Ok(Login { directory: None, ready: by_variable, by_variable, name });
    }
    let ours = layout.credentials(&profile.name, &name);
    let theirs = match (&profile.credentials.host, on_host, &options.credentials) {
        (Some(template), true, None) => Some(host_path(template, &host_variables(profile, host))?),
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
    Ok(Login { directory: Some(directory), ready: logged_in || by_variable, by_variable, name })
}
