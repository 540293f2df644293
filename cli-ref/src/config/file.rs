//! Files of configuration: found, read as plain data, and checked.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use session_core::{Error, ErrorKind, Result};
use toml::de::DeTable;

use super::{Config, KEYS, OPERATION};
use crate::ui::plain;

/// The project's file.
const NAME: &str = ".sessctl.toml";
/// More than anybody writes by hand.
const LIMIT: u64 = 64 * 1024;

/// What is done where the file is a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// A person's own may be one; many keep their configuration elsewhere.
    Follow,
    /// A stranger's may not: it could lead to any file.
    Refuse,
}

/// The project's file: in `here`, or the nearest directory above up to the top of the repository
/// that `here` is in. Outside of a repository only `here` counts.
pub(super) fn project(here: &Path) -> Option<PathBuf> {
    let holds = |directory: &Path, name| directory.join(name).symlink_metadata().is_ok();
    let top = here.ancestors().position(|directory| holds(directory, ".git")).unwrap_or(0);
    let found = here.ancestors().take(top + 1).find(|directory| holds(directory, NAME));
    found.map(|directory| directory.join(NAME))
}

/// Reads a file; `None` if there is none.
pub(super) fn read(path: &Path, links: Links) -> Result<Option<Config>> {
    text(path, links)?.map(|text| parse(path, &text)).transpose()
}

/// Reads a small file of text; `None` if there is none.
pub(super) fn text(path: &Path, links: Links) -> Result<Option<String>> {
    let refuse = |why: &str| {
        let message = format!("`{}` {why}; make it a small text file, or remove it", shown(path));
        Err(Error::new(ErrorKind::InvalidInput, OPERATION, message))
    };
    // Opening a fifo must not wait for somebody to write to it.
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.set(OFlags::NOFOLLOW, links == Links::Refuse);
    let mut file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(Errno::LOOP) => return refuse("is a link"),
        Err(Errno::NXIO) => return refuse("is no regular file"),
        Err(error) => return Err(unreadable(path, error.into())),
    };
    if !file.metadata().map_err(|error| unreadable(path, error))?.is_file() {
        return refuse("is no regular file");
    }
    let mut bytes = Vec::new();
    file.by_ref()
        .take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > LIMIT {
        return refuse("has more than 64 KiB");
    }
    let Ok(text) = String::from_utf8(bytes) else { return refuse("is not UTF-8") };
    Ok(Some(text))
}

/// Refuses a project's file that has one of `keys`: it comes with a clone, and nobody reads a clone
/// before trusting it with where it runs.
pub(super) fn refuse(path: &Path, keys: &[&str], instead: Option<&Path>) -> Result<()> {
    let instead = instead.map(|path| format!("in `{}`, ", shown(path))).unwrap_or_default();
    let problems: Vec<_> = keys
        .iter()
        .map(|key| {
            format!(
                "`{key}` in `{}`: where sessions run, and in what, is yours to say and not a project's; set it {instead}by SESSCTL_… or with an option, and take it out there",
                shown(path)
            )
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::problems(OPERATION, problems)),
    }
}

/// Tells every unknown key at once; the rest only if there are none.
fn parse(path: &Path, text: &str) -> Result<Config> {
    let table = DeTable::parse(text).map_err(|error| invalid(path, text, &error))?;
    let mut unknown: Vec<_> = table
        .get_ref()
        .keys()
        .filter(|key| !KEYS.contains(&key.get_ref().as_ref()))
        .map(|key| (line(text, key.span().start), key.get_ref().as_ref()))
        .collect();
    unknown.sort_unstable();
    if unknown.is_empty() {
        return toml::from_str(text).map_err(|error| invalid(path, text, &error));
    }
    let problems = unknown.into_iter().map(|(line, key)| {
        format!(
            "unknown key `{}` in `{}`, line {line}; did you mean `{}`? known keys: {}",
            key.escape_debug(),
            shown(path),
            nearest(key),
            KEYS.join(", ")
        )
    });
    Err(Error::problems(OPERATION, problems.collect()))
}

/// The known key that is most like `key`.
fn nearest(key: &str) -> &'static str {
    let key = key.to_ascii_lowercase().replace('-', "_");
    let likeness = |known: &str| strsim::jaro_winkler(known, &key);
    let nearest = KEYS.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.expect("there are keys")
}

/// Says where it is wrong without the line itself, which may hold anything.
fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let place = error.span().map(|span| format!(", line {}", line(text, span.start)));
    let place = place.unwrap_or_default();
    let reason = plain(&error.message().replace('\n', ", "));
    let message = format!("`{}`{place} is not valid: {reason}", shown(path));
    Error::new(ErrorKind::InvalidInput, OPERATION, message)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::io(OPERATION, format!("can't read `{}`", shown(path)), error)
}

/// The number of the line that has the byte at `offset`.
fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

pub(super) fn shown(path: &Path) -> String {
    plain(&path.to_string_lossy())
}
