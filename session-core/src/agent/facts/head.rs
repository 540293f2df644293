//! What the beginning of a conversation's file tells: its id, and whether anybody has said anything.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};

use serde_json::Value;

use super::lines::{LONGEST_LINE, Ready};
use crate::agent::pattern;
use crate::agent::value::{self, Path};
use crate::profile::Conversation;

/// What tells comes early; what is behind so many lines or bytes is not looked at.
const MOST_LINES: usize = 64;
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The directory that a conversation was begun in, as one of its first lines says; `None` where none does.
pub(crate) fn workspace(conversation: &Conversation, file: File) -> Option<String> {
    let path = Path::new(conversation.workspace.as_deref()?);
    documents(file).find_map(|line| value::first(&line, &path).and_then(value::text))
}

/// Whether one of a file's first lines is a table of JSON, as conversations have it in each.
pub(crate) fn has_table(file: File) -> bool {
    documents(file).any(|line| line.is_object())
}

/// Those of a file's first lines that are JSON.
fn documents(file: File) -> impl Iterator<Item = Value> {
    let reader = BufReader::new(file.take(MOST_BYTES));
    let lines = reader.split(b'\n').take(MOST_LINES).map_while(std::io::Result::ok);
    lines.filter_map(|line| serde_json::from_slice(&line).ok())
}

/// What a profile looks for in the files themselves.
#[derive(Debug)]
pub(crate) struct Heads {
    id: Option<Path>,
    begun: Vec<Ready>,
}

impl Heads {
    /// `None` where names tell everything.
    pub(crate) fn of(conversation: &Conversation) -> Option<Self> {
        let id = conversation.inside.as_deref().map(Path::new);
        let begun: Vec<_> = conversation.begun.iter().map(Ready::new).collect();
        (id.is_some() || !begun.is_empty()).then_some(Self { id, begun })
    }

    /// The conversation's id, or `named` where only the name has one; `None` for what is no conversation, or not yet.
    pub(crate) fn id(&self, file: File, named: &str) -> Option<String> {
        let mut id = self.id.is_none().then(|| named.to_owned());
        let mut begun = self.begun.is_empty();
        let mut reader = BufReader::new(file.take(MOST_BYTES));
        let mut line = Vec::new();
        for _ in 0..MOST_LINES {
            line.clear();
            let length =
                (&mut reader).take(LONGEST_LINE as u64).read_until(b'\n', &mut line).ok()?;
            if length == 0 {
                break;
            }
            if line.last() != Some(&b'\n') {
                if length < LONGEST_LINE {
                    break;
                }
                reader.skip_until(b'\n').ok()?;
                continue;
            }
            let Ok(line) = serde_json::from_slice::<Value>(&line) else { continue };
            if let (None, Some(path)) = (&id, &self.id) {
                id = value::first(&line, path).and_then(value::text);
            }
            begun |= self.begun.iter().any(|ready| ready.fits(&line) > 0);
            if begun && let Some(id) = &id {
                return pattern::is_id(id).then(|| id.clone());
            }
        }
        None
    }
}
