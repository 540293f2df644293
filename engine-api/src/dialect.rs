//! What differs between engines, as data: each field cites the row of `docs/engines.md` that made
//! it necessary.

use crate::{EngineKind, Identity};

/// How to speak to one engine.
///
/// A field says what the engine does, not what to do about it. What nothing here depends on has no
/// field; it is in `docs/engines.md` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dialect {
    /// C2, rootless Podman: the calling user must be mapped to itself (`UsernsMode: keep-id`), or
    /// files made inside belong to others outside. C17: containers with it are made one at a time.
    pub keep_id: bool,
    /// C3: `HostConfig.Init` needs a program (`catatonit`) on the engine's host.
    pub init_is_on_host: bool,
    /// C15, rootless Docker: only the container's root is the calling user outside.
    pub only_root_is_caller: bool,
    /// C16: a mount's source and target are read as words with commas between, so that neither can have a comma or a quote.
    pub mounts_are_words: bool,
    /// S6: a list of the engine's own says when each container was started.
    pub lists_starts: bool,
    /// T5: a terminal has keys that detach where none are given.
    pub has_detach_keys: bool,
    /// A2: an upload below a tmpfs mount is lost.
    pub upload_misses_tmpfs: bool,
    /// A5: links that lead out of the directory that is uploaded to are taken.
    pub upload_takes_links_out: bool,
    /// A8: volumes of a stopped container are looked into by themselves, and links followed there.
    pub stopped_looks_follow_links: bool,
    /// A10: a download of a link has what it leads to.
    pub download_follows_links: bool,
}

impl Dialect {
    /// What no person types: the first key is held back until the next one, so it is one that
    /// hardly anybody has a use for. For engines with [`has_detach_keys`](Self::has_detach_keys).
    pub(crate) const DETACH_KEYS: &'static str = "ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^";

    /// The dialect of the engine that said so of itself.
    pub fn of(identity: &Identity) -> Self {
        let podman = identity.kind == EngineKind::Podman;
        let docker = !podman;
        Self {
            keep_id: podman && identity.rootless,
            init_is_on_host: podman,
            only_root_is_caller: docker && identity.rootless,
            mounts_are_words: podman,
            lists_starts: podman,
            has_detach_keys: docker,
            upload_misses_tmpfs: docker,
            upload_takes_links_out: podman,
            stopped_looks_follow_links: podman,
            download_follows_links: podman,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_row(word: &str) -> bool {
        let mut letters = word.chars();
        letters.next().is_some_and(|c| c.is_ascii_uppercase())
            && word.len() > 1
            && letters.all(|c| c.is_ascii_digit())
    }

    fn of(kind: EngineKind, version: &str, rootless: bool) -> Dialect {
        Dialect::of(&Identity { rootless, ..Identity::new(kind, version) })
    }

    /// Each field has a row, and the row names the field.
    #[test]
    fn fields_have_rows() {
        let page = include_str!("../../docs/engines.md");
        let source = include_str!("dialect.rs").split("impl Dialect").next().expect("the fields");
        let mut row = "";
        let mut fields = 0;
        for line in source.lines().map(str::trim) {
            let word = line.strip_prefix("/// ").and_then(|text| text.split([':', ',']).next());
            match (word, line.strip_prefix("pub ").and_then(|text| text.split_once(": "))) {
                (Some(word), _) if is_row(word) => row = word,
                (_, Some((field, _))) => {
                    let start = format!("| {row} |");
                    let cited = page.lines().find(|line| line.starts_with(&start));
                    let cited = cited.unwrap_or_else(|| panic!("{field} cites {row}"));
                    assert!(cited.contains(&format!("`{field}`")), "{cited}");
                    (row, fields) = ("", fields + 1);
                }
                _ => {}
            }
        }
        assert_eq!(fields, 10);
    }

    #[test]
    fn versions_and_powers_make_the_difference() {
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        assert!(of(podman, "4.3.1", true).keep_id && !of(podman, "4.3.1", false).keep_id);
        assert!(!of(docker, "28.5.2", true).keep_id);
        assert!(of(docker, "28.5.2", true).only_root_is_caller);
        assert!(!of(docker, "28.5.2", false).only_root_is_caller);
    }
}
