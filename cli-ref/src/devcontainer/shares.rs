//! What of the person's a dev container has, by an agent's profile.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::profile::{Preset, Profile, ResourceKind, SharePolicy, Template, Variables};
use session_core::{Error, ErrorKind, HostView, Result};

use super::OPERATION;
use super::mount::Mount;

/// What is asked for, besides the agent.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The user in the container.
    pub(crate) user: String,
    pub(crate) preset: Preset,
    /// Policies of single resources.
    pub(crate) share: BTreeMap<String, SharePolicy>,
    /// Whether the container is one of Docker Compose's, whose mounts can't be read-only.
    pub(crate) compose: bool,
}

/// The mounts, and what there is none for.
#[derive(Debug)]
pub(crate) struct Shares {
    pub(crate) mounts: Vec<Mount>,
    /// A resource that is shared and can't be mounted, and why.
    pub(crate) left_out: Vec<(String, String)>,
}

/// What the profile's resources come to in a dev container.
///
/// A resource is mounted where the agent looks for it by itself, so that no variable has to be set
/// in the container. Logins are never mounted, whatever the profile or `asked` says.
pub(crate) fn shares(profile: &Profile, host: &HostView, asked: &Asked) -> Result<Shares> {
    let home = home_of(&asked.user)?;
    let inside = HostView::new("/", asked.user.as_str()).with_home(home.as_str());
    let (here, there) = (profile.host_variables(host), profile.host_variables(&inside));
    let logins = logins(profile, &here)?;
    unknown(profile, asked)?;
    let mut shares = Shares { mounts: Vec::new(), left_out: Vec::new() };
    for resource in &profile.resources {
        let Some(template) = &resource.source else { continue };
        let policy = asked.share.get(&resource.name).copied();
        let policy = policy.unwrap_or_else(|| resource.policy_under(asked.preset));
        let path = Utf8PathBuf::from(rendered(template, &here)?);
        let target = rendered(template, &there)?;
        let is_directory = resource.kind == ResourceKind::Directory;
        let kind = fs::metadata(&path).ok();
        let reason = match policy {
            SharePolicy::Private => continue,
            SharePolicy::SeedOnce => {
                Some("sessions begin with a copy of it, which a mount is not".to_owned())
            }
            _ if logins.iter().any(|login| login.starts_with(&path)) => {
                Some("a login is in it, and logins are never mounted".to_owned())
            }
            SharePolicy::SharedRw if !is_directory => Some(
                "it is a file that its writers replace, which a mount of one file prevents".into(),
            ),
            SharePolicy::SharedRo if asked.compose => Some(format!(
                "with Docker Compose nothing can be mounted read-only from here; add `{path}:{target}:ro` to the service's `volumes`"
            )),
            _ => match kind {
                None if !is_directory => Some("it is not there".to_owned()),
                Some(kind) if kind.is_dir() != is_directory => Some(format!(
                    "`{path}` is {}",
                    if is_directory { "no directory" } else { "a directory" }
                )),
                _ => None,
            },
        };
        match reason {
            Some(reason) => shares.left_out.push((resource.name.clone(), reason)),
            None => {
                let readonly = policy != SharePolicy::SharedRw;
                let mount = Mount::new(
                    resource.name.as_str(),
                    &host.home,
                    path,
                    target,
                    readonly,
                    is_directory,
                )?;
                shares.mounts.push(mount);
            }
        }
    }
    Ok(shares)
}

/// The home that images give a user of that name.
pub(crate) fn home_of(user: &str) -> Result<Utf8PathBuf> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_name = user.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !is_name || !user.chars().all(good) {
        let shown = user.escape_debug();
        let message =
            format!("`{shown}` is no user's name; say who works in the container: --user NAME");
        return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    }
    Ok(if user == "root" { "/root".into() } else { Utf8Path::new("/home").join(user) })
}

fn rendered(template: &str, variables: &Variables) -> Result<String> {
    Template::parse(template)?.render(variables)
}

/// Where the profile's logins are on this host.
fn logins(profile: &Profile, variables: &Variables) -> Result<Vec<Utf8PathBuf>> {
    let Some(directory) = &profile.credentials.host else { return Ok(Vec::new()) };
    let directory = Utf8PathBuf::from(rendered(directory, variables)?);
    Ok(profile.credentials.files.iter().map(|file| directory.join(file)).collect())
}

fn unknown(profile: &Profile, asked: &Asked) -> Result<()> {
    let names: Vec<_> = profile.resources.iter().map(|resource| resource.name.as_str()).collect();
    let problems: Vec<_> = asked
        .share
        .keys()
        .filter(|name| !names.contains(&name.as_str()))
        .map(|name| {
            let (title, name) = (&profile.title, name.escape_debug());
            format!("{title} has no `{name}` to share; it has {}", names.join(", "))
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::problems(OPERATION, problems)) }
}
