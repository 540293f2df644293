//! Keeping agents' programs up to date (S3.2 to S3.4).

mod release;
mod running;
mod version;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::process::Stdio;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use serde_json::json;
use session_core::profile::Profile;
use session_core::{Error, ErrorKind, Result, Timestamp};

use crate::commands::Context;
use version::Version;

const OPERATION: &str = "sessctl.update";
/// How long what was found out counts, in milliseconds: a day.
const FRESH: i64 = 24 * 60 * 60 * 1000;

/// What was found out about an agent, in `updates/<agent>.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    /// When it was asked for, whatever came of it.
    checked_at: Option<Timestamp>,
    /// The installed version.
    pub(crate) installed: Option<String>,
    /// The latest one.
    pub(crate) latest: Option<String>,
    /// Why the latest one can't be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unfit: Option<String>,
}

impl Known {
    /// Whether the latest version is newer than the installed one.
    pub(crate) fn is_old(&self) -> bool {
        let read = |text: &Option<String>| text.as_deref().and_then(Version::parse);
        match (read(&self.installed), read(&self.latest)) {
            (Some(installed), Some(latest)) => installed < latest,
            (None, latest) => latest.is_some(),
            (Some(_), None) => false,
        }
    }
}

/// What an update came to.
#[derive(Debug)]
pub(crate) struct Updated {
    pub(crate) from: Option<String>,
    pub(crate) to: String,
    pub(crate) changed: bool,
}

/// Tells what is known of a newer version, and finds out in the background at most once a day. Never fails, never waits.
pub(crate) fn look(context: &Context, agent: &str) {
    let environment = &context.surroundings.host.environment;
    let in_ci =
        environment.get("CI").is_some_and(|value| !matches!(value.as_str(), "" | "false" | "0"));
    let wanted = context.surroundings.settings.update_check.value && !in_ci;
    let Ok(profile) = context.manager.profiles().find(agent) else { return };
    if !wanted || release::way(profile).is_err() {
        return;
    }
    let known = read(context, agent);
    if known.installed.is_some() && known.is_old() && known.unfit.is_none() {
        let version = |text: &Option<String>| text.clone().unwrap_or_default();
        context.ui.notice(format!(
            "note: {} {} is out, {} is installed; `sessctl update -a {agent}` installs it when no session of it runs",
            profile.title,
            version(&known.latest),
            version(&known.installed),
        ));
    }
    if is_fresh(&known) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let home = context.surroundings.layout.home();
    // A process group of its own: Ctrl-C at the terminal is not meant for it.
    let spawned = tokio::process::Command::new(program)
        .args(["--home", home.as_str(), "update", "--agent", agent, "--check", "--silent"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    if let Err(error) = spawned {
        tracing::debug!(%error, "no check for updates");
    }
}

/// Finds out what there is, and keeps it for the next start.
pub(crate) async fn check(context: &Context, profile: &Profile) -> Result<Known> {
    let (update, program) = release::way(profile)?;
    let installed = release::installed(profile, program).await;
    let mut known = Known {
        checked_at: Some(Timestamp::now()),
        installed: installed.map(|version| version.to_string()),
        latest: None,
        unfit: None,
    };
    let cache = context.surroundings.layout.home().join("cache/updates");
    let release = release::latest(update, &cache).await;
    if let Ok(release) = &release {
        known.latest = Some(release.version.to_string());
        known.unfit = release::unfit(update, release).await;
    }
    write(context, &profile.name, &known)?;
    release.map(|_| known)
}

/// As [`check`], for the background: at most once a day, and never twice at once.
pub(crate) async fn check_silently(context: &Context, profile: &Profile) {
    let Ok(Some(_lock)) = lock(context, &profile.name) else { return };
    if !is_fresh(&read(context, &profile.name)) {
        let _ = check(context, profile).await;
    }
}

/// Installs the latest version, exactly that, and makes sure of it; with a line in the audit log whatever comes of it.
///
/// `Refused` while anything runs the program, `Busy` while somebody else updates it.
pub(crate) async fn update(context: &Context, profile: &Profile) -> Result<Updated> {
    let agent = &profile.name;
    let (way, program) = release::way(profile)?;
    let Some(_lock) = lock(context, agent)? else {
        let message =
            format!("{} is being checked or updated already; wait for that", profile.title);
        return Err(Error::new(ErrorKind::Busy, OPERATION, message));
    };
    let known = check(context, profile).await?;
    let to = known.latest.clone().unwrap_or_default();
    if !known.is_old() {
        return Ok(Updated { from: known.installed, to, changed: false });
    }
    let outcome = async {
        let refuse = |message: String| Err(Error::new(ErrorKind::Refused, OPERATION, message));
        if let Some(reason) = &known.unfit {
            return refuse(format!("{} {reason}", profile.title));
        }
        let users = running::users(context, agent, program).await?;
        if !users.is_empty() {
            return refuse(format!(
                "{} runs ({}); stop that first, its program is not replaced while it works",
                profile.title,
                users.join(", ")
            ));
        }
        let wanted = Version::parse(&to).ok_or_else(|| {
            Error::new(ErrorKind::Internal, OPERATION, "a version that was read can be read")
        })?;
        release::install(way, &wanted).await?;
        let now = release::installed(profile, program).await;
        let mut known = known.clone();
        known.installed = now.as_ref().map(ToString::to_string);
        write(context, agent, &known)?;
        if now.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let now = known.installed.unwrap_or_else(|| "no version".to_owned());
        refuse(format!(
            "{to} was installed, but `{program}` says that it is {now}; perhaps another one comes first on the PATH (`command -v {program}`)"
        ))
    }
    .await;
    audit(context, agent, known.installed.as_deref(), &to, &outcome);
    outcome.map(|()| Updated { from: known.installed, to, changed: true })
}

fn is_fresh(known: &Known) -> bool {
    let age = |at: Timestamp| Timestamp::now().as_milliseconds() - at.as_milliseconds();
    known.checked_at.is_some_and(|at| (0..FRESH).contains(&age(at)))
}

fn place(context: &Context, file: &str) -> Utf8PathBuf {
    context.surroundings.layout.home().join("updates").join(file)
}

/// What is known; nothing where that can't be read.
fn read(context: &Context, agent: &str) -> Known {
    let bytes = std::fs::read(place(context, &format!("{agent}.json"))).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Whole or not at all.
fn write(context: &Context, agent: &str, known: &Known) -> Result<()> {
    make_place(context)?;
    let path = place(context, &format!("{agent}.json"));
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let json = serde_json::to_vec(known).expect("plain data");
    let written = std::fs::write(&new, json).and_then(|()| std::fs::rename(&new, &path));
    written.map_err(|error| Error::io(OPERATION, format!("can't write `{path}`"), error))
}

fn make_place(context: &Context) -> Result<()> {
    let directory = place(context, "");
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    made.map_err(|error| Error::io(OPERATION, format!("can't make `{directory}`"), error))
}

/// Held until dropped; `None` if somebody else has it.
fn lock(context: &Context, agent: &str) -> Result<Option<File>> {
    make_place(context)?;
    let path = place(context, &format!("{agent}.lock"));
    let failed = |error| Error::io(OPERATION, format!("can't lock `{path}`"), error);
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// One line in the audit log; one that can't be written undoes nothing.
fn audit(context: &Context, agent: &str, from: Option<&str>, to: &str, outcome: &Result<()>) {
    let outcome = match outcome {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("{:?}: {}", error.kind(), error.message()),
    };
    let line = json!({
        "time": Timestamp::now(), "operation": "update", "agent": agent, "from": from, "to": to,
        "user": context.surroundings.host.user, "outcome": outcome,
    });
    let path = context.surroundings.layout.audit();
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    if let Err(error) = opened.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())) {
        tracing::warn!(%error, "the audit log could not be written");
    }
}
