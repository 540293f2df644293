//! A conversation from one place to another: the source stays as it is.

mod document;
mod key;
mod lines;
mod sources;
mod tree;

use std::fs::File;

use camino::{Utf8Path, Utf8PathBuf};

use super::beneath::Beneath;
use super::conversation::{self, Found, Root};
use super::plan::{AgentPlan, Origin};
use crate::profile::{Choice, Profile, Template, Variables};
use crate::{Error, ErrorKind, HostView, Result, SessionId};

pub(crate) use sources::{of_path, of_session, own};

const OPERATION: &str = "agent.carry";
/// Where copies are that the agent is told to go on from, below its private directory.
const CARRIED: &str = "sessctl-carried";
/// More than any conversation has.
const MOST_BYTES: u64 = 2 << 30;

/// A conversation and where it was found.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) found: Found,
    pub(crate) form: Form,
    pub(crate) session: Option<SessionId>,
    /// The directory that it was found in; nothing out of it is opened. `None` for a path that the person gave.
    pub(crate) root: Option<Utf8PathBuf>,
}

/// What a conversation is where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A file of lines.
    File,
    /// A directory, of which the profile names the file of lines.
    Directory,
    /// Rows of the database that is its file. A private copy of that is made in `scratch`.
    Rows { scratch: Utf8PathBuf },
    /// A document that was made of a database before.
    Document,
}

/// Decides how a session of `plan` begins with `source`; changes the plan. Each problem is one text.
pub(crate) fn settle(
    plan: &mut AgentPlan,
    profile: &Profile,
    source: &Source,
    project: &Utf8Path,
) -> Result<()> {
    let refuse = |message: String| Err(Error::new(ErrorKind::Unsupported, OPERATION, message));
    let Profile { arguments, conversation, .. } = profile;
    if conversation.id == Choice::None {
        return refuse(format!(
            "{} can't go on with another's conversation; leave --resume-from out",
            profile.title
        ));
    }
    let is_document = matches!(source.form, Form::Rows { .. } | Form::Document);
    let makes_document =
        conversation.database.as_ref().is_some_and(|database| database.document.is_some());
    if is_document && !makes_document {
        return refuse(format!(
            "the profile of {} does not say how a document is made of a conversation (`conversation.database.document`)",
            profile.title
        ));
    }
    let name = source.name();
    let carried = format!("{CARRIED}/{name}");
    let fork = !arguments.fork.is_empty();
    let import = !fork && !arguments.import.is_empty();
    let copy = match &conversation.import {
        _ if fork || import => carried,
        Some(template) if !is_document => place(template, &source.found.id, &name, project)?,
        _ => {
            return refuse(format!(
                "the profile of {} does not say how it goes on with another's conversation (`arguments.fork`, `arguments.import`, `conversation.import`)",
                profile.title
            ));
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
        import,
        taken_in: false,
    });
    Ok(())
}

impl Source {
    /// What a copy of it is called.
    fn name(&self) -> String {
        match self.form {
            Form::File => self.found.file.file_name().unwrap_or("conversation").to_owned(),
            Form::Directory => self.found.id.clone(),
            Form::Rows { .. } | Form::Document => format!("{}.json", self.found.id),
        }
    }
}

/// The path of an imported conversation, relative to where the agent has its files.
fn place(template: &str, id: &str, name: &str, project: &Utf8Path) -> Result<String> {
    let variables = Variables::new()
        .with("CONVERSATION_ID", id)
        .with("FILE_NAME", name)
        .with("PROJECT_KEY", key::project_key(project.as_str()));
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
    let told = origin.fork || origin.import;
    let is_it = |found: &Found| found.id == origin.conversation;
    if !told && conversation::all(plan, profile, host, conversation::MOST_NAMES).iter().any(is_it) {
        // In a directory that both share; a second file of one id would confuse the agent.
        return Ok(());
    }
    let root = match told {
        true => Root { directory: plan.state.host.clone(), pattern: origin.copy.clone() },
        false => conversation::root(plan, profile, host, &origin.copy)?,
    };
    copy(profile, source, &root)
}

/// Copies a conversation into the files of the person's own agent; gives the new file or directory. Blocks.
pub(crate) fn export(
    profile: &Profile,
    host: &HostView,
    source: &Source,
    project: &Utf8Path,
) -> Result<Utf8PathBuf> {
    let root = match &profile.conversation.import {
        Some(template) => {
            let place = place(template, &source.found.id, &source.name(), project)?;
            conversation::own_root(profile, host, &place)
        }
        None => None,
    };
    let root = root.ok_or_else(|| {
        let message = format!(
            "the profile of {} does not say where your own conversations are (`arguments.import`, or `conversation.import` and a resource around it); give a path with --to",
            profile.title
        );
        Error::new(ErrorKind::Unsupported, "agent.export", message)
    })?;
    crate::catalog::make_private(&root.directory)?;
    copy(profile, source, &root)?;
    Ok(root.directory.join(&root.pattern))
}

/// The database of the person's own agent. Blocks.
pub(crate) fn own_file(profile: &Profile, host: &HostView) -> Option<Utf8PathBuf> {
    let database = profile.conversation.database.as_ref()?;
    let root = conversation::own_database(profile, host, database)?;
    Some(root.directory.join(root.pattern))
}

/// What the person's own agent has of a conversation in its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    Nothing,
    /// Its beginning: what was said since is not there.
    Beginning,
    /// All of it, and perhaps more.
    All,
}

/// How much of this conversation the person's own agent has; `AlreadyExists` if it has another one of this id. Blocks.
pub(crate) fn has_own(profile: &Profile, host: &HostView, source: &Source) -> Result<Own> {
    let theirs = own(profile, host).into_iter().find(|own| own.found.id == source.found.id);
    let Some(theirs) = theirs else { return Ok(Own::Nothing) };
    let of = |source| document::messages(profile, source);
    match (of(source), of(&theirs)) {
        (Some(ours), Some(theirs)) if theirs.starts_with(&ours) => Ok(Own::All),
        (Some(ours), Some(theirs)) if ours.starts_with(&theirs) => Ok(Own::Beginning),
        _ => {
            let message = format!(
                "`{}` is among your own conversations already, and has gone on in another way there; give a path with --to",
                source.found.id
            );
            Err(Error::new(ErrorKind::AlreadyExists, "agent.export", message))
        }
    }
}

/// Copies a conversation to a path that the person gave, where nothing may be. Blocks.
pub(crate) fn export_to(profile: &Profile, source: &Source, to: &Utf8Path) -> Result<()> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let message = format!("`{to}` is there already; choose another path");
            Error::new(ErrorKind::AlreadyExists, "agent.export", message)
        }
        _ => Error::io("agent.export", format!("can't write `{to}`"), error),
    };
    if source.form == Form::Directory {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().mode(0o700).create(to).map_err(failed)?;
        let copied = Beneath::open(to).and_then(|new| tree::copy(profile, source, &new));
        return copied.inspect_err(|_| drop(std::fs::remove_dir_all(to)));
    }
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    write(profile, source, &mut file, to).inspect_err(|_| drop(std::fs::remove_file(to)))
}

/// Copies a conversation to its place, unless it is there.
fn copy(profile: &Profile, source: &Source, root: &Root) -> Result<()> {
    let to = root.pattern.as_str();
    let target = root.directory.join(to);
    if source.found.file == target {
        return Ok(());
    }
    let beneath = Beneath::open(&root.directory)?;
    if source.form == Form::Directory {
        return tree::place(profile, source, &beneath, to, &target);
    }
    let new = format!("{to}.new-{}", std::process::id());
    beneath.remove(&new).ok();
    let mut file = beneath.create(&new)?;
    let placed = write(profile, source, &mut file, &target).and_then(|()| match beneath.file(to) {
        None => beneath.rename(&new, to),
        // It may have gone on there.
        Some(there) => match beneath.file(&new).map(|new| lines::is_beginning(&new, &there)) {
            Some(Ok(true)) => beneath.remove(&new),
            Some(Err(error)) => Err(error),
            _ => Err(another(&target)),
        },
    });
    placed.inspect_err(|_| drop(beneath.remove(&new)))
}

/// Writes what is one file.
fn write(profile: &Profile, source: &Source, to: &mut File, target: &Utf8Path) -> Result<()> {
    let written = match &source.form {
        Form::Rows { .. } => {
            let document = document::of_rows(profile, source)?;
            std::io::Write::write_all(to, document.as_bytes())
        }
        Form::Document => std::io::copy(&mut open(source)?, to).map(drop),
        Form::File | Form::Directory => lines::whole_lines(&mut open(source)?, to),
    };
    written
        .and_then(|()| to.sync_all())
        .map_err(|error| Error::io(OPERATION, format!("can't write `{target}`"), error))
}

fn another(target: &Utf8Path) -> Error {
    let message = format!("`{target}` is there already, and is another conversation");
    Error::new(ErrorKind::AlreadyExists, OPERATION, message)
}

/// Opens a conversation's file.
fn open(source: &Source) -> Result<File> {
    let path = &source.found.file;
    let refuse = || {
        let message = format!("`{path}` is no file, or is not there any more");
        Error::new(ErrorKind::NotFound, OPERATION, message)
    };
    let file = match &source.root {
        Some(root) => {
            let rest = path.strip_prefix(root).map_err(|_| refuse())?;
            Beneath::open(root)?.file(rest.as_str()).ok_or_else(refuse)?
        }
        None => {
            use std::os::unix::fs::OpenOptionsExt as _;
            let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
            let flags = i32::try_from(flags.bits()).expect("these flags are small");
            let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
            file.map_err(|error| Error::io(OPERATION, format!("can't read `{path}`"), error))?
        }
    };
    match file.metadata() {
        Ok(found) if found.len() > MOST_BYTES => Err(too_large(path)),
        Ok(found) if found.is_file() => Ok(file),
        _ => Err(refuse()),
    }
}

fn too_large(path: &Utf8Path) -> Error {
    let message = format!(
        "`{path}` is larger than conversations are ({} GiB); take out of it what is none of it",
        MOST_BYTES >> 30
    );
    Error::new(ErrorKind::Refused, OPERATION, message)
}

#[cfg(test)]
mod tests;
