//! Conversations that are directories.
//!
//! What is in one was written by an agent: links, pipes, devices and sockets stay behind, and so do the marks of processes that
//! have it open. No copy is a program. How much is copied is bounded.

use std::io::Read as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::lines::{is_beginning, whole_lines};
use super::{MOST_BYTES, OPERATION, Source, another, too_large};
use crate::agent::beneath::{Beneath, Kind};
use crate::agent::pattern;
use crate::profile::Profile;
use crate::{Error, ErrorKind, Result};

/// More than any conversation has.
const MOST_NAMES: usize = 50_000;
const DEEPEST: usize = 32;

/// Copies a conversation to `to` below a directory, whole or not at all. What is there stays: `Ok` if this conversation is what it
/// begins with, else `AlreadyExists`.
pub(super) fn place(
    profile: &Profile,
    source: &Source,
    beneath: &Beneath,
    to: &str,
    target: &Utf8Path,
) -> Result<()> {
    let (above, name) = to.rsplit_once('/').map_or(("", to), |(above, name)| (above, name));
    let new = Utf8Path::new(above).join(format!(".{name}.new-{}", uuid::Uuid::new_v4()));
    let new = new.as_str();
    let made = beneath.new_directory(new)?;
    let placed = copy(profile, source, &made).and_then(|()| match beneath.kind(to)? {
        Kind::Nothing => beneath.rename(new, to),
        _ => {
            let line = |of: &str| {
                let transcript = profile.conversation.transcript.as_deref()?;
                beneath.file(&format!("{of}/{transcript}"))
            };
            match (line(new), line(to)) {
                // It may have gone on there.
                (Some(ours), Some(theirs)) if is_beginning(&ours, &theirs)? => {
                    beneath.remove_directory(new)
                }
                _ => Err(another(target)),
            }
        }
    });
    placed.inspect_err(|_| drop(beneath.remove_directory(new)))
}

/// Copies what is in a conversation's directory into one that is ours and empty.
pub(super) fn copy(profile: &Profile, source: &Source, to: &Beneath) -> Result<()> {
    let from = open(source)?;
    let conversation = &profile.conversation;
    let is_mark = |name: &str| {
        let marks = conversation.marks.iter();
        marks.into_iter().any(|mark| pattern::matches(mark, name).is_some())
    };
    let (mut bytes, mut names) = (0, 0);
    let mut waiting = vec![String::new()];
    while let Some(here) = waiting.pop() {
        for name in from.names(&here)? {
            if here.is_empty() && is_mark(&name) {
                continue;
            }
            names += 1;
            if names > MOST_NAMES || here.split('/').count() > DEEPEST {
                return Err(too_large(&source.found.file));
            }
            let path = if here.is_empty() { name } else { format!("{here}/{name}") };
            match from.kind(&path)? {
                Kind::Directory => {
                    to.make_directory(&path)?;
                    waiting.push(path);
                }
                Kind::File => {
                    // Its agent may just have removed it.
                    let Some(mut file) = from.file(&path) else { continue };
                    let length = file.metadata().map_or(0, |found| found.len());
                    if bytes + length > MOST_BYTES {
                        return Err(too_large(&source.found.file));
                    }
                    let mut copy = to.create(&path)?;
                    let is_transcript = conversation.transcript.as_deref() == Some(&path);
                    let copied = match is_transcript {
                        true => whole_lines(&mut file, &mut copy),
                        false => {
                            let mut bounded = file.take(length);
                            std::io::copy(&mut bounded, &mut copy).map(drop)
                        }
                    };
                    let copied = copied.and_then(|()| {
                        copy.sync_all()?;
                        Ok(copy.metadata()?.len())
                    });
                    bytes += copied.map_err(|error| {
                        Error::io(OPERATION, format!("can't copy `{path}`"), error)
                    })?;
                }
                Kind::Link(_) | Kind::Other | Kind::Nothing => {}
            }
        }
    }
    let is_whole = conversation.transcript.as_deref().is_none_or(|path| to.file(path).is_some());
    if is_whole {
        return Ok(());
    }
    let message = format!("`{}` is no conversation any more", source.found.file);
    Err(Error::new(ErrorKind::NotFound, OPERATION, message))
}

/// The directory that a conversation is.
pub(super) fn open(source: &Source) -> Result<Beneath> {
    let path: &Utf8PathBuf = &source.found.file;
    match &source.root {
        Some(root) => {
            let rest = path.strip_prefix(root).map_err(|_| {
                let message = format!("`{path}` is not where it was found");
                Error::new(ErrorKind::NotFound, OPERATION, message)
            })?;
            Beneath::open(root)?.below(rest.as_str())
        }
        None => Beneath::open(path),
    }
}
