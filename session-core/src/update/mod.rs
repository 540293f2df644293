//! Agents' programs on this host: what is installed, what is out, and what was found out before.

mod release;
mod running;
mod version;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

pub(crate) use release::{Programs, engine_problem, install, installed, latest, way};
pub(crate) use running::processes;
pub(crate) use version::Version;

use crate::catalog::make_private;
use crate::{Error, Result, Timestamp};

pub(crate) const OPERATION: &str = "manager.update";
/// How long what was found out counts, in milliseconds: a day.
const FRESH: i64 = 24 * 60 * 60 * 1000;
/// More than what is written here ever has.
const LARGEST: u64 = 64 * 1024;

/// What was found out about an agent's program and its latest release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct UpdateCheck {
    /// When it was asked for last, whatever came of it; `None` if never.
    pub checked_at: Option<Timestamp>,
    /// The version that is installed; `None` if none is, or it does not say.
    pub installed: Option<String>,
    /// The latest release; `None` if the registry did not say.
    pub latest: Option<String>,
    /// Why the latest release can't be installed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
}

impl UpdateCheck {
    /// Whether the latest release is newer than what is installed, or nothing is installed.
    pub fn is_old(&self) -> bool {
        let read = |text: &Option<String>| text.as_deref().and_then(Version::parse);
        match (read(&self.installed), read(&self.latest)) {
            (Some(installed), Some(latest)) => installed < latest,
            (None, latest) => latest.is_some(),
            (Some(_), None) => false,
        }
    }

    /// Whether it was asked for within the last day.
    pub fn is_fresh(&self) -> bool {
        let age = |at: Timestamp| Timestamp::now().as_milliseconds() - at.as_milliseconds();
        self.checked_at.is_some_and(|at| (0..FRESH).contains(&age(at)))
    }

    /// What the file says; nothing where there is none, or it can't be read. Blocks.
    pub(crate) fn read(path: &Utf8Path) -> Self {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
            .is_ok();
        if read { serde_json::from_slice(&bytes).unwrap_or_default() } else { Self::default() }
    }

    /// Writes the file, whole or not at all. Blocks.
    pub(crate) fn write(&self, path: &Utf8Path) -> Result<()> {
        if let Some(directory) = path.parent() {
            make_private(directory)?;
        }
        let new = path.with_extension(format!("new-{}", std::process::id()));
        let json = serde_json::to_vec(self).expect("plain data");
        let written = std::fs::write(&new, json).and_then(|()| std::fs::rename(&new, path));
        written.map_err(|error| Error::io(OPERATION, format!("can't write `{path}`"), error))
    }
}

/// What an update came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Updated {
    /// The version that was installed before; `None` if none was, or it did not say.
    pub from: Option<String>,
    /// The latest release, which is installed now.
    pub to: String,
    /// Whether anything was installed; otherwise there was nothing newer.
    pub changed: bool,
}
