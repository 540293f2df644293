//! A directory or file of the host that a container has.

use std::fmt;
use std::str::FromStr;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// A directory or file of the host that a container has.
///
/// Its text form is `SOURCE:TARGET`, which is read-only, or with `:rw` behind it; `:ro` may be said, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct MountPlan {
    /// Its path on the host; left out of the container if it is not there when that is made.
    #[schemars(with = "String")]
    pub source: Utf8PathBuf,
    /// Its path in the container.
    #[schemars(with = "String")]
    pub target: Utf8PathBuf,
    /// The session can't change it.
    pub read_only: bool,
}

impl MountPlan {
    /// `source` at `target`, which the session can't change.
    pub fn new(source: impl Into<Utf8PathBuf>, target: impl Into<Utf8PathBuf>) -> Self {
        Self { source: source.into(), target: target.into(), read_only: true }
    }

    /// Lets the session change it, or not.
    #[must_use]
    pub fn with_read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }
}

impl FromStr for MountPlan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            let message = format!(
                "`{}` is no mount; write HOST-PATH:PATH-IN-THE-CONTAINER, and `:rw` behind it where the session may write there",
                text.escape_debug()
            );
            Error::new(ErrorKind::InvalidInput, "mount.parse", message)
        };
        let (source, target, read_only) = match text.split(':').collect::<Vec<_>>()[..] {
            [source, target] | [source, target, "ro"] => (source, target, true),
            [source, target, "rw"] => (source, target, false),
            _ => return Err(wrong()),
        };
        if source.is_empty() || target.is_empty() || text.chars().any(char::is_control) {
            return Err(wrong());
        }
        Ok(Self::new(source, target).with_read_only(read_only))
    }
}

impl fmt::Display for MountPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.read_only { "" } else { ":rw" };
        write!(f, "{}:{}{end}", self.source, self.target)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::MountPlan;

    proptest! {
        /// What can be read is written as it was, and nothing that is no mount is read as one.
        #[test]
        fn texts_are_read_and_written(source in "[a-z./ é]{1,8}", target in "[a-z./]{1,8}", mode in 0..3_usize, any in "\\PC{0,20}") {
            let text = format!("{source}:{target}{}", ["", ":ro", ":rw"][mode]);
            let mount: MountPlan = text.parse().expect("a mount");
            prop_assert_eq!((mount.source.as_str(), mount.target.as_str()), (source.as_str(), target.as_str()));
            prop_assert_eq!(mount.read_only, mode != 2);
            prop_assert_eq!(mount.to_string().parse::<MountPlan>().expect("still"), mount);
            if let Ok(mount) = any.parse::<MountPlan>() {
                prop_assert!((1..=2).contains(&any.matches(':').count()), "{}", mount);
            }
        }
    }
}
