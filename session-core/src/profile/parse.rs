//! Reading a profile's file.

use crate::profile::Profile;
use crate::{Error, ErrorKind, Result};

impl Profile {
    /// Reads the profile `name` from the text of its file; `origin` is what the file is called in an error.
    ///
    /// `InvalidInput` names the line and the reason.
    pub fn from_toml(name: &str, text: &str, origin: &str) -> Result<Self> {
        let mut profile: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| {
                let before = text.as_bytes().iter().take(span.start);
                format!(", line {}", before.filter(|byte| **byte == b'\n').count() + 1)
            });
            let reason = error.message().replace('\n', ", ");
            let message = format!("`{origin}`{} is not valid: {reason}", line.unwrap_or_default());
            Error::new(ErrorKind::InvalidInput, "profile.parse", message)
        })?;
        name.clone_into(&mut profile.name);
        Ok(profile)
    }
}
