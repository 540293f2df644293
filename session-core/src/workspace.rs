//! The session's private copy of one or more projects: what is asked, what was found, what was made.

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Progress, Result};

/// How a project gets into a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strategy {
    /// A git repository of its own on a branch of its own; the source is not touched.
    Branch,
    /// The whole directory, `.git` included, minus what is excluded.
    Copy,
    /// The live directory itself: **not isolated**.
    Mount,
    /// Nothing: an empty workspace.
    None,
}

/// Whether the user's uncommitted state comes along into a [`Strategy::Branch`] project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Uncommitted {
    /// Staged, unstaged and untracked-not-ignored files come along, as they were.
    #[default]
    Carry,
    /// Only what is committed.
    LeaveOut,
}

/// One project of a session, decided to the last detail: data only, nothing left to look up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ProjectPlan {
    /// The directory name under `workspace/`; unique in the session.
    pub name: String,
    /// The user's directory, absolute.
    #[schemars(with = "String")]
    pub source: Utf8PathBuf,
    /// How it gets into the session.
    pub strategy: Strategy,
    /// The new branch, for [`Strategy::Branch`]; slashes allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether uncommitted work comes along.
    #[serde(default)]
    pub uncommitted: Uncommitted,
    /// Patterns (gitignore syntax) of what is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Patterns (gitignore syntax) of ignored files that come along all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
}

impl ProjectPlan {
    /// A plan with nothing excluded, nothing included and uncommitted work carried.
    pub fn new(
        name: impl Into<String>,
        source: impl Into<Utf8PathBuf>,
        strategy: Strategy,
    ) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            strategy,
            branch: None,
            uncommitted: Uncommitted::default(),
            exclude: Vec::new(),
            include: Vec::new(),
        }
    }

    /// Names the new branch.
    #[must_use]
    pub fn with_branch(mut self, branch: impl Into<String>) -> Self {
        self.branch = Some(branch.into());
        self
    }
}

/// What is known about a directory of the user before anything is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceFacts {
    /// The directory with every symlink resolved.
    pub path: Utf8PathBuf,
    /// Whether it is the top of a git work tree (linked work trees included).
    pub git: bool,
    /// The top of the git work tree that it lies in, if that is another directory.
    pub inside: Option<Utf8PathBuf>,
    /// Its current branch; `None` on a detached HEAD or outside git.
    pub branch: Option<String>,
    /// The commit that HEAD names; `None` on an unborn branch or outside git.
    pub head: Option<String>,
}

impl SourceFacts {
    /// Facts about a directory that is no git repository.
    pub fn directory(path: impl Into<Utf8PathBuf>) -> Self {
        Self { path: path.into(), git: false, inside: None, branch: None, head: None }
    }
}

/// What was made of a [`ProjectPlan`]; part of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ProjectRecord {
    /// The directory name under `workspace/`.
    pub name: String,
    /// The user's directory, absolute.
    #[schemars(with = "String")]
    pub source: Utf8PathBuf,
    /// How it got into the session.
    pub strategy: Strategy,
    /// The directory the session works in: `workspace/<name>`, or the source itself for a mount.
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    /// The branch that the session works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The branch that the source was on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// The commit that the session's branch began at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_commit: Option<String>,
    /// The patterns that left files out: what they name is not missing from the copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// What could not come along, with the reason (sockets, fifos, devices).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
}

impl ProjectRecord {
    /// A record of `plan` made at `path`, with no git facts yet.
    pub fn new(plan: &ProjectPlan, path: impl Into<Utf8PathBuf>) -> Self {
        Self {
            name: plan.name.clone(),
            source: plan.source.clone(),
            strategy: plan.strategy,
            path: path.into(),
            branch: None,
            base_branch: None,
            base_commit: None,
            exclude: plan.exclude.clone(),
            skipped: Vec::new(),
        }
    }
}

/// Work in a session that exists nowhere else, found by looking, never from memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct UnsavedWork {
    /// Changed, staged or untracked files (relative paths, lossy where not UTF-8).
    pub files: Vec<String>,
    /// Commits that the source repository does not have.
    pub commits: u64,
    /// Stash entries.
    pub stashes: u64,
    /// Why the answer could not be known; then everything counts as unsaved.
    pub unknown: Option<String>,
}

impl UnsavedWork {
    /// Whether a removal loses nothing.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.commits == 0 && self.stashes == 0 && self.unknown.is_none()
    }
}

/// So many files are named; the rest is counted.
const NAMED_FILES: usize = 8;

impl std::fmt::Display for UnsavedWork {
    /// What is only here, in words; nothing that a terminal would obey.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.files.is_empty() {
            let named = self.files.iter().take(NAMED_FILES);
            let named: Vec<_> = named.map(|file| file.escape_debug().to_string()).collect();
            let more = match self.files.len().saturating_sub(NAMED_FILES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("files that are only here: {}{more}", named.join(", ")));
        }
        if self.commits > 0 {
            parts.push(format!("commits that are only here: {}", self.commits));
        }
        if self.stashes > 0 {
            parts.push(format!("stashes that are only here: {}", self.stashes));
        }
        if let Some(reason) = &self.unknown {
            let reason = reason.escape_debug();
            parts.push(format!("what is only here could not be found out ({reason})"));
        }
        f.write_str(&if parts.is_empty() {
            "nothing is only here".to_owned()
        } else {
            parts.join("; ")
        })
    }
}

/// Makes and examines workspaces on the host.
///
/// # Contract
/// - `survey_changes_nothing`: [`survey`](Self::survey) only reads.
/// - `provision_is_whole_or_gone`: after an error or a cancellation, the project's directory does not exist.
/// - `provision_is_idempotent`: what an interrupted call left is replaced.
/// - `source_untouched`: no call writes to, locks or re-configures a source.
#[async_trait]
pub trait Workspaces: std::fmt::Debug + Send + Sync {
    /// Looks at a directory that is to become a project.
    ///
    /// Fails with `NotFound` or `InvalidInput` where it is missing or no directory.
    async fn survey(&self, source: &Utf8Path) -> Result<SourceFacts>;

    /// Makes `plan` at `root/<plan.name>` (`root` exists) and says what came of it.
    ///
    /// For a mount nothing is made. Everything that would fail (unreadable files, a repository that
    /// is not supported, a bad branch name) is found before the first byte is written.
    async fn provision(
        &self,
        plan: &ProjectPlan,
        root: &Utf8Path,
        progress: &Progress,
    ) -> Result<ProjectRecord>;

    /// Finds the work in a project that exists nowhere else.
    ///
    /// Never runs git, and reads the (hostile) repository without following its configuration.
    async fn unsaved(&self, project: &ProjectRecord) -> Result<UnsavedWork>;
}
