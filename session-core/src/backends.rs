//! The backends that a program has, by kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Backend, Error, ErrorKind, Layout, Result};

type Factory = Arc<dyn Fn(&Layout) -> Result<Arc<dyn Backend>> + Send + Sync>;

/// Factories of backends, registered by value: there is no global list.
///
/// A backend is made when it is first needed, so that one that can't work costs nothing.
#[derive(Clone, Default)]
pub struct Backends {
    factories: BTreeMap<String, Factory>,
}

impl Backends {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `kind`, or replaces it. The factory must not block on an engine: connect lazily.
    #[must_use]
    pub fn with(
        mut self,
        kind: impl Into<String>,
        factory: impl Fn(&Layout) -> Result<Arc<dyn Backend>> + Send + Sync + 'static,
    ) -> Self {
        self.factories.insert(kind.into(), Arc::new(factory));
        self
    }

    /// The kinds, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.factories.keys().map(String::as_str)
    }

    /// Makes the backend `kind` for the sessions under `layout`.
    pub fn make(&self, kind: &str, layout: &Layout) -> Result<Arc<dyn Backend>> {
        let factory = self.factories.get(kind).ok_or_else(|| {
            let known = self.kinds().collect::<Vec<_>>().join(", ");
            let shown = kind.escape_debug();
            let message = format!("no backend kind `{shown}`; known kinds: {known}");
            Error::new(ErrorKind::InvalidInput, "backends.make", message)
        })?;
        factory(layout)
    }
}

impl std::fmt::Debug for Backends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.factories.keys()).finish()
    }
}
