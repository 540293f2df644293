//! Git configuration: what is taken over from a source, and how a new repository's is written.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use session_core::{Error, ErrorKind, Result};

use crate::identity::Identity;
use crate::layout::lexical;

/// The settings of a source's own configuration files, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Reads the user's own files (never a session's), includes followed as git does.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self> {
        let mut all = Vec::new();
        for file in files {
            if !file.exists() {
                continue;
            }
            let read = || -> Result<Vec<(String, String)>, git2::Error> {
                let mut config = git2::Config::new()?;
                config.add_file(file, git2::ConfigLevel::Local, false)?;
                let mut pairs = Vec::new();
                let mut entries = config.entries(None)?;
                while let Some(entry) = entries.next() {
                    let entry = entry?;
                    let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                    let value = if entry.has_value() {
                        String::from_utf8_lossy(entry.value_bytes()).into_owned()
                    } else {
                        "true".to_owned()
                    };
                    pairs.push((name, value));
                }
                Ok(pairs)
            };
            all.extend(read().map_err(|error| {
                let message =
                    format!("can't read `{}`; see what `git config --list` says", file.display());
                Error::new(ErrorKind::Damaged, "workspace.config", message).with_source(error)
            })?);
        }
        Ok(Self(all))
    }

    /// The last value of a key.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The `extensions.*` with their lower-case names.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("extensions.")?, value.as_str())))
    }

    /// Adds what git said of the person where nothing is said of that.
    pub(crate) fn complete(&mut self, identity: &Identity) {
        for (key, value) in &identity.0 {
            if self.value(key).is_none() {
                self.0.push(((*key).to_owned(), value.clone()));
            }
        }
    }

    /// The text of a new repository's configuration: only what a copy needs, nothing that runs a program.
    ///
    /// Addresses of remotes that are paths are made absolute, since they were relative to `work`.
    /// `partial` says whether a partial clone is named as one.
    pub(crate) fn for_copy(&self, work: &Path, partial: bool) -> String {
        let mut text = String::new();
        let partial = self.value("extensions.partialclone").filter(|_| partial);
        let version = if partial.is_some() { "1" } else { "0" };
        put(&mut text, "core.repositoryformatversion", version);
        put(&mut text, "core.bare", "false");
        put(&mut text, "core.logallrefupdates", "true");
        if let Some(partial) = partial {
            put(&mut text, "extensions.partialclone", partial);
        }
        for (name, value) in &self.0 {
            if !wanted(name) {
                continue;
            }
            let address = name.starts_with("remote.")
                && (name.ends_with(".url") || name.ends_with(".pushurl"));
            if address && is_relative(value) {
                let whole = work.join(value);
                let whole = lexical(&whole).unwrap_or(whole);
                put(&mut text, name, &whole.to_string_lossy());
            } else {
                put(&mut text, name, value);
            }
        }
        text
    }
}

/// Adds to a repository's own file what it does not say of the person; a file that can't be read, or that is none, stays as it is.
pub(crate) fn complete(file: &Path, identity: &Identity) -> std::io::Result<()> {
    let is_file = file.symlink_metadata().is_ok_and(|about| about.is_file());
    let Ok(settings) = Settings::read(&[file.to_owned()]) else { return Ok(()) };
    let missing = identity.0.iter().filter(|(key, _)| settings.value(key).is_none());
    let mut text = String::new();
    missing.for_each(|(key, value)| put(&mut text, key, value));
    if !is_file || text.is_empty() {
        return Ok(());
    }
    let mut file = std::fs::OpenOptions::new().append(true).open(file)?;
    // Its last line may have no end.
    file.write_all(format!("\n{text}").as_bytes())
}

/// Whether a setting is taken over. Names come as git gives them: section and key in lower case.
fn wanted(name: &str) -> bool {
    const PLAIN: &[&str] = &[
        "core.filemode",
        "core.symlinks",
        "core.ignorecase",
        "core.precomposeunicode",
        "core.quotepath",
        "core.autocrlf",
        "core.eol",
        "core.safecrlf",
        "core.sparsecheckout",
        "core.sparsecheckoutcone",
        "core.abbrev",
        "index.sparse",
        "index.version",
        "init.defaultbranch",
        "user.name",
        "user.email",
        "pull.rebase",
        "push.default",
        "push.autosetupremote",
        "fetch.prune",
    ];
    const NAMED: &[(&str, &[&str])] = &[
        (
            "remote.",
            &[
                "url",
                "pushurl",
                "fetch",
                "push",
                "promisor",
                "partialclonefilter",
                "tagopt",
                "prune",
            ],
        ),
        ("branch.", &["remote", "merge", "rebase", "pushremote"]),
        ("submodule.", &["url", "active", "branch"]),
    ];
    let Some((section, key)) = name.rsplit_once('.') else { return false };
    PLAIN.contains(&name)
        || NAMED.iter().any(|(prefix, keys)| {
            section.len() > prefix.len() && section.starts_with(prefix) && keys.contains(&key)
        })
}

/// Whether an address is a path relative to the repository.
fn is_relative(address: &str) -> bool {
    let before_colon = address.split_once(':').map(|(before, _)| before);
    let elsewhere = before_colon.is_some_and(|before| !before.contains('/'));
    !elsewhere && !address.starts_with('/') && !address.starts_with('~') && !address.is_empty()
}

/// Appends one setting; every value is quoted, so that no value can begin another line.
fn put(text: &mut String, name: &str, value: &str) {
    let Some((section, key)) = name.rsplit_once('.') else { return };
    let section = match section.split_once('.') {
        None => section.to_owned(),
        Some((_, sub)) if sub.contains(['\n', '\0']) => return,
        Some((section, sub)) => {
            format!("{section} \"{}\"", sub.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    let value =
        value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    let _ = writeln!(text, "[{section}]\n\t{key} = \"{value}\"");
}
