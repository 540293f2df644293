//! What the program tells the library about the machine and the person.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

/// Facts of the host, gathered by the program: the library itself reads neither the environment
/// nor the working directory nor a configuration file.
#[derive(Clone)]
#[non_exhaustive]
pub struct HostView {
    /// Where relative paths begin; absolute.
    pub working_directory: Utf8PathBuf,
    /// The person's home directory; absolute.
    pub home: Utf8PathBuf,
    /// Where anybody may make short-lived files, `/tmp` on most machines.
    pub temporary_directory: Utf8PathBuf,
    /// The person's file of MCP servers for every agent, if there may be one.
    pub mcp_file: Option<Utf8PathBuf>,
    /// The person's login name.
    pub user: String,
    /// Program and arguments of the person's shell.
    pub shell: Vec<String>,
    /// The environment that processes on the host inherit.
    pub environment: BTreeMap<String, String>,
    /// The value of `SSH_CLIENT`, if the person came that way.
    pub ssh_client: Option<String>,
    /// The backend's kind where none is asked for.
    pub default_backend: String,
}

impl HostView {
    /// A view with an empty environment, `/bin/sh` as the shell, `local` as the backend, `/tmp` for
    /// short-lived files, and the working directory as the home.
    pub fn new(working_directory: impl Into<Utf8PathBuf>, user: impl Into<String>) -> Self {
        let working_directory = working_directory.into();
        Self {
            home: working_directory.clone(),
            temporary_directory: "/tmp".into(),
            mcp_file: None,
            working_directory,
            user: user.into(),
            shell: vec!["/bin/sh".to_owned()],
            environment: BTreeMap::new(),
            ssh_client: None,
            default_backend: "local".to_owned(),
        }
    }

    /// Sets the environment that processes on the host inherit.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the home directory.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<Utf8PathBuf>) -> Self {
        self.home = home.into();
        self
    }

    /// Sets where short-lived files are made.
    #[must_use]
    pub fn with_temporary_directory(mut self, directory: impl Into<Utf8PathBuf>) -> Self {
        self.temporary_directory = directory.into();
        self
    }

    /// Says where the person names MCP servers for every agent.
    #[must_use]
    pub fn with_mcp_file(mut self, file: impl Into<Utf8PathBuf>) -> Self {
        self.mcp_file = Some(file.into());
        self
    }

    /// Sets the shell.
    #[must_use]
    pub fn with_shell(mut self, shell: Vec<String>) -> Self {
        self.shell = shell;
        self
    }

    /// Sets where the person came from.
    #[must_use]
    pub fn with_ssh_client(mut self, ssh_client: Option<String>) -> Self {
        self.ssh_client = ssh_client;
        self
    }

    /// Sets the default backend's kind.
    #[must_use]
    pub fn with_default_backend(mut self, kind: impl Into<String>) -> Self {
        self.default_backend = kind.into();
        self
    }
}

impl std::fmt::Debug for HostView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostView")
            .field("working_directory", &self.working_directory)
            .field("user", &self.user)
            .field("shell", &self.shell)
            .field("environment", &self.environment.keys())
            .finish_non_exhaustive()
    }
}
