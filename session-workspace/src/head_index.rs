//! The index of a clean checkout, made from HEAD's tree and what the source's index knows about files.

use session_core::{Error, ErrorKind, Result};

use crate::index::{DIRECTORY, Entry, GITLINK, Index};

/// Makes the index of commit `commit`; entries that the source's index has too keep what is known there.
pub(crate) fn head_index(
    source: &Index,
    objects: &git2::Repository,
    commit: &str,
) -> Result<Index> {
    let failed = |error: git2::Error| {
        let message = "can't read the files of HEAD; see what `git fsck` says there";
        Error::new(ErrorKind::Damaged, "workspace.head", message).with_source(error)
    };
    let places = source.places();
    let commit =
        git2::Oid::from_str(commit).and_then(|id| objects.find_commit(id)).map_err(failed)?;
    let mut entries = Vec::new();
    let mut left = vec![(Vec::new(), commit.tree_id())];
    while let Some((prefix, id)) = left.pop() {
        let tree = objects.find_tree(id).map_err(failed)?;
        for item in &tree {
            let mut path: Vec<u8> = prefix.clone();
            path.extend_from_slice(item.name_bytes());
            let mut mode = item.filemode() as u32;
            let dir = mode == DIRECTORY;
            if dir {
                path.push(b'/');
            } else if mode & 0o170_000 == 0o100_000 {
                // Git reads old group-writable modes as these two.
                mode = if mode & 0o111 == 0 { 0o100_644 } else { 0o100_755 };
            }
            let object: [u8; 20] = item.id().as_bytes().try_into().map_err(|_| {
                Error::new(
                    ErrorKind::Unsupported,
                    "workspace.head",
                    "object names of this length are not supported",
                )
            })?;
            let known = places.get(&path).and_then(|place| source.entries.get(*place as usize));
            let known = known.filter(|known| {
                known.object == object
                    && known.mode == mode
                    && known.stage() == 0
                    && !known.is_intent()
            });
            match known {
                Some(known) => entries.push(known.clone()),
                None if dir => left.push((path, item.id())),
                None => entries.push(Entry::new(path, mode, object)),
            }
        }
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(source.with_entries(entries))
}

/// The commit that HEAD's tree wants in the submodule at `path`.
pub(crate) fn submodule(index: &Index, path: &[u8]) -> Option<String> {
    let entry = index.entries.iter().find(|entry| entry.path == path && entry.mode == GITLINK)?;
    Some(entry.object.iter().map(|byte| format!("{byte:02x}")).collect())
}
