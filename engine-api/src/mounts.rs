//! Which of the host's directories a container has, and where.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _};

use bollard::models::{Mount, MountType};
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{Error, ErrorKind, ResolvedSpec, Result, Strategy, WORK_LINK};

use crate::account::Account;
use crate::dialect::Dialect;
use crate::place::{Place, RUN_DIRECTORY};

/// Where a session's workspace is in its container.
pub(crate) const WORKSPACE: &str = "/workspace";

/// The host's directories in a container; every source exists.
#[derive(Debug, Clone)]
pub(crate) struct Mounts {
    /// From the host's path to the container's, outer ones first.
    pub(crate) binds: Vec<(Utf8PathBuf, Utf8PathBuf)>,
    /// Those that the session can't change.
    pub(crate) read_only: Vec<(Utf8PathBuf, Utf8PathBuf)>,
    /// Where processes begin, in the container.
    pub(crate) inner_directory: Utf8PathBuf,
    /// What is at `/workspace` instead of a mount: a volume of the engine.
    pub(crate) uploaded: Option<Uploaded>,
}

/// A volume that is filled from a directory of the host.
#[derive(Debug, Clone)]
pub(crate) struct Uploaded {
    pub(crate) volume: String,
    pub(crate) from: Utf8PathBuf,
}

impl Mounts {
    /// Decides them for a session whose user is `account`, and makes what is missing: an engine
    /// would make it as root. `socket` is the engine's. Blocks.
    pub(crate) fn prepare(
        place: &Place,
        spec: &ResolvedSpec,
        account: &Account,
        socket: Option<&Utf8Path>,
    ) -> Result<Self> {
        let workspace = spec.directory.join("workspace");
        let upload = spec.container.upload;
        let run = (place.run(), Utf8PathBuf::from(RUN_DIRECTORY));
        give(&run.0, account)?;
        let mut binds = vec![run];
        let live = spec.projects.iter().filter(|project| project.strategy == Strategy::Mount);
        let outside = !spec.working_directory.starts_with(&workspace)
            && !live.clone().any(|project| spec.working_directory.starts_with(&project.source));
        if upload && let Some(project) = live.clone().next() {
            let message = format!(
                "`{}` can't be mounted by an engine that does not see this host's directories; \
                 copy the project instead",
                project.source
            );
            return Err(Error::new(ErrorKind::InvalidInput, "engine.create", message));
        }
        let at_workspace = if outside { &spec.working_directory } else { &workspace };
        if !outside {
            make(&workspace, account)?;
        }
        binds.push((at_workspace.clone(), WORKSPACE.into()));
        for project in live {
            check_live(&project.source, socket)?;
            // The mount point, in the host's directory too.
            make(&at_workspace.join(&project.name), account)?;
            binds.push((project.source.clone(), Utf8Path::new(WORKSPACE).join(&project.name)));
        }
        let mut read_only = Vec::new();
        let more = spec.mounts.iter().chain(&spec.container.mounts);
        for mount in more.filter(|mount| mount.source.exists()) {
            check_live(&mount.source, socket)?;
            if mount.source.starts_with(&spec.directory) {
                give(&mount.source, account)?;
            }
            let list = if mount.read_only { &mut read_only } else { &mut binds };
            list.push((mount.source.clone(), mount.target.clone()));
        }
        if let Some(home) = account.home() {
            let outer = spec.directory.join("state/home");
            make(&outer, account)?;
            binds.push((outer, home));
        }
        if !outside {
            link_work(&workspace, spec)?;
        }
        let inner_directory = inner(&binds, &spec.working_directory).ok_or_else(|| {
            let message = format!("`{}` is not in the container", spec.working_directory);
            Error::new(ErrorKind::Internal, "engine.create", message)
        })?;
        let uploaded = upload.then(|| {
            // The engine does not see the host's directories: the workspace is in a volume, and the
            // rest in the container itself.
            binds.clear();
            read_only.clear();
            let volume = format!("sessctl-{}", place.id());
            Uploaded { volume, from: at_workspace.clone() }
        });
        Ok(Self { binds, read_only, inner_directory, uploaded })
    }

    /// As the engine takes them: mounts, and what it can't take as one as a bind of the form `source:target:options`. Mounts where
    /// they can be, for an engine makes a missing source of a bind by itself.
    pub(crate) fn to_models(&self, dialect: &Dialect) -> Result<(Vec<Mount>, Vec<String>)> {
        let is_odd = |path: &Utf8Path| path.as_str().contains([',', '"', '\n']);
        let (mut mounts, mut binds) = (Vec::new(), Vec::new());
        for mount in self.mounts() {
            let (source, target) = (mount.source.as_deref(), mount.target.as_deref());
            let (source, target) = (source.unwrap_or_default(), target.unwrap_or_default());
            let odd = is_odd(source.into()) || is_odd(target.into());
            if !dialect.mounts_are_words || !odd {
                mounts.push(mount);
                continue;
            }
            if let Some(path) = [source, target].into_iter().find(|path| path.contains(':')) {
                let message = format!(
                    "the engine can't mount `{}`: a path has either a colon, or commas and quotes; rename a directory on it",
                    path.escape_debug()
                );
                return Err(Error::new(ErrorKind::InvalidInput, "engine.create", message));
            }
            let options = if mount.read_only == Some(true) { ":ro" } else { "" };
            binds.push(format!("{source}:{target}{options}"));
        }
        Ok((mounts, binds))
    }

    fn mounts(&self) -> Vec<Mount> {
        let bind = |(source, target): &(Utf8PathBuf, Utf8PathBuf)| Mount {
            typ: Some(MountType::BIND),
            source: Some(source.to_string()),
            target: Some(target.to_string()),
            ..Mount::default()
        };
        let volume = |uploaded: &Uploaded| Mount {
            typ: Some(MountType::VOLUME),
            source: Some(uploaded.volume.clone()),
            target: Some(WORKSPACE.to_owned()),
            ..Mount::default()
        };
        let read_only = |pair| Mount { read_only: Some(true), ..bind(pair) };
        let changeable = self.uploaded.iter().map(volume).chain(self.binds.iter().map(bind));
        changeable.chain(self.read_only.iter().map(read_only)).collect()
    }
}

/// The directory of the host that is at `/workspace`, where no project is mounted live.
pub(crate) fn at_workspace(directory: &Utf8Path, working_directory: &Utf8Path) -> Utf8PathBuf {
    let workspace = directory.join("workspace");
    match working_directory.starts_with(&workspace) {
        true => workspace,
        false => working_directory.to_owned(),
    }
}

/// The container's path for a path of the host: by the longest mount that it is in.
fn inner(binds: &[(Utf8PathBuf, Utf8PathBuf)], path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mounted = |(source, target): &(Utf8PathBuf, Utf8PathBuf)| {
        let rest = path.strip_prefix(source).ok()?;
        let whole = if rest.as_str().is_empty() { target.clone() } else { target.join(rest) };
        Some((source.as_str().len(), whole))
    };
    binds.iter().filter_map(mounted).max_by_key(|found| found.0).map(|found| found.1)
}

/// `/workspace/work` leads to the first project, unless something has that name (S0.8).
fn link_work(workspace: &Utf8Path, spec: &ResolvedSpec) -> Result<()> {
    let Some(first) = spec.projects.first().filter(|first| first.strategy != Strategy::None) else {
        return Ok(());
    };
    if spec.projects.iter().any(|project| project.name == WORK_LINK) {
        return Ok(());
    }
    let link = workspace.join(WORK_LINK);
    match std::os::unix::fs::symlink(&first.name, &link) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::io("engine.create", format!("can't make `{link}`"), error))
        }
        _ => Ok(()),
    }
}

fn make(path: &Utf8Path, account: &Account) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::io("engine.create", format!("can't make `{path}`"), error))?;
    give(path, account)
}

/// Gives a directory to the session's user, where a program of root's works for somebody else.
fn give(path: &Utf8Path, account: &Account) -> Result<()> {
    if account.is_root() || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(account.uid), Some(account.gid))
        .map_err(|error| Error::io("engine.create", format!("can't give `{path}` away"), error))
}

/// Refuses a live directory that would give the session its engine's socket, and with it the host.
fn check_live(source: &Utf8Path, socket: Option<&Utf8Path>) -> Result<()> {
    const SOCKETS: [&str; 8] = [
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/containerd/containerd.sock",
        "/run/crio/crio.sock",
        "/run/user",
        "/var/run/user",
        "/var/lib/docker",
    ];
    let refuse = |what: &str| {
        let message =
            format!("`{source}` {what}, which gives a session the host; copy the project instead");
        Err(Error::new(ErrorKind::InvalidInput, "engine.create", message))
    };
    let found = fs::metadata(source)
        .map_err(|error| Error::io("engine.create", format!("can't read `{source}`"), error))?;
    if found.file_type().is_socket() {
        return refuse("is a socket");
    }
    let real = source.canonicalize_utf8().unwrap_or_else(|_| source.to_owned());
    let socket = socket.map(|socket| socket.canonicalize_utf8().unwrap_or(socket.to_owned()));
    let mut sockets = SOCKETS.iter().map(Utf8Path::new).chain(socket.as_deref());
    if sockets.any(|socket| socket.starts_with(&real)) {
        return refuse("holds an engine's socket");
    }
    Ok(())
}
