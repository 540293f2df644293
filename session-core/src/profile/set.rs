//! The profiles that a program has.

use std::collections::BTreeMap;

use crate::profile::Profile;
use crate::{Error, ErrorKind, Result};

/// Name and text of every profile in `session-core/profiles`, written by the build script.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// Profiles by name, registered by value: there is no global list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profiles {
    by_name: BTreeMap<String, Profile>,
}

impl Profiles {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those that come with this library.
    pub fn shipped() -> Self {
        SHIPPED.iter().fold(Self::new(), |profiles, (name, text)| {
            let profile = Profile::from_toml(name, text, name);
            profiles.with(profile.expect("a test reads every shipped profile"))
        })
    }

    /// Adds a profile, or replaces the one of its name.
    #[must_use]
    pub fn with(mut self, profile: Profile) -> Self {
        self.by_name.insert(profile.name.clone(), profile);
        self
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.by_name.values()
    }

    /// The profile `name`; `InvalidInput` with those that are known.
    pub fn find(&self, name: &str) -> Result<&Profile> {
        self.by_name.get(name).ok_or_else(|| {
            let known: Vec<_> = self.by_name.keys().map(String::as_str).collect();
            let message =
                format!("no agent `{}`; known agents: {}", name.escape_debug(), known.join(", "));
            Error::new(ErrorKind::InvalidInput, "profiles.find", message)
        })
    }
}
