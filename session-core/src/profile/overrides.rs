//! What a session's `settings-override.json` comes to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How settings of one session reach an agent. Keys without a rule go into the agent's file as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Overrides {
    /// The resource whose file they are set in.
    pub resource: String,
    /// For keys that the agent does not know by that name.
    #[serde(default)]
    pub rules: BTreeMap<String, OverrideRule>,
}

/// What becomes of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct OverrideRule {
    /// Where in the file it goes instead: keys with dots between them. A list there is added to.
    pub into: Option<String>,
    /// It is a list of texts; a single text is a list of one.
    pub list: bool,
    /// Arguments that it becomes; templates with `${VALUE}`.
    pub arguments: Vec<String>,
}
