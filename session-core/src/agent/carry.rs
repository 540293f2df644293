//! A conversation from one place to another: the source stays as it is.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::beneath::Beneath;
use super::conversation::{self, Found, Root};
use super::facts::Heads;
use super::plan::{AgentPlan, Origin};
use crate::profile::{Choice, Profile, Template, Variables};
use crate::{Error, ErrorKind, HostView, Result, SessionId};

/// Where copies are that the agent is told to go on from, below its private directory.
const CARRIED: &str = "sessctl-carried";
/// Where a path in full begins to be cut.
const LONGEST_KEY: usize = 200;

/// A conversation and where it was found.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) found: Found,
    pub(crate) session: Option<SessionId>,
    /// The directory that it was found in; nothing out of it is opened. `None` for a path that the person gave.
    pub(crate) root: Option<Utf8PathBuf>,
}

/// Decides how a session of `plan` begins with `source`; changes the plan. Each problem is one text.
pub(crate) fn settle(
    plan: &mut AgentPlan,
    profile: &Profile,
    source: &Source,
    project: &Utf8Path,
) -> Result<()> {
    let name = source.found.file.file_name().unwrap_or("conversation");
    if profile.conversation.database.is_some() || profile.conversation.id == Choice::None {
        let message = format!(
            "{} can't go on with another's conversation; leave --resume-from out",
            profile.title
        );
        return Err(Error::new(ErrorKind::Unsupported, "agent.carry", message));
    }
    let fork = !profile.arguments.fork.is_empty();
    let copy = match (fork, &profile.conversation.import) {
        (true, _) => format!("{CARRIED}/{name}"),
        (false, Some(template)) => place(template, &source.found.id, name, project)?,
        (false, None) => {
            let message = format!(
                "the profile of {} does not say how it goes on with another's conversation (`arguments.fork`, `conversation.import`)",
                profile.title
            );
            return Err(Error::new(ErrorKind::Unsupported, "agent.carry", message));
        }
    };
    if !fork {
        plan.conversation = Some(source.found.id.clone());
    }
    plan.origin = Some(Origin {
        conversation: source.found.id.clone(),
        file: source.found.file.clone(),
        session: source.session,
        copy,
        fork,
    });
    Ok(())
}

/// The path of an imported conversation, relative to where the agent has its files.
fn place(template: &str, id: &str, name: &str, project: &Utf8Path) -> Result<String> {
    let variables = Variables::new()
        .with("CONVERSATION_ID", id)
        .with("FILE_NAME", name)
        .with("PROJECT_KEY", project_key(project.as_str()));
    Template::parse(template)?.render(&variables)
}

/// Copies the conversation to where the plan says. Blocks. `Ok` where it is there already.
pub(crate) fn bring(
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    source: &Source,
) -> Result<()> {
    let Some(origin) = &plan.origin else { return Ok(()) };
    let is_it = |found: &Found| found.id == origin.conversation;
    if !origin.fork && conversation::all(plan, profile, host).iter().any(is_it) {
        // In a directory that both share; a second file of one id would confuse the agent.
        return Ok(());
    }
    let root = match origin.fork {
        true => Root { directory: plan.state.host.clone(), pattern: origin.copy.clone() },
        false => conversation::root(plan, profile, host, &origin.copy)?,
    };
    copy(source, &root)
}

/// Copies a conversation into the files of the person's own agent; gives the new file.
pub(crate) fn export(
    profile: &Profile,
    host: &HostView,
    source: &Source,
    project: &Utf8Path,
) -> Result<Utf8PathBuf> {
    let name = source.found.file.file_name().unwrap_or("conversation");
    let root = match &profile.conversation.import {
        Some(template) => {
            let place = place(template, &source.found.id, name, project)?;
            conversation::own_root(profile, host, &place)
        }
        None => None,
    };
    let root = root.ok_or_else(|| {
        let message = format!(
            "the profile of {} does not say where your own conversations are (`conversation.import`, a resource around it); give a path with --to",
            profile.title
        );
        Error::new(ErrorKind::Unsupported, "agent.export", message)
    })?;
    crate::catalog::make_private(&root.directory)?;
    copy(source, &root)?;
    Ok(root.directory.join(&root.pattern))
}

/// Copies a conversation to a path that the person gave, where nothing may be.
pub(crate) fn export_to(source: &Source, to: &Utf8Path) -> Result<()> {
    let mut from = open(source)?;
    let failed = |error: std::io::Error| {
        let message = format!("can't write `{to}`");
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                let message = format!("`{to}` is there already; choose another path");
                Error::new(ErrorKind::AlreadyExists, "agent.export", message)
            }
            _ => Error::io("agent.export", message, error),
        }
    };
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    whole_lines(&mut from, &mut file).and_then(|()| file.sync_all()).map_err(|error| {
        let _ = std::fs::remove_file(to);
        failed(error)
    })
}

fn copy(source: &Source, root: &Root) -> Result<()> {
    let to = root.pattern.as_str();
    let target = root.directory.join(to);
    if source.found.file == target {
        return Ok(());
    }
    let mut from = open(source)?;
    let beneath = Beneath::open(&root.directory)?;
    let new = format!("{to}.new-{}", std::process::id());
    beneath.remove(&new).ok();
    let mut file = beneath.create(&new)?;
    let written = whole_lines(&mut from, &mut file).and_then(|()| file.sync_all());
    let placed = written
        .map_err(|error| Error::io("agent.carry", format!("can't write `{target}`"), error))
        .and_then(|()| match beneath.file(to) {
            None => beneath.rename(&new, to),
            Some(mut there) => {
                // It may have gone on there.
                file_is_beginning(&beneath, &new, &mut there).and_then(|same| match same {
                    true => beneath.remove(&new),
                    false => {
                        let message =
                            format!("`{target}` is there already, and is another conversation");
                        Err(Error::new(ErrorKind::AlreadyExists, "agent.carry", message))
                    }
                })
            }
        });
    placed.inspect_err(|_| drop(beneath.remove(&new)))
}

/// Whether the file `new` is what `there` begins with.
fn file_is_beginning(beneath: &Beneath, new: &str, there: &mut File) -> Result<bool> {
    let Some(new) = beneath.file(new) else { return Ok(false) };
    let length = new.metadata().map(|found| found.len()).unwrap_or(u64::MAX);
    let mut ours = BufReader::new(new);
    let mut theirs = BufReader::new(there.take(length));
    loop {
        let failed = |error| Error::io("agent.carry", "can't compare two conversations", error);
        let (a, b) = (ours.fill_buf().map_err(failed)?, theirs.fill_buf().map_err(failed)?);
        let common = a.len().min(b.len());
        if a.is_empty() || common == 0 {
            return Ok(a.is_empty() && b.is_empty());
        }
        if a[..common] != b[..common] {
            return Ok(false);
        }
        ours.consume(common);
        theirs.consume(common);
    }
}

/// Opens a conversation's file.
fn open(source: &Source) -> Result<File> {
    let path = &source.found.file;
    let refuse = || {
        let message = format!("`{path}` is no file, or is not there any more");
        Error::new(ErrorKind::NotFound, "agent.carry", message)
    };
    match &source.root {
        Some(root) => {
            let rest = path.strip_prefix(root).map_err(|_| refuse())?;
            Beneath::open(root)?.file(rest.as_str()).ok_or_else(refuse)
        }
        None => {
            use std::os::unix::fs::OpenOptionsExt as _;
            let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
            let flags = i32::try_from(flags.bits()).expect("these flags are small");
            let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
            let file = file
                .map_err(|error| Error::io("agent.carry", format!("can't read `{path}`"), error))?;
            if file.metadata().is_ok_and(|found| found.is_file()) {
                Ok(file)
            } else {
                Err(refuse())
            }
        }
    }
}

/// Copies a file that somebody may be writing to: what follows its last line's end only if it is a whole document.
fn whole_lines(from: &mut File, to: &mut File) -> std::io::Result<()> {
    let length = from.metadata()?.len();
    let mut end = length;
    let mut buffer = vec![0; 64 * 1024];
    // Backwards to the last line's end.
    let last = loop {
        let start = end.saturating_sub(buffer.len() as u64);
        let part = &mut buffer[..usize::try_from(end - start).unwrap_or_default()];
        from.seek(SeekFrom::Start(start))?;
        from.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            break start + at as u64 + 1;
        }
        if start == 0 {
            break 0;
        }
        end = start;
    };
    let is_document = last < length && {
        from.seek(SeekFrom::Start(last))?;
        let rest = BufReader::new(std::io::Read::by_ref(from).take(length - last));
        serde_json::from_reader::<_, serde::de::IgnoredAny>(rest).is_ok()
    };
    from.seek(SeekFrom::Start(0))?;
    let end = if is_document { length } else { last };
    std::io::copy(&mut std::io::Read::by_ref(from).take(end), to)?;
    if is_document {
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// A project's path as a name, as agents make one of it: a dash for all but letters and digits, and where that is very
/// long its beginning and a hash of the whole (in UTF-16, as JavaScript has texts).
pub(crate) fn project_key(path: &str) -> String {
    let units: Vec<u16> = path.encode_utf16().collect();
    let dashed = units.iter().map(|unit| {
        let letter = u8::try_from(*unit).ok().filter(u8::is_ascii_alphanumeric);
        letter.map_or('-', char::from)
    });
    let dashed: String = dashed.collect();
    if dashed.len() <= LONGEST_KEY {
        return dashed;
    }
    let hash = units
        .iter()
        .fold(0_i32, |hash, unit| (hash << 5).wrapping_sub(hash).wrapping_add(i32::from(*unit)));
    let mut number = hash.unsigned_abs();
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(char::from_digit(number % 36, 36).expect("less than 36"));
        number /= 36;
    }
    format!("{}-{}", &dashed[..LONGEST_KEY], digits.iter().rev().collect::<String>())
}

/// Where the person's own agent has its conversations.
pub(crate) fn own(profile: &Profile, host: &HostView) -> Vec<Source> {
    let Some(pattern) = &profile.conversation.file else { return Vec::new() };
    let Some(root) = conversation::own_root(profile, host, pattern) else { return Vec::new() };
    let found = conversation::in_files(profile, &root).into_iter();
    found.map(|found| Source { found, session: None, root: Some(root.directory.clone()) }).collect()
}

/// A session's conversations, the latest first.
pub(crate) fn of_session(
    id: SessionId,
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
) -> Vec<Source> {
    let pattern = match (&profile.conversation.file, &profile.conversation.database) {
        (_, Some(database)) => &database.file,
        (Some(file), None) => file,
        (None, None) => return Vec::new(),
    };
    let Ok(root) = conversation::root(plan, profile, host, pattern) else { return Vec::new() };
    let found = conversation::all(plan, profile, host).into_iter();
    found
        .map(|found| Source { found, session: Some(id), root: Some(root.directory.clone()) })
        .collect()
}

/// A path that the person gave, as a conversation: its id is its name, or what the profile's pattern finds in that.
pub(crate) fn of_path(profile: &Profile, path: &Utf8Path) -> Result<Source> {
    let metadata = path
        .metadata()
        .map_err(|error| Error::io("agent.carry", format!("can't read `{path}`"), error))?;
    if !metadata.is_file() {
        let message =
            format!("`{path}` is no file; give a conversation's file, its id, or a session");
        return Err(Error::new(ErrorKind::InvalidInput, "agent.carry", message));
    }
    let modified = metadata.modified().unwrap_or(std::time::SystemTime::UNIX_EPOCH);
    let found = |id: &str| Found { id: id.to_owned(), file: path.to_owned(), modified };
    let name = path.file_name().unwrap_or_default();
    let last = profile.conversation.file.as_ref().and_then(|pattern| pattern.rsplit('/').next());
    let id = match Heads::of(&profile.conversation) {
        Some(heads) => {
            let source = Source { found: found(name), session: None, root: None };
            heads.id(open(&source)?, name).ok_or_else(|| {
                let message = format!("`{path}` holds no conversation of {}", profile.title);
                Error::new(ErrorKind::InvalidInput, "agent.carry", message)
            })?
        }
        None => {
            let id = last.and_then(|pattern| super::pattern::matches(pattern, name)).flatten();
            // Where all of them have one name, that is the id.
            let id = id.or_else(|| last.filter(|pattern| super::pattern::is_id(pattern)));
            id.or_else(|| path.file_stem()).unwrap_or(name).to_owned()
        }
    };
    if !super::pattern::is_id(&id) {
        let message = format!(
            "`{path}` is not called as a conversation's file is; its name must be the conversation's id"
        );
        return Err(Error::new(ErrorKind::InvalidInput, "agent.carry", message));
    }
    Ok(Source { found: found(&id), session: None, root: None })
}

#[cfg(test)]
mod tests;
