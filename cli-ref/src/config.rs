//! Configuration: what may be set, where it is set, and which of it counts.

mod agents;
mod file;
mod origin;
mod values;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use session_core::{Error, ErrorKind, MountPlan, Policy, Result};

pub(crate) use agents::Agents;
pub(crate) use origin::{Origin, Setting};

use crate::chord::Chord;
use file::Links;
use values::{branch_prefix, mounts, range, shown_mounts, shown_range, split};

const OPERATION: &str = "sessctl.config";

/// Every key there is. Those of a project file are a stranger's words: none may run a program or choose one.
const KEYS: [&str; 12] = [
    "agent",
    "backend",
    "branch_prefix",
    "detach_key",
    "docker",
    "exclude",
    "image",
    "include",
    "mounts",
    "podman",
    "ports",
    "update_check",
];

/// The backend where none is configured: the first engine that answers, else the host.
pub(crate) const AUTOMATIC: &str = "auto";

/// What `SESSCTL_IMAGE` and `SESSCTL_MOUNTS` say, by the names that older tools have for it (S0.23, S2.12).
const OLD_IMAGE_VARIABLE: &str = "CLAUDE_IMAGE";
const OLD_MOUNTS_VARIABLE: &str = "AGENT_SESSION_MOUNTS";

/// What `sessctl/config.toml` in the user's configuration directory, or `.sessctl.toml` in a
/// project, may say. A key of the project's file replaces the same key of the user's, lists too.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The agent that works in a session where neither one nor a command is named, such as `shell`
    /// for none. Not in a project's file.
    agent: Option<String>,
    /// The kind of backend that makes a session where none is asked for; `auto` is the first engine
    /// that answers, and the host where none does. Not in a project's file.
    backend: Option<String>,
    /// What the name of a session's branch begins with where none is asked for, such as
    /// `session/`.
    branch_prefix: Option<String>,
    /// The chord that leaves a session running, such as `ctrl-\` or `ctrl-q`.
    detach_key: Option<String>,
    /// Where Docker is. Not in a project's file.
    docker: Option<Engine>,
    /// What a session's copy leaves out where nothing is asked for, in gitignore syntax. A mounted
    /// directory leaves nothing out.
    exclude: Option<Vec<String>>,
    /// What containers are made of where no image is asked for. Not in a project's file.
    image: Option<String>,
    /// Which ignored files come along where none are asked for, in gitignore syntax. Only sessions
    /// with a branch of their own heed it; other copies have all files.
    include: Option<Vec<String>>,
    /// What of the host every container has besides its workspace, such as
    /// `/home/me/.m2:/home/me/.m2` (read-only) or `/srv/cache:/cache:rw`. Not in a project's file.
    mounts: Option<Vec<String>>,
    /// Where Podman is. Not in a project's file.
    podman: Option<Engine>,
    /// The TCP ports that sessions get, the first and the last, such as `20000-24999`. Not in a
    /// project's file.
    ports: Option<String>,
    /// Whether `sessctl start` finds out, at most once a day and in the background, that an agent has
    /// a newer version. Not in a project's file.
    update_check: Option<bool>,
}

impl Config {
    /// The keys in it that decide how far a session is kept apart from the host, or by what: none
    /// that comes with a stranger's project may.
    fn isolating(&self) -> Vec<&'static str> {
        [
            ("agent", self.agent.is_some()),
            ("backend", self.backend.is_some()),
            ("docker", self.docker.is_some()),
            ("image", self.image.is_some()),
            ("mounts", self.mounts.is_some()),
            ("podman", self.podman.is_some()),
            ("ports", self.ports.is_some()),
            ("update_check", self.update_check.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, is_set)| is_set.then_some(key))
        .collect()
    }
}

/// What may be said of one engine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Engine {
    /// Its socket or URL, such as `unix:///run/user/1000/docker.sock`.
    socket: Option<String>,
}

/// What counts of all that is set, and where each value comes from.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Empty where none is configured.
    pub(crate) agent: Setting<String>,
    pub(crate) backend: Setting<String>,
    pub(crate) branch_prefix: Setting<String>,
    pub(crate) detach_key: Setting<Chord>,
    pub(crate) docker_socket: Setting<String>,
    pub(crate) exclude: Setting<Vec<String>>,
    pub(crate) image: Setting<String>,
    pub(crate) include: Setting<Vec<String>>,
    pub(crate) mounts: Setting<Vec<MountPlan>>,
    pub(crate) podman_socket: Setting<String>,
    pub(crate) ports: Setting<RangeInclusive<u16>>,
    pub(crate) update_check: Setting<bool>,
}

impl Settings {
    /// Reads the environment and both files, each of which has to be in order; without a place to be
    /// in there is no project.
    pub(crate) fn read(here: Option<&Path>) -> Result<Self> {
        // The strongest first.
        let mut layers = vec![Layer { source: Source::Environment, config: from_environment()? }];
        if let Some(image) = variable(OLD_IMAGE_VARIABLE)? {
            let config = Config { image: Some(image), ..Config::default() };
            layers.push(Layer { source: Source::OldVariable(OLD_IMAGE_VARIABLE), config });
        }
        if let Some(mounts) = variable(OLD_MOUNTS_VARIABLE)? {
            let config = Config { mounts: Some(split(&mounts)), ..Config::default() };
            layers.push(Layer { source: Source::OldVariable(OLD_MOUNTS_VARIABLE), config });
        }
        if let Some(path) = here.and_then(file::project)
            && let Some(config) = file::read(&path, Links::Refuse)?
        {
            file::refuse(&path, &config.isolating(), user_file().as_deref())?;
            layers.push(Layer { source: Source::Project(path), config });
        }
        if let Some(path) = user_file()
            && let Some(config) = file::read(&path, Links::Follow)?
        {
            layers.push(Layer { source: Source::User(path), config });
        }
        let policy = Policy::default();
        let text = |key, of: fn(&Config) -> &Option<String>, default: &str| {
            pick(&layers, key, of, default.to_owned())
        };
        let list =
            |key, of: fn(&Config) -> &Option<Vec<String>>| pick(&layers, key, of, Vec::new());
        let chord = |text: String| Chord::parse(&text).map_err(|error| error.message().to_owned());
        Ok(Self {
            agent: text("agent", |config| &config.agent, ""),
            backend: text("backend", |config| &config.backend, AUTOMATIC),
            branch_prefix: text(
                "branch_prefix",
                |config| &config.branch_prefix,
                &policy.branch_prefix,
            )
            .parse("branch_prefix", branch_prefix)?,
            detach_key: text("detach_key", |config| &config.detach_key, Chord::DEFAULT)
                .parse("detach_key", chord)?,
            docker_socket: socket(&layers, "docker.socket", |config| config.docker.as_ref()),
            exclude: list("exclude", |config| &config.exclude),
            image: text("image", |config| &config.image, &policy.image),
            include: list("include", |config| &config.include),
            mounts: list("mounts", |config| &config.mounts).parse("mounts", mounts)?,
            podman_socket: socket(&layers, "podman.socket", |config| config.podman.as_ref()),
            ports: text("ports", |config| &config.ports, &shown_range(&policy.ports))
                .parse("ports", range)?,
            update_check: pick(&layers, "update_check", |config| &config.update_check, true),
        })
    }

    /// The rules for new sessions that follow.
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        policy.branch_prefix.clone_from(&self.branch_prefix.value);
        policy.exclude.clone_from(&self.exclude.value);
        policy.include.clone_from(&self.include.value);
        policy.image.clone_from(&self.image.value);
        policy.mounts.clone_from(&self.mounts.value);
        policy.ports.clone_from(&self.ports.value);
        policy
    }

    /// Every key with its value, a text or a list of texts, in the order of the keys.
    pub(crate) fn rows(&self) -> [(&'static str, Value, &Origin); 12] {
        [
            ("agent", json!(self.agent.value), &self.agent.origin),
            ("backend", json!(self.backend.value), &self.backend.origin),
            ("branch_prefix", json!(self.branch_prefix.value), &self.branch_prefix.origin),
            ("detach_key", json!(self.detach_key.value.word()), &self.detach_key.origin),
            ("docker.socket", json!(self.docker_socket.value), &self.docker_socket.origin),
            ("exclude", json!(self.exclude.value), &self.exclude.origin),
            ("image", json!(self.image.value), &self.image.origin),
            ("include", json!(self.include.value), &self.include.origin),
            ("mounts", json!(shown_mounts(&self.mounts.value)), &self.mounts.origin),
            ("podman.socket", json!(self.podman_socket.value), &self.podman_socket.origin),
            ("ports", json!(shown_range(&self.ports.value)), &self.ports.origin),
            ("update_check", json!(self.update_check.value), &self.update_check.origin),
        ]
    }
}

/// The text of a variable; one that is empty counts as not set.
pub(crate) fn variable(name: &str) -> Result<Option<String>> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    value.into_string().map(Some).map_err(|value| {
        let message = format!("{name} (`{}`) is not UTF-8; set another", value.display());
        Error::new(ErrorKind::InvalidInput, OPERATION, message)
    })
}

/// The values that one source has.
struct Layer {
    source: Source,
    config: Config,
}

enum Source {
    Environment,
    OldVariable(&'static str),
    Project(PathBuf),
    User(PathBuf),
}

impl Source {
    fn origin(&self, key: &str) -> Origin {
        match self {
            Self::Environment => Origin::Environment(variable_of(key)),
            Self::OldVariable(name) => Origin::Environment((*name).to_owned()),
            Self::Project(path) => Origin::Project(path.clone()),
            Self::User(path) => Origin::User(path.clone()),
        }
    }
}

/// The value of the first layer that has one.
fn pick<T: Clone>(
    layers: &[Layer],
    key: &str,
    of: fn(&Config) -> &Option<T>,
    default: T,
) -> Setting<T> {
    let found = layers.iter().find_map(|layer| {
        let value = of(&layer.config).clone()?;
        Some(Setting::new(value, layer.source.origin(key)))
    });
    found.unwrap_or_else(|| Setting::new(default, Origin::Default))
}

/// Where an engine is; empty for the usual places.
fn socket(layers: &[Layer], key: &str, of: fn(&Config) -> Option<&Engine>) -> Setting<String> {
    let found = layers.iter().find_map(|layer| {
        let value = of(&layer.config)?.socket.clone()?;
        Some(Setting::new(value, layer.source.origin(key)))
    });
    found.unwrap_or_else(|| Setting::new(String::new(), Origin::Default))
}

fn variable_of(key: &str) -> String {
    format!("SESSCTL_{}", key.to_ascii_uppercase().replace('.', "_"))
}

fn from_environment() -> Result<Config> {
    let text = |key| variable(&variable_of(key));
    let list = |key| -> Result<Option<Vec<String>>> { Ok(text(key)?.as_deref().map(split)) };
    let engine = |key| Ok(text(key)?.map(|socket| Engine { socket: Some(socket) }));
    Ok(Config {
        agent: text("agent")?,
        backend: text("backend")?,
        branch_prefix: text("branch_prefix")?,
        detach_key: text("detach_key")?,
        docker: engine("docker.socket")?,
        exclude: list("exclude")?,
        image: text("image")?,
        include: list("include")?,
        mounts: list("mounts")?,
        podman: engine("podman.socket")?,
        ports: text("ports")?,
        update_check: match text("update_check")?.as_deref() {
            None => None,
            Some("true" | "1" | "yes") => Some(true),
            Some("false" | "0" | "no") => Some(false),
            Some(other) => {
                let message = format!(
                    "SESSCTL_UPDATE_CHECK is `{}`; set it to true or false",
                    other.escape_debug()
                );
                return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
            }
        },
    })
}

/// Where the user's file would be; nowhere for somebody without a home.
fn user_file() -> Option<PathBuf> {
    Some(user_directory()?.join("config.toml"))
}

/// Where the user's files would be.
fn user_directory() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("sessctl"))
}

#[cfg(test)]
mod tests;
