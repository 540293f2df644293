//! A home, a repository, and a `sessctl` that knows one engine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use session_conformance::engines::BUSYBOX_IMAGE;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::commands::processes_with;
pub(crate) use crate::commands::{Done, finish, until_within};
use crate::engine::Engine;

/// How long what must happen may take before a test gives it up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Says where the command is, for a user who can't get to where it was built.
pub(crate) const PROGRAM: &str = "SESSCTL_TEST_PROGRAM";

/// One test's own world. What it made in the engine is gone when it is dropped.
pub(crate) struct World {
    root: TempDir,
    pub(crate) engine: Engine,
}

impl World {
    /// A world whose `project` is a git repository with one commit and a change.
    pub(crate) fn new(engine: Engine) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        for directory in ["user", "project/src"] {
            std::fs::create_dir_all(root.path().join(directory)).expect("an empty world");
        }
        let world = Self { root, engine };
        world.write("project/README.md", "hello\n");
        world.write("project/src/main.rs", "fn main() {}\n");
        for arguments in
            [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-q", "-m", "first"]]
        {
            world.git(arguments);
        }
        world.write("project/README.md", "hello, not committed\n");
        world
    }

    /// A session's name that nobody else has in the same engine.
    pub(crate) fn name(&self, name: &str) -> String {
        let root = self.root.path().file_name().expect("a name").to_string_lossy();
        format!("{name}-{}", root.trim_start_matches('.'))
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path(path), text).expect("a small file");
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.path("project")).args(arguments);
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "tester");
            command.env(format!("GIT_{role}_EMAIL"), "tester@example.invalid");
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let done = finish(command.output());
        assert_eq!(done.code, 0, "git {arguments:?}: {done:#?}");
    }

    /// The command, about to run in the project, with the engine behind `socket`.
    pub(crate) fn command_at(&self, socket: &Path, arguments: &[&str]) -> Command {
        let program = std::env::var_os(PROGRAM);
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_sessctl").into());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path("project")).env_clear().stdin(Stdio::null());
        command.envs(self.environment_at(socket));
        command
    }

    /// The environment of every command here.
    pub(crate) fn environment(&self) -> Vec<(String, OsString)> {
        self.environment_at(&self.engine.socket)
    }

    fn environment_at(&self, socket: &Path) -> Vec<(String, OsString)> {
        let mut environment = vec![
            ("PATH".to_owned(), std::env::var_os("PATH").expect("a PATH")),
            ("HOME".to_owned(), self.path("user").into()),
            ("SESSCTL_HOME".to_owned(), self.path("home").into()),
            ("SESSCTL_BACKEND".to_owned(), self.engine.kind.into()),
            ("SESSCTL_IMAGE".to_owned(), BUSYBOX_IMAGE.into()),
        ];
        for (name, value) in [("SHELL", "/bin/sh"), ("USER", "tester"), ("TERM", "xterm-256color")]
        {
            environment.push((name.to_owned(), value.into()));
        }
        for kind in ["docker", "podman"] {
            let socket = if kind == self.engine.kind { socket.into() } else { self.path("none") };
            environment.push((format!("SESSCTL_{}_SOCKET", kind.to_uppercase()), socket.into()));
        }
        environment
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_at(&self.engine.socket.clone(), arguments)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        finish(self.command(arguments).output())
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

    /// Starts a session that sleeps.
    pub(crate) fn start(&self, name: &str) {
        self.start_command(name, &["sleep", "1000"]);
    }

    /// Starts a session, with its program where it has none yet.
    pub(crate) fn start_command(&self, name: &str, command: &[&str]) {
        let start = ["start", "--detach", name, "--network", "none", "--"];
        self.good(&[&start[..], command].concat());
    }

    /// The list as JSON.
    pub(crate) fn list(&self) -> Value {
        serde_json::from_str(&self.good(&["list", "--json"])).expect("JSON")
    }

    /// The sessions in the list.
    pub(crate) fn sessions(&self) -> Vec<Value> {
        self.list()["sessions"].as_array().expect("a list").clone()
    }

    /// One session of the list.
    pub(crate) fn session(&self, name: &str) -> Value {
        let found = self.sessions().into_iter().find(|session| session["name"] == name);
        found.unwrap_or_else(|| panic!("no `{name}` in the list"))
    }

    /// Waits until the list says this of a session.
    pub(crate) fn until_status(&self, name: &str, status: &str) -> Value {
        let mut session = Value::Null;
        until(&format!("{name} {status}"), || {
            session = self.session(name);
            session["status"] == status
        });
        session
    }

    /// Waits until no process of this home runs on the host.
    pub(crate) fn until_no_processes(&self, what: &str) {
        until(&format!("{what}: its processes end"), || self.processes().is_empty());
    }

    /// What everything of this home in the engine carries.
    pub(crate) fn label(&self) -> String {
        let home = self.path("home").canonicalize().unwrap_or_else(|_| self.path("home"));
        let digest = Sha256::digest(home.as_os_str().as_encoded_bytes());
        let word: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("sessctl.home={word}")
    }

    /// The containers of this home.
    pub(crate) fn containers(&self) -> Vec<String> {
        self.engine.containers(&self.label())
    }

    /// All files and links of the project, git's own included, with their modes and contents.
    pub(crate) fn repository(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut found = BTreeMap::new();
        gather(&self.path("project"), &mut found);
        found
    }

    /// The names in a directory of the home.
    pub(crate) fn names_in(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("home").join(directory));
        let entries = entries.into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Whether every session is whole, and all that there is belongs to one that the list shows.
    ///
    /// An engine that has much to do may answer later than a list waits for it, which the list
    /// says: then it is asked again.
    pub(crate) fn assert_listed(&self, what: &str) -> Vec<Value> {
        let mut list = Value::Null;
        until_within(PATIENCE * 2, "the engine answers in time", || {
            list = self.list();
            !list["notices"].to_string().contains("gave no answer in")
        });
        let sessions = list["sessions"].as_array().expect("a list").clone();
        let ids: Vec<_> = sessions.iter().filter_map(|session| session["id"].as_str()).collect();
        for session in &sessions {
            assert_eq!(session["phase"], "ready", "{what}: neither whole nor gone: {session:#}");
            assert!(
                session["status"] != "lost" && session["status"] != "incomplete",
                "{what}: {session:#}"
            );
        }
        for name in self.names_in("sessions") {
            assert!(ids.contains(&name.as_str()), "{what}: an unlisted directory {name}: {list:#}");
        }
        assert_eq!(self.containers().len(), sessions.len(), "{what}: containers: {list:#}");
        assert_eq!(list["notices"].as_array().map_or(0, Vec::len), 0, "{what}: {list:#}");
        sessions
    }

    /// Whether there is nothing: no session, and nothing that one had.
    pub(crate) fn assert_empty(&self, what: &str) {
        assert_eq!(self.sessions(), Vec::<Value>::new(), "{what}");
        assert_eq!(self.containers(), Vec::<String>::new(), "{what}: containers");
        assert_eq!(self.engine.volumes(&self.label()), Vec::<String>::new(), "{what}: volumes");
        for directory in ["sessions", "active", "locks"] {
            assert_eq!(self.names_in(directory), Vec::<String>::new(), "{what}: {directory}");
        }
        self.until_no_processes(what);
    }

    /// How many holders there are.
    pub(crate) fn holders(&self) -> usize {
        let is_holder = |line: &&String| line.trim_end().ends_with("__hold");
        self.processes().iter().filter(is_holder).count()
    }

    /// The processes of this home on the host: holders, and what they watch over.
    pub(crate) fn processes(&self) -> Vec<String> {
        processes_with(&format!("SESSCTL_HOME={}", self.path("home").display()))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for session in self.run(&["list", "--names", "--quiet"]).out.lines() {
            self.run(&["stop", "--time", "0", session]);
        }
        if crate::engine::request(&self.engine.socket, "GET", "/_ping").is_ok() {
            self.containers().iter().for_each(|container| self.engine.remove(container));
        }
    }
}

/// Waits for what must happen.
pub(crate) fn until(what: &str, happened: impl FnMut() -> bool) {
    until_within(PATIENCE, what, happened);
}

fn gather(directory: &Path, found: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        let mode = entry.metadata().expect("metadata").mode();
        if path.is_dir() && !path.is_symlink() {
            gather(&path, found);
            found.insert(path, (mode, Vec::new()));
        } else {
            let content = std::fs::read(&path).unwrap_or_default();
            found.insert(path, (mode, content));
        }
    }
}
