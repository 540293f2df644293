//! MCP servers of a session: read from all levels, merged, and written as its agent reads them.

mod expand;
mod lines;
mod render;
mod servers;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::beneath::{Beneath, Kind};
use super::content;
use super::person::host_path;
use super::plan::AgentPlan;
use crate::profile::{Format, Mcp, Profile, SharePolicy};
use crate::{Error, ErrorKind, HostView, ResolvedSpec, Result};

use lines::Lines;
pub(crate) use render::{Rendered, render};
use servers::Level;
pub(crate) use servers::Servers;

const OPERATION: &str = "agent.mcp";
/// The table of servers in files that are not an agent's own.
const KEY: &str = "mcpServers";
/// What the choice of sharing the person's servers is called.
pub(super) const RESOURCE: &str = "mcp";
/// Where servers keep their state, below what a session calls its directory.
pub(crate) const STATE: &str = "mcp-state";
/// Where the files that a session was asked for with lie, below its directory.
pub(crate) const ASKED: &str = "mcp";
/// Some agents keep everything in one file.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// All servers that a session's agent is to use, of all levels; nothing is expanded yet. Blocks.
///
/// `project` is the directory of the project and where the agent begins in it; `asked` are files of this session's own.
pub(crate) fn read(
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    project: Option<&(Utf8PathBuf, Utf8PathBuf)>,
    asked: &[Utf8PathBuf],
) -> Result<Servers> {
    let Some(mcp) = &profile.mcp else { return Ok(Servers::default()) };
    let mut servers = Servers::default();
    if plan.shares.get(RESOURCE) != Some(&SharePolicy::Private) {
        let variables = profile.host_variables(host);
        for source in &mcp.person {
            let path = host_path(&source.file, &variables)?;
            let Some(bytes) = whole(&path)? else { continue };
            let reference = mcp.reference.as_deref();
            let found = table(source.format, &bytes, &source.key, &path, Level::Person, reference)?;
            servers = servers.with(found);
        }
        if let Some(path) = &host.mcp_file
            && let Some(bytes) = whole(path)?
        {
            servers = servers.with(table(Format::Json, &bytes, KEY, path, Level::Person, None)?);
        }
    }
    if let (Some(name), Some((top, below))) = (&mcp.project, project)
        && let Some((path, bytes)) = of_project(top, below, name)?
    {
        servers = servers.with(table(Format::Json, &bytes, KEY, &path, Level::Project, None)?);
    }
    for path in asked {
        let bytes = whole(path)?.ok_or_else(|| {
            let message = format!("`{path}` is not there (--mcp-config)");
            Error::new(ErrorKind::InvalidInput, OPERATION, message)
        })?;
        if content::read(Format::Json, &bytes, path.as_str())?.get(KEY).is_none() {
            let message = format!("`{path}` has no `{KEY}` (--mcp-config)");
            return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
        }
        servers = servers.with(table(Format::Json, &bytes, KEY, path, Level::Session, None)?);
    }
    Ok(servers)
}

/// The directory of the project that a session's agent begins in, and where in it.
pub(crate) fn project(spec: &ResolvedSpec) -> (Utf8PathBuf, Utf8PathBuf) {
    let here = &spec.working_directory;
    let workspace = spec.directory.join("workspace");
    let tops =
        spec.projects.iter().flat_map(|plan| [workspace.join(&plan.name), plan.source.clone()]);
    let found = tops
        .into_iter()
        .find_map(|top| Some((top.clone(), here.strip_prefix(&top).ok()?.to_owned())));
    found.unwrap_or_else(|| (here.clone(), Utf8PathBuf::new()))
}

/// As [`project`], in the person's own directory: before there is a copy of it.
pub(crate) fn project_to_be(spec: &ResolvedSpec) -> (Utf8PathBuf, Utf8PathBuf) {
    let (top, below) = project(spec);
    let workspace = spec.directory.join("workspace");
    let source = spec.projects.iter().find(|plan| workspace.join(&plan.name) == top);
    (source.map_or(top, |plan| plan.source.clone()), below)
}

/// Writes the servers into the agent's file, in place of those that are there, and makes a directory for the state of each
/// below `files`. Gives the path of the file as the session sees it; `None` where there are none. Blocks.
pub(crate) fn write(
    plan: &AgentPlan,
    profile: &Profile,
    rendered: &Rendered,
    files: &Utf8Path,
) -> Result<Option<Utf8PathBuf>> {
    let Some(mcp) = &profile.mcp else { return Ok(None) };
    let state = Beneath::open(&plan.state.host)?;
    let kind = state.kind(&mcp.file)?;
    if let Kind::Link(_) = kind {
        if rendered.servers.is_empty() {
            return Ok(None);
        }
        let message = format!(
            "`{}` is shared live with you, so the session's MCP servers can't be written there; share it otherwise (--share)",
            mcp.file
        );
        return Err(Error::new(ErrorKind::Refused, OPERATION, message));
    }
    let there = state.read(&mcp.file)?;
    if rendered.servers.is_empty() && there.is_none() {
        return Ok(None);
    }
    let is_resource = profile.resources.iter().any(|resource| resource.target == mcp.file);
    let document = match there.map(|bytes| content::read(mcp.format, &bytes, &mcp.file)) {
        // It holds nothing but servers; what is not in order there is not worth keeping.
        Some(Err(_)) if !is_resource => None,
        Some(document) => Some(document?),
        None => None,
    };
    let mut document = document.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    if rendered.servers.is_empty() && !document.contains_key(&mcp.key) {
        return Ok(None);
    }
    match rendered.servers.is_empty() {
        true => drop(document.remove(&mcp.key)),
        false => drop(document.insert(mcp.key.clone(), Value::Object(rendered.servers.clone()))),
    }
    let bytes = content::write(mcp.format, &Value::Object(document), &mcp.file)?;
    state.write(&mcp.file, &bytes)?;
    let files = Beneath::open(files)?;
    for name in rendered.servers.keys() {
        let plain = !name.starts_with('.') && !name.contains(['/', '\0']) && name.len() < 200;
        if plain && !name.is_empty() {
            files.make_directory(&format!("{STATE}/{name}"))?;
        }
    }
    Ok((!rendered.servers.is_empty()).then(|| plan.state.inside.join(&mcp.file)))
}

/// The project's file: where the agent begins, or the nearest above it in the project. No link is followed.
fn of_project(
    top: &Utf8Path,
    below: &Utf8Path,
    name: &str,
) -> Result<Option<(Utf8PathBuf, Vec<u8>)>> {
    let project = match Beneath::open(top) {
        Ok(project) => project,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for directory in below.ancestors() {
        let path = directory.join(name);
        // A link on the way is not the project's.
        if let Ok(Some(bytes)) = project.read(path.as_str()) {
            return Ok(Some((top.join(path), bytes)));
        }
    }
    Ok(None)
}

fn table(
    format: Format,
    bytes: &[u8],
    key: &str,
    path: &Utf8Path,
    level: Level,
    reference: Option<&str>,
) -> Result<Servers> {
    let document = content::read(format, bytes, path.as_str())?;
    let lines = Lines::of(format, bytes, key);
    let refuse = |way: &[&str], reason: String| {
        let line = lines.at(way).map(|line| format!(", line {line}")).unwrap_or_default();
        let message = format!("`{path}`{line}: {reason}");
        Err(Error::new(ErrorKind::InvalidInput, OPERATION, message))
    };
    match document.get(key) {
        None | Some(Value::Null) => Ok(Servers::default()),
        Some(Value::Object(table)) => {
            let line = |name: &str| lines.at(&[key, name]);
            Servers::read(table, level, path.as_str(), reference, line).or_else(|wrong| {
                let below = wrong.way.iter().map(String::as_str);
                refuse(&std::iter::once(key).chain(below).collect::<Vec<_>>(), wrong.reason)
            })
        }
        Some(_) => refuse(&[key], format!("`{key}` is no table")),
    }
}

/// The person's file, whole; `None` if there is none.
fn whole(path: &Utf8Path) -> Result<Option<Vec<u8>>> {
    let refuse = |error| Error::io(OPERATION, format!("can't read `{path}`"), error);
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() <= LARGEST_FILE => {
            std::fs::read(path).map(Some).map_err(refuse)
        }
        Ok(_) => {
            let message = format!("`{path}` is no file that could name MCP servers");
            Err(Error::new(ErrorKind::InvalidInput, OPERATION, message))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refuse(error)),
    }
}

/// Keeps the files that a session is asked for with: what is at those paths may be gone tomorrow. Blocks.
pub(crate) fn keep(asked: &[Utf8PathBuf], directory: &Utf8Path) -> Result<()> {
    if asked.is_empty() {
        return Ok(());
    }
    let ours = Beneath::open(directory)?;
    for (number, path) in asked.iter().enumerate() {
        let bytes = whole(path)?.unwrap_or_default();
        ours.write(&format!("{ASKED}/{:02}.json", number + 1), &bytes)?;
    }
    Ok(())
}

/// The files that [`keep`] kept, in their order. Blocks.
pub(crate) fn kept(directory: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = directory.join(ASKED).read_dir_utf8().into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.into_path()).collect();
    files.retain(|file| file.extension() == Some("json"));
    files.sort();
    files
}

/// What is said of problems in configurations.
pub(crate) fn refused(problems: Vec<String>) -> Error {
    Error::problems(OPERATION, problems)
}

/// Variables of the profile's for configurations.
pub(crate) fn more_variables(
    mcp: &Mcp,
    variables: &crate::profile::Variables,
) -> Result<BTreeMap<String, String>> {
    let render = |(name, text): (&String, &String)| {
        let template = crate::profile::Template::parse(text)?;
        Ok((name.clone(), template.render(variables)?))
    };
    mcp.variables.iter().map(render).collect()
}
