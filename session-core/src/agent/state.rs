//! Making an agent's private directory, and bringing the person's files into it.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::beneath::{Beneath, Kind};
use super::content::{self, Put};
use super::hidden;
use super::login::check_directory;
use super::person::{self, host_path};
use super::plan::{AgentPlan, Placement};
use crate::catalog::make_private;
use crate::profile::{Fallback, Profile, Resource, ResourceKind, SharePolicy, Variables};
use crate::{Error, ErrorKind, HostView, Result};

const OPERATION: &str = "agent.prepare";

/// Makes everything that an agent needs before it starts; whole again at each start. Blocks.
///
/// Idempotent; what the agent wrote into its directory stays, but for what the profile sets.
pub(crate) fn prepare(
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    variables: &Variables,
    placement: Placement,
) -> Result<()> {
    make_private(&plan.state.host)?;
    if placement == Placement::Host {
        own(&plan.temporary.host)?;
    }
    if let Some(credentials) = &plan.credentials {
        make_private(&credentials.host)?;
        let own = profile.credentials.host.as_ref();
        let own = own.and_then(|own| host_path(own, &profile.host_variables(host)).ok());
        // In the person's own they may have links of theirs; no session in a container sees that.
        if placement == Placement::Host && own.as_ref() != Some(&credentials.host) {
            check_directory(&credentials.host, profile)?;
        }
    }
    let state = Beneath::open(&plan.state.host)?;
    let variables = match plan.login {
        // It is another login than the variables are.
        Some(_) => variables.clone(),
        None => with_tails(variables.clone(), profile, host),
    };
    let theirs = profile.host_variables(host);
    for resource in &profile.resources {
        let source = match &resource.source {
            Some(template) => Some(host_path(template, &theirs)?),
            None => None,
        };
        let policy = plan.shares.get(&resource.name).copied().unwrap_or(SharePolicy::Private);
        let live = policy == SharePolicy::SharedRw && source.is_some();
        if resource.kind == ResourceKind::Directory || live {
            bring(&state, resource, policy, source.as_deref(), placement)?;
            continue;
        }
        let lists = match placement {
            Placement::Host => hidden::lists(resource, plan, profile, &theirs, &variables)?,
            _ => Vec::new(),
        };
        let without = match placement {
            Placement::Host => Vec::new(),
            _ => resource.only_on_host.clone(),
        };
        let fallback = resource.fallbacks.iter().find(|it| applies(it, plan, host));
        let over = content::rendered(resource.content.as_ref(), &variables)?;
        let under = content::rendered(fallback.map(|fallback| &fallback.content), &variables)?;
        let put = Put { without, over, under, lists };
        file(&state, resource, policy, source.as_deref(), put)?;
    }
    if let Some(credentials) = &plan.credentials {
        for (file, path) in &profile.credentials.links {
            state.link(path, credentials.inside.join(file).as_str())?;
        }
    }
    Ok(())
}

/// Whether somebody is logged in in the way that a fallback is for: a variable is another login than one that was asked for by
/// its name.
fn applies(fallback: &Fallback, plan: &AgentPlan, host: &HostView) -> bool {
    let is_set = |name: &String| host.environment.get(name).is_some_and(|value| !value.is_empty());
    let is_there = |file: &String| {
        plan.credentials.as_ref().is_some_and(|directory| directory.host.join(file).is_file())
    };
    let by_variable = fallback.variable.as_ref();
    by_variable.is_none_or(|name| plan.login.is_none() && is_set(name))
        && fallback.login.as_ref().is_none_or(is_there)
}

/// Makes sure of a private directory that is ours, where others could have made it before.
fn own(directory: &Utf8Path) -> Result<()> {
    let made = std::fs::DirBuilder::new().mode(0o700).create(directory);
    let failed = |error| Error::io(OPERATION, format!("can't make `{directory}`"), error);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(failed(error));
        }
        _ => {}
    }
    let found = directory.symlink_metadata().map_err(failed)?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        let message = format!("`{directory}` belongs to somebody else; remove it");
        return Err(Error::new(ErrorKind::Refused, OPERATION, message));
    }
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// `LAST20_<NAME>` for each variable that is a login: agents ask about a key by its end.
fn with_tails(mut variables: Variables, profile: &Profile, host: &HostView) -> Variables {
    for name in &profile.credentials.environment {
        if let Some(value) = host.environment.get(name).filter(|value| !value.is_empty()) {
            let begin = value.char_indices().rev().nth(19).map_or(0, |(at, _)| at);
            variables.set(format!("LAST20_{name}"), &value[begin..]);
        }
    }
    variables
}

/// A directory, or what is one for both.
fn bring(
    state: &Beneath,
    resource: &Resource,
    policy: SharePolicy,
    source: Option<&Utf8Path>,
    placement: Placement,
) -> Result<()> {
    let on_host = placement == Placement::Host;
    let target = resource.target.as_str();
    match (policy, resource.kind, source) {
        (SharePolicy::SharedRw, ResourceKind::Directory, Some(source)) => {
            make_private(source)?;
            if on_host { state.link(target, source.as_str()) } else { state.make_directory(target) }
        }
        (SharePolicy::SharedRw, ResourceKind::File, Some(source)) => {
            if on_host {
                return state.link(target, source.as_str());
            }
            // An engine mounts what is there; a file must be there on both sides.
            if source.is_file() && state.kind(target)? == Kind::Nothing {
                state.write(target, b"")?;
            }
            Ok(())
        }
        (SharePolicy::SharedRo, ResourceKind::Directory, Some(source)) => {
            state.make_directory(target)?;
            match placement {
                Placement::Host if resource.copied => {
                    copy_directory(state, target, source)?;
                    remove_others(state, target, source)
                }
                Placement::Host => link_entries(state, target, source),
                Placement::Mounted => Ok(()),
                Placement::Uploaded => copy_directory(state, target, source),
            }
        }
        (SharePolicy::SeedOnce, ResourceKind::Directory, Some(source)) => {
            match state.kind(target)? {
                Kind::Nothing => copy_directory(state, target, source),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// A file that is a copy, or made of the person's and what the profile sets.
fn file(
    state: &Beneath,
    resource: &Resource,
    policy: SharePolicy,
    source: Option<&Utf8Path>,
    put: Put,
) -> Result<()> {
    let target = resource.target.as_str();
    let there = state.read(target)?;
    let theirs = match (policy, &there, source) {
        (SharePolicy::SharedRo, _, Some(source)) | (SharePolicy::SeedOnce, None, Some(source)) => {
            read(source)?
        }
        _ => None,
    };
    let Some(format) = resource.format else {
        return match theirs {
            Some(bytes) => state.write(target, &bytes),
            None => Ok(()),
        };
    };
    let (base, keep) = match (&theirs, &there) {
        (Some(theirs), _) => (Some(theirs), resource.keep.as_slice()),
        (None, there) => (there.as_ref(), &[][..]),
    };
    if base.is_none() && put.is_nothing() {
        return Ok(());
    }
    let called = source.map_or(target, Utf8Path::as_str);
    let bytes = content::merged(format, base.map(Vec::as_slice), keep, put, called)?;
    state.write(target, &bytes)
}

/// Links to each thing in the person's directory: what the agent makes beside them stays in the session.
fn link_entries(state: &Beneath, target: &str, source: &Utf8Path) -> Result<()> {
    let theirs: Vec<_> = match source.read_dir_utf8() {
        Ok(entries) => entries
            .filter_map(|entry| Some(entry.ok()?.file_name().to_owned()))
            .filter(|name| !name.starts_with('.'))
            .collect(),
        Err(_) => Vec::new(),
    };
    for name in state.names(target)? {
        let path = format!("{target}/{name}");
        if let Kind::Link(to) = state.kind(&path)?
            && Utf8Path::new(&to).parent() == Some(source)
            && !theirs.contains(&name)
        {
            state.remove_link(&path)?;
        }
    }
    theirs
        .iter()
        .try_for_each(|name| state.link(&format!("{target}/{name}"), source.join(name).as_str()))
}

/// Copies the person's directory: files and directories, links as what they lead to. What is copied is the
/// owner's alone, and a program if it was one.
fn copy_directory(state: &Beneath, target: &str, source: &Utf8Path) -> Result<()> {
    if !source.is_dir() {
        return Ok(());
    }
    state.make_directory(target)?;
    let mut waiting = vec![(Utf8PathBuf::from(target), source.to_owned())];
    while let Some((to, from)) = waiting.pop() {
        let entries = from
            .read_dir_utf8()
            .map_err(|error| Error::io(OPERATION, format!("can't read `{from}`"), error))?;
        for entry in entries.filter_map(std::result::Result::ok) {
            let path = to.join(entry.file_name());
            let Ok(found) = entry.path().metadata() else { continue };
            if found.is_dir() && path.components().count() < 32 {
                state.make_directory(path.as_str())?;
                waiting.push((path, entry.path().to_owned()));
            } else if found.is_file()
                && let Some(bytes) = read(entry.path())?
            {
                // Hooks and skills bring programs along.
                match found.mode() & 0o100 {
                    0 => state.write(path.as_str(), &bytes)?,
                    _ => state.write_program(path.as_str(), &bytes)?,
                }
            }
        }
    }
    Ok(())
}

/// Removes files that the person's directory does not have, or not any more.
fn remove_others(state: &Beneath, target: &str, source: &Utf8Path) -> Result<()> {
    let mut waiting = vec![(target.to_owned(), source.to_owned())];
    while let Some((here, theirs)) = waiting.pop() {
        for name in state.names(&here)? {
            let (path, theirs) = (format!("{here}/{name}"), theirs.join(&name));
            match state.kind(&path)? {
                Kind::Directory if path.split('/').count() < 32 => waiting.push((path, theirs)),
                Kind::Directory => {}
                _ if theirs.is_file() => {}
                _ => state.remove_file(&path)?,
            }
        }
    }
    Ok(())
}

/// The person's file; `None` if there is none.
fn read(path: &Utf8Path) -> Result<Option<Vec<u8>>> {
    match person::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(OPERATION, format!("can't read `{path}`"), error)),
    }
}
