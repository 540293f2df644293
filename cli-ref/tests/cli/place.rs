//! A home, a project and a `sessctl` that knows nothing else.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::commands::until_within;
pub(crate) use crate::commands::{Done, finish};

/// One test's own world; everything that still runs in it ends when it is dropped.
pub(crate) struct Place {
    root: TempDir,
    engine: Option<Engine>,
}

/// An engine of this machine that a test asked for.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    /// The backend's kind.
    pub(crate) kind: &'static str,
    /// Where it answers.
    pub(crate) address: String,
}

impl Place {
    /// A place with an empty directory `project`.
    pub(crate) fn new() -> Self {
        Self::at(tempfile::tempdir().expect("a temporary directory"))
    }

    /// A place on no disk, for what makes files by the ten thousand.
    pub(crate) fn in_memory() -> Self {
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::at(root.expect("a temporary directory"))
    }

    fn at(root: tempfile::TempDir) -> Self {
        for directory in ["user", "project"] {
            std::fs::create_dir(root.path().join(directory)).expect("an empty place");
        }
        Self { root, engine: None }
    }

    /// The same place, with this engine in reach and its backend configured.
    pub(crate) fn on(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// A session's name that nobody else has in the same engine.
    pub(crate) fn name(&self, name: &str) -> String {
        let root = self.root.path().file_name().expect("a name").to_string_lossy();
        format!("{name}-{}", root.trim_start_matches('.'))
    }

    /// A place whose `project` is a git repository with one commit.
    pub(crate) fn with_repository() -> Self {
        let place = Self::new();
        place.write("project/README.md", "hello\n");
        place.write("project/src/main.rs", "fn main() {}\n");
        place.git(&["init", "-q", "-b", "main"]);
        place.git(&["add", "."]);
        place.git(&["commit", "-q", "-m", "first"]);
        place
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("parents");
        std::fs::write(path, text).expect("a small file");
    }

    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs git in the project.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git_in(&self.path("project"), arguments)
    }

    /// The command, about to run in the project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sessctl"));
        command.args(arguments).current_dir(self.path("project")).env_clear();
        command.envs(self.environment());
        command
    }

    /// The environment of every command here. No engine of this machine is in reach, so that tests
    /// do the same everywhere; one that wants an engine names its backend and its socket.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: PathBuf| path.into_os_string().into_string().expect("UTF-8 paths");
        let (kind, docker, podman) = match &self.engine {
            Some(Engine { kind: "docker", address }) => ("docker", Some(address), None),
            Some(Engine { address, .. }) => ("podman", None, Some(address)),
            None => ("local", None, None),
        };
        let or = |address: Option<&String>, none| {
            address.cloned().unwrap_or_else(|| text(self.path(none)))
        };
        let image = session_conformance::engines::TOOLS_IMAGE.to_owned();
        let image = if self.engine.is_some() { image } else { String::new() };
        vec![
            ("PATH", std::env::var("PATH").expect("a PATH")),
            ("HOME", text(self.path("user"))),
            ("SESSCTL_HOME", text(self.path("home"))),
            ("SESSCTL_BACKEND", kind.to_owned()),
            ("SESSCTL_DOCKER_SOCKET", or(docker, "no-docker.sock")),
            ("SESSCTL_PODMAN_SOCKET", or(podman, "no-podman.sock")),
            ("SESSCTL_IMAGE", image),
            ("SHELL", "/bin/sh".to_owned()),
            ("USER", "tester".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("PS1", "READY> ".to_owned()),
        ]
    }

    /// Runs the command without a terminal.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        finish(self.command(arguments).stdin(Stdio::null()).output())
    }

    /// Runs the command, which must succeed; gives what it printed.
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "sessctl {arguments:?}: {done:#?}");
        done.out
    }

    /// Runs the command, which must fail with `code`; gives what it complained.
    pub(crate) fn bad(&self, arguments: &[&str], code: i32) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, code, "sessctl {arguments:?}: {done:#?}");
        done.err
    }

    /// The list as JSON.
    pub(crate) fn list(&self) -> Value {
        serde_json::from_str(&self.good(&["list", "--json"])).expect("JSON")
    }

    /// One session of the list.
    pub(crate) fn session(&self, name: &str) -> Value {
        let list = self.list();
        let sessions = list["sessions"].as_array().expect("a list").clone();
        let found = sessions.into_iter().find(|session| session["name"] == name);
        found.unwrap_or_else(|| panic!("no `{name}` in {list:#}"))
    }

    /// A session's directory.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.session(name)["directory"].as_str().expect("a directory").into()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(done) = self.command(&["list", "--names", "--quiet"]).output() else { return };
        for name in String::from_utf8_lossy(&done.stdout).lines() {
            // A container would stay in the engine.
            let words: &[&str] = match self.engine {
                Some(_) => &["remove", "--force", name],
                None => &["stop", "--time", "0", name],
            };
            let _ = self.command(words).output();
        }
    }
}

/// Waits until it has happened; fails if it does not within a minute.
pub(crate) fn until(what: &str, happened: impl FnMut() -> bool) {
    until_within(Duration::from_secs(60), what, happened);
}

/// Runs git with nobody's configuration.
pub(crate) fn git_in(directory: &Path, arguments: &[&str]) -> String {
    let identity = [
        ("GIT_AUTHOR_NAME", "tester"),
        ("GIT_AUTHOR_EMAIL", "tester@example.invalid"),
        ("GIT_COMMITTER_NAME", "tester"),
        ("GIT_COMMITTER_EMAIL", "tester@example.invalid"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
    ];
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments).envs(identity);
    let done = finish(command.output());
    assert_eq!(done.code, 0, "git {arguments:?}: {done:#?}");
    done.out
}

/// Says visibly that a test could not be run here; `.ci/test` lists it.
#[expect(clippy::print_stderr, reason = "a skip must be seen")]
pub(crate) fn skip(reason: &str) {
    eprintln!("SKIPPED {reason}");
}
