//! Finding an agent's conversations among its files.

use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use super::plan::AgentPlan;
use crate::profile::Profile;

/// A conversation that an agent has written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) file: Utf8PathBuf,
    pub(crate) modified: SystemTime,
}

const ID: &str = "${CONVERSATION_ID}";
/// Deeper than any agent keeps them.
const DEEPEST: usize = 12;

/// All conversations below `state`, the latest first. What can't be read is left out. Blocks.
pub(crate) fn all(profile: &Profile, state: &Utf8Path) -> Vec<Found> {
    let Some(pattern) = &profile.conversation.file else { return Vec::new() };
    let mut found = Vec::new();
    let components: Vec<_> = pattern.split('/').collect();
    search(state.to_owned(), &components, None, 0, &mut found);
    found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.id.cmp(&b.id)));
    found
}

/// The conversation that a session goes on with: the one it began, where its directory is shared with others, else
/// the last one that its agent wrote to. Blocks.
pub(crate) fn latest(plan: &AgentPlan, profile: &Profile) -> Option<Found> {
    let found = all(profile, &plan.state.host);
    let ours = found.iter().find(|found| Some(&found.id) == plan.conversation.as_ref()).cloned();
    match plan.shares_conversations(profile) {
        true => ours,
        false => found.into_iter().next(),
    }
}

fn search(
    here: Utf8PathBuf,
    components: &[&str],
    id: Option<&str>,
    depth: usize,
    found: &mut Vec<Found>,
) {
    let Some((first, rest)) = components.split_first() else {
        // Whoever shares a directory is followed there; a conversation itself is no link.
        let Ok(metadata) = here.symlink_metadata() else { return };
        if let (Some(id), Ok(modified), true) =
            (id, metadata.modified(), metadata.is_file() || metadata.is_dir())
        {
            found.push(Found { id: id.to_owned(), file: here, modified });
        }
        return;
    };
    if depth > DEEPEST {
        return;
    }
    if *first == "**" {
        search(here.clone(), rest, id, depth + 1, found);
    }
    if !first.contains('*') && !first.contains(ID) {
        return search(here.join(first), rest, id, depth + 1, found);
    }
    let Ok(entries) = here.read_dir_utf8() else { return };
    for entry in entries.filter_map(std::result::Result::ok) {
        if *first == "**" {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                search(entry.path().to_owned(), components, id, depth + 1, found);
            }
            continue;
        }
        if let Some(captured) = matches(first, entry.file_name()) {
            search(entry.path().to_owned(), rest, captured.or(id), depth + 1, found);
        }
    }
}

/// Whether `name` is of the form of `pattern`, and the id in it.
fn matches<'a>(pattern: &str, name: &'a str) -> Option<Option<&'a str>> {
    let Some((before, after)) = pattern.split_once(ID) else {
        return is_like(pattern, name).then_some(None);
    };
    // The shortest rest that fits what stands before: ids have no such separators in them.
    let ends = name.strip_suffix(after)?;
    let starts = (0..=ends.len()).rev().filter(|at| ends.is_char_boundary(*at));
    let mut fitting = starts.filter(|at| is_like(before, &ends[..*at]));
    let id = match before.ends_with('*') {
        true => fitting.next().map(|at| &ends[at..]),
        false => fitting.next_back().map(|at| &ends[at..]),
    };
    id.filter(|id| !id.is_empty()).map(Some)
}

/// Whether `name` is `pattern` with any text for each `*`.
fn is_like(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, rest)) => name.strip_prefix(before).is_some_and(|name| {
            (0..=name.len()).any(|at| name.is_char_boundary(at) && is_like(rest, &name[at..]))
        }),
    }
}
