//! What is wrong with resources.

use std::collections::BTreeSet;

use super::super::problem::Problem;
use super::super::{Fallback, Hidden, Preset, Resource, ResourceKind, SharePolicy};
use super::Checker;
use super::templates::{Scope, names};
use super::words::{is_inside, is_word, outside, overlap};

type Content = serde_json::Map<String, serde_json::Value>;

impl Checker<'_> {
    pub(super) fn resources(&mut self) {
        let mut seen = BTreeSet::new();
        for (index, resource) in self.profile.resources.iter().enumerate() {
            let mut wrong: Vec<(&str, String)> = Vec::new();
            if !is_word(&resource.name, '-') {
                wrong
                    .push(("name", "is called by lowercase letters, digits and dashes".to_owned()));
            }
            if !seen.insert(&resource.name) {
                wrong.push(("name", "is there twice; each has a name of its own".to_owned()));
            }
            if !is_inside(&resource.target) {
                wrong.push(("target", outside(&resource.target)));
            }
            let before = &self.profile.resources[..index];
            if let Some(other) =
                before.iter().find(|other| overlap(&other.target, &resource.target))
            {
                wrong.push((
                    "target",
                    format!("lies where `{}` does; give it a place of its own", other.name),
                ));
            }
            if let Some(source) = &resource.source {
                wrong.extend(
                    self.absolute(source, Scope::Host).into_iter().map(|reason| ("source", reason)),
                );
            }
            wrong.extend(self.content(resource));
            wrong.extend(resource.hidden.iter().flat_map(|hidden| self.hidden(hidden)));
            wrong.extend(unshared(resource));
            for (key, reason) in wrong {
                self.problems.push(Problem::at("resources", index, &resource.name, key, reason));
            }
        }
    }

    /// What is set in a file must be something that can be put there.
    fn content(&self, resource: &Resource) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if resource.kind == ResourceKind::Directory {
            for (key, there) in [
                ("format", resource.format.is_some()),
                ("keep", !resource.keep.is_empty()),
                ("only_on_host", !resource.only_on_host.is_empty()),
                ("content", resource.content.is_some()),
                ("hidden", !resource.hidden.is_empty()),
                ("fallbacks", !resource.fallbacks.is_empty()),
            ] {
                if there {
                    wrong.push((key, "means something for files only; leave it out".to_owned()));
                }
            }
        } else if resource.format.is_none() {
            for (key, there) in [
                ("keep", !resource.keep.is_empty()),
                ("only_on_host", !resource.only_on_host.is_empty()),
                ("content", resource.content.is_some()),
                ("hidden", !resource.hidden.is_empty()),
                ("fallbacks", !resource.fallbacks.is_empty()),
            ] {
                if there {
                    wrong.push((key, "needs a `format` that it is written in".to_owned()));
                }
            }
        }
        if resource.copied && (resource.kind == ResourceKind::File || resource.source.is_none()) {
            wrong.push((
                "copied",
                "means something for directories with a `source` only".to_owned(),
            ));
        }
        wrong.extend(resource.content.iter().flat_map(|content| self.set("content", content)));
        for fallback in &resource.fallbacks {
            wrong.extend(self.set("fallbacks", &fallback.content));
            wrong.extend(self.condition(fallback));
        }
        wrong
    }

    /// What is wrong with the texts in what is set in a file.
    fn set(&self, key: &'static str, content: &Content) -> Vec<(&'static str, String)> {
        let reasons =
            texts(content).into_iter().flat_map(|text| self.template(text, Scope::Content));
        reasons.map(|reason| (key, reason)).collect()
    }

    /// A fallback is for a login that there can be.
    fn condition(&self, fallback: &Fallback) -> Vec<(&'static str, String)> {
        let credentials = &self.profile.credentials;
        let known = [
            (&fallback.variable, &credentials.environment, "credentials.environment"),
            (&fallback.login, &credentials.files, "credentials.files"),
        ];
        let unknown = known.into_iter().filter_map(|(name, known, place)| {
            let name = name.as_ref().filter(|name| !known.contains(name))?;
            let shown = name.escape_debug();
            Some(("fallbacks", format!("`{shown}` is no login; name one of `{place}`")))
        });
        unknown.collect()
    }

    /// What is to be hidden must be found, and its place known.
    fn hidden(&self, hidden: &Hidden) -> Vec<(&'static str, String)> {
        let mut reasons = self.absolute(&hidden.directory, Scope::Host);
        if !is_inside(&hidden.file) || hidden.file.contains('/') {
            reasons.push(format!("`{}` is no file's name", hidden.file.escape_debug()));
        }
        if hidden.list.split('.').any(str::is_empty) {
            reasons.push("`list` names no list; write its keys with dots between".to_owned());
        }
        let texts = texts(&hidden.entry);
        if !texts.iter().any(|text| names(text, "FILE")) {
            reasons.push("`entry` has no `${FILE}`, which it is about".to_owned());
        }
        reasons.extend(texts.into_iter().flat_map(|text| self.template(text, Scope::Entry)));
        reasons.into_iter().map(|reason| ("hidden", reason)).collect()
    }
}

/// What can't be shared in the way that is said.
fn unshared(resource: &Resource) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    let shared = |policy: SharePolicy| policy != SharePolicy::Private;
    if resource.source.is_none() {
        if shared(resource.policy) {
            wrong.push((
                "policy",
                format!(
                    "is `{}`, but without a `source` there is nothing to share",
                    resource.policy
                ),
            ));
        }
        for policy in resource.presets.values().copied().filter(|policy| shared(*policy)) {
            wrong.push(("presets", format!("`{policy}` shares nothing without a `source`")));
        }
    }
    if resource.presets.get(&Preset::Bare).copied().is_some_and(shared) {
        wrong.push(("presets", "under `bare` nothing of the person's is shared".to_owned()));
    }
    if resource.source.is_none()
        && resource.kind == ResourceKind::File
        && resource.content.is_none()
        && resource.fallbacks.is_empty()
    {
        wrong.push(("", "brings nothing: it has neither a `source` nor `content`".to_owned()));
    }
    wrong
}

/// The texts in a table: keys too.
fn texts(table: &serde_json::Map<String, serde_json::Value>) -> Vec<&str> {
    let mut texts = Vec::new();
    for (key, value) in table {
        texts.push(key.as_str());
        collect(value, &mut texts);
    }
    texts
}

/// The texts in a value.
fn collect<'a>(value: &'a serde_json::Value, texts: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::String(text) => texts.push(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        serde_json::Value::Object(table) => texts.extend(self::texts(table)),
        _ => {}
    }
}
