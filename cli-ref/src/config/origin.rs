//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;

use session_core::{Error, ErrorKind, Result};

use super::OPERATION;

/// A value, and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Setting<T> {
    pub(crate) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// Makes something better of the value; what is wrong with it is told with its origin.
    pub(super) fn parse<U>(
        self,
        key: &str,
        parse: impl FnOnce(T) -> std::result::Result<U, String>,
    ) -> Result<Setting<U>> {
        match parse(self.value) {
            Ok(value) => Ok(Setting { value, origin: self.origin }),
            Err(reason) => Err(self.origin.complain(key, &reason)),
        }
    }
}

/// Where a value comes from; the later of two is the stronger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// The user's file.
    User(PathBuf),
    /// The project's file.
    Project(PathBuf),
    /// This variable.
    Environment(String),
    /// This option of the command line.
    Flag(&'static str),
}

impl Origin {
    /// The error of a value of `key` that comes from here.
    pub(crate) fn complain(&self, key: &str, reason: &str) -> Error {
        let message = match self {
            Self::Default | Self::Flag(_) => reason.to_owned(),
            from => format!("`{key}` of the {from}: {reason}"),
        };
        Error::new(ErrorKind::InvalidInput, OPERATION, message)
    }

    /// The word for it in JSON.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::User(_) => "user-file",
            Self::Project(_) => "project-file",
            Self::Environment(_) => "environment",
            Self::Flag(_) => "flag",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::User(path) => write!(f, "user file {}", path.display()),
            Self::Project(path) => write!(f, "project file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}
