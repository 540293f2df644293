//! A plan put into a project's file, and taken out again.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;

use camino::Utf8PathBuf;

use super::edit::{self, is_compose, owners, targets, user};
use super::{DevContainerFile, Form, Mount, OPERATION, Plan, Sharing};
use crate::profile::Profile;
use crate::{Error, HostView, Result};

/// What came of [`DevContainerFile::apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Whether the file was written; otherwise it said the same already.
    pub changed: bool,
    /// What the file mounts now for the agent.
    pub mounts: Vec<Mount>,
    /// What was left out since the file itself mounts something else at its place.
    pub taken: Vec<Mount>,
    /// Directories of this host that were made, the person's alone, since an engine would refuse them or make them as root.
    pub made: Vec<Utf8PathBuf>,
}

/// What came of [`DevContainerFile::remove`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Whether the file was written, or was removed since it had been made for the mounts.
    pub changed: bool,
    /// The agents whose mounts were taken out.
    pub agents: Vec<String>,
}

impl DevContainerFile {
    /// Decides what of the person's the file gets for an agent; only reads.
    ///
    /// `InvalidInput` where the file can't be understood (with the line), for a user's name that is none, a resource
    /// that the agent does not have, and a path that a mount can't have.
    pub fn plan(&self, profile: &Profile, host: &HostView, sharing: &Sharing) -> Result<Plan> {
        let in_file = user(self.text()).map_err(|error| self.named(error))?;
        let compose = is_compose(self.text()).map_err(|error| self.named(error))?;
        Plan::new(profile, host, sharing, in_file, compose)
    }

    /// Where in the container the file mounts something, whoever wrote that.
    pub fn mounted_at(&self) -> Result<Vec<String>> {
        targets(self.text()).map_err(|error| self.named(error))
    }

    /// Puts a plan's mounts into the file, in the place of those that it has for the agent; idempotent.
    ///
    /// The file is written whole or not at all, all else in it as it was, byte for byte. `Busy` if it was changed since it was
    /// [found](Self::find). Directories that are to be mounted and are not there are made first; they stay if
    /// the file can't be written.
    pub fn apply(&self, plan: &Plan, form: Form) -> Result<Applied> {
        let applied = edit::apply(self.text(), &plan.agent, &plan.mounts, form)
            .map_err(|error| self.named(error))?;
        let taken = applied.taken;
        let mounts: Vec<_> =
            plan.mounts.iter().filter(|mount| !taken.contains(mount)).cloned().collect();
        let made = make_missing(&mounts)?;
        let changed = self.write(&applied.text)?;
        Ok(Applied { changed, mounts, taken, made })
    }

    /// Takes out what [`apply`](Self::apply) wrote for an agent, or for all; nothing of anybody else's. Idempotent.
    pub fn remove(&self, agent: Option<&str>) -> Result<Removed> {
        let mut agents = owners(self.text()).map_err(|error| self.named(error))?;
        agents.retain(|owner| agent.is_none_or(|agent| agent == owner));
        let text = edit::remove(self.text(), agent).map_err(|error| self.named(error))?;
        let changed = self.is_there() && self.write(&text)?;
        Ok(Removed { changed, agents })
    }

    /// The same error, with the file's name in front.
    fn named(&self, error: Error) -> Error {
        let message = format!("`{}`, {}", self.path().as_str().escape_debug(), error.message());
        Error::new(error.kind(), OPERATION, message)
    }
}

fn make_missing(mounts: &[Mount]) -> Result<Vec<Utf8PathBuf>> {
    let missing = mounts.iter().filter(|mount| mount.directory && !mount.path.exists());
    missing
        .map(|mount| {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&mount.path);
            made.map_err(|error| {
                let path = mount.path.as_str().escape_debug();
                let message =
                    format!("can't make `{path}`, which is to be mounted; make it yourself");
                Error::io(OPERATION, message, error)
            })?;
            Ok(mount.path.clone())
        })
        .collect()
}
