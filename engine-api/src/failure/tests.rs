//! Texts as engines wrote them (docs/engines.md, rows F).

use bollard::errors::Error as Failure;
use proptest::prelude::*;
use session_core::ErrorKind;

use super::*;

fn response(status: u16, message: &str) -> Failure {
    Failure::DockerResponseServerError { status_code: status, message: message.to_owned() }
}

fn error(peer: &Peer<'_>, failure: Failure) -> Error {
    failed("docker.create".into(), "create the container", peer, failure)
}

fn peer(kind: EngineKind, platform: Platform, endpoint: &Endpoint) -> Peer<'_> {
    Peer { kind: Some(kind), endpoint: Some(endpoint), platform }
}

/// S0.E2, S0.E3, S2.E3: what engines answer, and what becomes of it.
#[test]
fn answers_have_their_kind() {
    use ErrorKind as Kind;
    let rows = [
        (
            409,
            r#"Conflict. The container name "/a" is already in use by container "b"."#,
            Kind::AlreadyExists,
        ),
        (
            500,
            r#"creating container storage: the container name "a" is already in use by 0123. You have to remove that container to be able to reuse that name: that name is already in use"#,
            Kind::AlreadyExists,
        ),
        (500, "UNIQUE constraint failed: ContainerConfig.Name", Kind::AlreadyExists),
        (404, "No such image: nope:1", Kind::NotFound),
        (404, "No such image: nope:1: image not known", Kind::NotFound),
        (404, "No such container: a", Kind::NotFound),
        (404, r#"no container with name or ID "a" found: no such container"#, Kind::NotFound),
        (404, "Not Found\n", Kind::Unsupported),
        (404, "page not found", Kind::Unsupported),
        (409, "Container 0123 is not running", Kind::Refused),
        (
            500,
            "can only create exec sessions on running containers: container state improper",
            Kind::Refused,
        ),
        (
            409,
            "You cannot remove a running container 0123. Stop the container before attempting removal or force remove",
            Kind::Refused,
        ),
        (
            500,
            "cannot remove container 0123 as it is running - running or paused containers cannot be removed without force: container state improper",
            Kind::Refused,
        ),
        (409, "removal of container 0123 is already in progress", Kind::Busy),
        (500, "given PIDs did not die within timeout", Kind::Busy),
        (500, "write /var/lib/docker/tmp/x: no space left on device", Kind::StorageFull),
        (
            400,
            "client version 1.53 is too new. Maximum supported API version is 1.41",
            Kind::Unsupported,
        ),
        (
            400,
            "client version 1.12 is too old. Minimum supported API version is 1.24",
            Kind::Unsupported,
        ),
        (
            500,
            "container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file or directory",
            Kind::Unsupported,
        ),
        (500, "unable to look up current user: user: unknown userid 1000", Kind::Unsupported),
        (
            500,
            "potentially insufficient UIDs or GIDs available in user namespace",
            Kind::Unsupported,
        ),
        (
            400,
            r#"OCI runtime create failed: runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH"#,
            Kind::InvalidInput,
        ),
        (
            400,
            "OCI runtime create failed: unable to find user nope: no matching entries in passwd file",
            Kind::InvalidInput,
        ),
        (500, "can not pause containers on rootless containers with cgroup V1", Kind::Unsupported),
        (
            400,
            r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown"#,
            Kind::InvalidInput,
        ),
        (
            500,
            r#"runc: runc create failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory: OCI runtime attempted to invoke a command that was not found"#,
            Kind::InvalidInput,
        ),
        (
            500,
            "unable to find user nobodyhere: no matching entries in passwd file",
            Kind::InvalidInput,
        ),
        (
            400,
            r#"invalid mount config for type "bind": bind source path does not exist: /nope"#,
            Kind::InvalidInput,
        ),
        (404, "Could not find the file /nope in container x", Kind::NotFound),
        (404, "No such exec instance: 0123456789", Kind::NotFound),
        (404, "no exec session with ID 0123456789 found: no such exec session", Kind::NotFound),
        (
            500,
            "can only kill running containers. 0123 is in state created: container state improper",
            Kind::Refused,
        ),
        (
            500,
            "container create: running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
            Kind::InvalidInput,
        ),
        (
            400,
            "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
            Kind::InvalidInput,
        ),
        (
            500,
            r#"determining run uid: user: unknown user error looking up user "nope""#,
            Kind::InvalidInput,
        ),
        (404, "network nope not found", Kind::NotFound),
        (500, "unable to find network with name or ID nope: network not found", Kind::NotFound),
        (400, "Minimum memory limit allowed is 6MB", Kind::InvalidInput),
        (
            500,
            "initializing source docker://nope:1: pinging container registry docker.io: dial tcp: lookup",
            Kind::BackendUnavailable,
        ),
        (418, "short and stout", Kind::Io),
        (500, "", Kind::Io),
    ];
    for (status, text, kind) in rows {
        assert_eq!(classify(status, text).kind(), kind, "{status} {text}");
    }
}

/// S0.E1, S0.E2, S0.E3, S2.2, S2.E2: the words a person reads.
#[test]
fn messages_say_what_to_do() {
    let system = Endpoint::Unix("/var/run/docker.sock".into());
    let user = Endpoint::Unix("/run/user/1000/podman/podman.sock".into());
    let far = Endpoint::read("ssh://me@far", None).expect("valid");
    let mut text = String::new();
    let mut add = |title: &str, peer: &Peer<'_>, failure: Failure| {
        let error = error(peer, failure);
        text += &format!("## {title}\n{:?}: {error}\n\n", error.kind());
    };
    let refused = || Failure::IOError { err: io::ErrorKind::ConnectionRefused.into() };
    let denied = || Failure::IOError { err: io::ErrorKind::PermissionDenied.into() };
    for (kind, endpoint) in [(EngineKind::Docker, &system), (EngineKind::Podman, &user)] {
        for platform in [Platform::Linux, Platform::MacOs] {
            let peer = peer(kind, platform, endpoint);
            let missing = Failure::SocketNotFoundError(endpoint.to_string());
            add(&format!("{kind:?} {platform:?} missing"), &peer, missing);
            add(&format!("{kind:?} {platform:?} stale"), &peer, refused());
            add(&format!("{kind:?} {platform:?} denied"), &peer, denied());
            add(&format!("{kind:?} {platform:?} silent"), &peer, Failure::RequestTimeoutError);
        }
    }
    let rootful = Endpoint::Unix("/run/podman/podman.sock".into());
    let podman = peer(EngineKind::Podman, Platform::Linux, &rootful);
    add("rootful Podman stale", &podman, refused());
    add("remote stale", &peer(EngineKind::Docker, Platform::Linux, &far), refused());
    let docker = peer(EngineKind::Docker, Platform::Linux, &system);
    let broken = Failure::IOError { err: io::ErrorKind::ConnectionReset.into() };
    add("restarted", &docker, broken);
    add("image", &docker, response(404, "No such image: nope:1"));
    let taken = r#"Conflict. The container name "/sessctl-a" is already in use by container "b"."#;
    add("name", &docker, response(409, taken));
    add("disk", &podman, response(500, "write /x: no space left on device"));
    add("ids", &podman, response(500, "insufficient UIDs or GIDs available"));
    add("update", &podman, response(404, "Not Found\n"));
    add("gone", &Peer::unknown(), response(404, "No such container: 0123"));
    add("init", &podman, response(500, "container-init binary not found"));
    add("nothing known", &Peer::unknown(), refused());
    insta::assert_snapshot!(text);
}

/// An engine repeats what programs made up: no escape sequence gets through, and no novel.
#[test]
fn texts_of_engines_are_made_readable() {
    let text = format!("a\u{1b}[31m\n\tb\u{9b}c {}", "x".repeat(10_000));
    let error = error(&Peer::unknown(), response(500, &text));
    assert!(error.message().starts_with("create the container: a [31m b c xx"), "{error}");
    assert!(error.message().len() < 3_000 && error.message().ends_with('…'));
}

proptest! {
    #[test]
    fn no_text_panics(status: u16, text in "(?s).*", doing in ".*") {
        let endpoint = Endpoint::Unix("/x".into());
        for kind in [EngineKind::Docker, EngineKind::Podman] {
            let peer = peer(kind, Platform::Linux, &endpoint);
            let failure = response(status, &text);
            let error = failed("x".into(), &doing, &peer, failure);
            prop_assert!(!error.message().strip_prefix(&doing).unwrap().chars().any(char::is_control));
            let failure = Failure::DockerStreamError { error: text.clone() };
            failed("x".into(), &doing, &peer, failure);
        }
    }

    /// Quotes anywhere: the name in the advice is looked for between them.
    #[test]
    fn no_quotes_panic(text in "[\"/a ]{0,12}") {
        error(&Peer::unknown(), response(409, &format!("name {text} is already in use")));
    }
}
