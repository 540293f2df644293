//! What a person or program asks for, and what it is decided to mean.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    AgentOptions, AgentPlan, ContainerOptions, LABEL_NAME, LABEL_SPEC_HASH, MountPlan, ProjectPlan,
    SessionName, Strategy, Uncommitted,
};

/// What is asked for; everything that is left out has a default.
///
/// ```
/// use session_core::SessionSpec;
/// let spec = SessionSpec::new().with_name("auth".parse()?).with_source("/home/me/project");
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct SessionSpec {
    /// The session's name; made from the date and the source's path if absent.
    pub name: Option<SessionName>,
    /// The backend's kind; the policy's default if absent.
    pub backend: Option<String>,
    /// The agent: one of the manager's profiles. Where there is none of that name and a command is
    /// given, only what it is called in lists; the program's name if absent.
    pub agent: Option<String>,
    /// What is asked about an agent that has a profile.
    pub agent_options: AgentOptions,
    /// Program and arguments of the main process, the user's shell if empty; for an agent that has
    /// a profile, arguments that follow the profile's.
    pub command: Vec<String>,
    /// The user's directories; the working directory if empty.
    #[schemars(with = "Vec<String>")]
    pub sources: Vec<Utf8PathBuf>,
    /// How they get in; `branch` for a git repository and `copy` otherwise, if absent.
    pub strategy: Option<Strategy>,
    /// The new branch's name; `session/<name>` if absent.
    pub branch: Option<String>,
    /// Whether uncommitted work comes along.
    pub uncommitted: Uncommitted,
    /// Patterns of what is left out.
    pub exclude: Vec<String>,
    /// Patterns of ignored files that come along.
    pub include: Vec<String>,
    /// Variables to set in the session. **Not for secrets**: they stand in the record.
    pub environment: BTreeMap<String, String>,
    /// Names of TCP ports that the session has to itself: variables `SESSCTL_PORT_<name>` in it.
    pub ports: Vec<String>,
    /// Free key-value pairs, kept in the record.
    pub labels: BTreeMap<String, String>,
    /// What only a container can have.
    pub container: ContainerOptions,
}

impl SessionSpec {
    /// A spec that leaves everything to the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the agent.
    #[must_use]
    pub fn with_agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }

    /// Asks for something about an agent that has a profile.
    #[must_use]
    pub fn with_agent_options(mut self, options: AgentOptions) -> Self {
        self.agent_options = options;
        self
    }

    /// Names the session.
    #[must_use]
    pub fn with_name(mut self, name: SessionName) -> Self {
        self.name = Some(name);
        self
    }

    /// Chooses the backend's kind.
    #[must_use]
    pub fn with_backend(mut self, kind: impl Into<String>) -> Self {
        self.backend = Some(kind.into());
        self
    }

    /// Says what the main process is.
    #[must_use]
    pub fn with_command<I: IntoIterator<Item = S>, S: Into<String>>(mut self, argv: I) -> Self {
        self.command = argv.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a project.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Utf8PathBuf>) -> Self {
        self.sources.push(source.into());
        self
    }

    /// Chooses how projects get in.
    #[must_use]
    pub fn with_strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// Asks for what only a container can have.
    #[must_use]
    pub fn with_container(mut self, container: ContainerOptions) -> Self {
        self.container = container;
        self
    }

    /// Names the new branch.
    #[must_use]
    pub fn with_branch(mut self, branch: impl Into<String>) -> Self {
        self.branch = Some(branch.into());
        self
    }
}

/// A spec decided to the last detail: plain data, nothing left to look up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ResolvedSpec {
    /// The session's name.
    pub name: SessionName,
    /// The backend's kind.
    pub backend: String,
    /// What the agent is called in lists.
    pub agent: String,
    /// Program and arguments of the main process; never empty. For an agent that has a profile, the
    /// program only: the arguments are decided at each start.
    pub command: Vec<String>,
    /// What is decided about an agent that has a profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_plan: Option<AgentPlan>,
    /// What of the host a container has besides the workspace, outer ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<MountPlan>,
    /// The session's directory on the host, absolute; the caller's, not the backend's.
    #[schemars(with = "String")]
    pub directory: Utf8PathBuf,
    /// Where processes begin, as a host path.
    #[schemars(with = "String")]
    pub working_directory: Utf8PathBuf,
    /// The projects.
    #[serde(default)]
    pub projects: Vec<ProjectPlan>,
    /// Variables to set in the session; no secrets.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Names of TCP ports that the session has to itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// Free key-value pairs.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What only a container can have; the default elsewhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub container: ContainerOptions,
}

fn is_default(options: &ContainerOptions) -> bool {
    *options == ContainerOptions::default()
}

impl ResolvedSpec {
    /// A spec with no projects that runs `command` in `directory`.
    pub fn new(
        name: SessionName,
        backend: impl Into<String>,
        command: Vec<String>,
        directory: impl Into<Utf8PathBuf>,
    ) -> Self {
        let directory = directory.into();
        Self {
            name,
            backend: backend.into(),
            agent: command.first().cloned().unwrap_or_default(),
            command,
            agent_plan: None,
            mounts: Vec::new(),
            working_directory: directory.clone(),
            directory,
            projects: Vec::new(),
            environment: BTreeMap::new(),
            ports: Vec::new(),
            labels: BTreeMap::new(),
            container: ContainerOptions::default(),
        }
    }

    /// A digest that is equal exactly for equal specs (SHA-256 of its JSON, in hex).
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a spec is plain data with string keys");
        Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The labels that a backend puts on what it makes.
    pub fn backend_labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        labels.insert(LABEL_NAME.to_owned(), self.name.to_string());
        labels.insert(LABEL_SPEC_HASH.to_owned(), self.hash());
        labels
    }
}
