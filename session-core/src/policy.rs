//! From what is asked to what will be made: pure, and with every problem named at once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use crate::agent::{self, AgentOptions, Login};
use crate::profile::Profile;
use crate::{
    Capabilities, Error, HostView, Layout, MountPlan, ProjectPlan, ResolvedSpec, Result, SessionId,
    SessionName, SessionSpec, SourceFacts, Strategy, Timestamp, Uncommitted,
};

mod container;
mod mounts;

pub(crate) use container::login_shell;
pub(crate) use mounts::gives_away;

/// What containers are made of where neither a spec nor the policy says anything.
const DEFAULT_IMAGE: &str = "sessctl-shell:latest";
/// Below those that systems give to outgoing connections.
const DEFAULT_PORTS: RangeInclusive<u16> = 20000..=24999;
/// The longest name of a project, in bytes; a number may come behind it.
const LONGEST_PROJECT: usize = 180;
/// What the agent is called where an image's shell is the command.
const SHELL: &str = "shell";

/// The rules that turn a [`SessionSpec`] into a [`ResolvedSpec`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// What the name of a session's branch begins with where none is asked for.
    pub branch_prefix: String,
    /// What is left out of projects where a spec names nothing; a mount ignores it.
    pub exclude: Vec<String>,
    /// Which ignored files come along where a spec names none; only strategy `branch` heeds it.
    pub include: Vec<String>,
    /// What a container is made of where a spec names no image.
    pub image: String,
    /// What of the host every container has besides what is asked for; one at the same place gives way. Uploaded sessions and
    /// those on the host have none.
    pub mounts: Vec<MountPlan>,
    /// The TCP ports that sessions get.
    pub ports: RangeInclusive<u16>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            branch_prefix: "session/".to_owned(),
            exclude: Vec::new(),
            include: Vec::new(),
            image: DEFAULT_IMAGE.to_owned(),
            mounts: Vec::new(),
            ports: DEFAULT_PORTS,
        }
    }
}

/// What [`Policy::resolve`] knows besides the request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Circumstances<'a> {
    /// The new session's id.
    pub id: SessionId,
    /// When it is asked for.
    pub now: Timestamp,
    /// What is known about the request's sources, in their order.
    pub facts: &'a [SourceFacts],
    /// What the backend promises; `None` where it is not known, and then nothing of the request is
    /// refused for its sake.
    pub capabilities: Option<&'a Capabilities>,
    /// The profile of the agent that is asked for, if it has one, and what is known of its login.
    pub agent: Option<(&'a Profile, &'a Login)>,
    /// The machine and the person.
    pub host: &'a HostView,
    /// Where sessions lie.
    pub layout: &'a Layout,
}

impl<'a> Circumstances<'a> {
    /// Those of a request without sources to a backend that is not known.
    pub fn new(id: SessionId, now: Timestamp, host: &'a HostView, layout: &'a Layout) -> Self {
        Self { id, now, facts: &[], capabilities: None, agent: None, host, layout }
    }

    /// Adds what is known about the sources.
    #[must_use]
    pub fn with_facts(mut self, facts: &'a [SourceFacts]) -> Self {
        self.facts = facts;
        self
    }

    /// Adds what is known about the agent.
    #[must_use]
    pub fn with_agent(mut self, profile: &'a Profile, login: &'a Login) -> Self {
        self.agent = Some((profile, login));
        self
    }

    /// Adds what the backend promises.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: &'a Capabilities) -> Self {
        self.capabilities = Some(capabilities);
        self
    }
}

impl Policy {
    /// Decides everything that `spec` leaves open.
    ///
    /// No I/O, so the same arguments give the same answer. All problems, what the backend can't do
    /// among them, come in one `InvalidInput` ([`Error::unmet`]).
    pub fn resolve(
        &self,
        spec: &SessionSpec,
        circumstances: &Circumstances<'_>,
    ) -> Result<ResolvedSpec> {
        let Circumstances { id, now, facts, capabilities, host, layout, .. } = circumstances;
        let mut problems = Vec::new();
        let name = match &spec.name {
            Some(name) => name.clone(),
            None => automatic_name(*now, facts.first().map_or(layout.home(), |facts| &facts.path))?,
        };
        let branch = spec.branch.clone().unwrap_or_else(|| format!("{}{name}", self.branch_prefix));

        let mut projects = Vec::new();
        let mut subdirectory = Utf8PathBuf::new();
        if spec.strategy == Some(Strategy::None) && !spec.sources.is_empty() {
            problems
                .push("strategy `none` takes no directory; leave the directories out".to_owned());
        }
        for facts in *facts {
            let strategy = spec.strategy.unwrap_or(if facts.git || facts.inside.is_some() {
                Strategy::Branch
            } else {
                Strategy::Copy
            });
            let mut source = &facts.path;
            if let (Strategy::Branch, Some(top)) = (strategy, &facts.inside) {
                subdirectory = facts.path.strip_prefix(top).map(Into::into).unwrap_or_default();
                source = top;
            }
            if strategy == Strategy::Branch && !facts.git && facts.inside.is_none() {
                problems.push(format!(
                    "`{source}` is no git repository, so it can't have a branch; use strategy `copy` (--no-worktree)"
                ));
            }
            if source.starts_with(layout.home()) {
                problems.push(format!(
                    "`{source}` lies inside `{}`, where sessions live; choose a directory outside of it",
                    layout.home()
                ));
            }
            if projects.iter().any(|plan: &ProjectPlan| plan.source == *source) {
                problems.push(format!("`{source}` was given twice; give each directory once"));
                continue;
            }
            let Some(directory) = source.file_name() else {
                problems.push(format!("`{source}` has no name; choose a directory below it"));
                continue;
            };
            let name = unique(&shortened(directory), &projects);
            let mut plan = ProjectPlan::new(name, source, strategy);
            plan.branch = (strategy == Strategy::Branch).then(|| branch.clone());
            plan.uncommitted = spec.uncommitted;
            // Asked for, they must fit; standing rules apply where they can.
            let (mounted, branched) = (strategy == Strategy::Mount, strategy == Strategy::Branch);
            plan.exclude = or_standing(&spec.exclude, &self.exclude, !mounted);
            plan.include = or_standing(&spec.include, &self.include, branched);
            problems.extend(unfit(spec, &plan));
            projects.push(plan);
        }

        let backend = spec.backend.clone().unwrap_or_else(|| host.default_backend.clone());
        let mut container = spec.container.clone();
        let in_container = capabilities.is_some_and(container::is_container);
        if in_container {
            container.image.get_or_insert_with(|| self.image_for(circumstances.agent));
            container.upload |= capabilities.is_some_and(|capabilities| capabilities.needs_upload);
            problems.extend(container::problems(&container, &projects));
            let standing = if container.upload { &[][..] } else { &self.mounts };
            container.mounts =
                mounts::settled(&container.mounts, standing, host, layout, &mut problems);
        } else if capabilities.is_some() {
            problems.extend(container::needs_container(&container, &backend));
        }

        let shell = || if in_container { login_shell() } else { host.shell.clone() };
        let command = match circumstances.agent {
            Some((profile, _)) => {
                profile.program.as_ref().map_or_else(shell, |program| vec![program.clone()])
            }
            None if spec.command.is_empty() => shell(),
            None => spec.command.clone(),
        };
        if command.iter().any(|word| word.contains('\0'))
            || command.first().is_none_or(String::is_empty)
        {
            problems.push("the command is empty or contains a NUL; give a program".to_owned());
        }
        for key in spec.environment.keys() {
            if key.is_empty() || key.contains(['=', '\0']) {
                problems.push(format!("`{}` can't name a variable", key.escape_debug()));
            }
        }
        let workspace = layout.workspace(id);
        let place = |plan: &ProjectPlan| match plan.strategy {
            Strategy::Mount => plan.source.clone(),
            _ => workspace.join(&plan.name),
        };
        let working_directory = match projects.as_slice() {
            [only] if subdirectory.as_str().is_empty() => place(only),
            [only] => place(only).join(&subdirectory),
            _ => workspace,
        };
        let (mut agent_plan, mut mounts) = (None, Vec::new());
        if let Some((profile, login)) = circumstances.agent {
            let seen = match (in_container, projects.as_slice()) {
                (false, _) => working_directory.clone(),
                (true, [only]) => container::workspace(&only.name, &subdirectory),
                (true, _) => container::workspace(Utf8Path::new(""), Utf8Path::new("")),
            };
            let request = agent::Request {
                profile,
                options: &spec.agent_options,
                arguments: &spec.command,
                login,
                host,
                id,
                directory: &layout.session(id),
                workspace: seen,
                placement: match (in_container, container.upload) {
                    (false, _) => agent::Placement::Host,
                    (true, false) => agent::Placement::Mounted,
                    (true, true) => agent::Placement::Uploaded,
                },
            };
            let (plan, mounted) = agent::resolve(&request, &mut problems);
            (agent_plan, mounts) = (Some(plan), mounted);
        } else if spec.agent_options != AgentOptions::default() {
            problems.push(
                "what is asked about an agent needs an agent with a profile (--agent)".to_owned(),
            );
        }
        if in_container && !container.upload {
            let source = layout.session(id).join("files");
            let target = agent::CONTAINER_FILES.into();
            mounts.insert(0, MountPlan { source, target, read_only: false });
        }
        if !problems.is_empty() {
            problems.dedup();
            return Err(Error::problems("policy.resolve", problems).with_session(name.as_str()));
        }
        let agent = spec.agent.clone().unwrap_or_else(|| {
            if spec.command.is_empty() && in_container {
                return SHELL.to_owned();
            }
            Utf8Path::new(&command[0]).file_name().unwrap_or(&command[0]).to_owned()
        });
        Ok(ResolvedSpec {
            name,
            backend,
            agent,
            command,
            agent_plan,
            mounts,
            directory: layout.session(id),
            working_directory,
            projects,
            environment: spec.environment.clone(),
            ports: spec.ports.clone(),
            labels: spec.labels.clone(),
            container,
        })
    }
}

impl Policy {
    /// The image where a spec names none: a configured one, else the agent's, else a shell's.
    fn image_for(&self, agent: Option<(&Profile, &Login)>) -> String {
        let of_agent = agent.and_then(|(profile, _)| profile.image.clone());
        of_agent.filter(|_| self.image == DEFAULT_IMAGE).unwrap_or_else(|| self.image.clone())
    }
}

/// The patterns that are asked for, or else those of the policy where they `fit`.
fn or_standing(asked: &[String], standing: &[String], fit: bool) -> Vec<String> {
    if asked.is_empty() && fit { standing.to_vec() } else { asked.to_vec() }
}

/// The options of `spec` that mean nothing for `plan`'s strategy.
fn unfit(spec: &SessionSpec, plan: &ProjectPlan) -> Vec<String> {
    let strategy = match plan.strategy {
        Strategy::Branch => return Vec::new(),
        Strategy::Copy => "copy",
        Strategy::Mount => "mount",
        Strategy::None => "none",
    };
    let mut problems = Vec::new();
    let mut refuse = |option: &str| {
        problems.push(format!(
            "{option} needs strategy `branch`, but `{}` gets in by `{strategy}`; leave it out",
            plan.source
        ));
    };
    if spec.branch.is_some() {
        refuse("a branch (--branch)");
    }
    if spec.uncommitted == Uncommitted::LeaveOut {
        refuse("leaving uncommitted work out (--clean)");
    }
    if !spec.include.is_empty() {
        refuse("including ignored files (--include)");
    }
    if !spec.exclude.is_empty() && plan.strategy == Strategy::Mount {
        problems.push(format!(
            "nothing can be excluded (--exclude) from the mounted `{}`",
            plan.source
        ));
    }
    problems
}

/// `20260111-190549-7015fdf7`: date, time, and a hash of the source's path (S0.2).
fn automatic_name(now: Timestamp, source: &Utf8Path) -> Result<SessionName> {
    format!("{}-{}", now.to_compact(), hash(source.as_str())).parse()
}

/// A few letters that stand for a text.
fn hash(text: &str) -> String {
    Sha256::digest(text).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// A directory's name as a project's, with a hash of the whole where it is longer than those may be: beside a project lies what is being made of
/// it, whose name is longer.
fn shortened(directory: &str) -> Cow<'_, str> {
    if directory.len() <= LONGEST_PROJECT {
        return directory.into();
    }
    let hash = hash(directory);
    let mut end = LONGEST_PROJECT - hash.len() - 1;
    while !directory.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{hash}", &directory[..end]).into()
}

/// `wanted`, or with `-2`, `-3`, … behind it if another project has that name.
fn unique(wanted: &str, projects: &[ProjectPlan]) -> String {
    let taken: BTreeSet<&str> = projects.iter().map(|plan| plan.name.as_str()).collect();
    let mut names =
        std::iter::once(wanted.to_owned()).chain((2..).map(|n| format!("{wanted}-{n}")));
    names.find(|name| !taken.contains(name.as_str())).expect("the numbers do not end")
}
