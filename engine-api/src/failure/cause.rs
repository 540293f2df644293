//! What an engine's answer means, by its status and its words.

use session_core::ErrorKind;

/// What went wrong, more exactly than a kind can say: advice hangs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// The socket is missing.
    NothingThere,
    /// The socket is stale, or nothing listens at the address.
    NobodyListens,
    /// The socket may not be opened.
    SocketDenied,
    /// No answer in time.
    Silent,
    /// The connection broke: the engine was stopped or restarted.
    Restarted,
    /// Some other way of not getting through.
    Unreachable,
    /// The answer is not one of an engine.
    Garbled,
    /// A container of this name is there.
    NameTaken,
    /// Something else of this name is there.
    Taken,
    ImageMissing,
    ContainerGone,
    ExecGone,
    NetworkMissing,
    PathMissing,
    NotRunning,
    StillRunning,
    Working,
    StorageFull,
    VersionRefused,
    RouteMissing,
    InitMissing,
    IdsMissing,
    UserMissing,
    CommandMissing,
    PullDenied,
    RegistryUnreachable,
    CannotDo,
    Denied,
    Invalid,
    Absent,
    Refused,
    Other,
}

impl Cause {
    /// The kind of the error.
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Self::NothingThere
            | Self::NobodyListens
            | Self::Silent
            | Self::Restarted
            | Self::RegistryUnreachable
            | Self::Unreachable => ErrorKind::BackendUnavailable,
            Self::SocketDenied | Self::PullDenied | Self::Denied => ErrorKind::PermissionDenied,
            Self::NameTaken | Self::Taken => ErrorKind::AlreadyExists,
            Self::ImageMissing
            | Self::ContainerGone
            | Self::ExecGone
            | Self::NetworkMissing
            | Self::PathMissing
            | Self::Absent => ErrorKind::NotFound,
            Self::NotRunning | Self::StillRunning | Self::Refused => ErrorKind::Refused,
            Self::Working => ErrorKind::Busy,
            Self::StorageFull => ErrorKind::StorageFull,
            Self::VersionRefused
            | Self::RouteMissing
            | Self::InitMissing
            | Self::IdsMissing
            | Self::CannotDo => ErrorKind::Unsupported,
            Self::UserMissing | Self::CommandMissing | Self::Invalid => ErrorKind::InvalidInput,
            Self::Garbled | Self::Other => ErrorKind::Io,
        }
    }
}

/// One rule: an answer with one of these statuses that contains these words.
struct Rule {
    /// Empty: whatever the status.
    status: &'static [u16],
    /// Words in lower case that all stand in the answer.
    words: &'static [&'static str],
    cause: Cause,
}

const fn rule(status: &'static [u16], words: &'static [&'static str], cause: Cause) -> Rule {
    Rule { status, words, cause }
}

/// The first rule that fits decides. The comment names the row of `docs/engines.md`.
const RULES: &[Rule] = &[
    // F14: before all others, for a full disk shows itself in any request.
    rule(&[], &["no space left on device"], Cause::StorageFull),
    rule(&[], &["disk quota exceeded"], Cause::StorageFull),
    // F1
    rule(&[409, 500], &["name", "already in use"], Cause::NameTaken),
    rule(&[409, 500], &["unique constraint failed", ".name"], Cause::NameTaken),
    rule(&[409, 500], &["already exists"], Cause::Taken),
    // F2
    rule(&[404, 500], &["no such image"], Cause::ImageMissing),
    rule(&[404, 500], &["image not known"], Cause::ImageMissing),
    rule(&[404, 500], &["manifest", "not found"], Cause::ImageMissing),
    rule(&[404, 500], &["manifest unknown"], Cause::ImageMissing),
    rule(&[404, 500], &["pull access denied"], Cause::PullDenied),
    rule(&[401, 500], &["authentication required"], Cause::PullDenied),
    rule(&[], &["short-name", "did not resolve"], Cause::ImageMissing),
    // F15
    rule(&[500], &["pinging container registry"], Cause::RegistryUnreachable),
    rule(&[500], &["registry", "no such host"], Cause::RegistryUnreachable),
    rule(&[500], &["registry", "server misbehaving"], Cause::RegistryUnreachable),
    rule(&[500], &["dial tcp"], Cause::RegistryUnreachable),
    rule(&[500], &["request canceled while waiting"], Cause::RegistryUnreachable),
    // F3
    rule(&[404, 500], &["no such container"], Cause::ContainerGone),
    rule(&[404, 500], &["no container with name or id"], Cause::ContainerGone),
    // F4
    rule(&[404, 500], &["no such exec"], Cause::ExecGone),
    rule(&[404, 500], &["no exec session with id"], Cause::ExecGone),
    // F5
    rule(&[404, 500], &["network", "not found"], Cause::NetworkMissing),
    rule(&[404, 500], &["unable to find network"], Cause::NetworkMissing),
    // F6
    rule(&[404], &["could not find the file"], Cause::PathMissing),
    rule(&[404], &["no such file or directory"], Cause::PathMissing),
    // F7: also in the answer to a command that is missing, which is no fault of the request's.
    rule(&[400, 500], &["executable file not found"], Cause::CommandMissing),
    rule(&[400, 500], &["exec: ", "no such file or directory"], Cause::CommandMissing),
    rule(&[400, 500], &["exec: ", "permission denied"], Cause::CommandMissing),
    rule(&[400, 404, 500], &["unable to find user"], Cause::UserMissing),
    rule(&[400, 404, 500], &["unable to find group"], Cause::UserMissing),
    rule(&[500], &["unknown user error looking up user"], Cause::UserMissing),
    // F8
    rule(&[409, 500], &["is not running"], Cause::NotRunning),
    rule(&[409, 500], &["cannot exec in a stopped"], Cause::NotRunning),
    rule(&[409, 500], &["can only stop created or running"], Cause::NotRunning),
    rule(&[409, 500], &["without force"], Cause::StillRunning),
    rule(&[409, 500], &["cannot remove a running container"], Cause::StillRunning),
    rule(&[409, 500], &["cannot remove a paused container"], Cause::StillRunning),
    rule(&[409, 500], &["container state improper"], Cause::NotRunning),
    // F9
    rule(&[409], &["already in progress"], Cause::Working),
    rule(&[500], &["did not die within timeout"], Cause::Working),
    rule(&[409, 500], &["device or resource busy"], Cause::Working),
    // F10
    rule(&[400], &["client version", "too new"], Cause::VersionRefused),
    rule(&[400], &["client version", "too old"], Cause::VersionRefused),
    // F11
    rule(&[404], &["page not found"], Cause::RouteMissing),
    // F12
    rule(&[500], &["container-init binary not found"], Cause::InitMissing),
    rule(&[500], &["catatonit", "no such file"], Cause::InitMissing),
    // F13
    rule(&[], &["insufficient uids or gids"], Cause::IdsMissing),
    rule(&[], &["not enough ids available"], Cause::IdsMissing),
    rule(&[], &["unable to look up current user"], Cause::IdsMissing),
    rule(&[], &["no subuid ranges found"], Cause::IdsMissing),
    rule(&[], &["newuidmap"], Cause::IdsMissing),
    rule(&[], &["newgidmap"], Cause::IdsMissing),
    // F16
    rule(&[500], &["rootless", "cgroup v1"], Cause::CannotDo),
    rule(&[500], &["not supported"], Cause::CannotDo),
    // F17
    rule(&[500], &["invalid argument"], Cause::Invalid),
    rule(&[500], &["invalid reference format"], Cause::Invalid),
    rule(&[500], &["names must match"], Cause::Invalid),
];

/// What the answer with `status` and `message` means; an answer no rule knows is judged by its
/// status alone.
pub(crate) fn classify(status: u16, message: &str) -> Cause {
    // F11: Podman 4 on a route that it lacks; nothing that is looked up is called so.
    if status == 404 && message.trim().trim_matches('"').eq_ignore_ascii_case("not found") {
        return Cause::RouteMissing;
    }
    let text = message.to_lowercase();
    let fits = |rule: &&Rule| {
        (rule.status.is_empty() || rule.status.contains(&status))
            && rule.words.iter().all(|words| text.contains(words))
    };
    if let Some(rule) = RULES.iter().find(fits) {
        return rule.cause;
    }
    match status {
        400 | 406 | 413 => Cause::Invalid,
        401 | 403 | 407 => Cause::Denied,
        404 => Cause::Absent,
        405 | 501 => Cause::RouteMissing,
        408 | 504 => Cause::Silent,
        409 | 412 => Cause::Refused,
        502 | 503 => Cause::Unreachable,
        507 => Cause::StorageFull,
        _ => Cause::Other,
    }
}
