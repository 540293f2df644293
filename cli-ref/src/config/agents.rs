//! The agents that a person has: those that come with the command, and over them those of the
//! person's configuration directory. A project has none: it comes with a clone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use session_core::profile::{ProfileFile, Profiles};
use session_core::{Error, Result};

use super::file::{self, Links};
use super::{OPERATION, user_directory};

/// All profiles, and where they come from.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    pub(crate) profiles: Profiles,
    /// The person's own, by the agent's name.
    pub(crate) files: BTreeMap<String, PathBuf>,
    /// Where the person's own are, or would be.
    pub(crate) directory: Option<PathBuf>,
}

impl Agents {
    /// Reads them. A file that is not valid takes nothing else away: its agent says what is wrong.
    pub(crate) fn read() -> Result<Self> {
        let mut agents = Self { profiles: Profiles::shipped(), ..Self::default() };
        agents.directory = user_directory().map(|directory| directory.join("agents"));
        let Some(directory) = &agents.directory else { return Ok(agents) };
        let mut files = Vec::new();
        for path in entries(directory)? {
            let Some(name) = name(&path) else { continue };
            match file::text(&path, Links::Follow) {
                Ok(Some(text)) => files.push(ProfileFile::new(&name, text, file::shown(&path))),
                Ok(None) => continue,
                Err(error) => agents.profiles = agents.profiles.with_broken(&name, &error),
            }
            agents.files.insert(name, path);
        }
        agents.profiles = agents.profiles.with_files(&files);
        Ok(agents)
    }
}

/// The directory's files, in order; none if there is no directory.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let failed =
        |error| Error::io(OPERATION, format!("can't read `{}`", file::shown(directory)), error);
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The name of the agent that a file is about: `NAME.toml`. An editor's other files are not meant.
fn name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(".toml")?;
    (!name.is_empty() && !name.starts_with('.')).then(|| name.to_owned())
}
