//! What an agent on the host reads of the person's by itself, and is told to leave alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::content;
use super::person::host_path;
use super::plan::AgentPlan;
use crate::profile::{Hidden, Profile, Resource, ResourceKind, SharePolicy, Variables};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "agent.prepare";
/// More than anybody has there; an agent looks at far fewer.
const MOST_DIRECTORIES: usize = 20_000;

/// What is added to lists of the file that `resource` is: their places, and what comes behind what is there. `host` has the
/// variables of the person's paths, `variables` those of contents. Blocks.
///
/// A file that a shared directory leads to as well is the session's to see, and not hidden. `Refused` where there is more than can be
/// looked at: nothing is half hidden.
pub(super) fn lists(
    resource: &Resource,
    plan: &AgentPlan,
    profile: &Profile,
    host: &Variables,
    variables: &Variables,
) -> Result<Vec<(String, Value)>> {
    let mut lists = Vec::new();
    for hidden in &resource.hidden {
        let directory = host_path(&hidden.directory, host)?;
        let found = files(&directory, &hidden.file)?;
        if found.is_empty() {
            continue;
        }
        let shared = shared(hidden, plan, profile, host)?;
        let mut paths: Vec<_> = found
            .into_iter()
            .filter(|(real, _)| !shared.contains(real))
            .map(|(_, path)| path)
            .collect();
        paths.sort();
        let entry = Value::Object(hidden.entry.clone());
        let mut entries = Vec::new();
        for path in paths {
            let variables = variables.clone().with("FILE", path.as_str());
            entries.extend(content::expand(entry.clone(), &variables)?);
        }
        lists.push((hidden.list.clone(), Value::Array(entries)));
    }
    Ok(lists)
}

/// The files of that name that the session's own links lead to.
fn shared(
    hidden: &Hidden,
    plan: &AgentPlan,
    profile: &Profile,
    host: &Variables,
) -> Result<BTreeSet<PathBuf>> {
    let mut all = BTreeSet::new();
    for resource in &profile.resources {
        let linked = match plan.shares.get(&resource.name) {
            Some(SharePolicy::SharedRo) => !resource.copied,
            Some(SharePolicy::SharedRw) => true,
            _ => false,
        };
        let (true, ResourceKind::Directory, Some(source)) =
            (linked, resource.kind, &resource.source)
        else {
            continue;
        };
        all.extend(files(&host_path(source, host)?, &hidden.file)?.into_keys());
    }
    Ok(all)
}

/// The files called `name` below `root`, each once, by where it really is; links are followed, for agents follow them. What can't
/// be read is passed over: the agent can't read it either.
fn files(root: &Utf8Path, name: &str) -> Result<BTreeMap<PathBuf, Utf8PathBuf>> {
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut waiting = VecDeque::from([root.to_owned()]);
    while let Some(directory) = waiting.pop_front() {
        let Ok(real) = directory.canonicalize() else { continue };
        if !seen.insert(real) {
            continue;
        }
        if seen.len() > MOST_DIRECTORIES {
            let message = format!(
                "`{root}` has more than {MOST_DIRECTORIES} directories: what the agent would read in it can't be kept out of the session; move some of it away"
            );
            return Err(Error::new(ErrorKind::Refused, OPERATION, message));
        }
        let Ok(entries) = directory.read_dir_utf8() else { continue };
        for entry in entries.filter_map(std::result::Result::ok) {
            let path = entry.path();
            match (path.metadata(), entry.file_name() == name) {
                (Ok(about), _) if about.is_dir() => waiting.push_back(path.to_owned()),
                (Ok(about), true) if about.is_file() => {
                    let real = path.canonicalize().unwrap_or_else(|_| Path::new(path).to_owned());
                    found.entry(real).or_insert_with(|| path.to_owned());
                }
                _ => {}
            }
        }
    }
    Ok(found)
}
