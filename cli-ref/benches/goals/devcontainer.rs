//! G8: a ready session in a container, against `devcontainer up` and `devcontainer exec`.
//!
//! The opponent is the dev container command from npm, in the version that the tests have
//! (`.ci/devcontainer`), on the same engine and with the same image. It mounts the live directory
//! and copies nothing; ours has a whole private copy. Its image is not built again for the user's
//! id (`updateRemoteUserUID`), which would cost it another second.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::engines::{Engine, IMAGE};
use crate::pairs::{Goals, pair, timed};
use crate::trees::{self, Size};

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    if !goals.wants(&["G8"]) {
        return;
    }
    let Some(docker) = Engine::find(goals, "docker") else { return };
    let Some(program) = program() else { return not_measured() };
    let place = goals.place().join("devcontainer");
    std::fs::create_dir_all(&place).expect("the place is ours");
    let file = place.join("devcontainer.json");
    let configuration = format!(
        "{{ \"image\": \"{IMAGE}\", \"remoteUser\": \"root\", \"updateRemoteUserUID\": false }}\n"
    );
    std::fs::write(&file, configuration).expect("the place has room");
    let theirs = Theirs { program, file, home: place, engine: &docker };
    for (size, pairs, name) in [
        (Size::Small, 9, "G8 ready, small, against devcontainer up + exec"),
        (Size::Medium, 9, "G8 ready, 5k files, against devcontainer up + exec"),
        (Size::Large, 5, "G8 ready, 80k files copied, against the same"),
    ] {
        let source = trees::shared(goals, size);
        let ours = || {
            let name = docker.name("ours");
            let taken = timed(|| {
                docker.start(&source, &name, "exec sleep 3600");
                docker.ours(&source, &["exec", &name, "--", "true"]);
            });
            docker.remove(&name);
            taken
        };
        let opponent = || {
            let taken = timed(|| {
                theirs.run(&source, &["up"], &[]);
                theirs.run(&source, &["exec"], &["true"]);
            });
            theirs.remove(&source);
            taken
        };
        goals.add(&pair(name, 0.30, pairs, opponent, ours));
    }
}

/// The dev container command and what it is to make.
struct Theirs<'a> {
    program: PathBuf,
    file: PathBuf,
    home: PathBuf,
    engine: &'a Engine,
}

impl Theirs<'_> {
    fn run(&self, source: &Path, words: &[&str], after: &[&str]) {
        let mut command = Command::new(&self.program);
        command.args(words).arg("--workspace-folder").arg(source);
        command.arg("--config").arg(&self.file).args(after).stdin(Stdio::null());
        command.env("HOME", &self.home).env("DOCKER_HOST", self.engine.address());
        let output = command.output().expect("it is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
    }

    /// Removes its container, unmeasured.
    fn remove(&self, source: &Path) {
        let label = format!("label=devcontainer.local_folder={}", source.display());
        let found = self.engine.theirs(&["ps", "-aq", "--filter", &label]);
        for id in String::from_utf8_lossy(&found.stdout).lines() {
            self.engine.theirs(&["rm", "-f", id]);
        }
    }
}

/// As the tests find it: the variable, else the file that `.ci/devcontainer` wrote.
fn program() -> Option<PathBuf> {
    const NAME: &str = "SESSCTL_TEST_DEVCONTAINER";
    if let Some(program) = std::env::var_os(NAME) {
        return Some(program.into());
    }
    let bench = std::env::current_exe().ok()?;
    let file =
        bench.ancestors().map(|above| above.join("devcontainer.env")).find(|it| it.is_file())?;
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(NAME)?.strip_prefix('='))?;
    Some(line.trim_matches('\'').into())
}

#[expect(clippy::print_stdout, reason = "the table is the program's output")]
fn not_measured() {
    println!("G8: not measured: the dev container command is missing; bash .ci/devcontainer");
}
