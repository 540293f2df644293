//! The type that implements the trait.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Error, ErrorKind, Progress, ProjectPlan, ProjectRecord, Result, SourceFacts, Strategy,
    UnsavedWork, Workspaces,
};

use crate::config;
use crate::copy::Run;
use crate::facts;
use crate::identity::Asked;
use crate::layout::Layout;
use crate::pattern::Patterns;
use crate::plan::{Context, Planned};
use crate::repository::On;
use crate::staging::staged;
use crate::unsaved;
use crate::whole::Whole;

/// Workspaces on the host's file system.
///
/// A value holds no open files; clones are equal and cheap. Calls about different projects may run at the
/// same time; two provisions of one project may not (the caller holds the session's lock).
#[derive(Debug, Clone, Default)]
pub struct HostWorkspaces {
    threads: Option<NonZero<usize>>,
    forbidden: Option<Utf8PathBuf>,
    ignore_file: Option<Utf8PathBuf>,
    environment: Option<Arc<BTreeMap<String, String>>>,
}

impl HostWorkspaces {
    /// Workspaces copied on all cores, with no place forbidden.
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies on `threads` threads; 0 means as many as there are cores.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = NonZero::new(threads);
        self
    }

    /// Names the place where sessions are kept: nothing in it can be a source, and where it lies inside a
    /// source it is left out of the copy. It need not exist yet.
    #[must_use]
    pub fn with_forbidden(mut self, home: impl Into<Utf8PathBuf>) -> Self {
        self.forbidden = Some(home.into());
        self
    }

    /// Names the user's ignore file for all repositories (git's `core.excludesFile`; by default
    /// `git/ignore` in the configuration directory). It need not exist.
    #[must_use]
    pub fn with_ignore_file(mut self, file: impl Into<Utf8PathBuf>) -> Self {
        self.ignore_file = Some(file.into());
        self
    }

    /// Names the environment in which git is asked who the user is (`user.name`, `user.email`), in each source: the copies say
    /// the same, so that there can be commits where none of the user's configuration is. By default nobody is asked, and a copy
    /// says what its source's own configuration does. The source's own counts, and a git that isn't there is no error.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = Some(Arc::new(environment));
        self
    }

    fn home(&self) -> Option<Utf8PathBuf> {
        let home = self.forbidden.as_ref()?;
        Some(home.canonicalize_utf8().unwrap_or_else(|_| home.clone()))
    }

    fn ignore_rules(&self) -> Vec<u8> {
        self.ignore_file.as_ref().and_then(|file| std::fs::read(file).ok()).unwrap_or_default()
    }

    fn provision_now(
        &self,
        plan: &ProjectPlan,
        root: &Utf8Path,
        progress: &Progress,
    ) -> Result<ProjectRecord> {
        progress.check("workspace.provision")?;
        check_name(&plan.name)?;
        let exclude = Patterns::given(&plan.exclude, "exclude")?;
        let include = Patterns::given(&plan.include, "include")?;
        let root = root.canonicalize_utf8().map_err(|error| {
            Error::io("workspace.provision", format!("can't find the directory `{root}`"), error)
        })?;
        let path = root.join(&plan.name);
        let mut record = ProjectRecord::new(plan, &path);
        if plan.strategy == Strategy::None {
            self.check_replaceable(&record)?;
            staged(root.as_std_path(), &plan.name, |dir, umask| {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::Permissions::from_mode(0o777 & !umask);
                std::fs::set_permissions(dir, mode).map_err(|error| crate::copy::failed(dir, error))
            })?;
            return Ok(record);
        }
        let home = self.home();
        let source = facts::source(&plan.source, home.as_deref())?;
        if plan.strategy == Strategy::Mount {
            if home.is_some_and(|home| home.starts_with(&source)) {
                let message = format!(
                    "`{source}` holds all sessions; mount a directory of your own below it"
                );
                return Err(Error::new(ErrorKind::InvalidInput, "workspace.provision", message));
            }
            record.path.clone_from(&source);
            if let Ok(found) = facts::survey(&source) {
                record.branch.clone_from(&found.branch);
                (record.base_branch, record.base_commit) = (found.branch, found.head);
            }
            return Ok(record);
        }
        self.check_replaceable(&record)?;
        let asked = Asked::at(source.as_std_path(), self.environment.as_deref());
        let threads =
            self.threads.or_else(|| available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN);
        let omit = home.iter().chain([&root]).map(|path| PathBuf::from(path.as_str())).collect();
        let ignore_file = self.ignore_rules();
        let context = Context { threads, progress, omit, ignore_file, exclude, include };
        let run = |umask| Run::new(&plan.name, progress, threads, umask);
        let layout = Layout::find(source.as_std_path());
        if plan.strategy == Strategy::Copy {
            // With its `.git` left out, a directory needs no sound repository.
            let layout = match layout {
                Err(_)
                    if context.exclude.verdict(Path::new(".git"), false)
                        == crate::pattern::Verdict::Named =>
                {
                    None
                }
                layout => layout?,
            };
            let whole = Whole::of(source.as_std_path(), layout.as_ref(), &context)?;
            record.skipped = whole.skipped().to_vec();
            if layout.is_some() {
                let found = facts::survey(&source)?;
                record.branch.clone_from(&found.branch);
                (record.base_branch, record.base_commit) = (found.branch, found.head);
            }
            record.skipped.extend(staged(root.as_std_path(), &plan.name, |dest, umask| {
                let run = run(umask);
                whole.make(dest, &run)?;
                let config = dest.join(".git/config");
                config::complete(&config, &asked.answer())
                    .map_err(|error| crate::copy::failed(&config, error))?;
                progress.check("workspace.provision")?;
                Ok(run.vanished())
            })?);
            return Ok(record);
        }
        let Some(layout) = layout? else { return Err(no_repository(&source)) };
        let Some(branch) = &plan.branch else {
            let message = "the plan names no branch; name one (`--branch`)";
            return Err(Error::new(ErrorKind::InvalidInput, "workspace.provision", message));
        };
        let base_branch = facts::survey(&source)?.branch;
        let mut planned = Planned::of(&layout, On::NewBranch(branch), plan.uncommitted, &context)?;
        planned.identify(&asked.answer());
        record.branch = Some(branch.clone());
        record.base_branch = base_branch;
        record.base_commit = planned.commit().map(str::to_owned);
        record.skipped = planned.skipped();
        record.skipped.extend(staged(root.as_std_path(), &plan.name, |dest, umask| {
            let run = run(umask);
            planned.make(dest, &run)?;
            progress.check("workspace.provision")?;
            Ok(run.vanished())
        })?);
        Ok(record)
    }

    /// What an interrupted call left may be replaced; what somebody worked in may not.
    fn check_replaceable(&self, record: &ProjectRecord) -> Result<()> {
        if record.path.symlink_metadata().is_err() {
            return Ok(());
        }
        let work = unsaved::unsaved(record, &self.ignore_rules());
        if work.files.is_empty() && work.commits == 0 && work.stashes == 0 {
            return Ok(());
        }
        let message = format!("`{}` exists and holds work; move it away first", record.path);
        Err(Error::new(ErrorKind::Refused, "workspace.provision", message))
    }
}

#[async_trait]
impl Workspaces for HostWorkspaces {
    async fn survey(&self, source: &Utf8Path) -> Result<SourceFacts> {
        let (this, source) = (self.clone(), source.to_owned());
        blocking(move || facts::survey(&facts::source(&source, this.home().as_deref())?)).await
    }

    async fn provision(
        &self,
        plan: &ProjectPlan,
        root: &Utf8Path,
        progress: &Progress,
    ) -> Result<ProjectRecord> {
        let (this, plan, root, progress) =
            (self.clone(), plan.clone(), root.to_owned(), progress.clone());
        blocking(move || this.provision_now(&plan, &root, &progress)).await
    }

    async fn unsaved(&self, project: &ProjectRecord) -> Result<UnsavedWork> {
        let (this, project) = (self.clone(), project.clone());
        blocking(move || Ok(unsaved::unsaved(&project, &this.ignore_rules()))).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = "the work on a workspace broke off; please report it";
        Err(Error::new(ErrorKind::Internal, "workspace.run", message).with_source(error))
    })
}

/// A project's name is one plain directory name.
fn check_name(name: &str) -> Result<()> {
    let sound = !name.is_empty()
        && name != "."
        && name != ".."
        && name.len() <= 200
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
        && !(name.starts_with('.') && name.ends_with(".partial"));
    if sound {
        return Ok(());
    }
    let shown: String = name.escape_debug().take(60).collect();
    let message = format!("`{shown}` can't name a project; use letters, digits, `.`, `_`, `-`");
    Err(Error::new(ErrorKind::InvalidInput, "workspace.provision", message))
}

fn no_repository(source: &Utf8Path) -> Error {
    let inside = facts::survey(source).ok().and_then(|facts| facts.inside);
    let message = match inside {
        Some(top) => format!(
            "`{source}` lies in the git repository `{top}`; start from there, or take it as a plain copy \
             (`--no-worktree`)"
        ),
        None => format!(
            "`{source}` is no git repository; make it one (`git init`), or take it as a plain copy \
             (`--no-worktree`)"
        ),
    };
    Error::new(ErrorKind::InvalidInput, "workspace.provision", message)
}
