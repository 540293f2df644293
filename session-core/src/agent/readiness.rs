//! Whether an agent could work on this host, and what to do where it could not.

use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::aside::find_program;
use super::login::Login;
use super::person::host_path;
use super::plan::Placement;
use crate::profile::{Format, Profile, ReadinessCheck, Variables};
use crate::{Check, CheckOutcome, HostView};

/// More than any file has that is looked at.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// What was found about an agent on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// The agent's name.
    pub agent: String,
    /// Its name as people write it.
    pub title: String,
    /// Where its program is on this host; nowhere for a container, which brings its own.
    pub program: Option<Utf8PathBuf>,
    /// Its login.
    pub login: Login,
    /// What was looked at, the program and the login first.
    pub checks: Vec<Check>,
}

impl Readiness {
    /// Nothing was found that keeps it from working here.
    pub fn is_ready(&self) -> bool {
        self.failed().next().is_none()
    }

    /// What keeps it from working here.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.outcome == CheckOutcome::Failed)
    }
}

/// Looks at everything that the profile names; runs nothing and changes nothing. Blocks.
///
/// Programs are looked for where the host's are run.
pub(crate) fn look(
    profile: &Profile,
    login: Login,
    host: &HostView,
    placement: Placement,
) -> Readiness {
    let on_host = placement == Placement::Host;
    let mut checks = Vec::new();
    let mut program = None;
    if let Some(name) = profile.program.as_ref().filter(|_| on_host) {
        program = find_program(name, host);
        checks.push(match &program {
            Some(path) => Check::passed("program", format!("the program is `{path}`")),
            None => Check::failed(
                "program",
                format!("there is no program `{name}` on this host"),
                "install it, or start it in a container that has it",
            ),
        });
    }
    checks.extend(login_check(profile, &login, placement));
    let mut variables = profile.host_variables(host);
    if let Some(directory) = &login.directory {
        variables.set("CREDENTIALS", directory.as_str());
    }
    let looked_at = profile.checks.iter().filter(|check| on_host || check.program.is_none());
    checks.extend(looked_at.map(|check| look_at(check, &variables, host)));
    Readiness { agent: profile.name.clone(), title: profile.title.clone(), program, login, checks }
}

fn login_check(profile: &Profile, login: &Login, placement: Placement) -> Option<Check> {
    let credentials = &profile.credentials;
    if credentials.files.is_empty() && credentials.environment.is_empty() {
        return None;
    }
    let remedy = || login.remedy(profile);
    if let (false, Some(key)) = (login.by_variable, &login.by_setting) {
        return Some(Check::passed("login", format!("logged in by `{key}` of its settings")));
    }
    Some(match (login.by_variable, login.ready, &login.directory) {
        (true, _, _) => Check::passed("login", "logged in by a variable of the environment"),
        (_, true, Some(directory)) => {
            Check::passed("login", format!("logged in, in `{directory}`"))
        }
        (_, true, None) => Check::passed("login", "logged in"),
        _ if login.missing(profile, placement).is_some() => {
            Check::failed("login", "nobody is logged in", remedy())
        }
        _ => Check::warning("login", "nobody is logged in", remedy()),
    })
}

/// Looks at one thing.
fn look_at(check: &ReadinessCheck, variables: &Variables, host: &HostView) -> Check {
    let failed = |what: String| Check::failed(check.name.clone(), what, check.remedy.clone());
    let passed = |what: String| Check::passed(check.name.clone(), what);
    if let Some(program) = &check.program {
        return match find_program(program, host) {
            Some(path) => passed(format!("{} is `{path}`", check.what)),
            None => failed(format!("{}: there is no program `{program}` on this host", check.what)),
        };
    }
    let Some(file) = &check.file else {
        return passed(format!("{}: nothing to look at", check.what));
    };
    let path = match host_path(file, variables) {
        Ok(path) => path,
        Err(error) => return failed(format!("{}: {}", check.what, error.message())),
    };
    match wrong(check, &path) {
        Ok(true) => passed(format!("{} is in order (`{path}`)", check.what)),
        Ok(false) if check.required => failed(format!("{} is not there (`{path}`)", check.what)),
        Ok(false) => passed(format!("{} is not there, and need not be (`{path}`)", check.what)),
        Err(reason) => failed(format!("{} (`{path}`) {reason}", check.what)),
    }
}

/// Whether the file is there, or what is wrong with it. What is in it is never told.
fn wrong(check: &ReadinessCheck, path: &Utf8Path) -> std::result::Result<bool, String> {
    let found = match path.metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(format!("can't be looked at: {error}")),
    };
    if !found.is_file() {
        return Err("is no file".to_owned());
    }
    let mode = found.permissions().mode() & 0o777;
    if let Some(allowed) = check.allowed()
        && mode & !allowed != 0
    {
        return Err(format!(
            "has the permissions {mode:03o}; {allowed:03o} is the most it may have"
        ));
    }
    let Some(format) = check.format else { return Ok(true) };
    if found.len() > LARGEST_FILE {
        return Err("is too large to be looked at".to_owned());
    }
    let text = std::fs::read(path).map_err(|error| format!("can't be read: {error}"))?;
    let Ok(text) = String::from_utf8(text) else { return Err("is no text".to_owned()) };
    match format {
        Format::Json => {
            serde_json::from_str::<serde_json::Value>(&text).map(drop).map_err(|error| {
                format!("is no valid JSON: line {}, column {}", error.line(), error.column())
            })
        }
        Format::Toml => toml::from_str::<toml::Table>(&text).map(drop).map_err(|error| {
            let before = error.span().map_or(0, |span| span.start);
            let line =
                text.as_bytes().iter().take(before).filter(|byte| **byte == b'\n').count() + 1;
            format!("is no valid TOML: line {line}")
        }),
    }?;
    Ok(true)
}
