//! What the command finds around it: environment, working directory, configuration, terminal.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;

use backend_docker::{Endpoint, EngineHost, EngineKind, EngineView};
use camino::{Utf8Path, Utf8PathBuf};
use etcetera::BaseStrategy;
use session_core::{Error, ErrorKind, HostView, Layout, Result};

use crate::config::{Agents, Origin, Setting, Settings, variable};

/// All that is read from the outside, once.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) layout: Layout,
    pub(crate) host: HostView,
    /// What is configured, apart from the home.
    pub(crate) settings: Settings,
    /// The agents there are.
    pub(crate) agents: Agents,
    /// Where the home that `layout` has comes from.
    pub(crate) home_origin: Origin,
    /// Whether the user's systemd runs, which would end a holder at the end of the login.
    pub(crate) has_systemd: bool,
}

impl Surroundings {
    pub(crate) fn read(home: Option<Utf8PathBuf>) -> Result<Self> {
        const OPERATION: &str = "sessctl.setup";
        let here = std::env::current_dir().map_err(|error| {
            Error::io(OPERATION, "the current directory is gone; `cd` to another", error)
        })?;
        let here = utf8(here.into_os_string(), "the current directory")?;
        let settings = Settings::read(Some(here.as_std_path()))?;

        let environment = environment();
        let user = user(&environment);
        let shell = environment.get("SHELL").filter(|shell| !shell.is_empty()).cloned();
        let runtime = environment.get("XDG_RUNTIME_DIR").map(Utf8PathBuf::from);
        let has_systemd = runtime.is_some_and(|runtime| runtime.join("systemd/private").exists());
        let home_directory = strategy()?.home_dir().as_os_str().to_owned();
        let temporary = Utf8PathBuf::from_path_buf(std::env::temp_dir()).ok();
        let temporary = temporary.filter(|path| path.is_absolute());
        let host = HostView::new(here.clone(), user)
            .with_home(utf8(home_directory, "the home directory")?)
            .with_temporary_directory(temporary.unwrap_or_else(|| "/tmp".into()))
            .with_shell(vec![shell.unwrap_or_else(|| "/bin/sh".to_owned())])
            .with_ssh_client(environment.get("SSH_CLIENT").cloned())
            .with_environment(environment);
        let host = match strategy()?
            .config_dir()
            .join("sessctl/mcp.json")
            .into_os_string()
            .into_string()
        {
            Ok(file) => host.with_mcp_file(file),
            Err(_) => host,
        };
        let Setting { value: home, origin: home_origin } = find_home(home)?;
        let layout = Layout::new(absolute(&here, &home));
        let agents = Agents::read()?;
        Ok(Self { layout, host, settings, agents, home_origin, has_systemd })
    }
}

/// What a backend of containers is told of this machine and its person.
///
/// Where an engine is, is nothing that a project may say, so the working directory has no part in
/// it: a holder, which runs in another one, finds the same.
pub(crate) fn engine_host(kind: &str) -> Result<EngineHost> {
    let settings = Settings::read(None)?;
    let (kind, asked) = match kind {
        backend_docker::KIND => (EngineKind::Docker, settings.docker_socket),
        _ => (EngineKind::Podman, settings.podman_socket),
    };
    let environment = environment();
    let home = utf8(strategy()?.home_dir().as_os_str().to_owned(), "the home directory")?;
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let person = user(&environment);
    let view = EngineView::new(home, uid, |path| std::fs::read_to_string(path).ok())
        .with_environment(environment);
    let asked_for = Some(asked.value.as_str()).filter(|socket| !socket.is_empty());
    let endpoints = view.endpoints(kind, asked_for)?;
    let mut host = EngineHost::new(Endpoint::Unix("/".into()), uid, gid, person);
    host.endpoints = endpoints;
    Ok(host)
}

/// The variables whose names and values are text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The person's login name.
fn user(environment: &BTreeMap<String, String>) -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|key| environment.get(*key).cloned());
    named.unwrap_or_else(account)
}

/// The file of patterns that the person's git ignores everywhere, if there is one.
///
/// Only the person's own configuration is asked, never that of a project.
pub(crate) fn git_ignore_file() -> Option<Utf8PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    let git = strategy.config_dir().join("git");
    let names_one = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.to_ascii_lowercase().contains("excludesfile") || text.contains("[include")
    };
    let asked = (names_one(git.join("config"))
        || names_one(strategy.home_dir().join(".gitconfig")))
    .then(|| {
        let words = ["config", "--global", "--includes", "--path", "--get", "core.excludesFile"];
        let output = std::process::Command::new("git").args(words).current_dir("/").output();
        let text = String::from_utf8(output.ok()?.stdout).ok()?;
        Some(Utf8PathBuf::from(text.trim_end_matches('\n')))
    });
    let default = Utf8PathBuf::from_path_buf(git.join("ignore")).ok();
    asked.flatten().or(default).filter(|path| path.is_absolute() && path.is_file())
}

/// Whether a person sits at both ends.
pub(crate) fn at_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// The name of the account that this runs as, where the environment does not tell.
fn account() -> String {
    let uid = rustix::process::getuid().as_raw();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid-{uid}"))
}

/// The path from the root on, with the links of what exists resolved, so that one home has one
/// spelling.
fn absolute(here: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    let path = here.join(path);
    match (path.canonicalize_utf8(), path.parent(), path.file_name()) {
        (Ok(real), _, _) => real,
        (Err(_), Some(parent), Some(name)) => absolute(here, parent).join(name),
        (Err(_), _, _) => path,
    }
}

fn utf8(path: OsString, what: &str) -> Result<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(path.into()).map_err(|path| {
        let message = format!("{what} (`{}`) is not UTF-8; use another", path.display());
        Error::new(ErrorKind::InvalidInput, "sessctl.setup", message)
    })
}

fn strategy() -> Result<impl BaseStrategy> {
    etcetera::choose_base_strategy().map_err(|error| {
        let message = "no home directory is known; set HOME, or SESSCTL_HOME";
        Error::new(ErrorKind::InvalidInput, "sessctl.setup", message).with_source(error)
    })
}

/// Where sessions live: as asked for, or as the variable says, or where the platform keeps data.
fn find_home(asked: Option<Utf8PathBuf>) -> Result<Setting<Utf8PathBuf>> {
    const VARIABLE: &str = "SESSCTL_HOME";
    if let Some(home) = asked.filter(|home| !home.as_str().is_empty()) {
        return Ok(Setting::new(home, Origin::Flag("--home")));
    }
    // Below another directory each time would be other sessions each time.
    let whole = |home: Utf8PathBuf, variables: &str| match home.is_absolute() {
        true => Ok(home),
        false => {
            let message = format!("`{home}` is no absolute path; set {variables} to one");
            Err(Error::new(ErrorKind::InvalidInput, "sessctl.setup", message))
        }
    };
    if let Some(home) = variable(VARIABLE)? {
        let home = whole(home.into(), VARIABLE)?;
        return Ok(Setting::new(home, Origin::Environment(VARIABLE.to_owned())));
    }
    let home = strategy()?.data_dir().join("sessctl");
    let home = utf8(home.into_os_string(), "the data directory")?;
    Ok(Setting::new(whole(home, "HOME (or SESSCTL_HOME)")?, Origin::Default))
}
