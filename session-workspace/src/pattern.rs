//! Patterns that leave files out or take them along: gitignore's syntax and Docker's.

use std::path::{Component, Path};

use globset::{GlobBuilder, GlobMatcher};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use session_core::{Error, ErrorKind, Result};

/// Patterns in gitignore syntax, relative to one directory.
#[derive(Debug, Clone)]
pub(crate) struct Patterns(Gitignore);

/// What a set of patterns says about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A pattern names it.
    Named,
    /// A `!` pattern takes it out again.
    Excepted,
    /// No pattern is about it.
    Silent,
}

impl Patterns {
    /// Reads patterns that a person gave; a bad one is an error that names it.
    pub(crate) fn given(patterns: &[String], what: &str) -> Result<Self> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            let shown = pattern.escape_debug();
            let refuse = |why: &str| {
                let message = format!("`{shown}` is no {what} pattern: {why}");
                Error::new(ErrorKind::InvalidInput, "workspace.patterns", message)
            };
            if pattern.contains(['\n', '\0']) {
                return Err(refuse("it holds a line break or a NUL"));
            }
            if Path::new(pattern).components().any(|part| part == Component::ParentDir) {
                return Err(refuse("it leaves the project with `..`"));
            }
            builder.add_line(None, pattern).map_err(|error| refuse(&error.to_string()))?;
        }
        build(&builder)
    }

    /// Reads the lines of an ignore file; as in git, a line that is no pattern matches nothing.
    pub(crate) fn file(content: &[u8]) -> Result<Self> {
        let mut builder = GitignoreBuilder::new("");
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        for line in content.split(|byte| *byte == b'\n') {
            if let Ok(line) = std::str::from_utf8(line) {
                let _ = builder.add_line(None, line.strip_suffix('\r').unwrap_or(line));
            }
        }
        build(&builder)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the last pattern that matches `path` says; it is asked for parents before children.
    pub(crate) fn verdict(&self, path: &Path, is_dir: bool) -> Verdict {
        match self.0.matched(path, is_dir) {
            ignore::Match::None => Verdict::Silent,
            ignore::Match::Ignore(_) => Verdict::Named,
            ignore::Match::Whitelist(_) => Verdict::Excepted,
        }
    }
}

fn build(builder: &GitignoreBuilder) -> Result<Patterns> {
    builder.build().map(Patterns).map_err(|error| {
        let message = "the patterns can't be used together; give fewer or simpler ones";
        Error::new(ErrorKind::InvalidInput, "workspace.patterns", message).with_source(error)
    })
}

/// A `.dockerignore`: every pattern is relative to the top, the last that matches a path or one of
/// its parents decides, and `!` takes paths out again even below a directory that is left out.
#[derive(Debug, Default)]
pub(crate) struct DockerIgnore {
    rules: Vec<(GlobMatcher, bool)>,
    exceptions: bool,
}

impl DockerIgnore {
    /// Reads the file's lines; an unreadable pattern is an error, as it is for Docker.
    pub(crate) fn file(content: &[u8]) -> Result<Self> {
        let mut rules = Vec::new();
        let text = String::from_utf8_lossy(content);
        for line in text.strip_prefix('\u{feff}').unwrap_or(&text).lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (except, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let pattern = cleaned(pattern);
            if pattern.is_empty() {
                continue;
            }
            let mut glob = GlobBuilder::new(&pattern);
            let glob =
                glob.literal_separator(true).backslash_escape(true).build().map_err(|error| {
                    let message =
                        format!("`.dockerignore` holds a bad pattern: {error}; mend that line");
                    Error::new(ErrorKind::InvalidInput, "workspace.patterns", message)
                })?;
            rules.push((glob.compile_matcher(), except));
        }
        let exceptions = rules.iter().any(|(_, except)| *except);
        Ok(Self { rules, exceptions })
    }

    /// Whether `path` is left out.
    pub(crate) fn leaves_out(&self, path: &Path) -> bool {
        let mut out = false;
        for (glob, except) in &self.rules {
            let hit = || path.ancestors().any(|part| part != Path::new("") && glob.is_match(part));
            if *except == out && hit() {
                out = !*except;
            }
        }
        out
    }

    /// Whether something below a directory that is left out may come along all the same.
    pub(crate) fn has_exceptions(&self) -> bool {
        self.exceptions
    }
}

/// Docker's cleaning: no leading or trailing `/`, no `.`, `..` resolved and held at the top; braces are
/// plain characters for Docker.
fn cleaned(pattern: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part.replace('{', "[{]").replace('}', "[}]")),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests;
