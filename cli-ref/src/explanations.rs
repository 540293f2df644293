//! What the codes of checks mean.

/// One code.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) code: &'static str,
    /// What is looked at, in a sentence.
    pub(crate) about: &'static str,
    /// Why it matters and what to do, in lines.
    pub(crate) remedy: &'static str,
}

/// The explanation of `code`.
pub(crate) fn explanation(code: &str) -> Option<&'static Explanation> {
    EXPLANATIONS.iter().find(|it| it.code == code)
}

const fn of(code: &'static str, about: &'static str, remedy: &'static str) -> Explanation {
    Explanation { code, about, remedy }
}

/// All codes, sorted.
pub(crate) const EXPLANATIONS: &[Explanation] = &[
    of(
        "docker-answers",
        "whether anything can be found out about Docker at all",
        "The line of `sessctl doctor` has the reason. Is Docker installed and running (`docker version`)? Where it is\n\
         elsewhere, say so: DOCKER_HOST, or `docker.socket` in the configuration.",
    ),
    of(
        "local-answers",
        "whether anything can be found out about this host at all",
        "The line of `sessctl doctor` has the reason.",
    ),
    of(
        "local-home-writable",
        "whether sessions can be kept where they are to live",
        "Choose another directory with --home or SESSCTL_HOME, or change the owner or mode of the one that is named.",
    ),
    of(
        "local-locks",
        "whether one command can keep another one off a session",
        "Two commands on one session at once would damage it. Locks are missing on some network file systems: put the\n\
         home on a local disk, or mount that one with locks.",
    ),
    of(
        "local-proc",
        "whether processes of a session can be found",
        "Sessions on the host are ended by finding their processes in /proc: mount it (mount -t proc proc /proc).",
    ),
    of(
        "local-pty",
        "whether sessions can have terminals",
        "Mount /dev/pts with ptmxmode=0666. If all terminals are in use, raise /proc/sys/kernel/pty/max.",
    ),
    of(
        "podman-answers",
        "whether anything can be found out about Podman at all",
        "The line of `sessctl doctor` has the reason. Podman needs its service: `systemctl --user start podman.socket`,\n\
         or `podman machine start` on macOS. Where it is elsewhere, say so: CONTAINER_HOST, or `podman.socket` in the\n\
         configuration.",
    ),
];
