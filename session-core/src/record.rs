//! The durable document about a session.

use std::collections::BTreeMap;

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

/// Intent and facts about one session (`docs/schemas/record.json`).
///
/// Fields that this version does not know are kept and written back. A record of a newer
/// `schema_version` can be read where its known fields still fit, and is never written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The document as it was read, with what this version does not know.
    #[serde(skip)]
    #[schemars(skip)]
    original: Option<Value>,
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
            exit: None,
            model: None,
            message_count: None,
            tool_call_count: None,
            original: None,
        }
    }

    /// Reads a record; `Damaged` if it is none, `NewerVersion` if a newer version's form is not
    /// readable here.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let damaged = |message: &str| Error::new(ErrorKind::Damaged, "record.parse", message);
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| damaged("the record is no JSON document").with_source(error))?;
        if !value.is_object() {
            return Err(damaged("the record is no JSON object"));
        }
        let version = value.get("schema_version").and_then(Value::as_u64);
        match Self::deserialize(&value) {
            Ok(record) => Ok(Self { original: Some(value), ..record }),
            Err(error) if version.is_some_and(|version| version > u64::from(RECORD_VERSION)) => {
                let message = "the record was written by a newer version; use that one";
                Err(Error::new(ErrorKind::NewerVersion, "record.parse", message).with_source(error))
            }
            Err(error) => {
                Err(damaged("the record lacks something that every record has").with_source(error))
            }
        }
    }

    /// The document to write, unknown fields included. Refuses a record of a newer version.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        if self.schema_version > RECORD_VERSION {
            let message = format!(
                "its record has schema version {}, newer than {RECORD_VERSION}; use the newer version",
                self.schema_version
            );
            return Err(Error::new(ErrorKind::NewerVersion, "record.write", message)
                .with_session(self.name.as_str()));
        }
        let mut known = serde_json::to_value(self).expect("a record is plain data");
        if let Some(original) = &self.original {
            keep_unknown(&mut known, original, &known_fields());
        }
        let mut json = serde_json::to_vec_pretty(&known).expect("a value is plain data");
        json.push(b'\n');
        Ok(json)
    }

    /// Whether the record is of a newer version, and so may only be looked at.
    pub fn is_newer(&self) -> bool {
        self.schema_version > RECORD_VERSION
    }

    /// The user's directories, for lists.
    pub fn sources(&self) -> impl Iterator<Item = &Utf8PathBuf> {
        self.spec.projects.iter().map(|project| &project.source)
    }

    /// The branch of the first project that has one.
    pub fn branch(&self) -> Option<&str> {
        self.projects.iter().find_map(|project| project.branch.as_deref())
    }
}

/// The fields of this version, so that one which became absent is not taken for an unknown one.
fn known_fields() -> BTreeMap<&'static str, ()> {
    const OPTIONAL: [&str; 10] = [
        "ssh_client",
        "parent",
        "started_at",
        "ended_at",
        "last_activity",
        "exit",
        "model",
        "message_count",
        "tool_call_count",
        "projects",
    ];
    OPTIONAL.into_iter().map(|field| (field, ())).collect()
}

/// Copies into `known` what only `original` has; objects and equally long lists are walked.
fn keep_unknown(known: &mut Value, original: &Value, absent: &BTreeMap<&str, ()>) {
    match (known, original) {
        (Value::Object(known), Value::Object(original)) => {
            for (key, value) in original {
                match known.get_mut(key) {
                    Some(inner) => keep_unknown(inner, value, &BTreeMap::new()),
                    None if absent.contains_key(key.as_str()) => {}
                    None => drop(known.insert(key.clone(), value.clone())),
                }
            }
        }
        (Value::Array(known), Value::Array(original)) if known.len() == original.len() => {
            for (inner, value) in known.iter_mut().zip(original) {
                keep_unknown(inner, value, &BTreeMap::new());
            }
        }
        _ => {}
    }
}
