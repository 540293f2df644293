//! What is installed and what there is, asked of the programs that a profile names.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use camino::Utf8Path;
use serde_json::Value;
use session_core::profile::{Profile, Template, Update, Variables};
use session_core::{Error, ErrorKind, Result};

use super::version::Version;

const OPERATION: &str = "sessctl.update";
/// How long a program may take to print its version.
const VERSION_LIMIT: Duration = Duration::from_secs(30);
/// How long a registry may take to answer.
const QUERY_LIMIT: Duration = Duration::from_secs(60);
/// How long an installation may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The latest release.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) version: Version,
    engines: BTreeMap<String, String>,
}

/// The profile's way to keep its program up to date.
pub(super) fn way(profile: &Profile) -> Result<(&Update, &str)> {
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

/// The installed version; `None` where the program is not there, or says none.
pub(super) async fn installed(profile: &Profile, program: &str) -> Option<Version> {
    if profile.arguments.version.is_empty() {
        return None;
    }
    let mut command = vec![program.to_owned()];
    command.extend(profile.arguments.version.clone());
    let printed = run(&command, VERSION_LIMIT).await.ok()?;
    Version::find(&printed)
}

/// Asks the registry; what that keeps goes into `cache`.
pub(super) async fn latest(update: &Update, cache: &Utf8Path) -> Result<Release> {
    let variables =
        Variables::new().with("PACKAGE", update.package.as_str()).with("CACHE", cache.as_str());
    let printed = run(&words(&update.query, &variables)?, QUERY_LIMIT).await?;
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
pub(super) async fn unfit(update: &Update, release: &Release) -> Option<String> {
    let engine = update.engine.as_ref()?;
    let range = release.engines.get(&engine.name)?;
    let printed = run(&engine.version, VERSION_LIMIT).await.ok();
    let found = printed.and_then(|printed| Version::find(&printed));
    let Some(found) = found else {
        return Some(format!(
            "{} needs {} {range}, which is not here; install that first",
            release.version, engine.name
        ));
    };
    (found.fits(range) == Some(false)).then(|| {
        format!(
            "{} needs {} {range}, and this is {found}; the registry's client would take an older release instead, so nothing is installed: update {} first",
            release.version, engine.name, engine.name
        )
    })
}

/// Installs exactly `version`.
pub(super) async fn install(update: &Update, version: &Version) -> Result<()> {
    let variables = Variables::new()
        .with("PACKAGE", update.package.as_str())
        .with("VERSION", version.to_string());
    let command = words(&update.install, &variables)?;
    run(&command, INSTALL_LIMIT).await.map(drop).map_err(|error| {
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

/// Runs a program to its end; gives what it printed.
async fn run(command: &[String], limit: Duration) -> Result<String> {
    let shown = command.join(" ");
    let failed =
        |reason: String| Error::new(ErrorKind::Io, OPERATION, format!("`{shown}` {reason}"));
    let (program, arguments) =
        command.split_first().ok_or_else(|| failed("is no command".to_owned()))?;
    let running = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let running = running.map_err(|error| failed(format!("can't be run: {error}")))?;
    let output = tokio::time::timeout(limit, running.wait_with_output()).await;
    let output = output
        .map_err(|_| failed(format!("did not end within {} seconds", limit.as_secs())))?
        .map_err(|error| failed(format!("was lost: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        return Err(failed(format!("failed ({}): {}", output.status, last.escape_debug())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
