//! What an agent touches outside of its sessions, whatever it is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file or directory of the person's that an agent on the host reads or writes by itself, though its state is elsewhere and no
/// resource shares it, because nothing is known that moves it. Said so that people know, and so that a look at what a session
/// changed can tell it from a leak; it has no effect on sessions. Containers have a home of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Outside {
    /// The word for it: lowercase letters, digits and dashes.
    pub name: String,
    /// The file, or the directory with all that is in it, as a template.
    pub path: String,
    /// The most that is done there.
    pub access: Access,
    /// What stands there, and why it is not moved, as people read it.
    pub what: String,
}

/// What is done with something outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Access {
    /// It is read.
    Read,
    /// It is written, and may be read.
    Write,
}
