//! What differs between engines, as data: each field cites the row of `docs/engines.md` that made
//! it necessary.

use crate::{EngineKind, Identity};

/// How to speak to one engine.
///
/// A field says what the engine does, not what to do about it. What is the same on all engines has
/// no field; it is in `docs/engines.md` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dialect {
    /// C1: the engine adds a line for a user without one to the container's `/etc/passwd`.
    pub adds_passwd_entry: bool,
    /// C2, rootless Podman: the calling user must be mapped to itself (`UsernsMode: keep-id`), or
    /// files made inside belong to others outside.
    pub keep_id: bool,
    /// C3: `HostConfig.Init` needs a program (`catatonit`) on the engine's host.
    pub init_is_on_host: bool,
    /// C4: a label's key is cut at its first `=`.
    pub splits_label_keys: bool,
    /// C5: a mount of type `bind` whose source is missing makes it, as the engine's user.
    pub makes_missing_mount_sources: bool,
    /// C6: any ulimit given replaces all the defaults of the engine.
    pub ulimits_replace_defaults: bool,
    /// C7: the network that a container gets unasked.
    pub default_network: &'static str,
    /// C8: `HostConfig.Mounts` is null in what `inspect` answers; `Mounts` has them.
    pub hides_mounts_in_host_config: bool,
    /// C9: a program that can't be found lets `start` fail with an exit code (127) and a text in
    /// the container's state.
    pub keeps_start_errors: bool,
    /// L1: the limits of a container that exists can be changed (`/update`).
    pub changes_limits: bool,
    /// L2: a container that ran out of memory is marked so.
    pub marks_oom: bool,
    /// S1: the state right after the end may be `stopped`, which bollard can't read: a whole list
    /// then fails with `JsonDataError`, and is to be asked for again.
    pub has_state_stopped: bool,
    /// S2: waiting for the removal tells the exit code.
    pub removal_tells_exit_code: bool,
    /// T1: a restarted container's terminal has no size until one is set.
    pub restart_loses_size: bool,
    /// T2: the half-close of an attached terminal's input ends the output too.
    pub half_close_detaches: bool,
    /// T3: the log of a terminal lacks the line that is not finished yet.
    pub log_lacks_last_line: bool,
    /// T4: a log that is followed ends when the container is removed.
    pub log_ends_at_removal: bool,
    /// X1: the exit code of an exec started with `detach` becomes known.
    pub detached_exec_tells_code: bool,
    /// X2: the exit code of an exec is right although its reader went away.
    pub unread_exec_tells_code: bool,
    /// X3: an exec's `console_size` is honoured.
    pub exec_takes_size: bool,
    /// A1: an upload to a directory that is missing makes it.
    pub upload_makes_directory: bool,
    /// A2: an upload below a tmpfs mount is lost.
    pub upload_misses_tmpfs: bool,
    /// A3: files in a download belong to the container's user, whoever owns them.
    pub download_rewrites_owner: bool,
    /// G1: a name without a registry that was built here is called `localhost/…`.
    pub prefixes_local_images: bool,
    /// G2: a pull that fails answers 200, and the error is in the stream.
    pub pull_fails_in_stream: bool,
    /// G3: labels in the body of a commit are taken.
    pub commit_takes_labels: bool,
    /// V1: what the event of a removal is called.
    pub removal_event: &'static str,
}

impl Dialect {
    /// The dialect of the engine that said so of itself.
    pub fn of(identity: &Identity) -> Self {
        let podman = identity.kind == EngineKind::Podman;
        let docker = !podman;
        // What is between the measured versions is taken for the older one.
        let podman5 = podman && identity.is_at_least(5, 0);
        let docker28 = docker && identity.is_at_least(28, 0);
        Self {
            adds_passwd_entry: podman,
            keep_id: podman && identity.rootless,
            init_is_on_host: podman,
            splits_label_keys: podman,
            makes_missing_mount_sources: podman,
            ulimits_replace_defaults: podman && !podman5,
            default_network: if podman { "podman" } else { "bridge" },
            hides_mounts_in_host_config: podman,
            keeps_start_errors: docker,
            changes_limits: docker || podman5,
            marks_oom: docker || podman5,
            has_state_stopped: podman,
            removal_tells_exit_code: docker || podman5,
            restart_loses_size: docker,
            half_close_detaches: docker,
            log_lacks_last_line: docker,
            log_ends_at_removal: docker || !podman5,
            detached_exec_tells_code: docker || podman5,
            unread_exec_tells_code: podman || docker28,
            exec_takes_size: docker28,
            upload_makes_directory: podman,
            upload_misses_tmpfs: docker,
            download_rewrites_owner: podman,
            prefixes_local_images: podman,
            pull_fails_in_stream: podman,
            commit_takes_labels: docker || podman5,
            removal_event: if podman { "remove" } else { "destroy" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                (Some(word), _) if word.len() == 2 => row = word,
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
        assert!(fields > 20);
    }

    #[test]
    fn versions_and_powers_make_the_difference() {
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        assert!(!of(podman, "4.3.1", false).changes_limits);
        assert!(of(podman, "5.8.6", false).changes_limits);
        assert!(of(podman, "4.3.1", true).keep_id && !of(podman, "4.3.1", false).keep_id);
        assert!(!of(docker, "28.5.2", true).keep_id);
        assert!(!of(docker, "20.10.24+dfsg1", false).unread_exec_tells_code);
        assert!(of(docker, "28.5.2", false).unread_exec_tells_code);
    }
}
