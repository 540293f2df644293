//! Checks a stream that somebody else will unpack: an engine, say.

use std::collections::HashMap;
use std::ffi::OsString;
use std::future::Future;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures_util::FutureExt;
use rustix::fs::Timespec;
use tar::{Builder, Entry, EntryType};
use tokio::runtime::Handle;

use super::Links;
use super::entry::{Item, Kind, damaged, refuse, source_failed};
use super::records;
use super::stream::{self, Sending, Source};
use super::write::{self, Facts};
use crate::catalog::blocking;
use crate::{ByteStream, Result};

/// Checks archives on their way to a place that can be looked at but is not the host's.
///
/// What goes on are whole new archives of what passed: directories that are missing have entries of
/// their own, all entries have one owner, and nothing stands in them that was not asked for. They end
/// before the first entry that is refused, so that those before it are made. They have no mark at
/// their end: Podman's reader stops at the mark, and what is sent after that breaks its pipe.
///
/// Somebody who changes the place at the same time can put a link where a directory was seen; the
/// reader behind it must keep to the place by itself then.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    links: Links,
    owner: (u32, u32),
}

/// What is at a path of the place behind a [`Screen`]; a link is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum There {
    /// Nothing.
    Nothing,
    /// A directory.
    Directory,
    /// A plain file.
    File {
        /// Its permissions.
        mode: u32,
        /// Its modification time: seconds since 1970 and nanoseconds.
        modified: (i64, i64),
    },
    /// A link, or something else through which nothing may be written.
    Other,
}

/// What went through a [`Screen`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Screened {
    /// The last file or link that was passed on, to be looked for afterwards: an engine can say that
    /// all is well and have made less.
    pub last: Option<PathBuf>,
    /// Its size, if it is a plain file.
    pub size: Option<u64>,
}

impl Screen {
    /// A screen that lets those links pass, and makes everything user `uid`'s and group `gid`'s.
    pub fn new(links: Links, uid: u32, gid: u32) -> Self {
        Self { links, owner: (uid, gid) }
    }

    /// Reads `tar` to its end and sends on what passes.
    ///
    /// `look` is asked about directories and their parents, by paths relative to the place; nothing
    /// is asked about what lies below a directory that was missing. `send` takes one archive after
    /// another. Neither is called before the other, or a call before, has ended: Docker answers
    /// nothing about a container to which it copies.
    ///
    /// Fails with `InvalidInput` if something was refused, with `Io` if the source failed (an archive
    /// then fails in the middle of a file), and with the errors of `look` and `send`. Dropping the
    /// future does not end the work: that ends with the source. Needs a tokio runtime.
    pub async fn pass<L, F, S, G>(self, tar: ByteStream, look: L, send: S) -> Result<Screened>
    where
        L: Fn(PathBuf) -> F + Send + 'static,
        F: Future<Output = Result<There>> + Send + 'static,
        S: Fn(ByteStream) -> G + Send + 'static,
        G: Future<Output = Result<()>> + Send + 'static,
    {
        let (mut source, runtime) = (stream::reader(tar), Handle::current());
        blocking(move || {
            let looking = runtime.clone();
            let mut passing = Passing {
                screen: self,
                builder: Builder::new(Sending::new(runtime, move |part| send(part).boxed())),
                within: false,
                seen: HashMap::new(),
                look: Box::new(move |path| looking.block_on(look(path))),
                screened: Screened::default(),
            };
            let result = passing.all(&mut source);
            passing.end(result, source.failed)
        })
        .await
    }
}

struct Passing {
    screen: Screen,
    builder: Builder<Sending>,
    /// An entry has been begun and is not complete.
    within: bool,
    seen: HashMap<PathBuf, Seen>,
    look: Box<dyn Fn(PathBuf) -> Result<There>>,
    screened: Screened,
}

/// What is at a path, and whether it was there before.
#[derive(Clone, Copy)]
struct Seen {
    there: There,
    ours: bool,
}

impl Passing {
    fn all(&mut self, source: &mut Source<impl Read>) -> Result<()> {
        let mut archive = records::archive(&mut *source);
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            if let Some(item) = Item::read(&mut entry, self.screen.links)? {
                self.one(item, &mut entry)?;
            }
        }
        // The padding, so that whoever sends it can finish.
        io::copy(source, &mut io::sink()).map_err(damaged)?;
        Ok(())
    }

    fn one(&mut self, item: Item, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        let Some((_, parents)) = item.names.split_last() else {
            return Ok(());
        };
        self.parents(&item.path, parents)?;
        let name: PathBuf = item.names.iter().collect();
        let mode = item.mode;
        let file = There::File { mode, modified: (item.time.tv_sec, item.time.tv_nsec) };
        let mut facts = Facts {
            kind: EntryType::Regular,
            mode,
            time: item.time,
            size: 0,
            owner: self.screen.owner,
        };
        match item.kind {
            Kind::Directory => {
                self.directory(&item.path, &name)?;
                facts.kind = EntryType::Directory;
                return self.write(|builder| write::append(builder, &name, &facts, io::empty()));
            }
            Kind::File { size } => {
                self.not_a_directory(&item.path, &name)?;
                facts.size = size;
                self.write(|builder| {
                    write::append(builder, &name, &facts, Whole { entry, left: size })
                })?;
                self.put(&name, file);
            }
            Kind::Link { target } => {
                self.not_a_directory(&item.path, &name)?;
                facts.kind = EntryType::Symlink;
                self.write(|builder| write::append_link(builder, &name, &facts, &target))?;
                self.put(&name, There::Other);
            }
            Kind::HardLink { names: target } => {
                let target: PathBuf = target.iter().collect();
                let there = self.plain_file(&item.path, &target)?;
                if target == name {
                    return Ok(());
                }
                self.not_a_directory(&item.path, &name)?;
                // What a link's own header says would be done to the file.
                let There::File { mode, modified } = there else { return Ok(()) };
                facts.kind = EntryType::Link;
                facts.mode = mode & 0o777;
                facts.time = Timespec { tv_sec: modified.0, tv_nsec: modified.1 };
                let to = target.as_os_str().as_bytes();
                self.write(|builder| write::append_link(builder, &name, &facts, to))?;
                self.put(&name, there);
            }
        }
        self.screened.size = (facts.kind == EntryType::Regular).then_some(facts.size);
        self.screened.last = Some(name);
        Ok(())
    }

    /// Sees to it that these directories are there, none of them a link.
    fn parents(&mut self, path: &[u8], names: &[OsString]) -> Result<()> {
        let mut parent = PathBuf::new();
        for name in names {
            parent.push(name);
            if let There::Nothing = self.directory(path, &parent)? {
                let facts = Facts {
                    kind: EntryType::Directory,
                    mode: 0o755,
                    time: now(),
                    size: 0,
                    owner: self.screen.owner,
                };
                self.write(|builder| write::append(builder, &parent, &facts, io::empty()))?;
            }
        }
        Ok(())
    }

    /// A directory is or will be there; says what was there before.
    fn directory(&mut self, path: &[u8], name: &Path) -> Result<There> {
        let before = self.there(name)?;
        match before {
            There::Nothing => self.put(name, There::Directory),
            There::Directory => {}
            _ => return Err(refuse(path, "it goes through a link or a file that is there")),
        }
        Ok(before)
    }

    fn plain_file(&mut self, path: &[u8], target: &Path) -> Result<There> {
        let mut parent = PathBuf::new();
        for name in target.parent().into_iter().flatten() {
            parent.push(name);
            if self.there(&parent)? != There::Directory {
                return Err(refuse(path, "what it links to is not there"));
            }
        }
        match self.there(target)? {
            file @ There::File { .. } => Ok(file),
            There::Nothing => Err(refuse(path, "what it links to is not there")),
            _ => Err(refuse(path, "it links to something that is no plain file")),
        }
    }

    /// As far as is known: what was there before is the next reader's to refuse.
    fn not_a_directory(&self, path: &[u8], name: &Path) -> Result<()> {
        match self.seen.get(name) {
            Some(Seen { there: There::Directory, .. }) => {
                Err(refuse(path, "a directory is in its place"))
            }
            _ => Ok(()),
        }
    }

    fn there(&mut self, name: &Path) -> Result<There> {
        if let Some(seen) = self.seen.get(name) {
            return Ok(seen.there);
        }
        let parent = name.parent().and_then(|parent| self.seen.get(parent));
        let there = match parent {
            Some(Seen { ours: true, .. }) => There::Nothing,
            _ => {
                self.builder.get_mut().finish(Ok(()))?;
                (self.look)(name.to_owned())?
            }
        };
        if there != There::Nothing {
            self.seen.insert(name.to_owned(), Seen { there, ours: false });
        }
        Ok(there)
    }

    fn put(&mut self, name: &Path, there: There) {
        self.seen.insert(name.to_owned(), Seen { there, ours: true });
    }

    fn write(
        &mut self,
        append: impl FnOnce(&mut Builder<Sending>) -> io::Result<()>,
    ) -> Result<()> {
        self.within = true;
        append(&mut self.builder).map_err(damaged)?;
        self.within = false;
        Ok(())
    }

    fn end(mut self, result: Result<()>, source_is_gone: bool) -> Result<Screened> {
        let sending = self.builder.get_mut();
        let end = match self.within {
            true => Err(io::Error::other("the archive ends too early")),
            false => Ok(()),
        };
        let receiver_is_gone = sending.is_broken();
        let sent = sending.finish(end);
        sending.close();
        match result {
            Err(error) if source_is_gone => Err(source_failed(error)),
            Err(error) if receiver_is_gone => Err(sent.err().unwrap_or(error)),
            Err(error) => Err(error),
            Ok(()) => sent.map(|()| self.screened),
        }
    }
}

fn now() -> Timespec {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timespec { tv_sec: i64::try_from(since.as_secs()).unwrap_or(0), tv_nsec: 0 }
}

/// An entry's content; one that is cut off is an error instead of a shorter file.
struct Whole<R> {
    entry: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.entry.read(buf)?;
        if length == 0 && self.left > 0 && !buf.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(length as u64);
        Ok(length)
    }
}
