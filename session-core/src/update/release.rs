//! What there is and what it needs, asked of the programs that a profile names.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::OPERATION;
use super::version::Version;
use crate::agent::find_program;
use crate::profile::{Profile, Template, Update, Variables};
use crate::{Error, ErrorKind, HostView, Result};

/// How long a program may take to print its version.
const VERSION_LIMIT: Duration = Duration::from_secs(30);
/// How long a registry may take to answer.
const QUERY_LIMIT: Duration = Duration::from_secs(60);
/// How long an installation may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);
/// More than a registry's client says of one release.
const LONGEST_ANSWER: u64 = 4 * 1024 * 1024;

/// The latest release.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) version: Version,
    engines: BTreeMap<String, String>,
}

/// The profile's way to keep its program up to date.
pub(crate) fn way(profile: &Profile) -> Result<(&Update, &str)> {
    match (&profile.update, &profile.program) {
        (Some(update), Some(program)) => Ok((update, program)),
        _ => {
            let message = format!(
                "how {} is updated is not known here; use its own way, or say it in its profile ([update])",
                profile.title
            );
            Err(Error::new(ErrorKind::Unsupported, OPERATION, message))
        }
    }
}

/// The version in what the agent's program said of itself.
pub(crate) fn installed(said: Option<String>) -> Option<Version> {
    said.as_deref().and_then(Version::find)
}

/// Asks the registry.
pub(crate) async fn latest(update: &Update, programs: &Programs) -> Result<Release> {
    let cache = programs.directory.join("cache");
    let variables =
        Variables::new().with("PACKAGE", update.package.as_str()).with("CACHE", cache.as_str());
    let printed = programs.run(&words(&update.query, &variables)?, QUERY_LIMIT).await?;
    let refuse = || {
        let message = format!(
            "the registry's answer about `{}` names no version: {}",
            update.package,
            printed.chars().take(200).collect::<String>().escape_debug()
        );
        Error::new(ErrorKind::Io, OPERATION, message)
    };
    let document: Value = serde_json::from_str(&printed).map_err(|_| refuse())?;
    let version = document.as_str().or_else(|| document["version"].as_str());
    let version = version.and_then(Version::parse).ok_or_else(refuse)?;
    let engines = document["engines"].as_object().into_iter().flatten();
    let engines =
        engines.filter_map(|(name, range)| Some((name.clone(), range.as_str()?.to_owned())));
    Ok(Release { version, engines: engines.collect() })
}

/// Says why the release can't run here; `None` if it can, or nothing says that it can't.
pub(crate) async fn engine_problem(
    update: &Update,
    release: &Release,
    programs: &Programs,
) -> Option<String> {
    let engine = update.engine.as_ref()?;
    let range = release.engines.get(&engine.name)?;
    let printed = programs.run(&engine.version, VERSION_LIMIT).await.ok();
    let found = printed.and_then(|printed| Version::find(&printed));
    // It comes from a registry, and is shown.
    let needs = format!("{} needs {} {}", release.version, engine.name, range.escape_debug());
    let Some(found) = found else {
        return Some(format!("{needs}, which is not here; install that first"));
    };
    (found.fits(range) == Some(false)).then(|| {
        format!(
            "{needs}, and this is {found}; the registry's client would take an older release instead, so nothing is installed: update {} first",
            engine.name
        )
    })
}

/// Installs exactly `version`.
pub(crate) async fn install(update: &Update, version: &Version, programs: &Programs) -> Result<()> {
    let variables = Variables::new()
        .with("PACKAGE", update.package.as_str())
        .with("VERSION", version.to_string());
    let command = words(&update.install, &variables)?;
    programs.run(&command, INSTALL_LIMIT).await.map(drop).map_err(|error| {
        let by_hand = command.join(" ");
        let message = format!(
            "{}; if you may not write there, run `{by_hand}` as somebody who may",
            error.message()
        );
        Error::new(error.kind(), OPERATION, message)
    })
}

fn words(templates: &[String], variables: &Variables) -> Result<Vec<String>> {
    let render = |word: &String| Template::parse(word)?.render(variables);
    templates.iter().map(render).collect()
}

/// The host's programs, run in a directory of ours: clients of registries read configuration where they run, and a
/// project's would choose the registry and what it is sent.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) host: HostView,
    /// It exists; only we write there.
    pub(crate) directory: Utf8PathBuf,
}

impl Programs {
    /// Runs a program to its end; gives what it printed.
    async fn run(&self, command: &[String], limit: Duration) -> Result<String> {
        let shown = command.join(" ");
        let failed =
            |reason: String| Error::new(ErrorKind::Io, OPERATION, format!("`{shown}` {reason}"));
        let (program, arguments) =
            command.split_first().ok_or_else(|| failed("is no command".to_owned()))?;
        let program = find_program(program, &self.host)
            .ok_or_else(|| failed(format!("can't be run: there is no program `{program}`")))?;
        tracing::debug!(%program, ?arguments, "asks");
        let running = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(&self.host.environment)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut running = running.map_err(|error| failed(format!("can't be run: {error}")))?;
        let (stdout, stderr) = (running.stdout.take(), running.stderr.take());
        let ended = tokio::time::timeout(limit, async {
            let (printed, said) = tokio::join!(text(stdout), text(stderr));
            (printed, said, running.wait().await)
        });
        let (printed, said, status) = ended
            .await
            .map_err(|_| failed(format!("did not end within {} seconds", limit.as_secs())))?;
        let status = status.map_err(|error| failed(format!("was lost: {error}")))?;
        if !status.success() {
            let last =
                said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            return Err(failed(format!("failed ({status}): {}", last.escape_debug())));
        }
        Ok(printed)
    }
}

/// All of a stream, of which no more is kept than is of use.
async fn text(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = (&mut stream).take(LONGEST_ANSWER).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
