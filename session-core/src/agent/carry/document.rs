//! Conversations of databases: one document each.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::Duration;

use serde_json::Value;

use super::{Form, OPERATION, Source};
use crate::agent::facts::{Budget, DatabaseCopy, DatabasePlace, MOST_TEXT};
use crate::agent::value::{self, Path};
use crate::profile::Profile;
use crate::{Error, ErrorKind, Result};

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the document of a conversation. Blocks.
pub(super) fn of_rows(profile: &Profile, source: &Source) -> Result<String> {
    let title = &profile.title;
    let failed = |kind, message: String| Error::new(kind, OPERATION, message);
    let query = profile.conversation.database.as_ref().and_then(|found| found.document.as_ref());
    let (Some(query), Some(copy)) = (query, copy(source)) else {
        let message = format!(
            "the database `{}` of {title} can't be read: it is none, is larger than 512 MiB, or is being changed; try again",
            source.found.file
        );
        return Err(failed(ErrorKind::Refused, message));
    };
    let document = copy.document(query, &source.found.id).map_err(|error| {
        let message = format!(
            "no document can be made of the conversation `{}`: the profile of {title} asks for what its database does not have, or it is larger than {} MiB",
            source.found.id,
            MOST_TEXT >> 20
        );
        failed(ErrorKind::Unsupported, message).with_source(error)
    })?;
    let document = document.ok_or_else(|| {
        let message = format!("there is no conversation `{}` any more", source.found.id);
        failed(ErrorKind::NotFound, message)
    })?;
    // A database that was made for it may answer with another one, which its importer might put over one of the person's.
    let is_it = |own: &String| id_in(own, document.as_bytes()).as_ref() == Some(&source.found.id);
    if profile.conversation.own_id.as_ref().is_none_or(is_it) {
        return Ok(document);
    }
    let message =
        format!("the document of the conversation `{}` says that it is another", source.found.id);
    Err(failed(ErrorKind::Damaged, message))
}

/// The ids of a conversation's messages, the oldest first; `None` where that can't be told. Blocks.
pub(super) fn messages(profile: &Profile, source: &Source) -> Option<Vec<String>> {
    let query = profile.conversation.database.as_ref()?.messages.as_ref()?;
    copy(source)?.messages(query, &source.found.id)
}

fn copy(source: &Source) -> Option<DatabaseCopy> {
    let Form::Rows { scratch } = &source.form else { return None };
    let root = source.root.as_ref()?;
    let file = source.found.file.strip_prefix(root).ok()?.as_str();
    let place = DatabasePlace { directory: root, file, scratch };
    DatabaseCopy::make(&place, &Budget::of(PATIENCE))
}

/// The id that a conversation's own text names at `path`, read from its first line, or from all of it where it is one document.
pub(super) fn own_id(path: &str, file: std::fs::File) -> Option<String> {
    let mut file = BufReader::new(file).take(MOST_TEXT);
    let mut text = Vec::new();
    file.read_until(b'\n', &mut text).ok()?;
    if let Some(id) = id_in(path, &text) {
        return Some(id);
    }
    file.read_to_end(&mut text).ok()?;
    id_in(path, &text)
}

fn id_in(path: &str, text: &[u8]) -> Option<String> {
    let value = serde_json::from_slice::<Value>(text).ok()?;
    let id = value::first(&value, &Path::new(path)).and_then(value::text);
    id.filter(|id| crate::agent::is_id(id))
}
