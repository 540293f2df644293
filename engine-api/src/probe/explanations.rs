//! What each code means, for `sessctl explain`.

/// Code, title and text of each check that [`probe`](crate::probe()) can report, sorted by code.
pub fn explanations() -> &'static [(&'static str, &'static str, &'static str)] {
    EXPLANATIONS
}

const EXPLANATIONS: &[(&str, &str, &str)] = &[
    (
        "docker-answers",
        "Docker answers",
        "A Docker daemon answered at one of the places where one is looked for: DOCKER_HOST; the context that DOCKER_CONTEXT or `docker context use` chose; /var/run/docker.sock; the sockets of rootless Docker, Docker Desktop, colima and Rancher Desktop. If it fails, the daemon does not run, or its socket is elsewhere: start it (Linux: `sudo systemctl start docker`; macOS: open Docker Desktop or `colima start`), or name it with DOCKER_HOST.",
    ),
    (
        "docker-disk",
        "room for Docker",
        "The free space of the disk where Docker keeps images and containers. Workspaces are not there but below sessctl's own directory. `docker system df` shows what takes the room; `docker image prune` removes images that nothing uses.",
    ),
    (
        "docker-identity",
        "it is Docker",
        "What answers is asked for its name before anything is changed: tools that take Podman for Docker make half-broken containers. If it is Podman, use `--backend podman`; if it is another server, DOCKER_HOST or the context is wrong.",
    ),
    (
        "docker-ids",
        "users in Docker's containers",
        "With `userns-remap`, Docker gives other numbers to the users in containers, so that files which a session makes in its workspace belong to nobody you know. Switch it off, or have workspaces copied with `--upload`.",
    ),
    (
        "docker-info",
        "Docker's state",
        "Docker answers, but not to the question for its configuration. The message has its words; its log says more (`journalctl -u docker`).",
    ),
    (
        "docker-installed",
        "Docker is installed",
        "The command `docker` is looked for in the directories where packages put it. sessctl itself needs only the daemon's socket, so this matters only if nothing answers.",
    ),
    (
        "docker-limits",
        "limits take effect in Docker",
        "Whether the kernel's control groups for memory, processor time and number of processes are there for Docker. A session that asks for a limit that would have no effect is refused instead of running without it.",
    ),
    (
        "docker-permission",
        "Docker's socket may be used",
        "The daemon's socket belongs to root and the group docker. Being in that group is as good as being root on this machine. Who does not want that uses rootless Docker or Podman.",
    ),
    (
        "docker-restart",
        "a restart of Docker",
        "Without live-restore, the daemon ends all containers when it is stopped, updated or restarted; sessions are there afterwards, but stopped. To have them go on: `\"live-restore\": true` in /etc/docker/daemon.json, then `sudo systemctl reload docker`.",
    ),
    (
        "docker-socket",
        "Docker's sockets",
        "All places that were tried. A socket that is elsewhere is named with DOCKER_HOST=unix:///path.",
    ),
    (
        "docker-storage",
        "Docker's storage driver",
        "With vfs, each container is a full copy of its image: slow, and large. overlay2 shares what is not changed.",
    ),
    (
        "docker-version",
        "Docker is new enough",
        "Docker 20.10 (API 1.41) is the oldest version that sessions are tested with.",
    ),
    (
        "podman-answers",
        "Podman answers",
        "Podman's service answered at one of the places where it is looked for: CONTAINER_HOST; the connection that CONTAINER_CONNECTION or the configuration names; $XDG_RUNTIME_DIR/podman/podman.sock; /run/podman/podman.sock; on macOS the sockets of `podman machine`. Podman runs without a daemon, but its API needs the service: `systemctl --user enable --now podman.socket`, without systemd `podman system service --time=0 &`, on macOS `podman machine start`.",
    ),
    (
        "podman-disk",
        "room for Podman",
        "The free space of the disk where Podman keeps images and containers. Workspaces are not there but below sessctl's own directory. `podman system df` shows what takes the room; `podman image prune` removes images that nothing uses.",
    ),
    (
        "podman-identity",
        "it is Podman",
        "What answers is asked for its name before anything is changed. If it is Docker, use `--backend docker`; if it is another server, CONTAINER_HOST or the connection is wrong.",
    ),
    (
        "podman-ids",
        "users in Podman's containers",
        "Without root's powers, the users in containers are numbers that /etc/subuid and /etc/subgid give to you. With too few, images with files of other users can't be pulled or built (`insufficient UIDs or GIDs`, `unable to look up current user`). `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER`, then `podman system migrate`; `podman run --rm alpine id` tries it. Ranges of two users must not overlap.",
    ),
    (
        "podman-info",
        "Podman's state",
        "Podman answers, but not to the question for its configuration. The message has its words; `podman info` shows the same.",
    ),
    (
        "podman-init",
        "an init for Podman",
        "Podman takes the init that reaps processes and passes on signals from the host: the program catatonit, a package of the same name.",
    ),
    (
        "podman-installed",
        "Podman is installed",
        "The command `podman` is looked for in the directories where packages put it. If nothing answers and it is missing, install it.",
    ),
    (
        "podman-limits",
        "limits take effect in Podman",
        "Whether the control groups for memory, processor time and number of processes are there for Podman. Without root's powers, that takes control groups version 2 and systemd's delegation of them to users. Podman accepts limits that have no effect; sessctl looks, and refuses a session that asks for one.",
    ),
    (
        "podman-permission",
        "Podman's socket may be used",
        "The socket belongs to another user: /run/podman/podman.sock is root's. Your own: `systemctl --user enable --now podman.socket`.",
    ),
    (
        "podman-socket",
        "Podman's sockets",
        "All places that were tried. A socket that is elsewhere is named with CONTAINER_HOST=unix:///path.",
    ),
    (
        "podman-storage",
        "Podman's storage driver",
        "With vfs, each container is a full copy of its image: slow, and large. overlay (with fuse-overlayfs on older kernels) shares what is not changed.",
    ),
    (
        "podman-version",
        "Podman is new enough",
        "Podman 4.3 is the oldest version that sessions are tested with.",
    ),
];
