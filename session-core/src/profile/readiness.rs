//! What has to be in order before an agent can work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Format;

/// Something of the person's that an agent needs, or that stops it where it is damaged: a file, or a
/// program besides its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ReadinessCheck {
    /// The word for it: lowercase letters, digits and dashes.
    pub name: String,
    /// What it is, as people read it.
    pub what: String,
    /// The file, as a template; may begin with `${CREDENTIALS}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The file must be there; otherwise it must only be in order if it is.
    #[serde(default)]
    pub required: bool,
    /// What the file must be readable as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The permissions that the file has at most, in octal, such as `600`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The program, found on the person's `PATH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// What to do where it is not in order, as people read it.
    pub remedy: String,
}

impl ReadinessCheck {
    /// The permissions that are allowed, if that is a number in octal.
    pub(crate) fn allowed(&self) -> Option<u32> {
        let mode = u32::from_str_radix(self.mode.as_deref()?, 8).ok()?;
        (mode <= 0o777).then_some(mode)
    }
}
