//! The dev container command that `.ci/devcontainer` installed.

use std::path::PathBuf;
use std::process::Command;

/// The command, or why there is none.
pub(crate) fn program() -> Result<PathBuf, String> {
    const NAME: &str = "SESSCTL_TEST_DEVCONTAINER";
    let missing = format!("{NAME}_MISSING");
    if let Some(program) = std::env::var_os(NAME).filter(|program| program != "none") {
        return Ok(program.into());
    }
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let file = test.ancestors().map(|above| above.join("devcontainer.env")).find(|it| it.is_file());
    let lines = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let value = |name: &str| {
        let line = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches('\'').to_owned())
    };
    value(NAME).map(PathBuf::from).ok_or_else(|| {
        let reason = std::env::var(&missing).ok().or_else(|| value(&missing));
        reason.unwrap_or_else(|| format!("{NAME} isn't set; to install it: bash .ci/devcontainer"))
    })
}

/// Removes what the command made for a project.
pub(crate) struct Containers<'a> {
    address: &'a str,
    project: PathBuf,
}

impl<'a> Containers<'a> {
    /// Those of `project` in the engine at `address`.
    pub(crate) fn of(address: &'a str, project: PathBuf) -> Self {
        Self { address, project }
    }
}

impl Drop for Containers<'_> {
    fn drop(&mut self) {
        let docker = |words: &[&str]| {
            Command::new("docker").args(["--host", self.address]).args(words).output()
        };
        let label = format!("label=devcontainer.local_folder={}", self.project.display());
        let Ok(found) = docker(&["ps", "-aq", "--filter", &label]) else { return };
        for id in String::from_utf8_lossy(&found.stdout).lines() {
            let _ = docker(&["rm", "-f", id]);
        }
    }
}
