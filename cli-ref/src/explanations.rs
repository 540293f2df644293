//! What the codes of checks mean.

/// One code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Explanation {
    pub(crate) code: &'static str,
    /// What it is about, in a few words.
    pub(crate) title: &'static str,
    /// Why it matters and what to do.
    pub(crate) text: &'static str,
}

/// All codes, sorted.
pub(crate) fn explanations() -> Vec<Explanation> {
    let engines = backend_docker::explanations().iter();
    let mut all: Vec<_> = OF_HOST
        .iter()
        .chain(engines)
        .map(|(code, title, text)| Explanation { code, title, text })
        .collect();
    all.sort_unstable_by_key(|it| it.code);
    all
}

/// The codes of the backend `local`, and of a backend that can't be asked at all.
const OF_HOST: &[(&str, &str, &str)] = &[
    (
        "local-answers",
        "the host answers",
        "Whether anything can be found out about this host at all. The line of `sessctl doctor` has the reason why not.",
    ),
    (
        "local-home-writable",
        "sessions can be kept",
        "Whether the directory where sessions are to live can be written. Choose another one with --home or SESSCTL_HOME, or change the owner or mode of the one that is named.",
    ),
    (
        "local-locks",
        "locks hold",
        "Two commands on one session at once would damage it, so each locks a file first. Locks are missing on some network file systems: put the home on a local disk, or mount that one with locks.",
    ),
    (
        "local-proc",
        "processes can be found",
        "Sessions on the host are ended by finding their processes in /proc. Mount it: mount -t proc proc /proc.",
    ),
    (
        "local-pty",
        "sessions can have terminals",
        "Mount /dev/pts with ptmxmode=0666. If all terminals are in use, raise /proc/sys/kernel/pty/max.",
    ),
];
