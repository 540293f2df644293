//! An agent's program outside of any session: to log in, and to say which version it is.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use super::login::Login;
use super::plan::{AgentOptions, AgentPlan, Placement, Request, resolve};
use super::{environment, state};
use crate::catalog::make_private;
use crate::profile::{Preset, Profile, Profiles};
use crate::{Error, ErrorKind, HostView, Layout, Result, SessionId};

const OPERATION: &str = "agent.aside";

/// A private directory of the agent's that goes when this is dropped, and the environment that leads there.
#[derive(Debug)]
pub(crate) struct Aside {
    directory: TempDir,
    plan: AgentPlan,
    pub(crate) environment: Environment,
}

/// Variables; only their names are shown.
#[derive(Clone, Default)]
pub(crate) struct Environment(pub(crate) BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Aside {
    /// Makes the directory, as a session without anything of the person's would have it; the login is in
    /// `credentials`, if one is meant. Blocks.
    pub(crate) fn make(
        profile: &Profile,
        profiles: &Profiles,
        host: &HostView,
        layout: &Layout,
        credentials: Option<&Utf8Path>,
    ) -> Result<Self> {
        let above = layout.home().join("credentials");
        make_private(&above)?;
        let directory =
            tempfile::Builder::new().prefix(".aside-").tempdir_in(&above).map_err(|error| {
                Error::io(OPERATION, format!("can't make a directory in `{above}`"), error)
            })?;
        let here = Utf8Path::from_path(directory.path())
            .ok_or_else(|| Error::new(ErrorKind::Internal, OPERATION, "a path that is no text"))?;
        let options = AgentOptions { preset: Preset::Bare, ..AgentOptions::default() };
        let id = SessionId::new();
        let login = Login {
            directory: credentials.map(Utf8Path::to_owned),
            ready: true,
            by_variable: true,
            ..Login::default()
        };
        let request = Request {
            profile,
            options: &options,
            arguments: &[],
            login: &login,
            host,
            id: &id,
            directory: here,
            workspace: here.to_owned(),
            placement: Placement::Host,
        };
        let mut problems = Vec::new();
        let (plan, _) = resolve(&request, &mut problems);
        if !problems.is_empty() {
            return Err(Error::problems(OPERATION, problems));
        }
        let name = "aside".parse().expect("a word is a name");
        let variables = plan.variables(profile, host, &id, &name);
        state::prepare(&plan, profile, host, &variables, Placement::Host)?;
        let mut all = host.environment.clone();
        environment::scrub(&mut all, profiles, Some(profile));
        // Another login than the one that is meant.
        let credentials = &profile.credentials;
        all.retain(|name, _| {
            !credentials.environment.contains(name) && !credentials.headless.contains(name)
        });
        environment::add(&mut all, &plan, profile, host, &variables, false)?;
        Ok(Self { directory, plan, environment: Environment(all) })
    }

    /// Where its program runs: nothing of a project's is there.
    pub(crate) fn working_directory(&self) -> &Utf8Path {
        &self.plan.workspace
    }

    /// Brings what the agent wrote in place of a link to the login directory there, and makes the files of the
    /// login the person's alone. Blocks.
    pub(crate) fn keep(&self, profile: &Profile) -> Result<()> {
        let Some(credentials) = &self.plan.credentials else { return Ok(()) };
        for file in &profile.credentials.files {
            let kept = credentials.host.join(file);
            let written =
                profile.credentials.links.get(file).map(|path| self.plan.state.host.join(path));
            if let Some(written) = written
                && written.symlink_metadata().is_ok_and(|found| found.is_file())
            {
                std::fs::rename(&written, &kept)
                    .map_err(|error| Error::io(OPERATION, format!("can't keep `{kept}`"), error))?;
            }
            if kept.symlink_metadata().is_ok_and(|found| found.is_file()) {
                std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o600))
                    .map_err(|error| Error::io(OPERATION, format!("can't keep `{kept}`"), error))?;
            }
        }
        Ok(())
    }

    /// Removes the directory now, with what was written there. Blocks.
    pub(crate) fn close(self) -> Result<()> {
        self.plan.remove_temporary()?;
        self.directory.close().map_err(|error| {
            Error::io(OPERATION, "can't remove a directory that is not needed any more", error)
        })
    }
}

/// Refuses an agent whose program is not on this host. Where no `PATH` says where programs are, nothing is known.
pub(crate) fn check_program(profile: &Profile, host: &HostView) -> Result<()> {
    let Some(name) = &profile.program else { return Ok(()) };
    let is_known = host.environment.contains_key("PATH") && !name.contains('/');
    if !is_known || find_program(name, host).is_some() {
        return Ok(());
    }
    let message = format!(
        "there is no program `{name}` on this host; install {}, or use a container that has it (--backend, --image)",
        profile.title
    );
    Err(Error::new(ErrorKind::NotFound, OPERATION, message))
}

/// Where `program` is on the person's `PATH`; entries that are no absolute paths count for nothing. Blocks.
pub(crate) fn find_program(program: &str, host: &HostView) -> Option<Utf8PathBuf> {
    let runs = |path: &Utf8PathBuf| {
        path.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(Utf8PathBuf::from(program)).filter(|path| path.is_absolute() && runs(path));
    }
    let path = host.environment.get("PATH")?;
    let directories = path.split(':').filter(|directory| directory.starts_with('/'));
    directories.map(|directory| Utf8Path::new(directory).join(program)).find(runs)
}
