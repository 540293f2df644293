//! What of the person's a dev container has, by an agent's profile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::OPERATION;
use super::mount::Mount;
use crate::profile::{Preset, Profile, ResourceKind, SharePolicy, Template, Variables};
use crate::{Error, ErrorKind, HostView, Result};

/// The user that most images for dev containers have.
const USUAL_USER: &str = "vscode";

/// What is asked for, besides the agent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sharing {
    /// The user in the container; whom the file names if absent, else `vscode`.
    pub user: Option<String>,
    /// How the person's files are shared, all at once.
    pub preset: Preset,
    /// Policies of single resources, by their names.
    pub share: BTreeMap<String, SharePolicy>,
}

impl Default for Sharing {
    /// Conversations and history too, for the file's user.
    fn default() -> Self {
        Self { user: None, preset: Preset::Shared, share: BTreeMap::new() }
    }
}

impl Sharing {
    /// Says who works in the container.
    #[must_use]
    pub fn with_user(mut self, user: Option<String>) -> Self {
        self.user = user;
        self
    }

    /// Says how all is shared.
    #[must_use]
    pub fn with_preset(mut self, preset: Preset) -> Self {
        self.preset = preset;
        self
    }

    /// Says how single resources are shared.
    #[must_use]
    pub fn with_share(mut self, share: BTreeMap<String, SharePolicy>) -> Self {
        self.share = share;
        self
    }
}

/// What a dev container gets of an agent's.
///
/// A resource is mounted where the agent looks for it by itself, so that no variable has to be set
/// in the container. Logins are never mounted, whatever the profile or the person says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The agent.
    pub agent: String,
    /// The user in the container.
    pub user: String,
    /// That user's home in the container.
    pub home: Utf8PathBuf,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// What is shared and can't be mounted.
    pub left_out: Vec<LeftOut>,
}

/// A resource that is shared and can't be mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// What the profile calls it.
    pub resource: String,
    /// Why.
    pub reason: String,
}

impl Plan {
    pub(super) fn new(
        profile: &Profile,
        host: &HostView,
        sharing: &Sharing,
        in_file: Option<String>,
        compose: bool,
    ) -> Result<Self> {
        let user = sharing.user.clone().or(in_file).unwrap_or_else(|| USUAL_USER.to_owned());
        let home = home_of(&user)?;
        let inside = HostView::new("/", user.as_str()).with_home(home.as_str());
        let (here, there) = (profile.host_variables(host), profile.host_variables(&inside));
        let logins = logins(profile, &here)?;
        unknown(profile, sharing)?;
        let (mut mounts, mut left_out) = (Vec::new(), Vec::new());
        for resource in &profile.resources {
            let Some(template) = &resource.source else { continue };
            let policy = sharing.share.get(&resource.name).copied();
            let policy = policy.unwrap_or_else(|| resource.policy_under(sharing.preset));
            if policy == SharePolicy::Private {
                continue;
            }
            let name = resource.name.clone();
            let path = Utf8PathBuf::from(rendered(template, &here)?);
            let target = rendered(template, &there)?;
            let is_directory = resource.kind == ResourceKind::Directory;
            let reason = match logins.iter().any(|login| login.starts_with(&path)) {
                true if policy != SharePolicy::SeedOnce => {
                    Some("a login is in it, and logins are never mounted".to_owned())
                }
                _ => obstacle(policy, &path, &target, is_directory, compose),
            };
            if let Some(reason) = reason {
                left_out.push(LeftOut { resource: name, reason });
                continue;
            }
            let readonly = policy != SharePolicy::SharedRw;
            mounts.push(Mount::new(name, &host.home, path, target, readonly, is_directory)?);
        }
        Ok(Self { agent: profile.name.clone(), user, home, mounts, left_out })
    }

    /// The directories of the container between the user's home and `mounts`, which an engine makes as root where the image
    /// has none, so that the user can make nothing beside what is mounted; none for root.
    pub fn directories_above(&self, mounts: &[Mount]) -> Vec<String> {
        if self.user == "root" {
            return Vec::new();
        }
        let home = self.home.as_path();
        let between = |mount: &Mount| {
            let above = Utf8Path::new(&mount.target).ancestors().skip(1);
            let above = above.take_while(|above| *above != home && above.starts_with(home));
            above.map(ToString::to_string).collect::<Vec<_>>()
        };
        mounts.iter().flat_map(between).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Why the resource can't be mounted; `None` if it can.
fn obstacle(
    policy: SharePolicy,
    path: &Utf8Path,
    target: &str,
    is_directory: bool,
    compose: bool,
) -> Option<String> {
    match policy {
        SharePolicy::SeedOnce => {
            Some("sessions begin with a copy of it, which a mount is not".to_owned())
        }
        SharePolicy::SharedRw if !is_directory => {
            Some("it is a file that its writers replace, which a mount of one file prevents".into())
        }
        SharePolicy::SharedRo if compose => Some(format!(
            "with Docker Compose nothing can be mounted read-only from here; add `{path}:{target}:ro` to the service's `volumes`"
        )),
        _ => match fs::metadata(path).ok() {
            None if !is_directory => Some("it is not there".to_owned()),
            Some(kind) if kind.is_dir() != is_directory => Some(format!(
                "`{path}` is {}",
                if is_directory { "no directory" } else { "a directory" }
            )),
            _ => None,
        },
    }
}

/// The home that images give a user of that name.
fn home_of(user: &str) -> Result<Utf8PathBuf> {
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

fn unknown(profile: &Profile, sharing: &Sharing) -> Result<()> {
    let names: Vec<_> = profile.resources.iter().map(|resource| resource.name.as_str()).collect();
    let problems: Vec<_> = sharing
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
