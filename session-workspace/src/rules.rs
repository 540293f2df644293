//! Git's ignore rules on the way down a tree.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_core::Result;

use crate::pattern::{Patterns, Verdict};

/// The ignore files that hold for a directory, innermost first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules(Option<Arc<Level>>);

#[derive(Debug)]
struct Level {
    outer: Rules,
    base: PathBuf,
    patterns: Patterns,
}

impl Rules {
    /// These rules and, stronger than they, those of an ignore file that lies in `base`.
    pub(crate) fn with(&self, base: &Path, content: &[u8]) -> Result<Self> {
        let patterns = Patterns::file(content)?;
        if patterns.is_empty() {
            return Ok(self.clone());
        }
        Ok(Self(Some(Arc::new(Level { outer: self.clone(), base: base.into(), patterns }))))
    }

    /// Whether git would ignore `path` (relative to the top), given that it does not ignore its parent.
    pub(crate) fn ignores(&self, path: &Path, is_dir: bool) -> bool {
        let mut rules = self;
        while let Some(level) = &rules.0 {
            if let Ok(below) = path.strip_prefix(&level.base) {
                match level.patterns.verdict(below, is_dir) {
                    Verdict::Named => return true,
                    Verdict::Excepted => return false,
                    Verdict::Silent => {}
                }
            }
            rules = &level.outer;
        }
        false
    }
}
