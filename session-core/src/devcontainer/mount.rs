//! One mount, in both forms that a `devcontainer.json` takes.

use std::os::unix::fs::MetadataExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use serde_json::json;

use super::OPERATION;
use crate::{Error, Result};

/// What of the host is where in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mount {
    /// What the profile calls it.
    pub resource: String,
    /// As it stands in the file: with `${localEnv:HOME}` where it is below the home.
    pub source: String,
    /// Its path in the container.
    pub target: String,
    /// Whether the container can't change it.
    pub readonly: bool,
    /// Its path on this host.
    pub path: Utf8PathBuf,
    /// Whether it is a directory here, or would be made as one.
    pub directory: bool,
}

/// How a mount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// As one text, as the engine's command takes it: the form that can be read-only.
    Strings,
    /// As an object; one that is read-only stays a text, for objects can't be.
    Objects,
}

impl Mount {
    /// `path` of the host at `target` of the container.
    ///
    /// A path that the form can't hold is refused: it would be another mount, or several.
    pub(super) fn new(
        resource: impl Into<String>,
        home: &Utf8Path,
        path: Utf8PathBuf,
        target: String,
        readonly: bool,
        directory: bool,
    ) -> Result<Self> {
        let source = match path.strip_prefix(home) {
            Ok(rest) => format!("${{localEnv:HOME}}/{rest}"),
            Err(_) => path.as_str().to_owned(),
        };
        let plain = |text: &str| {
            !text.contains([',', '"', '\\', '=']) && !text.chars().any(char::is_control)
        };
        let problems: Vec<_> = [path.as_str(), &target]
            .into_iter()
            .filter(|text| !plain(text) || text.contains("${"))
            .map(|text| {
                let text = text.escape_debug();
                format!("`{text}` has a character that a mount can't have; move it elsewhere")
            })
            .collect();
        if !problems.is_empty() {
            return Err(Error::problems(OPERATION, problems));
        }
        Ok(Self { resource: resource.into(), source, target, readonly, path, directory })
    }

    /// The mount as a value of JSON on one line.
    ///
    /// `readonly` of an object is dropped by the dev container command (devcontainers/spec#511), and
    /// what should be safe from changes would be writable; so such a mount is a text in both forms.
    pub fn render(&self, form: Form) -> String {
        let Self { source, target, readonly, .. } = self;
        match form {
            Form::Objects if !readonly => {
                let (source, target) = (json!(source), json!(target));
                format!(r#"{{ "source": {source}, "target": {target}, "type": "bind" }}"#)
            }
            _ => {
                let end = if *readonly { ",readonly" } else { "" };
                json!(format!("source={source},target={target},type=bind{end}")).to_string()
            }
        }
    }

    /// The user of this host that it belongs to, if that is not the one who runs this: in the container it could not be used
    /// either.
    pub fn foreign_owner(&self) -> Option<u32> {
        let owner = self.path.metadata().ok()?.uid();
        (owner != rustix::process::getuid().as_raw()).then_some(owner)
    }
}
