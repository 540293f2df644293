//! What may be said to be disposable: never what a conversation, a login or a session's settings are in.

use super::words::{is_inside, outside};
use super::{Checker, Problem};
use crate::profile::ResourceKind;

impl Checker<'_> {
    pub(super) fn disposable(&mut self) {
        let kept = self.kept();
        for path in &self.profile.disposable {
            let shown = path.escape_debug();
            let reason = if !is_inside(path) {
                outside(path)
            } else if path.split('/').any(|name| name.starts_with(['*', '?'])) {
                format!("`{shown}` could be anything; begin each name with the letters that it has")
            } else if let Some((what, _)) = kept.iter().find(|(_, other)| may_meet(path, other)) {
                format!(
                    "`{shown}` may hold `{what}`, which is never removed; name what is beside it"
                )
            } else {
                continue;
            };
            self.problems.push(Problem::new("disposable", reason));
        }
    }

    /// What must stay, by what says so in the profile.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let profile = self.profile;
        let conversation = &profile.conversation;
        let mut kept = Vec::new();
        kept.extend(conversation.file.clone().map(|path| ("conversation.file", path)));
        kept.extend(conversation.import.clone().map(|path| ("conversation.import", path)));
        kept.extend(conversation.opened.clone().map(|path| ("conversation.opened", path)));
        if let Some(database) = &conversation.database {
            let beside = ["", "-wal", "-shm", "-journal"];
            let files =
                beside.map(|end| ("conversation.database", format!("{}{end}", database.file)));
            kept.extend(files);
        }
        kept.extend(
            profile.credentials.links.values().map(|path| ("credentials.links", path.clone())),
        );
        kept.extend(profile.mcp.as_ref().map(|mcp| ("mcp.file", mcp.file.clone())));
        kept.extend(profile.facts.live.as_ref().map(|live| ("facts.live.file", live.file.clone())));
        let files = profile.resources.iter().filter(|resource| resource.kind == ResourceKind::File);
        kept.extend(files.map(|resource| ("resources", resource.target.clone())));
        kept
    }
}

/// Whether one of two patterns may lead to the other, or into it.
fn may_meet(one: &str, other: &str) -> bool {
    let open = |name: &str| name.find(['*', '?', '$']);
    one.split('/').zip(other.split('/')).all(|(one, other)| match (open(one), open(other)) {
        (None, None) => one == other,
        (one_end, other_end) => {
            let one = &one[..one_end.unwrap_or(one.len())];
            let other = &other[..other_end.unwrap_or(other.len())];
            one.starts_with(other) || other.starts_with(one)
        }
    })
}
