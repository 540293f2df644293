//! What is decided about a session's agent before anything is made.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::person::host_path;
use super::{Login, mcp};
use crate::catalog::remove_tree;
use crate::profile::{Choice, Preset, Profile, ResourceKind, SharePolicy, Variables};
use crate::{HostView, MountPlan, Result, SessionId, SessionName};

/// What a session in a container calls its directory.
pub(crate) const CONTAINER_FILES: &str = "/sessctl";
/// Where an agent's state is in a container.
const CONTAINER_STATE: &str = "/sessctl/state";
/// Where the login directory is in a container.
const CONTAINER_CREDENTIALS: &str = "/sessctl/credentials";
/// A container's `/tmp` is the session's own.
const CONTAINER_TEMPORARY: &str = "/tmp/sessctl";
/// The longest directory in which an agent can make its sockets: an address of a Unix socket has
/// 108 bytes (`unix(7)`), and `/cc-socks/1234567.sock` has 22.
const LONGEST_TEMPORARY: usize = 85;
/// What the name of such a directory outside of the session's own begins with.
const TEMPORARY_PREFIX: &str = "sessctl-";

/// What may be asked about a session's agent, besides which one it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AgentOptions {
    /// How the person's files are shared, all at once.
    pub preset: Preset,
    /// How single resources of the profile are shared, by their names.
    pub share: BTreeMap<String, SharePolicy>,
    /// Which of several logins is used; `default` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// What the agent is told first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The agent answers the prompt and ends.
    pub headless: bool,
    /// The agent asks no permission for anything.
    pub unattended: bool,
    /// The agent writes a log of its own for finding mistakes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub debug: bool,
    /// The conversation that the session begins with, which itself is not changed: a session's name or id, a
    /// conversation's id, or the path of its file or directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_from: Option<String>,
    /// Files of MCP servers of this session's own, the strongest last; kept when it is made.
    #[schemars(with = "Vec<String>")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mcp_config: Vec<Utf8PathBuf>,
    /// A file of settings of this session's own; kept when it is made.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Utf8PathBuf>,
}

/// A session's agent, decided; the rest stands in its profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AgentPlan {
    /// The profile's name.
    pub profile: String,
    /// The agent's private directory.
    pub state: Seen,
    /// A private directory with a short path.
    pub temporary: Seen,
    /// Where its processes begin, as the session sees it.
    #[schemars(with = "String")]
    pub workspace: Utf8PathBuf,
    /// The login directory, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Seen>,
    /// The login that was asked for by its name: variables that are a login of their own stay out of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// How each of the profile's resources is shared.
    #[serde(default)]
    pub shares: BTreeMap<String, SharePolicy>,
    /// The conversation's id, where we decide that; the agent may go on to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The person's own arguments, after ours.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// What the agent is told first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The agent answers the prompt and ends.
    #[serde(default)]
    pub headless: bool,
    /// The agent asks no permission for anything.
    #[serde(default)]
    pub unattended: bool,
    /// The agent writes a log of its own for finding mistakes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub debug: bool,
    /// The conversation that the session begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The next start begins a conversation, whichever there are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begins_anew: bool,
}

/// A conversation that a session begins with, found before anything is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Origin {
    /// Its id where it comes from.
    pub conversation: String,
    /// Its file or directory on the host, copied when the session is made; of one in a database, that.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// The session that it was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Where the copy is, below the agent's private directory.
    pub copy: String,
    /// The copy is one that the agent is told to go on from at its first start.
    pub fork: bool,
    /// The copy is one that the agent takes in before its first start. Neither this nor `fork`: it is where the agent finds it.
    #[serde(default)]
    pub import: bool,
    /// The agent has taken it in.
    #[serde(default)]
    pub taken_in: bool,
}

/// One directory, as the host and as the session sees it: the same where processes are the host's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Seen {
    /// Its path on the host; absolute. For the temporary directory of a container, which the host
    /// does not have, the same as inside.
    #[schemars(with = "String")]
    pub host: Utf8PathBuf,
    /// Its path in the session.
    #[schemars(with = "String")]
    pub inside: Utf8PathBuf,
}

/// How a session gets to the agent's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Its processes are the host's.
    Host,
    /// It is mounted into a container.
    Mounted,
    /// It is carried into a container before each start, and back.
    Uploaded,
}

/// What [`resolve`] decides from.
pub(crate) struct Request<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) options: &'a AgentOptions,
    pub(crate) arguments: &'a [String],
    pub(crate) login: &'a Login,
    pub(crate) host: &'a HostView,
    pub(crate) id: &'a SessionId,
    /// The session's directory on the host.
    pub(crate) directory: &'a Utf8Path,
    /// Where processes begin, as the session sees it.
    pub(crate) workspace: Utf8PathBuf,
    pub(crate) placement: Placement,
}

/// Decides about the agent; every problem is one text of `problems`.
pub(crate) fn resolve(
    request: &Request<'_>,
    problems: &mut Vec<String>,
) -> (AgentPlan, Vec<MountPlan>) {
    let Request { profile, options, placement, .. } = request;
    let in_container = *placement != Placement::Host;
    let shares = shares(profile, options, problems);
    if let Some(missing) = request.login.missing(profile, *placement) {
        problems.push(missing);
    }
    if options.unattended && profile.arguments.unattended.is_empty() {
        problems.push(format!(
            "{} has no way to ask no permission (--unattended); leave it out",
            profile.title
        ));
    }
    if options.debug && profile.arguments.debug.is_empty() {
        problems.push(format!(
            "{} has no log of its own for finding mistakes (debug); leave it out",
            profile.title
        ));
    }
    if profile.mcp.is_none() && !options.mcp_config.is_empty() {
        problems.push(format!(
            "{} can't be told of MCP servers (--mcp-config); leave it out",
            profile.title
        ));
    }
    if profile.overrides.is_none() && options.settings.is_some() {
        problems.push(format!(
            "{} takes no settings of a single session (--settings); leave it out",
            profile.title
        ));
    }
    match (&options.prompt, options.headless) {
        (None, true) => problems
            .push("to answer and end (--headless) needs something to answer (--prompt)".to_owned()),
        (Some(_), true) if profile.arguments.headless.is_empty() => {
            problems.push(format!("{} can't answer and end (--headless)", profile.title));
        }
        (Some(_), false) if profile.arguments.prompt.is_empty() => {
            problems.push(format!("{} takes no first prompt (--prompt)", profile.title));
        }
        _ => {}
    }
    let state = request.directory.join("state").join(&profile.name);
    let seen = |host: Utf8PathBuf, inside: &str| {
        let inside = if in_container { inside.into() } else { host.clone() };
        Seen { host, inside }
    };
    let temporary = match in_container {
        true => seen(CONTAINER_TEMPORARY.into(), CONTAINER_TEMPORARY),
        false => seen(temporary(request), CONTAINER_TEMPORARY),
    };
    // Nothing can be shared with an engine that does not see the host's directories.
    let uploaded = *placement == Placement::Uploaded;
    let credentials = request.login.directory.clone().filter(|_| !uploaded);
    let live = shares.iter().find(|(_, policy)| uploaded && **policy == SharePolicy::SharedRw);
    problems.extend(live.map(|(name, _)| {
        format!("`{name}` can't be shared-rw with an uploaded session (--upload); share it in another way")
    }));
    let plan = AgentPlan {
        profile: profile.name.clone(),
        state: seen(state, CONTAINER_STATE),
        temporary,
        workspace: request.workspace.clone(),
        credentials: credentials.map(|directory| seen(directory, CONTAINER_CREDENTIALS)),
        login: request.login.named.then(|| request.login.name.clone()),
        conversation: (profile.conversation.id == Choice::Ours)
            .then(|| uuid::Uuid::new_v4().to_string()),
        shares,
        arguments: request.arguments.to_vec(),
        prompt: options.prompt.clone(),
        headless: options.headless,
        unattended: options.unattended,
        debug: options.debug,
        origin: None,
        begins_anew: false,
    };
    let mounts = match placement {
        Placement::Mounted => mounts(request, &plan, problems),
        Placement::Host | Placement::Uploaded => Vec::new(),
    };
    (plan, mounts)
}

/// The policy of each resource: what is asked for, else what the preset says.
fn shares(
    profile: &Profile,
    options: &AgentOptions,
    problems: &mut Vec<String>,
) -> BTreeMap<String, SharePolicy> {
    let mut shares: BTreeMap<_, _> = profile
        .resources
        .iter()
        .map(|resource| (resource.name.clone(), resource.policy_under(options.preset)))
        .collect();
    if profile.mcp.is_some() {
        let bare = options.preset == Preset::Bare;
        let policy = if bare { SharePolicy::Private } else { SharePolicy::SharedRo };
        shares.insert(mcp::RESOURCE.to_owned(), policy);
    }
    for (name, policy) in &options.share {
        if profile.mcp.is_some() && name == mcp::RESOURCE {
            if matches!(policy, SharePolicy::Private | SharePolicy::SharedRo) {
                shares.insert(name.clone(), *policy);
            } else {
                problems
                    .push(format!("your MCP servers can be private or shared-ro, not {policy}"));
            }
            continue;
        }
        let Some(resource) = profile.resources.iter().find(|resource| resource.name == *name)
        else {
            let known: Vec<_> = shares.keys().map(String::as_str).collect();
            problems.push(format!(
                "{} has no `{}` to share (--share); there are {}",
                profile.title,
                name.escape_debug(),
                known.join(", ")
            ));
            continue;
        };
        if resource.source.is_none() && *policy != SharePolicy::Private {
            problems.push(format!("`{name}` is made for each session and can't be {policy}"));
            continue;
        }
        if resource.content.is_some() && *policy == SharePolicy::SharedRw {
            problems.push(format!(
                "`{name}` can't be shared-rw: what each session needs is set in it, and would be set in yours; use shared-ro"
            ));
            continue;
        }
        shares.insert(name.clone(), *policy);
    }
    shares
}

/// A private directory on the host that is short enough for sockets.
fn temporary(request: &Request<'_>) -> Utf8PathBuf {
    let ours = request.directory.join("tmp");
    if ours.as_str().len() <= LONGEST_TEMPORARY {
        return ours;
    }
    let id = request.id.to_string().replace('-', "");
    request.host.temporary_directory.join(format!("{TEMPORARY_PREFIX}{}", &id[id.len() - 12..]))
}

/// What of the host the agent's container has.
fn mounts(request: &Request<'_>, plan: &AgentPlan, problems: &mut Vec<String>) -> Vec<MountPlan> {
    let mount = |source: &Utf8Path, target: &Utf8Path, read_only| MountPlan {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only,
    };
    let mut mounts = vec![mount(&plan.state.host, &plan.state.inside, false)];
    mounts.extend(plan.credentials.iter().map(|seen| mount(&seen.host, &seen.inside, false)));
    let variables = request.profile.host_variables(request.host);
    for resource in &request.profile.resources {
        let (read_only, mounted) = match (plan.shares.get(&resource.name), resource.kind) {
            (Some(SharePolicy::SharedRo), ResourceKind::Directory) => (true, true),
            (Some(SharePolicy::SharedRw), _) => (false, true),
            // A file that can't be replaced breaks agents: it is a copy.
            _ => (true, false),
        };
        let (true, Some(source)) = (mounted, &resource.source) else { continue };
        match host_path(source, &variables) {
            Ok(source) => {
                let target = plan.state.inside.join(&resource.target);
                mounts.push(mount(&source, &target, read_only));
            }
            Err(error) => problems.push(format!("`{}`: {}", resource.name, error.message())),
        }
    }
    mounts
}

impl AgentPlan {
    /// How its session gets to its directory.
    pub(crate) fn placement(&self, uploaded: bool) -> Placement {
        match (self.state.host == self.state.inside, uploaded) {
            (true, _) => Placement::Host,
            (false, false) => Placement::Mounted,
            (false, true) => Placement::Uploaded,
        }
    }

    /// Whether the conversations of others are among those in its directory.
    pub(crate) fn shares_conversations(&self, profile: &Profile) -> bool {
        let Some(file) = &profile.conversation.file else { return false };
        profile.resources.iter().any(|resource| {
            Utf8Path::new(file).starts_with(&resource.target)
                && self.shares.get(&resource.name) == Some(&SharePolicy::SharedRw)
        })
    }

    /// Removes the directory for short-lived files where it lies outside of the session's own; `Ok` if
    /// there is none. Blocks.
    pub(crate) fn remove_temporary(&self) -> Result<()> {
        let Seen { host, inside } = &self.temporary;
        let is_ours = host.file_name().is_some_and(|name| name.starts_with(TEMPORARY_PREFIX));
        if host != inside || !is_ours || host.is_symlink() {
            return Ok(());
        }
        remove_tree(host)
    }

    /// All variables but those of single arguments.
    pub fn variables(
        &self,
        profile: &Profile,
        host: &HostView,
        id: &SessionId,
        name: &SessionName,
    ) -> Variables {
        let mut variables = profile
            .host_variables(host)
            .with("STATE", self.state.inside.as_str())
            .with("TMP", self.temporary.inside.as_str())
            .with("WORKSPACE", self.workspace.as_str())
            .with("SESSION_ID", id.to_string())
            .with("SESSION_NAME", name.to_string());
        if let Some(credentials) = &self.credentials {
            variables.set("CREDENTIALS", credentials.inside.as_str());
        }
        variables
    }
}
