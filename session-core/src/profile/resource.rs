//! What of the person's a session sees, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// A file or directory of an agent's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Resource {
    /// The word for it, for `--share`.
    pub name: String,
    /// What it is.
    pub kind: ResourceKind,
    /// The person's, as a template; absent for what only sessions have.
    #[serde(default)]
    pub source: Option<String>,
    /// Where it is below `${STATE}`.
    pub target: String,
    /// How it is shared under the preset `private`.
    pub policy: SharePolicy,
    /// How it is shared under other presets; as under `private` if absent.
    #[serde(default)]
    pub presets: BTreeMap<Preset, SharePolicy>,
    /// Under `shared-ro` on the host the session gets copies of what is in the directory, renewed at each start, instead of
    /// links: for agents that look at where a link leads.
    #[serde(default)]
    pub copied: bool,
    /// For a file that is made of the person's and of `content`: how it is written.
    #[serde(default)]
    pub format: Option<Format>,
    /// Of the person's file, only these keys at its top are taken; all if empty.
    #[serde(default)]
    pub keep: Vec<String>,
    /// Of the person's file, these keys at its top lead to what only the host has: in containers they are left out.
    #[serde(default)]
    pub only_on_host: Vec<String>,
    /// What is set in it at every start, in depth; texts and keys are templates.
    #[serde(default)]
    pub content: Option<serde_json::Map<String, serde_json::Value>>,
    /// What the agent is told in it to leave alone, at every start.
    #[serde(default)]
    pub hidden: Vec<Hidden>,
    /// What is set in it at every start where it says nothing yet, in depth: of these the first that applies.
    #[serde(default)]
    pub fallbacks: Vec<Fallback>,
}

/// Files of the person's that an agent on the host reads by itself, wherever its state is, and leaves alone where a list in its
/// settings says so: each becomes an entry, unless a resource shares it. Not said where the person's settings are used as they are
/// (`shared-rw`), nor in containers, which have none of these files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Hidden {
    /// The person's directory, as a template; links in it are followed.
    pub directory: String,
    /// The name of the files in it, however deep.
    pub file: String,
    /// The list in the settings: keys with dots between.
    pub list: String,
    /// What is added to it for each; texts are templates, with `${FILE}` besides.
    pub entry: serde_json::Map<String, serde_json::Value>,
}

/// What is set in a file where it says nothing, if somebody is logged in in one way; without a condition always.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fallback {
    /// Applies where this variable of [`Credentials::environment`](super::Credentials::environment) is set.
    #[serde(default)]
    pub variable: Option<String>,
    /// Applies where the login directory has this file of [`Credentials::files`](super::Credentials::files).
    #[serde(default)]
    pub login: Option<String>,
    /// What is set; texts and keys are templates.
    pub content: serde_json::Map<String, serde_json::Value>,
}

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ResourceKind {
    /// One file.
    File,
    /// A directory with all that is in it.
    Directory,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// JSON, with comments allowed where it is read.
    Json,
    /// TOML.
    Toml,
}

/// How something of the person's is shared with a session.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SharePolicy {
    /// Not at all: the session has its own.
    Private,
    /// The session sees the person's and changes to it; what the session changes stays in it.
    SharedRo,
    /// One for both.
    SharedRw,
    /// The session begins with a copy.
    SeedOnce,
}

/// A choice for all resources at once.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Preset {
    /// Configuration shared read-only, state private.
    #[default]
    Private,
    /// History and conversations shared live as well.
    Shared,
    /// Nothing of the person's.
    Bare,
}

impl Resource {
    /// The policy under `preset`.
    pub fn policy_under(&self, preset: Preset) -> SharePolicy {
        match (self.presets.get(&preset), preset) {
            (Some(policy), _) => *policy,
            (None, Preset::Bare) => SharePolicy::Private,
            (None, _) => self.policy,
        }
    }
}

impl FromStr for SharePolicy {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Ok(match word {
            "private" => Self::Private,
            "shared-ro" => Self::SharedRo,
            "shared-rw" => Self::SharedRw,
            "seed-once" => Self::SeedOnce,
            _ => {
                let shown = word.escape_debug();
                let message = format!(
                    "no sharing policy `{shown}`; there are private, shared-ro, shared-rw, seed-once"
                );
                return Err(Error::new(ErrorKind::InvalidInput, "profile.policy", message));
            }
        })
    }
}

impl fmt::Display for SharePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::SharedRo => "shared-ro",
            Self::SharedRw => "shared-rw",
            Self::SeedOnce => "seed-once",
        })
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Ok(match word {
            "private" => Self::Private,
            "shared" => Self::Shared,
            "bare" => Self::Bare,
            _ => {
                let shown = word.escape_debug();
                let message = format!("no preset `{shown}`; there are private, shared, bare");
                return Err(Error::new(ErrorKind::InvalidInput, "profile.preset", message));
            }
        })
    }
}
