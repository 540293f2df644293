//! What is said of MCP servers, of settings of one session, and of updates.

use super::templates::{Scope, names};
use super::words::{is_inside, is_variable, outside};
use super::{Checker, Problem};
use crate::profile::{Template, Variables};

/// What may stand for a part of a server.
const PARTS: [&str; 9] = [
    "COMMAND",
    "ARGUMENTS",
    "COMMAND_LINE",
    "ENVIRONMENT",
    "URL",
    "HTTP_URL",
    "SSE_URL",
    "HEADERS",
    "TRANSPORT",
];

impl Checker<'_> {
    pub(super) fn mcp(&mut self) {
        let Some(mcp) = &self.profile.mcp else {
            if !self.profile.arguments.mcp.is_empty() {
                self.add("arguments.mcp", "needs `[mcp]`, which says what is in that file");
            }
            return;
        };
        for (key, path) in [("mcp.file", Some(&mcp.file)), ("mcp.project", mcp.project.as_ref())] {
            if let Some(path) = path.filter(|path| !is_inside(path)) {
                self.add(key, outside(path));
            }
        }
        if mcp.key.is_empty() {
            self.add("mcp.key", "say which table holds the servers");
        }
        for source in &mcp.person {
            let reasons = self.absolute(&source.file, Scope::Host);
            reasons.into_iter().for_each(|reason| self.add("mcp.person", reason));
        }
        if mcp.local.is_none() && mcp.remote.is_none() {
            self.add("mcp", "has neither `local` nor `remote`, the forms of servers");
        }
        for (key, form) in [("mcp.local", &mcp.local), ("mcp.remote", &mcp.remote)] {
            for (name, value) in form.iter().flatten() {
                let part =
                    value.as_str().and_then(|text| text.strip_prefix("${")?.strip_suffix('}'));
                if let Some(part) = part.filter(|part| !PARTS.contains(part)) {
                    let shown = part.escape_debug();
                    let reason = format!(
                        "`${{{shown}}}` is no part of a server; there are {}",
                        PARTS.join(", ")
                    );
                    self.problems.push(Problem::of_key(key, name, reason));
                }
            }
        }
        let written = |reference: &String| {
            reference
                .split_once("NAME")
                .is_some_and(|(before, after)| !before.is_empty() && !after.is_empty())
        };
        if mcp.reference.as_ref().is_some_and(|reference| !written(reference)) {
            self.add("mcp.reference", "has `NAME` in its middle, such as \"${NAME}\"");
        }
        if mcp.expands.iter().any(String::is_empty) {
            self.add("mcp.expands", "has an empty text, which would begin everywhere");
        }
        for (name, text) in &mcp.variables {
            if !is_variable(name) {
                let reason = format!("`{}` can't name a variable", name.escape_debug());
                self.problems.push(Problem::of_key("mcp.variables", name, reason));
            }
            for reason in self.template(text, Scope::Session) {
                self.problems.push(Problem::of_key("mcp.variables", name, reason));
            }
        }
    }

    pub(super) fn overrides(&mut self) {
        let Some(overrides) = &self.profile.overrides else { return };
        let resource = self.profile.resources.iter().find(|found| found.name == overrides.resource);
        if resource.is_none_or(|resource| resource.format.is_none()) {
            let reason = format!(
                "`{}` is no resource that is a file with a `format`",
                overrides.resource.escape_debug()
            );
            self.add("overrides.resource", reason);
        }
        for (key, rule) in &overrides.rules {
            if rule.into.is_none() && rule.arguments.is_empty() {
                let reason = "comes to nothing; say `into` or `arguments`";
                self.problems.push(Problem::of_key("overrides.rules", key, reason));
            }
            let given = Variables::new().with("VALUE", "");
            for word in &rule.arguments {
                if let Err(error) = Template::parse(word).and_then(|word| word.render(&given)) {
                    let reason = error.message().to_owned();
                    self.problems.push(Problem::of_key("overrides.rules", key, reason));
                }
            }
        }
    }

    pub(super) fn update(&mut self) {
        let Some(update) = &self.profile.update else { return };
        if self.profile.program.is_none() || self.profile.arguments.version.is_empty() {
            self.add(
                "update",
                "needs `program` and `arguments.version`, by which a version is seen",
            );
        }
        let package = Variables::new().with("PACKAGE", "");
        for (key, words, needs, given) in [
            ("update.query", &update.query, "PACKAGE", package.clone().with("CACHE", "")),
            ("update.install", &update.install, "VERSION", package.with("VERSION", "")),
        ] {
            if !words.iter().any(|word| names(word, needs)) {
                self.add(key, format!("has no `${{{needs}}}`, which it is about"));
            }
            for word in words {
                if let Err(error) = Template::parse(word).and_then(|word| word.render(&given)) {
                    self.add(key, error.message());
                }
            }
        }
    }
}
