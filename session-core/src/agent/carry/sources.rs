//! Where conversations are that can be carried.

use camino::Utf8Path;

use super::document::own_id;
use super::{Form, Source, open, tree};
use crate::agent::conversation::{self, Found, MOST_NAMES};
use crate::agent::facts::{self, Heads};
use crate::agent::pattern;
use crate::agent::plan::AgentPlan;
use crate::profile::Profile;
use crate::{Error, ErrorKind, HostView, Result, SessionId};

/// Where the person's own agent has its conversations. Blocks.
pub(crate) fn own(profile: &Profile, host: &HostView) -> Vec<Source> {
    if let Some(database) = &profile.conversation.database {
        let Some(root) = conversation::own_database(profile, host, database) else {
            return Vec::new();
        };
        let scratch = host.temporary_directory.clone();
        let found = conversation::rows(&root, database, &scratch).into_iter();
        let form = Form::Rows { scratch };
        let source = |found| Source {
            found,
            form: form.clone(),
            session: None,
            root: Some(root.directory.clone()),
        };
        return found.map(source).collect();
    }
    let Some(pattern) = &profile.conversation.file else { return Vec::new() };
    let Some(root) = conversation::own_root(profile, host, pattern) else { return Vec::new() };
    let found = conversation::written(&root, profile, MOST_NAMES).into_iter();
    let source = |found| Source {
        found,
        form: form(profile),
        session: None,
        root: Some(root.directory.clone()),
    };
    found.map(source).collect()
}

/// A session's conversations, the latest first. Blocks.
pub(crate) fn of_session(
    id: SessionId,
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
) -> Vec<Source> {
    let (root, form) = match (&profile.conversation.file, &profile.conversation.database) {
        (_, Some(_)) => {
            let scratch = plan.state.host.parent().unwrap_or(&plan.state.host).to_owned();
            (Ok(plan.state.host.clone()), Form::Rows { scratch })
        }
        (Some(file), None) => {
            let root = conversation::root(plan, profile, host, file);
            (root.map(|root| root.directory), form(profile))
        }
        (None, None) => return Vec::new(),
    };
    let Ok(root) = root else { return Vec::new() };
    let found = conversation::all(plan, profile, host, MOST_NAMES).into_iter();
    let source =
        |found| Source { found, form: form.clone(), session: Some(id), root: Some(root.clone()) };
    found.map(source).collect()
}

fn form(profile: &Profile) -> Form {
    match profile.conversation.transcript {
        Some(_) => Form::Directory,
        None => Form::File,
    }
}

/// A path that the person gave, as a conversation: its id is the one that it has in itself where the profile says where that is,
/// else its name, or what the profile's pattern finds in that. Blocks.
pub(crate) fn of_path(profile: &Profile, path: &Utf8Path) -> Result<Source> {
    let refuse = |message: String| Err(Error::new(ErrorKind::InvalidInput, "agent.carry", message));
    // A link of the person's own.
    let found = path.canonicalize_utf8().and_then(|real| Ok((real.metadata()?, real)));
    let (metadata, path) =
        found.map_err(|error| Error::io("agent.carry", format!("can't read `{path}`"), error))?;
    let form = match form(profile) {
        Form::File if profile.conversation.database.is_some() => Form::Document,
        form => form,
    };
    match (&form, metadata.is_dir(), metadata.is_file()) {
        (Form::Directory, true, _) | (Form::File | Form::Document, _, true) => {}
        (Form::Directory, ..) => {
            return refuse(format!(
                "`{path}` is no directory, which conversations of {} are; give that, a conversation's id, or a session",
                profile.title
            ));
        }
        _ => {
            return refuse(format!(
                "`{path}` is no file; give a conversation's file, its id, or a session"
            ));
        }
    }
    let modified = metadata.modified().unwrap_or(std::time::SystemTime::UNIX_EPOCH);
    let found = Found { id: String::new(), file: path.clone(), modified };
    let mut source = Source { found, form, session: None, root: None };
    let name = path.file_name().unwrap_or_default();
    source.found.id = match &profile.conversation.own_id {
        Some(own) => {
            let text = match (&source.form, &profile.conversation.transcript) {
                (Form::Directory, Some(transcript)) => tree::open(&source)?.file(transcript),
                _ => Some(open(&source)?),
            };
            let Some(id) = text.and_then(|text| own_id(own, text)) else {
                return refuse(format!(
                    "`{path}` is no conversation of {}: it has no id of its own (`{own}`)",
                    profile.title
                ));
            };
            id
        }
        None => match Heads::of(&profile.conversation) {
            Some(heads) => match heads.id(open(&source)?, name) {
                Some(id) => id,
                None => {
                    return refuse(format!("`{path}` holds no conversation of {}", profile.title));
                }
            },
            None => {
                let last = profile.conversation.file.as_ref();
                let last = last.and_then(|file| file.rsplit('/').next());
                let id = last.and_then(|last| pattern::matches(last, name)).flatten();
                // Where all of them have one name, that is the id.
                let id = id.or_else(|| last.filter(|last| pattern::is_id(last)));
                id.or_else(|| path.file_stem()).unwrap_or(name).to_owned()
            }
        },
    };
    if facts::are_lines(profile) {
        let lines = match (&source.form, &profile.conversation.transcript) {
            (Form::Directory, Some(transcript)) => tree::open(&source)?.file(transcript),
            _ => Some(open(&source)?),
        };
        if !lines.is_some_and(facts::has_table) {
            return refuse(format!(
                "`{path}` is no conversation of {}: those have a JSON object (`{{…}}`) in each line, and it has none; give a conversation's file, its id, or a session",
                profile.title
            ));
        }
    }
    if !pattern::is_id(&source.found.id) {
        return refuse(format!(
            "`{path}` is not called as a conversation is; its name must be the conversation's id"
        ));
    }
    Ok(source)
}
