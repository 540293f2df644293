//! What images are called.

use std::fmt;

use session_core::{Error, ErrorKind, Result};

/// The name of an image, safe to be part of an address: `debian`, `debian:12`,
/// `localhost:5000/team/agent:1`, `debian@sha256:…`, or an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName(String);

impl ImageName {
    /// Checks `text`; `InvalidInput` says what a name looks like.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        if is_name(&text) {
            return Ok(Self(text));
        }
        let message = format!(
            "{text:?} is no name of an image; write `name:tag`, with letters, digits and `._-/` \
             (`debian:12`, `ghcr.io/team/agent:1`)"
        );
        Err(Error::new(ErrorKind::InvalidInput, "engine.image", message))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the engine's name `full` is what is meant: `debian` is `debian:latest`,
    /// `localhost/debian:latest` and `docker.io/library/debian:latest` (docs/engines.md, G1).
    pub fn means(&self, full: &str) -> bool {
        bare(&self.0) == bare(full)
    }

    /// The name without the tag, and the tag.
    pub(super) fn split(&self) -> (&str, Option<&str>) {
        if let Some((name, digest)) = self.0.split_once('@') {
            return (name, Some(digest));
        }
        let last = self.0.rfind('/').map_or(0, |at| at + 1);
        match self.0[last..].rfind(':') {
            Some(at) => (&self.0[..last + at], Some(&self.0[last + at + 1..])),
            None => (&self.0, None),
        }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parts between slashes are what matters: none may be `..`, or a request goes elsewhere
/// (docs/engines.md, B2).
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-:@".contains(c))
    };
    text.len() <= 500 && text.split('/').all(is_part)
}

/// The name in its shortest form, with a tag.
fn bare(name: &str) -> String {
    let prefixes = ["localhost/", "docker.io/library/", "docker.io/"];
    let short = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let last = short.rfind('/').map_or(0, |at| at + 1);
    if short[last..].contains(':') { short.to_owned() } else { format!("{short}:latest") }
}
