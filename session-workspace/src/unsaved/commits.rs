//! Commits and other objects that the source's object store does not have.

use std::collections::HashSet;

use git2::{ObjectType, OdbLookupFlags, Oid, Repository};

use super::Unknown;
use crate::refs::{Head, Refs, Target};

/// Whether the source has an object.
pub(super) fn has(saved: Option<&Repository>, object: &[u8; 20]) -> bool {
    Oid::from_bytes(object).is_ok_and(|id| is_saved(saved, id))
}

/// Counts what hangs on refs and HEAD and is not in `saved`. What only remote-tracking refs name came from a
/// remote; stashes are counted apart.
pub(super) fn unsaved(
    refs: &Refs,
    head: &Head,
    objects: &Repository,
    saved: Option<&Repository>,
) -> Result<u64, Unknown> {
    let own = refs
        .0
        .iter()
        .filter(|(name, _)| !name.starts_with(b"refs/remotes/") && *name != b"refs/stash");
    let tips = own.filter_map(|(_, target)| match target {
        Target::Object(object) => Some(object.as_str()),
        Target::Ref(_) => None,
    });
    let (mut count, mut seen, mut left) = (0, HashSet::new(), Vec::new());
    for tip in tips.chain(head.commit.as_deref()) {
        let id = Oid::from_str(tip).map_err(|_| Unknown::from("a ref names no object"))?;
        if is_saved(saved, id) || seen.contains(&id) {
            continue;
        }
        let object = objects
            .find_object(id, None)
            .map_err(|_| Unknown(format!("a ref names {tip}, which can't be read")))?;
        match object.kind() {
            Some(ObjectType::Commit) => left.push(id),
            Some(ObjectType::Tag) => {
                seen.insert(id);
                count += 1;
                if let Ok(commit) = object.peel_to_commit() {
                    left.push(commit.id());
                }
            }
            _ => {
                seen.insert(id);
                count += 1;
            }
        }
    }
    while let Some(id) = left.pop() {
        if is_saved(saved, id) || !seen.insert(id) {
            continue;
        }
        // A parent that is in neither store is beyond the edge of a shallow clone.
        let Ok(commit) = objects.find_commit(id) else { continue };
        count += 1;
        left.extend(commit.parent_ids());
    }
    Ok(count)
}

fn is_saved(saved: Option<&Repository>, id: Oid) -> bool {
    let database = saved.and_then(|saved| saved.odb().ok());
    database.is_some_and(|database| database.exists_ext(id, OdbLookupFlags::NO_REFRESH))
}
