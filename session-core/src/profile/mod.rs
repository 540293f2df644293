//! What is known about an agent, as data: no agent has code of its own.

mod check;
mod conversation;
mod document;
mod facts;
mod mcp;
mod merge;
mod outside;
mod overrides;
mod problem;
mod readiness;
mod resource;
mod set;
mod shape;
mod template;
mod update;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use conversation::{Choice, Conversation, Database};
pub use facts::{DatabaseFacts, Facts, Live, Selector, Unwanted};
pub use mcp::{Mcp, McpSource};
pub use outside::{Access, Outside};
pub use overrides::{OverrideRule, Overrides};
pub use readiness::ReadinessCheck;
pub use resource::{Fallback, Format, Hidden, Preset, Resource, ResourceKind, SharePolicy};
pub use set::{ProfileFile, Profiles};
pub use template::{Template, Variables};
pub use update::{Engine, Update};

/// One agent: how it is run, what it keeps where, what of the person's it may see
/// (`docs/schemas/profile.json`; the file format is described in `docs/agents.md`).
///
/// Strings marked as templates hold `${NAME}` for what is only known later; see [`Variables`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["title"] }, { "required": ["extends"] }]))]
#[non_exhaustive]
pub struct Profile {
    /// The word for it: lowercase letters, digits and dashes. The file's name, never in the file.
    #[serde(skip)]
    pub name: String,
    /// The profile that this one changes; what is said here is put over what that one says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Its name as people write it.
    #[serde(default)]
    pub title: String,
    /// What containers are made of where nothing else is asked for.
    #[serde(default)]
    pub image: Option<String>,
    /// The program, found on the `PATH` of the session; the person's shell if absent.
    #[serde(default)]
    pub program: Option<String>,
    /// The arguments for each way to run it.
    #[serde(default)]
    pub arguments: Arguments,
    /// Directories of the person's where the agent keeps its files when no session is around it:
    /// each name, in capitals, is a variable in the templates of this profile.
    #[serde(default)]
    pub places: BTreeMap<String, Place>,
    /// Variables of the agent's environment.
    #[serde(default)]
    pub environment: Environment,
    /// What of the person's comes into a session, and what is made there beforehand.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// What has to be in order before it can work, with the way to mend it.
    #[serde(default)]
    pub checks: Vec<ReadinessCheck>,
    /// How it logs in.
    #[serde(default)]
    pub credentials: Credentials,
    /// Its conversations.
    #[serde(default)]
    pub conversation: Conversation,
    /// Paths below `${STATE}` that it makes anew where it needs them, so that they may be removed while it does not run; `*` and
    /// `?` may stand in a name, but not first. Nothing that a conversation or a login is in.
    #[serde(default)]
    pub disposable: Vec<String>,
    /// What else of the person's it touches on the host, whatever it is told.
    #[serde(default)]
    pub outside: Vec<Outside>,
    /// How to read what it is doing from what it wrote.
    #[serde(default)]
    pub facts: Facts,
    /// How it is told of MCP servers, if it can be.
    #[serde(default)]
    pub mcp: Option<Mcp>,
    /// How settings of a single session reach it, if they can.
    #[serde(default)]
    pub overrides: Option<Overrides>,
    /// How its program is kept up to date, if that is known.
    #[serde(default)]
    pub update: Option<Update>,
}

/// Arguments, as templates; those of one start are put together in this order, but for `headless`, which comes second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Arguments {
    /// Always, before all others.
    pub always: Vec<String>,
    /// For a new conversation.
    pub new: Vec<String>,
    /// For the conversation `${CONVERSATION_ID}`, which exists.
    pub resume: Vec<String>,
    /// For a new conversation `${CONVERSATION_ID}` that begins as a copy of what `${FROM}` holds.
    pub fork: Vec<String>,
    /// To take in the conversation that is in the file `${FROM}`, under its own id, and end; run once, in the directory where the
    /// conversation goes on. To be run again must do no harm.
    pub import: Vec<String>,
    /// To begin with `${PROMPT}` and stay.
    pub prompt: Vec<String>,
    /// To answer `${PROMPT}` and end; before all others but `always`.
    pub headless: Vec<String>,
    /// To answer `${PROMPT}` in the conversation `${CONVERSATION_ID}` and end, where `headless` and `resume` don't go together.
    pub headless_resume: Vec<String>,
    /// To ask no permission for anything.
    pub unattended: Vec<String>,
    /// To write a log of its own for finding mistakes, in its private directory.
    pub debug: Vec<String>,
    /// To print its version and do nothing else.
    pub version: Vec<String>,
    /// To log in, at a terminal, once for all sessions; there is no session around it.
    pub login: Vec<String>,
    /// To use the servers that `${MCP_FILE}` names.
    pub mcp: Vec<String>,
}

/// A directory of the person's: what `variable` says, else `default`, and `below` it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Place {
    /// The variable of the person's environment that moves it; ignored unless it is an absolute path.
    #[serde(default)]
    pub variable: Option<String>,
    /// Where it is otherwise; a template with `${HOME}`.
    pub default: String,
    /// What is appended to either.
    #[serde(default)]
    pub below: Option<String>,
}

/// Variables of an agent's environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Environment {
    /// Set in every session; templates. One that needs `${CREDENTIALS}` is left out where there is no login directory.
    pub set: BTreeMap<String, String>,
    /// Set in addition where no permission is asked for.
    pub unattended: BTreeMap<String, String>,
    /// Set in addition in containers.
    pub container: BTreeMap<String, String>,
    /// Taken away from every agent's environment (a `*` ends a prefix): what this agent leaves to
    /// processes that it starts, and what would move its state.
    pub scrub: Vec<String>,
    /// Handed over from the person's environment into containers too, and never taken away (a `*` ends a prefix).
    pub pass: Vec<String>,
}

/// How an agent logs in, and where that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Credentials {
    /// Whether it can't work without.
    pub required: bool,
    /// The person's own login directory, used by sessions on the host; a template.
    pub host: Option<String>,
    /// Files in a login directory that say that somebody is logged in.
    pub files: Vec<String>,
    /// Where in the session's state each of these files is a link to the login directory (for
    /// agents that have no variable for it, and write in place): file, path below `${STATE}`.
    pub links: BTreeMap<String, String>,
    /// Variables that are a login of their own; handed over like `environment.pass`.
    pub environment: Vec<String>,
    /// Variables that are one only where the agent answers and ends; handed over likewise.
    pub headless: Vec<String>,
    /// What in the person's settings is a login of its own, or says that another service is used.
    pub settings: Vec<LoginSetting>,
    /// What to do where it is missing, as people read it.
    pub remedy: Option<String>,
    /// What else can be done, behind that.
    pub hint: Option<String>,
}

/// A key of the person's settings that stands for a login where the session has these settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LoginSetting {
    /// The resource that is the file of settings.
    pub resource: String,
    /// The key in it, with dots between; it counts with any value but an empty one, `false` and those of `except`.
    pub key: String,
    /// Values that say nothing of a login.
    #[serde(default)]
    pub except: Vec<String>,
}

/// What a file may say, as a JSON Schema.
fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_deserialize();
    settings.into_generator().into_root_schema_for::<Profile>().to_value()
}

#[cfg(test)]
mod tests;
