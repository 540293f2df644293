//! Finding an agent's conversations among its files.

use std::collections::BTreeSet;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use super::beneath::{Beneath, Kind};
use super::facts::DatabasePlace;
use super::facts::Heads;
use super::pattern::{self, ID};
use super::person::host_path;
use super::plan::AgentPlan;
use crate::profile::{Database, Profile, SharePolicy};
use crate::{HostView, Result};

/// A conversation that an agent has written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: String,
    /// Its file, or its directory; for one of a database, that.
    pub(crate) file: Utf8PathBuf,
    pub(crate) modified: SystemTime,
}

/// Deeper than any agent keeps them.
const DEEPEST: usize = 12;
/// More names than are looked at: whoever writes there must not be able to keep us busy.
pub(crate) const MOST_NAMES: usize = 200_000;

/// More files than one agent has in one place; the latest count.
const MOST_READ: usize = 2_000;

/// A directory that conversations, or other files of an agent's, are looked for in.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) directory: Utf8PathBuf,
    /// What is left of the pattern below it.
    pub(crate) pattern: String,
}

/// Where on the host a pattern below `${STATE}` leads to: into the session's own directory, or into the person's where
/// that is shared. Nothing else leads out of the session's.
pub(crate) fn root(
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    pattern: &str,
) -> Result<Root> {
    for resource in &profile.resources {
        let shared = plan.shares.get(&resource.name) == Some(&SharePolicy::SharedRw);
        let (true, Some(source), Ok(rest)) =
            (shared, &resource.source, Utf8Path::new(pattern).strip_prefix(&resource.target))
        else {
            continue;
        };
        let directory = real(&host_path(source, &profile.host_variables(host))?);
        return Ok(Root { directory, pattern: rest.to_string() });
    }
    Ok(Root { directory: plan.state.host.clone(), pattern: pattern.to_owned() })
}

/// Where the person's own agent has what a pattern below `${STATE}` names: what the resource around it is made from.
pub(crate) fn own_root(profile: &Profile, host: &HostView, pattern: &str) -> Option<Root> {
    profile.resources.iter().find_map(|resource| {
        let rest = Utf8Path::new(pattern).strip_prefix(&resource.target).ok()?;
        let source = host_path(resource.source.as_ref()?, &profile.host_variables(host)).ok()?;
        Some(Root { directory: real(&source), pattern: rest.to_string() })
    })
}

/// Where the person's own agent has its database: its directory, and its name there.
pub(crate) fn own_database(
    profile: &Profile,
    host: &HostView,
    database: &Database,
) -> Option<Root> {
    let path = host_path(database.host.as_ref()?, &profile.host_variables(host)).ok()?;
    let (directory, name) = (path.parent()?, path.file_name()?);
    Some(Root { directory: real(directory), pattern: name.to_owned() })
}

/// The person's directory may be a link of theirs.
fn real(directory: &Utf8Path) -> Utf8PathBuf {
    directory.canonicalize_utf8().unwrap_or_else(|_| directory.to_owned())
}

/// All conversations of a session, the latest first, among no more than `most` names. What can't be read is left out. Blocks.
pub(crate) fn all(plan: &AgentPlan, profile: &Profile, host: &HostView, most: usize) -> Vec<Found> {
    if let Some(database) = &profile.conversation.database {
        let scratch = plan.state.host.parent().unwrap_or(&plan.state.host);
        let root = Root { directory: plan.state.host.clone(), pattern: database.file.clone() };
        return rows(&root, database, scratch);
    }
    let Some(pattern) = &profile.conversation.file else { return Vec::new() };
    match root(plan, profile, host, pattern) {
        Ok(root) => written(&root, profile, most),
        Err(_) => Vec::new(),
    }
}

/// The conversations in files that tell their ids themselves, one for each id, the latest first.
fn with_ids(root: &Root, heads: &Heads, most: usize) -> Vec<Found> {
    let Ok(beneath) = Beneath::open(&root.directory) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let conversations = files(root, most).into_iter().take(MOST_READ).filter_map(|found| {
        let path = found.file.strip_prefix(&root.directory).ok()?;
        let id = heads.id(beneath.file(path.as_str())?, &found.id)?;
        seen.insert(id.clone()).then_some(Found { id, ..found })
    });
    conversations.collect()
}

/// The conversations of a database, the latest first. Blocks.
pub(crate) fn rows(root: &Root, database: &Database, scratch: &Utf8Path) -> Vec<Found> {
    let file = root.directory.join(&root.pattern);
    let place = DatabasePlace { directory: &root.directory, file: &root.pattern, scratch };
    let found = super::facts::conversations(&place, database).into_iter();
    found.map(|(id, modified)| Found { id, file: file.clone(), modified }).collect()
}

/// The conversations that a pattern names, the latest first: of directories those that have a transcript, of files that tell their ids
/// themselves one for each id. A file in which nothing stands is none: no agent can go on with it. Blocks.
pub(crate) fn written(root: &Root, profile: &Profile, most: usize) -> Vec<Found> {
    if let Some(heads) = Heads::of(&profile.conversation) {
        return with_ids(root, &heads, most);
    }
    let mut found = files(root, most);
    let Ok(beneath) = Beneath::open(&root.directory) else { return Vec::new() };
    let transcript = profile.conversation.transcript.as_ref();
    found.retain_mut(|found| {
        let Ok(path) = found.file.strip_prefix(&root.directory) else { return false };
        let file = transcript.map_or_else(|| path.to_owned(), |transcript| path.join(transcript));
        let Some(modified) = beneath.modified(file.as_str()) else { return false };
        found.modified = modified;
        !beneath.is_empty_file(file.as_str())
    });
    found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.id.cmp(&b.id)));
    found
}

/// Takes the marks away by which processes say that they have a session's conversations open: none of them runs. Blocks.
pub(crate) fn forget_marks(plan: &AgentPlan, profile: &Profile, host: &HostView) {
    let conversation = &profile.conversation;
    let (Some(file), false) = (&conversation.file, conversation.marks.is_empty()) else { return };
    // Of those that are shared, others may have some open.
    if plan.shares_conversations(profile) {
        return;
    }
    let Ok(root) = root(plan, profile, host, file) else { return };
    for mark in &conversation.marks {
        let pattern = format!("{}/{mark}", root.pattern);
        let marks = Root { directory: root.directory.clone(), pattern };
        let Ok(beneath) = Beneath::open(&root.directory) else { return };
        for found in files(&marks, MOST_NAMES) {
            if let Ok(path) = found.file.strip_prefix(&root.directory) {
                // At worst its agent asks about it.
                let _ = beneath.remove(path.as_str());
            }
        }
    }
}

/// The files that a pattern names, the latest first, with the ids in their names; only `most` names are looked at. Blocks.
pub(crate) fn files(root: &Root, most: usize) -> Vec<Found> {
    let Ok(beneath) = Beneath::open(&root.directory) else { return Vec::new() };
    let mut search = Search { beneath, root, found: Vec::new(), left: most };
    let components: Vec<_> = root.pattern.split('/').collect();
    search.below("", &components, None, 0);
    let mut found = search.found;
    found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.id.cmp(&b.id)));
    found.dedup_by(|a, b| a.file == b.file);
    found
}

/// What the agent notes of the conversations that it has opened in the session, the latest first. Blocks.
pub(crate) fn opened(plan: &AgentPlan, profile: &Profile) -> Vec<Found> {
    // Who answers and ends opens none.
    let Some(pattern) = profile.conversation.opened.clone().filter(|_| !plan.headless) else {
        return Vec::new();
    };
    let root = Root { directory: plan.state.host.clone(), pattern };
    let mut notes = files(&root, MOST_NAMES);
    notes.truncate(MOST_READ);
    notes
}

/// The conversation that a session goes on with: the one that its agent says it has open, though it is gone; where its
/// directory is shared with others the one that it opened last, or was last known to have; else the last one that its agent
/// wrote to. Blocks.
pub(crate) fn latest(
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    noted: Option<&str>,
) -> Option<Found> {
    latest_of(&all(plan, profile, host, MOST_NAMES), plan, profile, host, noted)
}

/// The same, of those that were found, the latest first.
pub(crate) fn latest_of(
    found: &[Found],
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    noted: Option<&str>,
) -> Option<Found> {
    let of = |id: &str| found.iter().find(|found| found.id == id).cloned();
    let left = super::live::read(plan, profile, host, super::live::Processes::Any);
    if let Some(found) = left.iter().find_map(|live| of(live.conversation.as_ref()?)) {
        return Some(found);
    }
    if plan.shares_conversations(profile) {
        let opened = opened(plan, profile);
        let opened = opened.iter().find_map(|note| of(&note.id));
        let known = opened.or_else(|| noted.and_then(of));
        let known = known.or_else(|| plan.conversation.as_deref().and_then(of));
        return known.or_else(|| begun_here(plan, profile, host, found));
    }
    found.first().cloned()
}

/// Whether a file in which nothing stands has the name of this conversation: agents refuse to begin one of an id that they know, and to go
/// on with one that is empty. Blocks.
pub(crate) fn is_blocked(plan: &AgentPlan, profile: &Profile, host: &HostView, id: &str) -> bool {
    let Some(file) = &profile.conversation.file else { return false };
    let transcript = profile.conversation.transcript.iter().map(String::as_str);
    let pattern = std::iter::once(file.as_str()).chain(transcript).collect::<Vec<_>>().join("/");
    let Ok(root) = root(plan, profile, host, &pattern.replace(ID, id)) else { return false };
    let Ok(beneath) = Beneath::open(&root.directory) else { return false };
    files(&root, MOST_NAMES).iter().any(|found| {
        let path = found.file.strip_prefix(&root.directory);
        path.is_ok_and(|path| beneath.is_empty_file(path.as_str()))
    })
}

/// The last one that was begun in the session's own directory, which no other has. In containers that of every session has the
/// same name, so nothing is known by it there.
fn begun_here(
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    found: &[Found],
) -> Option<Found> {
    let conversation = &profile.conversation;
    if conversation.workspace.is_none() || plan.state.host != plan.state.inside {
        return None;
    }
    let root = root(plan, profile, host, conversation.file.as_deref()?).ok()?;
    let beneath = Beneath::open(&root.directory).ok()?;
    let is_here = |found: &&Found| {
        let path = found.file.strip_prefix(&root.directory).ok();
        let file = path.and_then(|path| beneath.file(path.as_str()));
        let workspace = file.and_then(|file| super::facts::begun_in(conversation, file));
        workspace.is_some_and(|workspace| plan.workspace == workspace)
    };
    found.iter().take(MOST_READ).find(is_here).cloned()
}

struct Search<'a> {
    beneath: Beneath,
    root: &'a Root,
    found: Vec<Found>,
    /// Names that are still looked at.
    left: usize,
}

impl Search<'_> {
    fn below(&mut self, here: &str, components: &[&str], id: Option<&str>, depth: usize) {
        let Some((first, rest)) = components.split_first() else {
            let Some(modified) = self.beneath.modified(here) else { return };
            let file = self.root.directory.join(here);
            let id = id.unwrap_or_else(|| file.file_name().unwrap_or_default()).to_owned();
            if id.is_empty() {
                return;
            }
            self.found.push(Found { id, file, modified });
            return;
        };
        if depth > DEEPEST {
            return;
        }
        let join = |name: &str| match here {
            "" => name.to_owned(),
            _ => format!("{here}/{name}"),
        };
        if !first.contains(['*', '?']) && !first.contains(ID) {
            return self.below(&join(first), rest, id, depth + 1);
        }
        if *first == "**" {
            self.below(here, rest, id, depth + 1);
        }
        for name in self.beneath.names(here).unwrap_or_default() {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            if *first == "**" {
                if self.beneath.kind(&join(&name)).is_ok_and(|kind| kind == Kind::Directory) {
                    self.below(&join(&name), components, id, depth + 1);
                }
            } else if let Some(captured) = pattern::matches(first, &name)
                && captured.is_none_or(pattern::is_id)
            {
                self.below(&join(&name), rest, captured.or(id), depth + 1);
            }
        }
    }
}
