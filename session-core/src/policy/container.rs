//! The rules for what only a container can have.

use camino::{Utf8Path, Utf8PathBuf};

use crate::{Capabilities, ContainerOptions, Isolation, Network, ProjectPlan, Strategy};

/// Less than this is not enough for a shell, and Docker refuses it.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;
/// Engines count memory in signed numbers.
const MOST_MEMORY: u64 = i64::MAX as u64;
/// A hundredth of a processor; Docker refuses less.
const LEAST_CPU_MILLIS: u32 = 10;
/// Longer names are refused by registries and engines.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// A login shell of an image: bash where it has that, else `sh`. The host's may not be in it.
pub(crate) fn login_shell() -> Vec<String> {
    let script = "command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -l";
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

/// Where a container's workspace is, or a project's subdirectory in it.
pub(super) fn workspace(project: impl AsRef<Utf8Path>, subdirectory: &Utf8Path) -> Utf8PathBuf {
    // Joining with nothing would leave a slash at the end, and agents compare paths as text.
    let below = project.as_ref().join(subdirectory);
    Utf8Path::new("/workspace").join(below).components().collect()
}

/// Whether sessions with these capabilities are containers.
pub(super) fn is_container(capabilities: &Capabilities) -> bool {
    capabilities.isolation == Isolation::Container
}

/// Everything that is asked for and that only a container could have, each with what to do.
pub(super) fn needs_container(asked: &ContainerOptions, kind: &str) -> Vec<String> {
    let ContainerOptions { image, root, network, memory_bytes, pids, cpu_millis, .. } = asked;
    [
        (image.is_some(), "an image (--image)"),
        (*root, "a root of its own (--root)"),
        (network.is_some(), "a network of its own (--network)"),
        (memory_bytes.is_some(), "a limit of memory (--memory)"),
        (pids.is_some(), "a limit of processes (--pids)"),
        (cpu_millis.is_some(), "a limit of processor time (--cpus)"),
        (asked.read_only, "read-only files (--read-only)"),
        (!asked.mounts.is_empty(), "a mount of the host's (--volume)"),
        (asked.upload, "an uploaded workspace (--upload)"),
    ]
    .into_iter()
    .filter(|(asked, _)| *asked)
    .map(|(_, what)| {
        format!(
            "{what} needs a container, and backend `{kind}` makes none; leave it out, or choose another backend (--backend)"
        )
    })
    .collect()
}

/// What is wrong with the options themselves, or does not fit the projects.
pub(super) fn problems(asked: &ContainerOptions, projects: &[ProjectPlan]) -> Vec<String> {
    let mut problems = Vec::new();
    problems.extend(asked.image.as_deref().and_then(image_problem));
    problems.extend(asked.network.as_ref().and_then(network_problem));
    match asked.memory_bytes {
        Some(bytes) if bytes < LEAST_MEMORY => problems.push(format!(
            "{bytes} bytes of memory (--memory) are too few for any session; give 6m or more, or leave it out for no limit"
        )),
        Some(bytes) if bytes > MOST_MEMORY => problems.push(format!(
            "{bytes} bytes of memory (--memory) are more than an engine can count; leave it out for no limit"
        )),
        _ => {}
    }
    if asked.pids == Some(0) {
        problems.push(
            "no process at all (--pids 0) can't work; give a number, or leave it out for no limit"
                .to_owned(),
        );
    }
    if asked.cpu_millis.is_some_and(|millis| millis < LEAST_CPU_MILLIS) {
        problems.push(
            "less than a hundredth of a processor (--cpus) can't work; give 0.01 or more, or leave it out for no limit"
                .to_owned(),
        );
    }
    if asked.upload {
        problems.extend(asked.mounts.iter().map(|mount| {
            format!(
                "`{}` can't be mounted (--volume) where the workspace is uploaded (--upload, or an engine elsewhere); leave one of them out",
                mount.source
            )
        }));
        let mounted = projects.iter().filter(|plan| plan.strategy == Strategy::Mount);
        problems.extend(mounted.map(|plan| {
            format!(
                "`{}` can't be mounted live (--mount) where the workspace is uploaded (--upload, or an engine elsewhere); leave one of them out",
                plan.source
            )
        }));
    }
    problems
}

/// Says why no engine would take `image` as a reference.
fn image_problem(image: &str) -> Option<String> {
    let wrong = || {
        format!(
            "`{}` can't name an image (--image); give one such as `debian:stable` or `registry.example/team/tools@sha256:…`",
            image.escape_debug()
        )
    };
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    // A colon before the last slash is that of a port.
    let after_slash = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest[after_slash..].find(':') {
        Some(colon) => (&rest[..after_slash + colon], Some(&rest[after_slash + colon + 1..])),
        None => (rest, None),
    };
    let is_good = name.len() <= LONGEST_NAME
        && is_image_name(name)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    (!is_good).then(wrong)
}

/// `[registry[:port]/]part/part`.
fn is_image_name(name: &str) -> bool {
    let mut parts: Vec<&str> = name.split('/').collect();
    let is_registry = |part: &str| part.contains(['.', ':']) || part == "localhost";
    if parts.len() > 1 && is_registry(parts[0]) {
        let registry = parts.remove(0);
        let (host, port) = registry.split_once(':').unwrap_or((registry, "1"));
        let is_label = |label: &str| is_part(&label.to_ascii_lowercase()) && !label.contains('_');
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !host.split('.').all(is_label) || !is_number {
            return false;
        }
    }
    parts.into_iter().all(is_part)
}

/// Lowercase letters and digits, with separators only between them.
fn is_part(part: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(|byte| inner(*byte))
        && bytes.last().is_some_and(|byte| inner(*byte))
        && bytes.iter().all(|byte| inner(*byte) || b"._-".contains(byte))
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= LONGEST_TAG
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    !algorithm.is_empty()
        && algorithm.chars().all(|c| c.is_ascii_alphanumeric() || "+._-".contains(c))
        && hex.len() >= 32
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Says why a session may not join `network`.
fn network_problem(network: &Network) -> Option<String> {
    let Network::Named(name) = network else { return None };
    if name == "host" {
        return Some(
            "network `host` is the host's own, from which nothing would be kept apart; give none, default, or the name of a network of the engine (--network)"
                .to_owned(),
        );
    }
    let is_good = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        && name.len() <= LONGEST_NAME;
    (!is_good).then(|| {
        format!(
            "`{}` can't name a network (--network); give none, default, or the name of a network of the engine",
            name.escape_debug()
        )
    })
}
