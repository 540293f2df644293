//! What may be asked of a session that is a container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::MountPlan;

/// Options that only a backend with [`Isolation::Container`](crate::Isolation::Container) has;
/// asked of another one, each is an unmet need of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ContainerOptions {
    /// The image, as the engine names it; the policy's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Processes run as the container's root instead of the calling user.
    pub root: bool,
    /// The network; the engine's default one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The most memory, in bytes; swap included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// The most processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// The most processor time, in thousandths of one processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u32>,
    /// The image's own files can't be changed; the workspace, the home and `/tmp` can.
    pub read_only: bool,
    /// More of the host's directories and files than the workspace; relative sources are those of the working directory.
    /// Each source must exist, and none may lead to where sessions and logins are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<MountPlan>,
    /// The workspace is streamed into a volume of the engine instead of being mounted: for an
    /// engine that does not see the host's directories.
    pub upload: bool,
}

/// Which network a container joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
#[non_exhaustive]
pub enum Network {
    /// The loopback device only.
    None,
    /// What the engine gives where nothing is said.
    Default,
    /// The engine's network of this name, which must exist.
    Named(String),
}

impl From<String> for Network {
    fn from(word: String) -> Self {
        match word.as_str() {
            "none" => Self::None,
            "default" => Self::Default,
            _ => Self::Named(word),
        }
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        match network {
            Network::None => "none".to_owned(),
            Network::Default => "default".to_owned(),
            Network::Named(name) => name,
        }
    }
}
