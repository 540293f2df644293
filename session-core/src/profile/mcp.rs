//! How an agent is told of MCP servers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Format;

/// Where an agent reads which MCP servers to run, and in which form.
///
/// What is written there is made of the person's, the project's and the session's files (`docs/mcp.md`).
/// The forms `local` and `remote` are one server each: a text in them that is one of the following is replaced by what
/// it stands for, and left out with its key where there is no such thing.
///
/// | text | what |
/// |---|---|
/// | `${COMMAND}`, `${ARGUMENTS}` | the program; the list of its arguments |
/// | `${COMMAND_LINE}` | the list of both |
/// | `${ENVIRONMENT}` | the table of its variables |
/// | `${URL}`, `${HEADERS}` | where a remote server is; the table of headers |
/// | `${HTTP_URL}`, `${SSE_URL}` | the same URL, only if that is how it speaks |
/// | `${TRANSPORT}` | `http` or `sse` |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Mcp {
    /// The file, below `${STATE}`; it may be one that a resource makes.
    pub file: String,
    /// How it is written.
    pub format: Format,
    /// The table in it that holds the servers, by name.
    pub key: String,
    /// The person's own files.
    #[serde(default)]
    pub person: Vec<McpSource>,
    /// The project's file, relative to where the agent begins, or to a directory above it in the project.
    #[serde(default)]
    pub project: Option<String>,
    /// A server that is a process.
    #[serde(default)]
    pub local: Option<Map<String, Value>>,
    /// A server that is reached by a URL.
    #[serde(default)]
    pub remote: Option<Map<String, Value>>,
    /// How the agent itself writes a variable of its environment in that file, with `NAME` for the name. What must not
    /// lie in a file is then handed over as a variable.
    #[serde(default)]
    pub reference: Option<String>,
    /// What begins something in that file that the agent would expand.
    #[serde(default)]
    pub expands: Vec<String>,
    /// More variables that MCP configurations may use; templates.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A file that names servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct McpSource {
    /// Its path, as a template of the person's files.
    pub file: String,
    /// How it is written.
    pub format: Format,
    /// The table in it that holds the servers.
    pub key: String,
}
