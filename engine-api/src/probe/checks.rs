//! The checks of an engine that answers.

use camino::{Utf8Path, Utf8PathBuf};
use session_core::Check;

use super::code;
use crate::failure::IDS;
use crate::{Endpoint, EngineKind, Facts, Platform};

/// Free bytes below which no session fits, and below which it soon is tight.
const NO_ROOM: u64 = 256 << 20;
const LITTLE_ROOM: u64 = 5 << 30;
/// The users that images have files of.
const USUAL_USERS: u64 = 65_536;

/// Where Podman looks for its init, when nobody told it otherwise.
const INITS: [&str; 6] = [
    "/usr/libexec/podman/catatonit",
    "/usr/local/libexec/podman/catatonit",
    "/usr/lib/podman/catatonit",
    "/usr/local/lib/podman/catatonit",
    "/usr/libexec/catatonit/catatonit",
    "/usr/bin/catatonit",
];

/// What the engine's own words show, and the disk that it names.
pub(super) async fn of_facts(kind: EngineKind, endpoint: &Endpoint, facts: &Facts) -> Vec<Check> {
    let mut checks = vec![limits(kind, facts), storage(kind, facts)];
    checks.extend(users(kind, facts));
    checks.extend(restart(kind, facts));
    // In a virtual machine or on another host, paths mean something else.
    if !endpoint.sees_host_paths() || Platform::current() != Platform::Linux {
        return checks;
    }
    let root = facts.storage_root.clone();
    let local = tokio::task::spawn_blocking(move || {
        let mut checks = Vec::new();
        if kind == EngineKind::Podman {
            checks.push(init(INITS.iter().any(|path| Utf8Path::new(path).exists())));
        }
        if let Some((root, free)) = root.and_then(free_space) {
            checks.push(disk(kind, &root, free));
        }
        checks
    });
    checks.extend(local.await.unwrap_or_default());
    checks
}

/// Whether the engine's own command is where packages put it (S2.E1).
pub(super) fn installed(kind: EngineKind) -> Check {
    let word = kind.word();
    let directories =
        ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/podman/bin", "/snap/bin"];
    let mut places = directories.iter().map(|directory| Utf8Path::new(directory).join(word));
    let found = places.find(|place| place.exists());
    installation(kind, Platform::current(), found)
}

pub(super) fn installation(kind: EngineKind, on: Platform, found: Option<Utf8PathBuf>) -> Check {
    let code = code(kind, "installed");
    if let Some(path) = found {
        return Check::passed(code, format!("`{path}` is there"));
    }
    let remedy = match (kind, on) {
        (EngineKind::Docker, Platform::MacOs) => {
            "install Docker Desktop, or `brew install colima docker`"
        }
        (EngineKind::Docker, _) => {
            "install it: Debian and Ubuntu `sudo apt install docker.io`, Fedora `sudo dnf install \
             moby-engine`, Arch `sudo pacman -S docker`"
        }
        (EngineKind::Podman, Platform::MacOs) => {
            "`brew install podman`, then `podman machine init` and `podman machine start`"
        }
        (EngineKind::Podman, _) => {
            "install it: Debian and Ubuntu `sudo apt install podman catatonit`, Fedora `sudo dnf \
             install podman`, Arch `sudo pacman -S podman catatonit`"
        }
    };
    let message = format!("the command `{}` is in none of the usual places", kind.word());
    Check::warning(code, message, remedy)
}

pub(super) fn limits(kind: EngineKind, facts: &Facts) -> Check {
    let code = code(kind, "limits");
    let version = facts.cgroup_version.map_or("unknown".to_owned(), |version| version.to_string());
    let limits = facts.limits;
    let without: Vec<&str> = [
        (limits.memory, "memory"),
        (limits.cpu, "processor time"),
        (limits.pids, "the number of processes"),
    ]
    .into_iter()
    .filter_map(|(works, what)| (!works).then_some(what))
    .collect();
    if without.is_empty() {
        let message = format!("limits take effect (control groups version {version})");
        return Check::passed(code, message);
    }
    let remedy = match (facts.rootless, facts.cgroup_version) {
        (true, Some(1)) => {
            "boot with `systemd.unified_cgroup_hierarchy=1` on the kernel's command line: without \
             root's powers there are limits with control groups version 2 only"
        }
        (true, _) => {
            "have systemd delegate them: `sudo systemctl edit user@.service` with `[Service]` and \
             `Delegate=cpu cpuset io memory pids`, then log in again"
        }
        (false, _) => "enable these control groups in the kernel (`cgroup_enable=memory`)",
    };
    let message = format!(
        "limits on {} have no effect (control groups version {version}); sessions that ask for \
         them are refused",
        without.join(", ")
    );
    Check::warning(code, message, remedy)
}

pub(super) fn storage(kind: EngineKind, facts: &Facts) -> Check {
    let code = code(kind, "storage");
    if facts.storage_driver != "vfs" {
        return Check::passed(code, format!("the storage driver is {}", facts.storage_driver));
    }
    let remedy = match kind {
        EngineKind::Docker => "set `\"storage-driver\": \"overlay2\"` in /etc/docker/daemon.json",
        EngineKind::Podman => {
            "install fuse-overlayfs, set `driver = \"overlay\"` in storage.conf, then `podman \
             system reset` (that removes all images and containers)"
        }
    };
    let message = "the storage driver is vfs: each container is a whole copy of its image";
    Check::warning(code, message, remedy)
}

/// S2.E3.
pub(super) fn users(kind: EngineKind, facts: &Facts) -> Option<Check> {
    match (kind, facts.mapped_users) {
        (EngineKind::Podman, Some(users)) if users < USUAL_USERS => {
            let message = format!(
                "containers have {users} of {USUAL_USERS} users: images with files of others can't \
                 be pulled or built"
            );
            Some(Check::warning(code(kind, "ids"), message, IDS))
        }
        (EngineKind::Podman, Some(users)) => {
            Some(Check::passed(code(kind, "ids"), format!("containers have {users} users")))
        }
        (EngineKind::Docker, _) if facts.security.iter().any(|name| name == "userns") => {
            let message = "Docker maps users: files made inside belong to others outside";
            let remedy = "take `userns-remap` out of /etc/docker/daemon.json, or use `--upload`";
            Some(Check::warning(code(kind, "ids"), message, remedy))
        }
        _ => None,
    }
}

/// No warning: it is how Docker comes.
fn restart(kind: EngineKind, facts: &Facts) -> Option<Check> {
    let message = match (kind, facts.live_restore) {
        (EngineKind::Podman, _) => return None,
        (_, true) => "sessions go on when Docker is restarted (live-restore is on)",
        (_, false) => "sessions end when Docker is restarted (live-restore is off)",
    };
    Some(Check::passed(code(kind, "restart"), message))
}

pub(super) fn init(found: bool) -> Check {
    let code = code(EngineKind::Podman, "init");
    if found {
        return Check::passed(code, "catatonit is there, which reaps and passes on signals");
    }
    let message = "catatonit is in none of the usual places: sessions run without an init, and \
                   stopping them takes longer";
    Check::warning(code, message, "install the package catatonit")
}

pub(super) fn disk(kind: EngineKind, root: &Utf8Path, free: u64) -> Check {
    let code = code(kind, "disk");
    let message = format!("{} MB are free at `{root}`", free >> 20);
    let word = kind.word();
    let remedy =
        format!("`{word} system df` says what takes the room; `{word} image prune` frees some");
    if free < NO_ROOM {
        Check::failed(code, message, remedy)
    } else if free < LITTLE_ROOM {
        Check::warning(code, message, remedy)
    } else {
        Check::passed(code, message)
    }
}

/// The free bytes of the disk, seen from the nearest directory that may be seen. Blocks.
fn free_space(root: Utf8PathBuf) -> Option<(Utf8PathBuf, u64)> {
    let found = root.ancestors().find_map(|path| rustix::fs::statvfs(path.as_std_path()).ok())?;
    Some((root, found.f_bavail.saturating_mul(found.f_frsize)))
}
