//! The durable document about a session.

use std::collections::BTreeMap;
use std::fmt;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Error, ErrorKind, Exit, Phase, ProjectRecord, ResolvedSpec, Result, SessionId, SessionName,
    Timestamp,
};

/// The `schema_version` that this version writes. It grows when an older version would misread a
/// record; a new optional field does not change it.
pub const RECORD_VERSION: u32 = 1;

/// An agent that ends sooner than this has not been worked with.
const AT_ONCE_MILLISECONDS: i64 = 10_000;

/// Intent and facts about one session (`docs/schemas/record.json`).
///
/// Fields that this version does not know are kept and written back. A record of a newer
/// `schema_version` can be read where its known fields still fit, and is never written.
///
/// Two records are equal if the documents that would be written are.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SessionRecord {
    /// The version of the form of this document.
    pub schema_version: u32,
    /// The session's identity.
    pub id: SessionId,
    /// The session's name.
    pub name: SessionName,
    /// How far making or removing it has come.
    pub phase: Phase,
    /// What was asked for, decided to the last detail.
    pub spec: ResolvedSpec,
    /// What was made of the projects.
    #[serde(default)]
    pub projects: Vec<ProjectRecord>,
    /// Who made it.
    pub user: String,
    /// The `SSH_CLIENT` it was made from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_client: Option<String>,
    /// The session that it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SessionId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its main process was last started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When its main process last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When something last happened at its terminal, as known when the record was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Timestamp>,
    /// The TCP ports that it has to itself, by name; given at its last start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, u16>,
    /// How its main process last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// The model that the agent uses, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How many messages were exchanged, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_count: Option<u64>,
    /// How many tool calls the agent made, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_count: Option<u64>,
    /// The conversation that its agent was last known to have open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The document as it was read, if it holds something that this version does not know.
    #[serde(skip)]
    #[schemars(skip)]
    original: Option<Box<str>>,
}

impl SessionRecord {
    /// A record of a session that is about to be made.
    pub fn new(id: SessionId, spec: ResolvedSpec, user: impl Into<String>, now: Timestamp) -> Self {
        Self {
            schema_version: RECORD_VERSION,
            id,
            name: spec.name.clone(),
            phase: Phase::Creating,
            spec,
            projects: Vec::new(),
            user: user.into(),
            ssh_client: None,
            parent: None,
            created_at: now,
            started_at: None,
            ended_at: None,
            last_activity: None,
            ports: BTreeMap::new(),
            exit: None,
            model: None,
            message_count: None,
            tool_call_count: None,
            conversation: None,
            original: None,
        }
    }

    /// Reads a record; `Damaged` if it is none, `NewerVersion` if a newer version's form is not
    /// readable here.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(json)
            .map_err(|error| damaged("the record is no UTF-8 text").with_source(error))?;
        let mut unknown = false;
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = serde_ignored::deserialize(&mut reader, |_| unknown = true)
            .and_then(|record: Self| reader.end().map(|()| record));
        match read {
            // serde also takes a list of all fields in their order for a struct.
            Ok(_) if !text.trim_start().starts_with('{') => {
                Err(damaged("the record is no JSON object"))
            }
            Ok(record) => {
                let keep = unknown || record.is_newer();
                Ok(Self { original: keep.then(|| text.into()), ..record })
            }
            Err(error) => Err(explain(text, error)),
        }
    }

    /// The document to write, unknown fields included. Refuses a record of a newer version.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        self.refuse_newer()?;
        let mut json = serde_json::to_vec_pretty(&self.document()?).expect("a value is plain data");
        json.push(b'\n');
        Ok(json)
    }

    /// The document on one line, for an index; that of a newer version as it was read, and refused
    /// if it was changed since.
    pub(crate) fn to_index_json(&self) -> Result<String> {
        if let (true, Some(original)) = (self.is_newer(), &self.original) {
            let unchanged = Self::from_json(original.as_bytes())?;
            if known(&unchanged) == known(self) {
                return Ok(original.to_string());
            }
        }
        self.refuse_newer()?;
        match &self.original {
            Some(_) => Ok(self.document()?.to_string()),
            None => Ok(text(self)),
        }
    }

    /// The known fields with, merged into them, what the document that was read had beyond them.
    ///
    /// Fails where an unknown part can't be carried over: what is skipped while reading is checked
    /// less (a number beyond every range, nesting beyond 128) than what is to be written.
    fn document(&self) -> Result<Value> {
        let mut document = known(self);
        if let Some(original) = &self.original {
            let refuse = |error| {
                let message = "a part of the record that this version does not know can't be kept";
                damaged(message).with_session(self.name.as_str()).with_source(error)
            };
            let read: Self = serde_json::from_str(original).map_err(refuse)?;
            let original: Value = serde_json::from_str(original).map_err(refuse)?;
            keep_unknown(&mut document, &original, &known(&read));
        }
        Ok(document)
    }

    /// Fails for a record of a newer version.
    pub(crate) fn refuse_newer(&self) -> Result<()> {
        if !self.is_newer() {
            return Ok(());
        }
        let message = format!(
            "its record has schema version {}, newer than {RECORD_VERSION}; use the newer version",
            self.schema_version
        );
        Err(Error::new(ErrorKind::NewerVersion, "record.write", message)
            .with_session(self.name.as_str()))
    }

    /// Whether the record is of a newer version, and so may only be looked at.
    pub fn is_newer(&self) -> bool {
        self.schema_version > RECORD_VERSION
    }

    /// The user's directories, for lists.
    pub fn sources(&self) -> impl Iterator<Item = &Utf8PathBuf> {
        self.spec.projects.iter().map(|project| &project.source)
    }

    /// Whether an agent that was to go on with a conversation failed at once: it was started once more since `before`, and ended
    /// with an error within ten seconds, before anybody can have worked with it. It may not take that conversation any more
    /// ([`Manager::begin_conversation`](crate::Manager::begin_conversation)).
    pub fn went_on_in_vain(&self, before: &Self) -> bool {
        let once_more = before.started_at.is_some() && self.started_at != before.started_at;
        let anew = before.spec.agent_plan.as_ref().is_none_or(|plan| plan.begins_anew);
        let went_on = once_more && !anew && self.conversation.is_some();
        let (Some(started), Some(exit)) = (self.started_at, &self.exit) else { return false };
        let lasted = exit.at.as_milliseconds() - started.as_milliseconds();
        // Above are ends by a signal.
        went_on && (1..128).contains(&exit.code) && lasted < AT_ONCE_MILLISECONDS
    }

    /// The branch of the first project that has one.
    pub fn branch(&self) -> Option<&str> {
        self.projects.iter().find_map(|project| project.branch.as_deref())
    }
}

impl PartialEq for SessionRecord {
    fn eq(&self, other: &Self) -> bool {
        if self.original.is_none() && other.original.is_none() {
            return text(self) == text(other);
        }
        match (self.document(), other.document()) {
            (Ok(this), Ok(other)) => this == other,
            _ => known(self) == known(other) && self.original == other.original,
        }
    }
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionRecord {}", self.document().unwrap_or_else(|_| known(self)))
    }
}

fn damaged(message: &str) -> Error {
    Error::new(ErrorKind::Damaged, "record.parse", message)
}

/// Says why `text`, which is no record of this version, is none.
fn explain(text: &str, error: serde_json::Error) -> Error {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return damaged("the record is no JSON document").with_source(error);
    };
    if !value.is_object() {
        return damaged("the record is no JSON object").with_source(error);
    }
    let version = value.get("schema_version").and_then(Value::as_u64);
    if version.is_some_and(|version| version > u64::from(RECORD_VERSION)) {
        let message = "the record was written by a newer version; use that one";
        return Error::new(ErrorKind::NewerVersion, "record.parse", message).with_source(error);
    }
    damaged("the record lacks something that every record has, or has it in another form")
        .with_source(error)
}

/// The known fields on one line, always in the same order.
fn text(record: &SessionRecord) -> String {
    serde_json::to_string(record).expect("a record is plain data with string keys")
}

fn known(record: &SessionRecord) -> Value {
    serde_json::to_value(record).expect("a record is plain data with string keys")
}

/// Copies into `new` what only `original` has.
///
/// `read` is `original` as this version understood it: what is in `original` and not in `read` is
/// unknown and kept, what is in `read` and not in `new` was taken out on purpose and stays out.
fn keep_unknown(new: &mut Value, original: &Value, read: &Value) {
    match (new, original, read) {
        (Value::Object(new), Value::Object(original), Value::Object(read)) => {
            for (key, value) in original {
                match (new.get_mut(key), read.get(key)) {
                    (Some(inner), Some(read)) => keep_unknown(inner, value, read),
                    (None, None) => drop(new.insert(key.clone(), value.clone())),
                    (Some(_), None) | (None, Some(_)) => {}
                }
            }
        }
        (Value::Array(new), Value::Array(original), Value::Array(read)) => {
            let same_length = new.len() == read.len();
            for (place, inner) in new.iter_mut().enumerate() {
                let named = inner.get("name").filter(|name| name.is_string());
                let before = match named {
                    Some(name) => read.iter().position(|other| other.get("name") == Some(name)),
                    None => same_length.then_some(place),
                };
                if let Some((value, read)) =
                    before.and_then(|place| Some((original.get(place)?, read.get(place)?)))
                {
                    keep_unknown(inner, value, read);
                }
            }
        }
        _ => {}
    }
}
