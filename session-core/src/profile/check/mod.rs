//! Whether a profile makes sense.

mod connections;
mod conversation;
mod disposable;
mod outside;
mod resources;
mod templates;
mod words;

use std::collections::BTreeSet;

use super::problem::Problem;
use super::{Profile, Resource};
use crate::{Error, Result};
use templates::{CONVERSATION_ID, Scope, names, reserved};
use words::{is_inside, is_variable, is_word, outside, overlap};

/// A path is made of it, beside an id and a directory for sockets.
const LONGEST_NAME: usize = 32;

impl Profile {
    /// Finds what can't be in a profile; `InvalidInput` with all of it at once ([`Error::unmet`]).
    pub fn check(&self) -> Result<()> {
        let problems: Vec<_> = self.problems().iter().map(Problem::to_string).collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::problems("profile.check", problems)),
        }
    }

    /// What is wrong, in the order of the profile's parts.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut checker = Checker { profile: self, problems: Vec::new() };
        checker.top();
        checker.arguments();
        checker.places();
        checker.environment();
        checker.resources();
        checker.checks();
        checker.credentials();
        checker.conversation();
        checker.disposable();
        checker.outside();
        checker.mcp();
        checker.overrides();
        checker.update();
        checker.problems
    }
}

struct Checker<'a> {
    profile: &'a Profile,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn add(&mut self, path: &str, reason: impl Into<String>) {
        self.problems.push(Problem::new(path, reason));
    }

    fn top(&mut self) {
        let profile = self.profile;
        if !is_word(&profile.name, '-') || profile.name.len() > LONGEST_NAME {
            let reason = format!(
                "`{}` can't be an agent's name; call the file by lowercase letters, digits and dashes, {LONGEST_NAME} at most",
                profile.name.escape_debug()
            );
            self.add("name", reason);
        }
        if profile.title.trim().is_empty() || profile.title.contains(char::is_control) {
            self.add("title", "say what it is called, in one line");
        }
        for (key, value) in [("program", &profile.program), ("image", &profile.image)] {
            if value.as_ref().is_some_and(|word| word.is_empty() || word.contains(char::is_control))
            {
                self.add(key, "is empty or has odd characters; name one, or leave it out");
            }
        }
    }

    fn arguments(&mut self) {
        let arguments = &self.profile.arguments;
        let (ours, known) = (Scope::Arguments(&[CONVERSATION_ID]), Scope::Arguments(&[]));
        for (key, words, scope) in [
            ("always", &arguments.always, known),
            ("new", &arguments.new, ours),
            ("resume", &arguments.resume, ours),
            ("fork", &arguments.fork, Scope::Arguments(&[CONVERSATION_ID, "FROM"])),
            ("import", &arguments.import, Scope::Import),
            ("prompt", &arguments.prompt, Scope::Arguments(&["PROMPT"])),
            ("headless", &arguments.headless, Scope::Arguments(&["PROMPT"])),
            (
                "headless_resume",
                &arguments.headless_resume,
                Scope::Arguments(&[CONVERSATION_ID, "PROMPT"]),
            ),
            ("unattended", &arguments.unattended, known),
            ("debug", &arguments.debug, known),
            ("version", &arguments.version, Scope::Alone),
            ("login", &arguments.login, Scope::Alone),
            ("mcp", &arguments.mcp, Scope::Arguments(&["MCP_FILE"])),
        ] {
            let path = format!("arguments.{key}");
            for word in words {
                self.template(word, scope).into_iter().for_each(|reason| self.add(&path, reason));
            }
            let needs = match key {
                "prompt" | "headless" | "headless_resume" => "PROMPT",
                "mcp" => "MCP_FILE",
                "fork" | "import" => "FROM",
                _ => continue,
            };
            if !words.is_empty() && !words.iter().any(|word| names(word, needs)) {
                self.add(&path, format!("has no `${{{needs}}}`, which it is about"));
            }
        }
        self.conversation_ids();
    }

    fn places(&mut self) {
        for (name, place) in &self.profile.places {
            let path = format!("places.{name}");
            let upper = name.to_ascii_uppercase();
            if !is_word(name, '_') {
                self.add(&path, "is called by lowercase letters, digits and `_`");
            } else if reserved(&upper) {
                self.add(&path, format!("`${{{upper}}}` means something else; call it otherwise"));
            }
            if let Some(variable) = &place.variable
                && !is_variable(variable)
            {
                self.add(
                    &format!("{path}.variable"),
                    format!("`{}` can't name a variable", variable.escape_debug()),
                );
            }
            let reasons = self.absolute(&place.default, Scope::Home);
            reasons.into_iter().for_each(|reason| self.add(&format!("{path}.default"), reason));
            if let Some(below) = &place.below
                && !is_inside(below)
            {
                self.add(&format!("{path}.below"), outside(below));
            }
        }
    }

    fn environment(&mut self) {
        let environment = &self.profile.environment;
        for (table, set) in [
            ("set", &environment.set),
            ("unattended", &environment.unattended),
            ("container", &environment.container),
        ] {
            let path = format!("environment.{table}");
            for (name, text) in set {
                let mut add = |reason| self.problems.push(Problem::of_key(&path, name, reason));
                if !is_variable(name) {
                    add(format!("`{}` can't name a variable", name.escape_debug()));
                }
                if text.is_empty() || text.contains('\0') {
                    add("is never set to an empty value; give one, or leave it out".to_owned());
                }
                for reason in self.template(text, Scope::Session) {
                    self.problems.push(Problem::of_key(&path, name, reason));
                }
            }
        }
        for (key, patterns) in [("scrub", &environment.scrub), ("pass", &environment.pass)] {
            for pattern in patterns {
                if !is_variable(pattern.strip_suffix('*').unwrap_or(pattern)) {
                    let shown = pattern.escape_debug();
                    self.add(
                        &format!("environment.{key}"),
                        format!("`{shown}` names no variables; write a name, or a prefix with `*` behind it"),
                    );
                }
            }
        }
    }

    fn checks(&mut self) {
        let mut seen = BTreeSet::new();
        for (index, check) in self.profile.checks.iter().enumerate() {
            let mut wrong: Vec<(&str, String)> = Vec::new();
            if !is_word(&check.name, '-') {
                wrong
                    .push(("name", "is called by lowercase letters, digits and dashes".to_owned()));
            }
            if !seen.insert(&check.name) {
                wrong.push(("name", "is there twice; each has a name of its own".to_owned()));
            }
            if check.file.is_some() == check.program.is_some() {
                wrong.push(("", "looks at a `file` or for a `program`, one of the two".to_owned()));
            }
            if check.file.is_none() && (check.format.is_some() || check.mode.is_some()) {
                wrong.push(("", "`format` and `mode` are those of a `file`".to_owned()));
            }
            if check.mode.is_some() && check.allowed().is_none() {
                wrong.push(("mode", "is a number in octal, such as \"600\"".to_owned()));
            }
            if let Some(file) = &check.file {
                wrong.extend(
                    self.absolute(file, Scope::Check).into_iter().map(|reason| ("file", reason)),
                );
            }
            if check.remedy.trim().is_empty() {
                wrong.push(("remedy", "say what to do where it is not in order".to_owned()));
            }
            for (key, reason) in wrong {
                self.problems.push(Problem::at("checks", index, &check.name, key, reason));
            }
        }
    }

    fn credentials(&mut self) {
        let credentials = &self.profile.credentials;
        for file in credentials.files.iter().filter(|file| !is_inside(file)) {
            self.add("credentials.files", outside(file));
        }
        for (file, path) in &credentials.links {
            if !credentials.files.contains(file) {
                let files = credentials.files.join(", ");
                let reason = format!("is none of `credentials.files` ({files})");
                self.problems.push(Problem::of_key("credentials.links", file, reason));
            }
            let taken =
                self.profile.resources.iter().find(|resource| overlap(&resource.target, path));
            let reason = match taken {
                _ if !is_inside(path) => outside(path),
                Some(resource) => format!("lies where the resource `{}` does", resource.name),
                None => continue,
            };
            self.problems.push(Problem::of_key("credentials.links", file, reason));
        }
        if let Some(host) = &credentials.host {
            let reasons = self.absolute(host, Scope::Host);
            reasons.into_iter().for_each(|reason| self.add("credentials.host", reason));
        }
        for (key, names) in [
            ("credentials.environment", &credentials.environment),
            ("credentials.headless", &credentials.headless),
        ] {
            for name in names.iter().filter(|name| !is_variable(name)) {
                self.add(key, format!("`{}` can't name a variable", name.escape_debug()));
            }
        }
        self.login_settings();
        if credentials.required
            && credentials.files.is_empty()
            && credentials.environment.is_empty()
        {
            self.add(
                "credentials.required",
                "nothing says how to log in; name `credentials.files` or `credentials.environment`",
            );
        }
        if !self.profile.arguments.login.is_empty() && credentials.files.is_empty() {
            self.add(
                "arguments.login",
                "leaves nothing that sessions could use; name `credentials.files`",
            );
        }
    }

    /// What stands for a login must be in a file that sessions get.
    fn login_settings(&mut self) {
        for setting in &self.profile.credentials.settings {
            let named = |found: &&Resource| found.name == setting.resource;
            let first = setting.key.split('.').next().unwrap_or_default();
            let reason = match self.profile.resources.iter().find(named) {
                None => "is no resource",
                Some(found) if found.source.is_none() || found.format.is_none() => {
                    "is no file of the person's with a `format`"
                }
                Some(found)
                    if !found.keep.is_empty() && !found.keep.iter().any(|key| key == first) =>
                {
                    "does not keep this key"
                }
                Some(_) if setting.key.split('.').any(str::is_empty) => {
                    "needs a `key`: names with dots between"
                }
                Some(_) => continue,
            };
            let reason = format!("`{}` {reason}", setting.resource.escape_debug());
            self.add("credentials.settings", reason);
        }
    }
}
