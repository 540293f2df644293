//! What a person's files are, to find out what changed them.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// All that is below a directory, as it was at one time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<PathBuf, Entry>);

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    mode: u32,
    size: u64,
    changed: (i64, i64),
    content: Vec<u8>,
}

impl Tree {
    /// Looks at everything below `root`, links not followed.
    pub(crate) fn of(root: &Path) -> Self {
        let mut found = BTreeMap::new();
        gather(root, root, &mut found);
        Self(found)
    }

    /// What is new, gone or different in `later`.
    pub(crate) fn changes(&self, later: &Self) -> Vec<String> {
        let paths = self.0.keys().chain(later.0.keys().filter(|path| !self.0.contains_key(*path)));
        let told = |path: &PathBuf| {
            let what = match (self.0.get(path), later.0.get(path)) {
                (None, _) => "new",
                (_, None) => "gone",
                (Some(one), Some(other)) if one != other => "changed",
                _ => return None,
            };
            Some(format!("{what}: {}", path.display()))
        };
        paths.filter_map(told).collect()
    }
}

fn gather(root: &Path, directory: &Path, found: &mut BTreeMap<PathBuf, Entry>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, Ok(about)) = (entry.path(), entry.metadata()) else { continue };
        let content = if about.is_symlink() {
            let target = std::fs::read_link(&path).unwrap_or_default();
            target.into_os_string().into_encoded_bytes()
        } else if about.is_file() {
            Sha256::digest(std::fs::read(&path).unwrap_or_default()).to_vec()
        } else {
            Vec::new()
        };
        let name = path.strip_prefix(root).expect("below it").to_owned();
        let changed = (about.mtime(), about.mtime_nsec());
        found.insert(name, Entry { mode: about.mode(), size: about.len(), changed, content });
        if about.is_dir() {
            gather(root, &path, found);
        }
    }
}

#[test]
fn a_tree_tells_what_changed() {
    let root = tempfile::tempdir().expect("a directory");
    let at = |path: &str| root.path().join(path);
    std::fs::create_dir(at("d")).expect("made");
    for file in ["d/same", "d/other", "gone"] {
        std::fs::write(at(file), "1").expect("written");
    }
    let before = Tree::of(root.path());
    assert_eq!(before.changes(&Tree::of(root.path())), Vec::<String>::new());
    std::fs::write(at("d/other"), "2").expect("written");
    std::fs::remove_file(at("gone")).expect("removed");
    std::fs::write(at("new"), "1").expect("written");
    let changes = before.changes(&Tree::of(root.path()));
    assert_eq!(changes, ["changed: d/other", "gone: gone", "new: new"]);
}
