//! Whether a profile makes sense.

use std::collections::BTreeSet;

use camino::{Utf8Component, Utf8Path};

use super::problem::{Problem, nearest};
use super::{Choice, Preset, Profile, Resource, ResourceKind, SharePolicy, Template};
use crate::{Error, Result};

/// What stands for the conversation's id.
const CONVERSATION_ID: &str = "CONVERSATION_ID";
/// What templates may name once the session is known, besides the login directory.
const SESSION: [&str; 6] =
    ["STATE", "TMP", "WORKSPACE", "SESSION_ID", "SESSION_NAME", "SESSION_DIR"];
/// A path is made of it, beside an id and a directory for sockets.
const LONGEST_NAME: usize = 32;

/// From where a template is rendered.
#[derive(Debug, Clone, Copy)]
enum Scope {
    /// The person's home only.
    Home,
    /// The person's places.
    Host,
    /// The person's places, and the login directory.
    Check,
    /// A session.
    Session,
    /// A file that is made in a session.
    Content,
    /// A command line in a session, with these names besides.
    Arguments(&'static [&'static str]),
    /// A command line without a session.
    Alone,
}

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
            ("prompt", &arguments.prompt, Scope::Arguments(&["PROMPT"])),
            ("headless", &arguments.headless, Scope::Arguments(&["PROMPT"])),
            ("unattended", &arguments.unattended, known),
            ("version", &arguments.version, Scope::Alone),
            ("login", &arguments.login, Scope::Alone),
            ("mcp", &arguments.mcp, Scope::Arguments(&["MCP_FILE"])),
        ] {
            let path = format!("arguments.{key}");
            for word in words {
                self.template(word, scope).into_iter().for_each(|reason| self.add(&path, reason));
            }
            let needs = match key {
                "prompt" | "headless" => "PROMPT",
                "mcp" => "MCP_FILE",
                "fork" => "FROM",
                _ => continue,
            };
            if !words.is_empty() && !words.iter().any(|word| names(word, needs)) {
                self.add(&path, format!("has no `${{{needs}}}`, which it is about"));
            }
        }
        self.conversation_ids();
    }

    /// The conversation's id can be put in where it is known.
    fn conversation_ids(&mut self) {
        let Profile { arguments, conversation, .. } = self.profile;
        let captured =
            conversation.file.as_deref().is_some_and(|file| names(file, CONVERSATION_ID));
        for (key, words) in [("new", &arguments.new), ("fork", &arguments.fork)] {
            if words.iter().any(|word| names(word, CONVERSATION_ID))
                && conversation.id != Choice::Ours
            {
                let reason = "needs an id that is not known before; set `conversation.id` to \"ours\", or leave `${CONVERSATION_ID}` out";
                self.add(&format!("arguments.{key}"), reason);
            }
        }
        let resumes = arguments.resume.iter().any(|word| names(word, CONVERSATION_ID));
        if resumes && (conversation.id == Choice::None || !captured) {
            let reason = "needs a conversation; set `conversation.id`, and `conversation.file` with `${CONVERSATION_ID}` in it";
            self.add("arguments.resume", reason);
        }
        if arguments.login.is_empty() || self.profile.program.is_some() {
            return;
        }
        self.add("arguments.login", "needs a `program`");
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

    fn resources(&mut self) {
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
                ("content", resource.content.is_some()),
            ] {
                if there {
                    wrong.push((key, "means something for files only; leave it out".to_owned()));
                }
            }
        } else if resource.format.is_none() {
            for (key, there) in
                [("keep", !resource.keep.is_empty()), ("content", resource.content.is_some())]
            {
                if there {
                    wrong.push((key, "needs a `format` that it is written in".to_owned()));
                }
            }
        }
        let mut texts = Vec::new();
        resource.content.iter().flatten().for_each(|(key, value)| {
            texts.push(key.as_str());
            collect(value, &mut texts);
        });
        let reasons = texts.into_iter().flat_map(|text| self.template(text, Scope::Content));
        wrong.extend(reasons.map(|reason| ("content", reason)));
        wrong
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
        for name in credentials.environment.iter().filter(|name| !is_variable(name)) {
            self.add(
                "credentials.environment",
                format!("`{}` can't name a variable", name.escape_debug()),
            );
        }
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

    fn conversation(&mut self) {
        let conversation = &self.profile.conversation;
        let Some(file) = &conversation.file else {
            if conversation.id != Choice::None {
                self.add(
                    "conversation.id",
                    "needs `conversation.file`, by which a conversation is found again",
                );
            }
            return;
        };
        if conversation.id == Choice::None {
            self.add("conversation.file", "needs `conversation.id`, which says who decides the id");
        }
        if !is_inside(file) {
            self.add("conversation.file", outside(file));
        }
        match Template::parse(file) {
            Err(error) => self.add("conversation.file", error.message()),
            Ok(template) => {
                let ids: Vec<_> = template.names().collect();
                if ids.len() > 1 || ids.iter().any(|name| *name != CONVERSATION_ID) {
                    self.add(
                        "conversation.file",
                        "holds `${CONVERSATION_ID}` once, and no other name",
                    );
                }
                if ids.is_empty() && conversation.id == Choice::Ours {
                    self.add("conversation.file", "needs `${CONVERSATION_ID}`, for the id is ours");
                }
            }
        }
    }

    /// What is wrong with a template that has to lead to an absolute path.
    fn absolute(&self, text: &str, scope: Scope) -> Vec<String> {
        let mut reasons = self.template(text, scope);
        let begins = text.starts_with("${") || text.starts_with('/');
        if !begins || text.split('/').any(|part| part == "..") {
            let shown = text.escape_debug();
            reasons.push(format!(
                "`{shown}` is no absolute path; begin with `${{HOME}}/` or `/`, without `..`"
            ));
        }
        reasons
    }

    /// What is wrong with a template.
    fn template(&self, text: &str, scope: Scope) -> Vec<String> {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => return vec![error.message().to_owned()],
        };
        let known = self.known(scope);
        let unknown = template.names().filter(|name| !known.iter().any(|known| known == name));
        unknown
            .map(|name| match name {
                "CREDENTIALS" if known.iter().any(|known| known == "STATE") => {
                    "`${CREDENTIALS}` needs `credentials.files`, without which there is no login directory".to_owned()
                }
                name => {
                    let meant = nearest(name, known.iter().map(String::as_str));
                    let meant = meant.map(|meant| format!("; did you mean `${{{meant}}}`?"));
                    let known = match known.is_empty() {
                        true => "there are no names here".to_owned(),
                        false => format!("known names: {}", known.join(", ")),
                    };
                    format!("`${{{name}}}` is not known here{} {known}", meant.unwrap_or_else(|| ";".to_owned()))
                }
            })
            .collect()
    }

    /// The names that have a value there.
    fn known(&self, scope: Scope) -> Vec<String> {
        let mut known = Vec::new();
        if matches!(scope, Scope::Alone) {
            return known;
        }
        known.push("HOME".to_owned());
        if matches!(scope, Scope::Home) {
            return known;
        }
        known.extend(self.profile.places.keys().map(|name| name.to_ascii_uppercase()));
        let credentials = &self.profile.credentials;
        let in_session = !matches!(scope, Scope::Host | Scope::Check);
        if in_session {
            known.extend(SESSION.map(str::to_owned));
        }
        if !matches!(scope, Scope::Host) && !credentials.files.is_empty() {
            known.push("CREDENTIALS".to_owned());
        }
        if matches!(scope, Scope::Content) {
            known.extend(credentials.environment.iter().map(|name| format!("LAST20_{name}")));
        }
        if let Scope::Arguments(more) = scope {
            known.extend(more.iter().map(|name| (*name).to_owned()));
        }
        known
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
    {
        wrong.push(("", "brings nothing: it has neither a `source` nor `content`".to_owned()));
    }
    wrong
}

/// The texts in a value: keys too.
fn collect<'a>(value: &'a serde_json::Value, texts: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::String(text) => texts.push(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        serde_json::Value::Object(table) => table.iter().for_each(|(key, value)| {
            texts.push(key);
            collect(value, texts);
        }),
        _ => {}
    }
}

/// Whether `text` is a template with `name` in it.
fn names(text: &str, name: &str) -> bool {
    Template::parse(text).is_ok_and(|template| template.names().any(|found| found == name))
}

fn reserved(name: &str) -> bool {
    let others = ["HOME", "CREDENTIALS", CONVERSATION_ID, "PROMPT", "FROM", "MCP_FILE"];
    SESSION.contains(&name) || others.contains(&name) || name.starts_with("LAST20_")
}

/// Lowercase letters, digits and `joint`, beginning with a letter.
fn is_word(word: &str, joint: char) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint)
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether it stays below the directory that it is in.
fn is_inside(path: &str) -> bool {
    let components = Utf8Path::new(path).components();
    !path.is_empty()
        && !path.contains('\0')
        && !path.ends_with('/')
        && components.into_iter().all(|part| matches!(part, Utf8Component::Normal(_)))
}

fn outside(path: &str) -> String {
    format!(
        "`{}` is no path below a directory; write one without `/` at its ends and without `..`",
        path.escape_debug()
    )
}

/// Whether one of two paths is the other, or in it.
fn overlap(one: &str, other: &str) -> bool {
    let (one, other) = (Utf8Path::new(one), Utf8Path::new(other));
    one.starts_with(other) || other.starts_with(one)
}
