//! How an agent's program is kept up to date.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How to find out that there is a newer version, and how to install it.
///
/// Commands are programs of the host with their arguments, as templates with `${PACKAGE}` and, to install,
/// `${VERSION}`. The installed version is what [`Arguments::version`](super::Arguments::version) prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Update {
    /// What the registry calls it.
    pub package: String,
    /// Prints what the registry knows of the latest release: JSON with `version` and, if it has needs, `engines`.
    /// `${CACHE}` is a directory of ours for what it keeps.
    pub query: Vec<String>,
    /// Installs exactly `${VERSION}`.
    pub install: Vec<String>,
    /// Which of the release's `engines` it really needs to run, if one: the program that prints its version, too. Where that is
    /// too old, nothing is installed, for a registry's client would rather take an older release.
    #[serde(default)]
    pub engine: Option<Engine>,
}

/// What a program runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Engine {
    /// Its name in `engines`.
    pub name: String,
    /// Prints its version.
    pub version: Vec<String>,
}
