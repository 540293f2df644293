//! What of a session's agent can go while it does not run, since it is made anew (S1.21, S4.37).

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::beneath::{Beneath, Kind};
use super::facts::{Budget, disk_use_of};
use super::pattern;
use super::plan::AgentPlan;
use crate::Result;
use crate::profile::{Profile, SharePolicy};

/// Something of a session's that its agent makes anew where it needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Disposable {
    /// Its path on the host.
    pub path: Utf8PathBuf,
    /// What it takes on the disk.
    pub bytes: u64,
    /// There was more than could be counted in time.
    pub incomplete: bool,
}

/// Where in a session's directories something disposable is: a directory, and a path below it.
struct Place {
    beneath: Beneath,
    directory: Utf8PathBuf,
    paths: Vec<String>,
}

/// What there is. Blocks, hardly longer than `budget`.
pub(crate) fn find(plan: &AgentPlan, profile: &Profile, budget: &Budget) -> Vec<Disposable> {
    let mut found = Vec::new();
    for Place { beneath, directory, paths } in places(plan, profile) {
        for path in paths {
            let (bytes, whole) = match beneath.directory(&path) {
                Some(open) => disk_use_of(open, budget),
                None => (beneath.length(&path), true),
            };
            let path = directory.join(&path);
            found.push(Disposable { path, bytes, incomplete: !whole });
        }
    }
    found
}

/// Removes what there is, and gives what was there; idempotent. Blocks.
pub(crate) fn remove(
    plan: &AgentPlan,
    profile: &Profile,
    budget: &Budget,
) -> Result<Vec<Disposable>> {
    let found = find(plan, profile, budget);
    for Place { beneath, paths, .. } in places(plan, profile) {
        paths.iter().try_for_each(|path| beneath.remove_all(path))?;
    }
    Ok(found)
}

fn places(plan: &AgentPlan, profile: &Profile) -> Vec<Place> {
    let mut places = Vec::new();
    if let Ok(beneath) = Beneath::open(&plan.state.host) {
        let mut paths = Vec::new();
        for path in &profile.disposable {
            let components: Vec<_> = path.split('/').collect();
            expand(&beneath, "", &components, &mut paths);
        }
        paths.retain(|path| !is_shared(plan, profile, path));
        paths.sort_unstable();
        paths.dedup();
        places.push(Place { beneath, directory: plan.state.host.clone(), paths });
    }
    // A container's is in the container.
    if plan.temporary.host == plan.temporary.inside
        && plan.state.host == plan.state.inside
        && let Ok(beneath) = Beneath::open(&plan.temporary.host)
    {
        let mut paths = beneath.names("").unwrap_or_default();
        paths.sort_unstable();
        places.push(Place { beneath, directory: plan.temporary.host.clone(), paths });
    }
    places
}

/// What is there of a pattern; links are nothing of the session's to be removed.
fn expand(beneath: &Beneath, here: &str, components: &[&str], found: &mut Vec<String>) {
    let join = |name: &str| match here {
        "" => name.to_owned(),
        _ => format!("{here}/{name}"),
    };
    let Some((first, rest)) = components.split_first() else {
        if matches!(beneath.kind(here), Ok(Kind::File | Kind::Directory)) {
            found.push(here.to_owned());
        }
        return;
    };
    if !first.contains(['*', '?']) {
        return expand(beneath, &join(first), rest, found);
    }
    for name in beneath.names(here).unwrap_or_default() {
        if pattern::matches(first, &name).is_some() {
            expand(beneath, &join(&name), rest, found);
        }
    }
}

/// What is shared is not the session's alone, whatever its profile says of it.
fn is_shared(plan: &AgentPlan, profile: &Profile, path: &str) -> bool {
    let path = Utf8Path::new(path);
    profile.resources.iter().any(|resource| {
        let policy = plan.shares.get(&resource.name).copied();
        policy.is_some_and(|policy| policy != SharePolicy::Private)
            && (path.starts_with(&resource.target)
                || Utf8Path::new(&resource.target).starts_with(path))
    })
}
