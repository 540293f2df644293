//! The rules for more of the host in a container than its workspace (S2.12).

use std::collections::BTreeMap;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::agent::CONTAINER_FILES;
use crate::{HostView, Layout, MountPlan};

/// What of a container is ours or the system's; nothing is put over it, into it or around it.
const TAKEN: [&str; 9] = [
    "/workspace",
    CONTAINER_FILES,
    "/run/sessctl",
    "/tmp/sessctl",
    "/etc/passwd",
    "/etc/group",
    "/proc",
    "/sys",
    "/dev",
];

/// Those that are asked for, and the standing ones at other places; with every problem.
pub(super) fn settled(
    asked: &[MountPlan],
    standing: &[MountPlan],
    host: &HostView,
    layout: &Layout,
    problems: &mut Vec<String>,
) -> Vec<MountPlan> {
    let mut mounts: BTreeMap<Utf8PathBuf, MountPlan> = BTreeMap::new();
    for (mount, is_standing) in
        asked.iter().map(|mount| (mount, false)).chain(standing.iter().map(|mount| (mount, true)))
    {
        let mut mount = mount.clone();
        mount.source = plain(&host.working_directory.join(&mount.source));
        mount.target = plain(&mount.target);
        let found = wrong(&mount, host, layout);
        if !found.is_empty() {
            problems.extend(found);
            continue;
        }
        match mounts.get(&mount.target) {
            Some(other) if !is_standing && *other != mount => problems.push(format!(
                "two things can't be at `{}` (--volume); give each a place of its own",
                mount.target
            )),
            Some(_) => {}
            None => {
                mounts.insert(mount.target.clone(), mount);
            }
        }
    }
    mounts.into_values().collect()
}

/// What a source that leads, links resolved, to `source` would give away, as a reason.
pub(crate) fn gives_away(source: &Utf8Path, home: &Utf8Path) -> Option<String> {
    let reason = if source.starts_with(home) {
        format!("lies inside `{home}`, where sessions live")
    } else if home.starts_with(source) {
        format!("holds `{home}`, where sessions and logins are")
    } else {
        return None;
    };
    Some(format!("`{source}` {reason}; mount another directory (--volume)"))
}

fn wrong(mount: &MountPlan, host: &HostView, layout: &Layout) -> Vec<String> {
    let mut wrong = Vec::new();
    let target = &mount.target;
    let shown = target.as_str().escape_debug();
    if !target.is_absolute() || has_parents(target) || target.as_str().contains('\0') {
        wrong.push(format!(
            "`{shown}` can't be a place in the container (--volume); give an absolute path without `..`"
        ));
    } else if let Some(taken) = TAKEN
        .into_iter()
        .find(|taken| target.starts_with(taken) || Utf8Path::new(taken).starts_with(target))
    {
        wrong.push(format!(
            "`{shown}` is in the way of `{taken}`, which the container has already (--volume); give another place"
        ));
    } else if *target == Utf8Path::new("/home").join(&host.user) {
        wrong.push(format!(
            "`{shown}` is the session's own home (--volume); mount at a place in it, or at another one"
        ));
    }
    if mount.source.as_str().contains('\0') {
        wrong.push(format!("`{}` is no path (--volume)", mount.source.as_str().escape_debug()));
    }
    wrong.extend(gives_away(&mount.source, layout.home()));
    wrong
}

/// Without `.`, double slashes and a slash at the end.
fn plain(path: &Utf8Path) -> Utf8PathBuf {
    path.components().collect()
}

fn has_parents(path: &Utf8Path) -> bool {
    path.components().any(|part| part == Utf8Component::ParentDir)
}
