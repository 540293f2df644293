//! A container as far as trees are concerned.

use bollard::errors::Error as Failure;
use bollard::query_parameters::InspectContainerOptions;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use session_core::{Error, ErrorKind, Result};

use crate::session::ContainerSession;
use crate::{Dialect, Engine};

/// What the engine says of a container now.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    pub(super) engine: Engine,
    pub(super) container: String,
    pub(super) running: bool,
    /// User and group of the session's processes.
    pub(super) user: (u32, u32),
    pub(super) mounts: Vec<Mounted>,
    working_directory: Utf8PathBuf,
}

/// Something that is mounted in the container.
#[derive(Debug, Clone)]
pub(super) struct Mounted {
    pub(super) kind: MountKind,
    pub(super) target: Utf8PathBuf,
}

#[derive(Debug, Clone)]
pub(super) enum MountKind {
    /// A directory of the host whose files the caller may handle.
    Host(Utf8PathBuf),
    /// A directory of the host in which another user makes files.
    Foreign(Utf8PathBuf),
    /// A volume of the engine.
    Volume,
    /// Memory, which only a running container has.
    Memory,
    Other,
}

impl Ground {
    pub(super) async fn of_session(
        session: &ContainerSession,
        operation: &'static str,
    ) -> Result<Self> {
        let facts = session.facts(operation)?;
        let engine = session.shared.engine().await?;
        Self::of(engine, operation, &facts.container, session.shared.host.uid).await
    }

    /// Looks at the container; `caller` is the user who handles the host's files.
    pub(super) async fn of(
        engine: &Engine,
        operation: &'static str,
        container: &str,
        caller: u32,
    ) -> Result<Self> {
        let answer = engine.short().inspect_container(container, None::<InspectContainerOptions>);
        let found = answer.await.map_err(|failure| match failure {
            Failure::DockerResponseServerError { status_code: 404, .. } => {
                let message = "its container is gone; remove the session";
                Error::new(ErrorKind::Lost, operation, message).with_source(failure)
            }
            failure => crate::failure::engine_error(operation, "look at the container", failure),
        })?;
        let config = found.config.unwrap_or_default();
        let user = numbers(config.user.as_deref().unwrap_or_default());
        // Files that root makes in a rootful engine are root's outside too, and none of the
        // caller's business; a rootless engine's root is the caller.
        let handles = user.0 == caller || caller == 0 || engine.identity().rootless;
        let host = found.host_config.unwrap_or_default();
        let mut mounts: Vec<_> = found
            .mounts
            .into_iter()
            .flatten()
            .filter_map(|mount| {
                let target = Utf8PathBuf::from(mount.destination?);
                let source = mount.source.filter(|source| source.starts_with('/'));
                let kind = match (mount.typ.as_deref(), source) {
                    (Some("bind"), Some(source)) if handles => MountKind::Host(source.into()),
                    (Some("bind"), Some(source)) => MountKind::Foreign(source.into()),
                    (Some("volume"), _) => MountKind::Volume,
                    (Some("tmpfs"), _) => MountKind::Memory,
                    _ => MountKind::Other,
                };
                Some(Mounted { kind, target })
            })
            .collect();
        let memory = |target: Utf8PathBuf| Mounted { kind: MountKind::Memory, target };
        // Podman lists them nowhere else.
        mounts.extend(host.tmpfs.into_iter().flatten().map(|(target, _)| memory(target.into())));
        let working_directory = config.working_dir.filter(|path| path.starts_with('/'));
        Ok(Self {
            engine: engine.clone(),
            container: found.id.unwrap_or_else(|| container.to_owned()),
            running: found.state.and_then(|state| state.running).unwrap_or(false),
            user,
            mounts,
            working_directory: working_directory.unwrap_or_else(|| "/".to_owned()).into(),
        })
    }

    pub(super) fn dialect(&self) -> &Dialect {
        self.engine.dialect()
    }

    /// The path from the container's root, without `.` and `..`; a `..` is taken by its letters.
    pub(super) fn absolute(&self, path: &Utf8Path) -> Utf8PathBuf {
        normal(&self.working_directory.join(path))
    }

    /// The mount that `path` is in.
    pub(super) fn mount(&self, path: &Utf8Path) -> Option<&Mounted> {
        let within = self.mounts.iter().filter(|mount| path.starts_with(&mount.target));
        within.max_by_key(|mount| mount.target.as_str().len())
    }

    /// Whether something else is mounted below `path`.
    pub(super) fn has_mounts_below(&self, path: &Utf8Path) -> bool {
        self.mounts.iter().any(|mount| mount.target != path && mount.target.starts_with(path))
    }
}

pub(super) fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut whole = Utf8PathBuf::from("/");
    for component in path.components() {
        match component {
            Utf8Component::Normal(name) => whole.push(name),
            Utf8Component::ParentDir => {
                whole.pop();
            }
            _ => {}
        }
    }
    whole
}

/// `1000:100`, as we write it; whoever made the container otherwise gets root's.
fn numbers(user: &str) -> (u32, u32) {
    let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
    match (uid.parse(), gid.parse()) {
        (Ok(uid), Ok(gid)) => (uid, gid),
        _ => (0, 0),
    }
}
