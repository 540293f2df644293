//! What a person can do about it, per engine and platform.

use super::{Cause, Peer};
use crate::{Endpoint, EngineKind, Platform};

/// What to do about `cause`, of which the engine said `text`; `None` where its words suffice.
pub(crate) fn remedy(cause: Cause, peer: &Peer<'_>, text: &str) -> Option<String> {
    let engine = peer.kind.map_or("the engine", EngineKind::title);
    Some(match cause {
        Cause::NothingThere | Cause::NobodyListens => {
            format!("{engine} is not running; {}", start(peer))
        }
        Cause::Silent => restart(peer),
        Cause::Unreachable | Cause::Garbled if peer.is_remote() => {
            "check the address and the network".to_owned()
        }
        Cause::Restarted => format!(
            "the connection broke: {engine} was stopped or restarted; once it runs, try again"
        ),
        Cause::SocketDenied => denied(peer),
        Cause::NameTaken => {
            let name = quoted_name(text).map(|name| name.trim_start_matches("sessctl-"));
            let name = name.unwrap_or("NAME");
            format!(
                "choose another name with `--name`, attach to it with `sessctl attach {name}`, or \
                 remove it with `sessctl remove {name}`"
            )
        }
        Cause::ImageMissing => {
            "build it with `sessctl image build`, or name another with `--image`".to_owned()
        }
        Cause::ContainerGone => {
            "it was removed by other means; `sessctl remove` puts away what is left".to_owned()
        }
        Cause::NetworkMissing => {
            let word = peer.kind.map_or("docker", EngineKind::word);
            format!("`{word} network ls` lists those there are")
        }
        Cause::CommandMissing => "name a program that is in the image".to_owned(),
        Cause::UserMissing => "name a user that is in the image, or none".to_owned(),
        Cause::NotRunning => "start the session first: `sessctl start`".to_owned(),
        Cause::StillRunning => "stop the session first: `sessctl stop`".to_owned(),
        Cause::Working => "try again in a moment".to_owned(),
        Cause::StorageFull => {
            let word = peer.kind.map_or("docker", EngineKind::word);
            format!(
                "the engine's disk is full; `{word} system df` says what takes the room, \
                 `sessctl doctor` where"
            )
        }
        Cause::VersionRefused | Cause::RouteMissing => {
            format!("this version of {engine} can't do that; update it")
        }
        Cause::InitMissing => {
            "install catatonit on the engine's host (its package has the same name)".to_owned()
        }
        Cause::IdsMissing => IDS.to_owned(),
        Cause::PullDenied => {
            let word = peer.kind.map_or("docker", EngineKind::word);
            format!("check the image's name, or log in with `{word} login`")
        }
        Cause::RegistryUnreachable => {
            "check the network; an image that is there already needs no registry".to_owned()
        }
        _ => return None,
    })
}

/// How ids for rootless containers are set up (S2.E3).
pub(crate) const IDS: &str = "give the user ids of its own: `sudo usermod --add-subuids 100000-165535 \
     --add-subgids 100000-165535 $USER`, then `podman system migrate`; \
     `podman run --rm alpine id` tries it";

/// How the engine is started (S0.E1, S2.2, S2.E2).
pub(crate) fn start(peer: &Peer<'_>) -> String {
    if let Some(endpoint) = peer.endpoint.filter(|_| peer.is_remote()) {
        return format!("start it on its host, or name another than {endpoint}");
    }
    let rootless = peer.endpoint.is_some_and(Endpoint::is_of_a_user);
    let command = match (peer.kind, peer.platform) {
        (Some(EngineKind::Docker), Platform::MacOs) => "`open -a Docker`, or `colima start`",
        (Some(EngineKind::Docker), _) if rootless => "`systemctl --user start docker`",
        (Some(EngineKind::Docker), _) => {
            "`sudo systemctl start docker` (without systemd: `sudo service docker start`)"
        }
        (Some(EngineKind::Podman), Platform::MacOs) => {
            "`podman machine start` (the first time `podman machine init`)"
        }
        (Some(EngineKind::Podman), _) if rootless => {
            "`systemctl --user enable --now podman.socket` (without systemd: \
             `podman system service --time=0 &`)"
        }
        (Some(EngineKind::Podman), _) => {
            "`sudo systemctl enable --now podman.socket` (without systemd: \
             `sudo podman system service --time=0 &`)"
        }
        (None, _) => return "start it; `sessctl doctor` says how".to_owned(),
    };
    format!("start it with {command}")
}

fn restart(peer: &Peer<'_>) -> String {
    if peer.is_remote() {
        return "check its host, and the network to it".to_owned();
    }
    match (peer.kind, peer.platform) {
        (Some(EngineKind::Docker), Platform::MacOs) => "restart Docker Desktop".to_owned(),
        (Some(EngineKind::Docker), _) => "restart it: `sudo systemctl restart docker`".to_owned(),
        (Some(EngineKind::Podman), Platform::MacOs) => {
            "restart it: `podman machine stop`, then `podman machine start`".to_owned()
        }
        (Some(EngineKind::Podman), _) => {
            "restart it: `systemctl --user restart podman.socket podman.service`".to_owned()
        }
        (None, _) => "restart it".to_owned(),
    }
}

fn denied(peer: &Peer<'_>) -> String {
    match (peer.kind, peer.platform) {
        (Some(EngineKind::Docker), Platform::MacOs) => {
            "allow it in Docker Desktop: Settings, Advanced, `Allow the default Docker socket`"
                .to_owned()
        }
        (Some(EngineKind::Docker), _) => {
            "you may not use its socket; `sudo usermod -aG docker $USER` and a new login allow it \
             (that is as good as being root), or use rootless Docker or Podman"
                .to_owned()
        }
        (Some(EngineKind::Podman), _) => {
            "you may not use its socket, which is another user's; your own: \
             `systemctl --user enable --now podman.socket`"
                .to_owned()
        }
        (None, _) => "you may not use its socket; `sessctl doctor` says what to do".to_owned(),
    }
}

/// The name between the first pair of quotes.
fn quoted_name(text: &str) -> Option<&str> {
    let mut parts = text.split('"');
    let name = parts.nth(1)?;
    parts.next()?;
    let name = name.trim_start_matches('/');
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
}

impl Peer<'_> {
    fn is_remote(&self) -> bool {
        self.endpoint.is_some_and(|endpoint| !endpoint.sees_host_paths())
    }
}
