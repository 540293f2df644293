//! Where an engine may be.

use camino::Utf8PathBuf;

/// One place where an engine may answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// A socket of this host.
    Unix(Utf8PathBuf),
}

impl Endpoint {
    /// Reads `unix:///path` or a bare absolute path; `None` for what is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.strip_prefix("unix://").unwrap_or(text);
        path.starts_with('/').then(|| Self::Unix(path.into()))
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
        }
    }
}
