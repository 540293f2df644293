//! An engine, its own command, and our command at it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::pairs::Goals;
use crate::terminal::Client;

const SESSCTL: &str = env!("CARGO_BIN_EXE_sessctl");
/// Has git, tar and a shell.
pub(crate) const IMAGE: &str = session_conformance::engines::TOOLS_IMAGE;

/// One engine of the tests, with its command (`docker`, `podman --remote`) and ours.
pub(crate) struct Engine {
    pub(crate) kind: &'static str,
    address: String,
    home: PathBuf,
    count: Cell<u32>,
}

impl Engine {
    /// The engine of this kind, with a home of its own; says so where there is none.
    pub(crate) fn find(goals: &Goals, kind: &'static str) -> Option<Self> {
        let found = match kind {
            "docker" => session_conformance::engines::docker(),
            _ => session_conformance::engines::podman(),
        };
        let address = found.inspect_err(|reason| not_measured(kind, reason)).ok()?;
        let home = goals.place().join(format!("home-{kind}"));
        Some(Self { kind, address, home, count: Cell::new(0) })
    }

    /// The path of its socket.
    pub(crate) fn socket(&self) -> String {
        self.address.trim_start_matches("unix://").to_owned()
    }

    /// A name that nothing has yet.
    pub(crate) fn name(&self, word: &str) -> String {
        self.count.set(self.count.get() + 1);
        format!("bench-{}-{word}-{}", std::process::id(), self.count.get())
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The engine's own command.
    pub(crate) fn theirs(&self, arguments: &[&str]) -> Output {
        run(self.their_command(arguments))
    }

    fn their_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.kind);
        let address = if self.kind == "docker" { "--host" } else { "--url" };
        if self.kind == "podman" {
            command.arg("--remote");
        }
        command.arg(address).arg(&self.address).args(arguments);
        command
    }

    /// The engine's own command at a terminal.
    pub(crate) fn their_client(&self, arguments: &[&str]) -> Client {
        let remote: &[&str] = match self.kind {
            "docker" => &["--host", &self.address],
            _ => &["--remote", "--url", &self.address],
        };
        Client::start(self.kind, &[remote, arguments].concat())
    }

    /// `sessctl`, run in `directory`.
    pub(crate) fn ours(&self, directory: &Path, arguments: &[&str]) -> Output {
        run(self.our_command(directory, arguments))
    }

    fn our_command(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(SESSCTL);
        command.arg("--home").arg(&self.home).args(arguments).current_dir(directory);
        command.env("DOCKER_HOST", &self.address).env("CONTAINER_HOST", &self.address);
        command
    }

    /// Starts a session named `name` from `source` with a whole copy of it, which runs `script`.
    pub(crate) fn start(&self, source: &Path, name: &str, script: &str) {
        run(self.start_command(source, name, script));
    }

    /// The same, not waited for.
    pub(crate) fn start_in_background(&self, source: &Path, name: &str, script: &str) -> Child {
        let mut command = self.start_command(source, name, script);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.spawn().expect("this build has made it")
    }

    fn start_command(&self, source: &Path, name: &str, script: &str) -> Command {
        let backend = ["start", name, "--detach", "--backend", self.kind, "--image", IMAGE];
        let rest = ["--no-worktree", "--", "sh", "-c", script];
        self.our_command(source, &[&backend[..], &rest[..]].concat())
    }

    /// `sessctl attach` at a terminal.
    pub(crate) fn our_client(&self, name: &str) -> Client {
        let home = self.home.to_str().expect("GOALS_DIR is UTF-8");
        Client::start(
            "env",
            &[
                &format!("DOCKER_HOST={}", self.address),
                &format!("CONTAINER_HOST={}", self.address),
                SESSCTL,
                "--home",
                home,
                "attach",
                name,
            ],
        )
    }

    /// Removes a session and its files, unmeasured.
    pub(crate) fn remove(&self, name: &str) {
        self.ours(Path::new("/"), &["remove", name, "--force"]);
        let _ = std::fs::remove_dir_all(self.home.join("trash"));
    }
}

#[expect(clippy::print_stdout, reason = "the table is the program's output")]
fn not_measured(kind: &str, reason: &str) {
    println!("{kind}: not measured: {reason}");
}

fn run(mut command: Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("it is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}
