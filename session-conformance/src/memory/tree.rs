//! Files without a disk, and the one reader of archives that go into them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use camino::Utf8Path;
use session_core::{Error, ErrorKind, Result};
use tar::{Archive, Builder, EntryType, Header};

use super::{MemoryWorld, Operation};
use crate::mutants::Mutant;

/// Files by absolute path, without `.` and `..`.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree(BTreeMap<PathBuf, Node>);

#[derive(Debug, Clone)]
enum Node {
    Directory(u32),
    File(u32, Vec<u8>),
    Link(Vec<u8>),
}

impl Tree {
    /// A tree with one directory.
    pub(super) fn of(directory: &Utf8Path) -> Self {
        let mut tree = Self::default();
        tree.make_directory(directory.as_std_path());
        tree
    }

    fn make_directory(&mut self, path: &Path) {
        for ancestor in path.ancestors() {
            self.0.entry(ancestor.to_owned()).or_insert(Node::Directory(0o755));
        }
    }

    pub(super) fn link(&mut self, path: &Utf8Path, target: &[u8]) {
        self.0.insert(path.as_std_path().to_owned(), Node::Link(target.to_owned()));
    }

    pub(super) fn content(&self, path: &Utf8Path) -> Option<Vec<u8>> {
        match self.0.get(&plain(path.as_std_path())) {
            Some(Node::File(_, content)) => Some(content.clone()),
            _ => None,
        }
    }

    /// Unpacks an archive into `dest`.
    pub(super) fn put(
        &mut self,
        dest: &Utf8Path,
        archive: &[u8],
        world: &MemoryWorld,
    ) -> Result<()> {
        let dest = plain(dest.as_std_path());
        if world.breaks(Mutant::PutNeedsTheDirectory) && !self.0.contains_key(&dest) {
            return Err(Operation::Put.error(ErrorKind::NotFound, "no such directory"));
        }
        let kept = self.clone();
        self.make_directory(&dest);
        let done = self.unpack(&dest, archive, world);
        if done.is_err() && world.breaks(Mutant::PutIsAllOrNothing) {
            *self = kept;
        }
        done
    }

    fn unpack(&mut self, dest: &Path, archive: &[u8], world: &MemoryWorld) -> Result<()> {
        let unreadable = |error: io::Error| Error::io("memory.put", "read the archive", error);
        for entry in Archive::new(archive).entries().map_err(unreadable)? {
            let mut entry = entry.map_err(unreadable)?;
            let name = PathBuf::from(OsStr::from_bytes(&entry.path_bytes()));
            let path = self.place_for(dest, &name, world)?;
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(unreadable)?;
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            let mode = entry.header().mode().map_err(unreadable)? & 0o7777;
            let mode = if world.breaks(Mutant::ModesForgotten) { 0o644 } else { mode };
            let to = |base: &Path| base.join(OsStr::from_bytes(&target));
            let lax = world.breaks(Mutant::PutLinksOut);
            let node = match entry.header().entry_type() {
                EntryType::Directory => Node::Directory(mode),
                EntryType::Regular => Node::File(mode, content),
                EntryType::Symlink if lax || inside(dest, &to(path.parent().unwrap_or(dest))) => {
                    Node::Link(target)
                }
                EntryType::Link if lax || inside(dest, &to(dest)) => {
                    self.0.get(&plain(&to(dest))).cloned().unwrap_or(Node::Link(target))
                }
                EntryType::Symlink | EntryType::Link => return Err(refusal(&name, "it leads out")),
                _ if world.breaks(Mutant::PutMakesDevices) => Node::File(mode, content),
                _ => return Err(refusal(&name, "it is neither file, directory nor link")),
            };
            if let Some(parent) = path.parent() {
                self.make_directory(parent);
            }
            if world.breaks(Mutant::PutKeepsTheOld) && self.0.contains_key(&path) {
                continue;
            }
            self.0.insert(path, node);
        }
        Ok(())
    }

    /// Where an entry goes.
    fn place_for(&self, dest: &Path, name: &Path, world: &MemoryWorld) -> Result<PathBuf> {
        let up = name.components().any(|part| part == Component::ParentDir);
        if up && !world.breaks(Mutant::PutGoesUp) {
            return Err(refusal(name, "it contains `..`"));
        }
        if name.is_absolute() && !world.breaks(Mutant::PutGoesAnywhere) {
            return Err(refusal(name, "it is absolute"));
        }
        let path = plain(&dest.join(name));
        let through = path.ancestors().skip(1).find_map(|ancestor| match self.0.get(ancestor) {
            Some(Node::Link(target)) => Some((ancestor, target)),
            _ => None,
        });
        match through {
            Some((link, target)) if world.breaks(Mutant::PutFollowsLinks) => {
                let base = link.parent().unwrap_or(link).join(OsStr::from_bytes(target));
                Ok(plain(&base.join(path.strip_prefix(link).unwrap_or(&path))))
            }
            Some(_) => Err(refusal(name, "it goes through a link")),
            None => Ok(path),
        }
    }

    /// Packs a file or directory.
    pub(super) fn get(&self, src: &Utf8Path, world: &MemoryWorld) -> Result<Vec<u8>> {
        let src = plain(src.as_std_path());
        if !self.0.contains_key(&src) && !world.breaks(Mutant::GetInvents) {
            let message = format!("there is no `{}`", src.display());
            return Err(Operation::Get.error(ErrorKind::NotFound, message));
        }
        let pack = || -> io::Result<Vec<u8>> {
            let mut builder = Builder::new(Vec::new());
            let base = src.parent().unwrap_or(&src);
            for (path, node) in self.0.iter().filter(|(path, _)| path.starts_with(&src)) {
                let mut name = path.strip_prefix(base).unwrap_or(path).to_owned();
                if world.breaks(Mutant::GetForgetsTheName) && *path != src {
                    name = path.strip_prefix(&src).unwrap_or(path).to_owned();
                }
                if world.breaks(Mutant::NamesMadeText) {
                    name = name.to_string_lossy().into_owned().into();
                }
                if world.breaks(Mutant::NamesCutAtLineEnds) {
                    name = cut(name);
                }
                append(&mut builder, &name, node)?;
            }
            builder.into_inner()
        };
        pack().map_err(|error| Error::io("memory.get", "pack the tree", error))
    }
}

/// A name as who parts records at line ends understands it.
fn cut(name: PathBuf) -> PathBuf {
    let bytes = name.as_os_str().as_bytes();
    let in_a_record = !bytes.is_ascii() || bytes.len() > 100;
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if in_a_record => PathBuf::from(OsStr::from_bytes(&bytes[..end])),
        _ => name,
    }
}

fn append(builder: &mut Builder<Vec<u8>>, name: &Path, node: &Node) -> io::Result<()> {
    let mut header = Header::new_gnu();
    match node {
        Node::Directory(mode) => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(*mode);
            header.set_size(0);
            builder.append_data(&mut header, name, io::empty())
        }
        Node::File(mode, content) => {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(*mode);
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, content.as_slice())
        }
        Node::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            builder.append_link(&mut header, name, Path::new(OsStr::from_bytes(target)))
        }
    }
}

fn refusal(name: &Path, why: &str) -> Error {
    let message = format!("the archive's entry `{}` is refused: {why}", name.display());
    Operation::Put.error(ErrorKind::InvalidInput, message)
}

fn inside(dest: &Path, path: &Path) -> bool {
    plain(path).starts_with(dest)
}

/// The path without `.` and `..`, by its letters.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            _ => plain.push(part),
        }
    }
    plain
}
