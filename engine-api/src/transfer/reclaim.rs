//! Lets the caller into what root made in the caller's own directories.
//!
//! A session that runs as a rootful engine's root makes directories that are root's outside, too, and
//! whoever may not write to a directory can't remove what is in it. The engine may: an archive of
//! directories says whose they are, needs nothing of the image, and works on a stopped container.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use session_core::Result;
use session_core::archive::Directories;

use super::api;
use super::ground::{Ground, MountKind};
use super::locate::blocking;

const RECLAIM: &str = "engine.reclaim";
/// How many go in one request.
const AT_ONCE: usize = 1000;

/// Makes the directories of others in the container's mounts the caller's, as far as their owner was
/// the container; files stay whose they are, which is no obstacle to a removal.
pub(super) async fn reclaim(ground: &Ground, uid: u32, gid: u32) -> Result<()> {
    for mount in &ground.mounts {
        let MountKind::Foreign(source) = &mount.kind else { continue };
        // What lies in a directory that can't be read is seen only when that is the caller's; each
        // round gets one level further at least, or is the last.
        let mut before = usize::MAX;
        loop {
            let root = source.clone();
            let foreign = blocking(RECLAIM, move || Ok(foreign(root.as_std_path(), uid))).await?;
            if foreign.is_empty() || foreign.len() == before && before < AT_ONCE {
                break;
            }
            before = foreign.len();
            send(ground, &mount.target, foreign, uid, gid).await?;
        }
    }
    Ok(())
}

struct Foreign {
    path: PathBuf,
    mode: u32,
    modified: (i64, i64),
}

async fn send(
    ground: &Ground,
    target: &Utf8Path,
    foreign: Vec<Foreign>,
    uid: u32,
    gid: u32,
) -> Result<()> {
    let none = Directories::new(uid, gid);
    let list = foreign.into_iter().fold(none, |list, Foreign { path, mode, modified }| {
        list.with(path, mode | 0o700, modified)
    });
    api::send(ground, RECLAIM, target, list.stream()).await
}

/// The directories below `root` that are not `uid`'s, as far as they can be seen, parents first.
fn foreign(root: &Path, uid: u32) -> Vec<Foreign> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            // Of the entry itself: a link is not followed.
            let Ok(facts) = entry.metadata() else { continue };
            if !facts.is_dir() {
                continue;
            }
            let path = entry.path();
            if facts.uid() != uid
                && let Ok(relative) = path.strip_prefix(root)
            {
                let modified = (facts.mtime(), facts.mtime_nsec());
                found.push(Foreign { path: relative.to_owned(), mode: facts.mode(), modified });
                if found.len() == AT_ONCE {
                    return found;
                }
            }
            left.push(path);
        }
    }
    found
}
