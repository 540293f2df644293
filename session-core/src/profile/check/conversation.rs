//! What is said of conversations.

use super::Checker;
use super::templates::{CONVERSATION_ID, Scope, names};
use super::words::{is_inside, outside, overlap};
use crate::profile::{Choice, Profile, Template};

impl Checker<'_> {
    /// The conversation's id can be put in where it is known.
    pub(super) fn conversation_ids(&mut self) {
        let Profile { arguments, conversation, .. } = self.profile;
        let in_name = conversation.file.as_deref().is_some_and(|file| names(file, CONVERSATION_ID));
        let captured = in_name || conversation.inside.is_some() || conversation.database.is_some();
        for (key, words) in [("new", &arguments.new), ("fork", &arguments.fork)] {
            if words.iter().any(|word| names(word, CONVERSATION_ID))
                && conversation.id != Choice::Ours
            {
                let reason = "needs an id that is not known before; set `conversation.id` to \"ours\", or leave `${CONVERSATION_ID}` out";
                self.add(&format!("arguments.{key}"), reason);
            }
        }
        for (key, words) in
            [("resume", &arguments.resume), ("headless_resume", &arguments.headless_resume)]
        {
            let resumes = words.iter().any(|word| names(word, CONVERSATION_ID));
            if resumes && (conversation.id == Choice::None || !captured) {
                let reason = "needs a conversation; set `conversation.id`, and `conversation.file` with `${CONVERSATION_ID}` in it, or `conversation.inside`";
                self.add(&format!("arguments.{key}"), reason);
            }
        }
        if arguments.login.is_empty() || self.profile.program.is_some() {
            return;
        }
        self.add("arguments.login", "needs a `program`");
    }

    pub(super) fn conversation(&mut self) {
        self.conversation_file();
        self.opened();
        self.directory();
        self.database();
        self.import();
    }

    fn conversation_file(&mut self) {
        let conversation = &self.profile.conversation;
        let Some(file) = &conversation.file else {
            let of_lines = conversation.inside.is_some() || conversation.workspace.is_some();
            if of_lines || !conversation.begun.is_empty() {
                let reason =
                    "`inside`, `workspace` and `begun` are of the lines of `conversation.file`";
                self.add("conversation", reason);
            }
            if conversation.id != Choice::None && conversation.database.is_none() {
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
        if conversation.inside.is_some() && conversation.id == Choice::Ours {
            self.add("conversation.inside", "reads back an id that is not ours; leave it out");
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

    /// Notes of the agent that say which conversations a session has opened.
    fn opened(&mut self) {
        let conversation = &self.profile.conversation;
        let Some(opened) = &conversation.opened else { return };
        if conversation.id != Choice::Agent {
            let reason = "says of an id that is not ours which it is; set `conversation.id` to \"agent\", or leave it out";
            self.add("conversation.opened", reason);
        }
        if !is_inside(opened) || !names(opened, CONVERSATION_ID) {
            let reason = "is a path below `${STATE}` with `${CONVERSATION_ID}` in it";
            self.add("conversation.opened", reason);
        }
        let shared = self.profile.resources.iter().find(|it| overlap(&it.target, opened));
        if let Some(resource) = shared {
            let reason = format!(
                "lies where `{}` does, which sessions may share; name what is each session's own",
                resource.name
            );
            self.add("conversation.opened", reason);
        }
    }

    /// A conversation that is a directory.
    fn directory(&mut self) {
        let conversation = &self.profile.conversation;
        let in_name = conversation.file.as_deref().is_some_and(|file| names(file, CONVERSATION_ID));
        match &conversation.transcript {
            Some(_) if !in_name || conversation.database.is_some() => {
                let reason = "is in a conversation's directory; `conversation.file` names that, with `${CONVERSATION_ID}` in it";
                self.add("conversation.transcript", reason);
            }
            Some(transcript) if !is_inside(transcript) => {
                self.add("conversation.transcript", outside(transcript));
            }
            None if !conversation.marks.is_empty() => {
                let reason =
                    "are in a conversation's directory; name its `conversation.transcript`";
                self.add("conversation.marks", reason);
            }
            _ => {}
        }
        for mark in &conversation.marks {
            if mark.contains('/') || !is_inside(mark) || mark.trim_matches('*').is_empty() {
                let shown = mark.escape_debug();
                let reason =
                    format!("`{shown}` is no name; write one, with `*` for any part of it");
                self.add("conversation.marks", reason);
            }
        }
        if conversation.own_id.as_ref().is_some_and(|path| path.split('.').any(str::is_empty)) {
            self.add("conversation.own_id", "is a path: names with dots between");
        }
    }

    fn database(&mut self) {
        let Some(database) = &self.profile.conversation.database else { return };
        if !is_inside(&database.file) {
            self.add("conversation.database.file", outside(&database.file));
        }
        if let Some(host) = &database.host {
            let reasons = self.absolute(host, Scope::Host);
            reasons.into_iter().for_each(|reason| self.add("conversation.database.host", reason));
        }
    }

    /// Where a conversation that comes from elsewhere goes to.
    fn import(&mut self) {
        let Profile { arguments, conversation, .. } = self.profile;
        if !arguments.import.is_empty() && self.profile.program.is_none() {
            self.add("arguments.import", "needs a `program`");
        }
        if !arguments.import.is_empty() && conversation.import.is_some() {
            let reason =
                "is not needed where `arguments.import` takes it in; leave one of the two out";
            self.add("conversation.import", reason);
        }
        let Some(import) = &conversation.import else { return };
        let known = [CONVERSATION_ID, "FILE_NAME", "PROJECT_KEY"];
        match Template::parse(import) {
            Err(error) => self.add("conversation.import", error.message()),
            Ok(template) if template.names().any(|name| !known.contains(&name)) => {
                let reason = "may name `${CONVERSATION_ID}`, `${FILE_NAME}` and `${PROJECT_KEY}`";
                self.add("conversation.import", reason);
            }
            Ok(_) if !is_inside(import) => self.add("conversation.import", outside(import)),
            Ok(_) => {}
        }
    }
}
