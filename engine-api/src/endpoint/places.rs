//! The places where an engine may be, from what the program knows of the machine.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::Result;

use super::{Endpoint, TlsFiles, connections, contexts};
use crate::{EngineKind, Platform};

/// Gives the text of a file that is there.
type Read = dyn Fn(&Utf8Path) -> Option<String> + Send + Sync;

/// What the program knows of the machine and the person, as far as it tells where engines are.
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineView {
    /// The environment's variables.
    pub environment: BTreeMap<String, String>,
    /// The person's home directory.
    pub home: Utf8PathBuf,
    /// The person's number.
    pub uid: u32,
    /// The operating system.
    pub platform: Platform,
    read: Arc<Read>,
}

impl EngineView {
    /// A view with no variables; `read` gives the text of a file, or `None` if there is none.
    ///
    /// Only small files of configuration are asked for, and whether a certificate is there.
    pub fn new(
        home: impl Into<Utf8PathBuf>,
        uid: u32,
        read: impl Fn(&Utf8Path) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            environment: BTreeMap::new(),
            home: home.into(),
            uid,
            platform: Platform::current(),
            read: Arc::new(read),
        }
    }

    /// Sets the environment's variables.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the operating system, for tests of another one's places.
    #[must_use]
    pub fn with_platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// Where the engine may be, the most likely first: what `asked` names; else what the
    /// environment or the engine's own configuration names; else the usual sockets.
    ///
    /// Who names a place is not given another one: an error says what is wrong with it.
    pub fn endpoints(&self, kind: EngineKind, asked: Option<&str>) -> Result<Vec<Endpoint>> {
        if let Some(asked) = asked {
            return Ok(vec![Endpoint::read(asked, self.tls_files())?]);
        }
        let named = match kind {
            EngineKind::Docker => contexts::named(self)?,
            EngineKind::Podman => connections::named(self)?,
        };
        match named {
            Some(endpoint) => Ok(vec![endpoint]),
            None => Ok(self.usual(kind)),
        }
    }

    /// The sockets that the engines' packages make.
    fn usual(&self, kind: EngineKind) -> Vec<Endpoint> {
        let mut places = match (kind, self.platform) {
            (EngineKind::Docker, Platform::Linux) => vec![
                "/var/run/docker.sock".into(),
                self.runtime_dir().join("docker.sock"),
                self.home.join(".docker/desktop/docker.sock"),
                self.home.join(".colima/default/docker.sock"),
                self.home.join(".rd/docker.sock"),
            ],
            (EngineKind::Docker, Platform::MacOs) => vec![
                "/var/run/docker.sock".into(),
                self.home.join(".docker/run/docker.sock"),
                self.home.join(".colima/default/docker.sock"),
                self.home.join(".orbstack/run/docker.sock"),
                self.home.join(".rd/docker.sock"),
            ],
            // Root's own Podman is the one with root's powers.
            (EngineKind::Podman, Platform::Linux) if self.uid == 0 => vec![
                "/run/podman/podman.sock".into(),
                self.runtime_dir().join("podman/podman.sock"),
            ],
            (EngineKind::Podman, Platform::Linux) => vec![
                self.runtime_dir().join("podman/podman.sock"),
                format!("/run/user/{}/podman/podman.sock", self.uid).into(),
                "/run/podman/podman.sock".into(),
            ],
            (EngineKind::Podman, Platform::MacOs) => self.machine_sockets(),
        };
        let mut seen = Vec::new();
        places.retain(|place| {
            !seen.contains(place) && {
                seen.push(place.clone());
                true
            }
        });
        places.into_iter().map(Endpoint::Unix).collect()
    }

    /// Where `podman machine` puts its sockets; the file's name has the machine's.
    fn machine_sockets(&self) -> Vec<Utf8PathBuf> {
        let temporary = self.variable("TMPDIR").unwrap_or("/tmp");
        let share = self.home.join(".local/share/containers/podman/machine");
        vec![
            Utf8Path::new(temporary).join("podman/podman-machine-default-api.sock"),
            share.join("podman.sock"),
            share.join("qemu/podman.sock"),
            share.join("podman-machine-default/podman.sock"),
        ]
    }

    /// Where a person's services put their sockets.
    fn runtime_dir(&self) -> Utf8PathBuf {
        match self.variable("XDG_RUNTIME_DIR") {
            Some(directory) if directory.starts_with('/') => directory.into(),
            _ => format!("/run/user/{}", self.uid).into(),
        }
    }

    /// The files for TLS, where the environment asks for it.
    ///
    /// `DOCKER_TLS` asks Docker's own command for encryption without a look at the certificate;
    /// here it is looked at all the same.
    pub(super) fn tls_files(&self) -> Option<TlsFiles> {
        self.variable("DOCKER_TLS_VERIFY").or(self.variable("DOCKER_TLS"))?;
        let directory = self.variable("DOCKER_CERT_PATH").map(Utf8PathBuf::from);
        Some(TlsFiles::in_directory(&directory.unwrap_or_else(|| self.docker_config())))
    }

    /// Where Docker's own command keeps its configuration.
    pub(super) fn docker_config(&self) -> Utf8PathBuf {
        match self.variable("DOCKER_CONFIG") {
            Some(directory) => directory.into(),
            None => self.home.join(".docker"),
        }
    }

    /// A variable that is set to something.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn file(&self, path: &Utf8Path) -> Option<String> {
        (self.read)(path)
    }
}

/// Names of variables only: values may be secret.
impl fmt::Debug for EngineView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineView")
            .field("environment", &self.environment.keys())
            .field("home", &self.home)
            .field("uid", &self.uid)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}
