//! Which names templates may have, by where they stand.

use super::super::{Template, problem::nearest};
use super::Checker;

/// What stands for the conversation's id.
pub(super) const CONVERSATION_ID: &str = "CONVERSATION_ID";
/// What templates may name once the session is known, besides the login directory.
const SESSION: [&str; 8] = [
    "STATE",
    "TMP",
    "WORKSPACE",
    "SESSION_ID",
    "SESSION_NAME",
    "SESSION_DIR",
    "SESSION_USER",
    "START_TIME",
];

/// From where a template is rendered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
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
    /// A part of such a file that is about one of the person's files.
    Entry,
    /// A command line in a session, with these names besides.
    Arguments(&'static [&'static str]),
    /// A command line without a session.
    Alone,
    /// A command line that takes a conversation in, in a session or without one.
    Import,
}

impl Checker<'_> {
    /// What is wrong with a template that has to lead to an absolute path.
    pub(super) fn absolute(&self, text: &str, scope: Scope) -> Vec<String> {
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
    pub(super) fn template(&self, text: &str, scope: Scope) -> Vec<String> {
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
        match scope {
            Scope::Alone => return known,
            Scope::Import => return vec!["FROM".to_owned()],
            _ => {}
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
        if matches!(scope, Scope::Content | Scope::Entry) {
            known.extend(credentials.environment.iter().map(|name| format!("LAST20_{name}")));
        }
        if matches!(scope, Scope::Entry) {
            known.push("FILE".to_owned());
        }
        if let Scope::Arguments(more) = scope {
            known.extend(more.iter().map(|name| (*name).to_owned()));
        }
        known
    }
}

/// Whether `text` is a template with `name` in it.
pub(super) fn names(text: &str, name: &str) -> bool {
    Template::parse(text).is_ok_and(|template| template.names().any(|found| found == name))
}

pub(super) fn reserved(name: &str) -> bool {
    let others = ["HOME", "CREDENTIALS", CONVERSATION_ID, "PROMPT", "FROM", "MCP_FILE", "FILE"];
    SESSION.contains(&name) || others.contains(&name) || name.starts_with("LAST20_")
}
