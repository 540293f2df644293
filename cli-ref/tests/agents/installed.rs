//! The real agents that `.ci/agents` installed.

use std::path::{Path, PathBuf};

/// Where an agent's program is, by its word in `target/agents.env` (`CLAUDE`); or why it isn't there.
pub(crate) fn program(word: &str) -> Result<PathBuf, String> {
    let name = format!("SESSCTL_TEST_AGENT_{word}");
    let path = match value(&name) {
        Some(path) if path != "none" => PathBuf::from(path),
        Some(_) => return Err(format!("left out by {name}=none")),
        None => {
            let missing = value(&format!("{name}_MISSING"));
            return Err(missing.unwrap_or_else(|| {
                format!("{name} isn't set; to install the agents: bash .ci/agents")
            }));
        }
    };
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("there is no {}; to install the agents: bash .ci/agents", path.display()))
    }
}

/// Says visibly that a test could not be run here; `.ci/test` lists it.
#[expect(clippy::print_stderr, reason = "a skip must be seen")]
pub(crate) fn skip(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

/// A variable of the environment, else of the file.
fn value(name: &str) -> Option<String> {
    let set = std::env::var(name).ok().filter(|value| !value.is_empty());
    set.or_else(|| {
        let here = std::env::current_exe().ok()?;
        let file = |directory: &Path| directory.join("agents.env");
        let file = here.ancestors().map(file).find(|path| path.is_file())?;
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.trim_matches('\'').to_owned())
    })
}
