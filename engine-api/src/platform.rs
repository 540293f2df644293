//! What sort of machine the program runs on: where sockets are, and how engines are started.

/// The operating system of the program, not of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Platform {
    /// Linux: engines run on it.
    Linux,
    /// macOS: engines run in a virtual machine of Docker Desktop, colima or `podman machine`.
    MacOs,
}

impl Platform {
    /// The one that this was built for.
    pub const fn current() -> Self {
        if cfg!(target_os = "macos") { Self::MacOs } else { Self::Linux }
    }
}

/// Which boot of which kernel this is, if the system tells; a container on the same one reads the
/// same.
pub(crate) fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}
