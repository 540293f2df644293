//! Names of sessions: the id that a program uses and the name that a person uses.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, ErrorKind, Result};

/// The longest name in bytes. A name becomes part of file and container names, and with a prefix
/// and a suffix it must stay under the 255 bytes of a file name (`NAME_MAX`).
pub const NAME_MAX_BYTES: usize = 128;

/// A session's identity: a UUID, chosen before anything of the session exists and never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String")]
#[schemars(with = "Uuid")]
pub struct SessionId(Uuid);

impl SessionId {
    /// Makes a new id; ids made later sort after earlier ones (UUID v7).
    #[expect(clippy::new_without_default, reason = "every call gives another value")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id as a UUID.
    pub fn uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = Error;

    /// Reads the hyphenated form only, so that one id has one spelling in paths and labels.
    fn from_str(text: &str) -> Result<Self> {
        let id = Uuid::try_parse(text).ok().map(Self);
        id.filter(|id| id.to_string() == text).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                "id.parse",
                format!("`{}` is no session id", text.escape_debug()),
            )
        })
    }
}

impl TryFrom<String> for SessionId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Uuid> for SessionId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// A session's name: what a person types. Case-sensitive, unique in one registry.
///
/// Letters, digits, `.`, `_` and `-`; begins with a letter or digit; at most [`NAME_MAX_BYTES`].
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(
    with = "String",
    extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9._-]*$", "maxLength" = NAME_MAX_BYTES)
)]
pub struct SessionName(String);

impl SessionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SessionName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let refuse = |why: &str| {
            let shown: String = text.escape_debug().take(60).collect();
            Err(Error::new(
                ErrorKind::InvalidInput,
                "name.parse",
                format!(
                    "`{shown}` can't name a session: {why}; use letters, digits, `.`, `_`, `-`"
                ),
            ))
        };
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.len() > NAME_MAX_BYTES {
            return refuse(&format!("it has {} bytes, more than {NAME_MAX_BYTES}", text.len()));
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return refuse("it must begin with a letter or a digit");
        }
        if let Some(bad) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "._-".contains(*c)))
        {
            return refuse(&format!("it contains `{}`", bad.escape_debug()));
        }
        Ok(Self(text))
    }
}

impl FromStr for SessionName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::try_from(text.to_owned())
    }
}

impl From<SessionName> for String {
    fn from(name: SessionName) -> Self {
        name.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
