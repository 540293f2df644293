//! Where a profile's files of the person are, on the host.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::profile::{Outside, Profile, Template, Variables};
use crate::{Error, ErrorKind, HostView, Result};

/// The largest file of the person's that is read whole, in bytes: more than any configuration has.
const LARGEST_FILE: u64 = 256 << 20;

/// Reads a file of the person's, following links. What is no regular file is an error at once: nobody may ever write
/// into a pipe. Blocks.
pub(crate) fn read(path: &Utf8Path) -> io::Result<Vec<u8>> {
    let found = path.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    if found.len() > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large"));
    }
    std::fs::read(path)
}

impl Profile {
    /// The variables of templates that lead to a person's files on `host`: `HOME` and the profile's
    /// places. A place whose default can't be rendered is left out.
    pub fn host_variables(&self, host: &HostView) -> Variables {
        let mut variables = Variables::new().with("HOME", host.home.as_str());
        let home = variables.clone();
        for (name, place) in &self.places {
            let moved = place.variable.as_ref().and_then(|variable| host.environment.get(variable));
            let moved = moved.filter(|path| path.starts_with('/')).map(Utf8PathBuf::from);
            let default =
                || Template::parse(&place.default).and_then(|path| path.render(&home)).ok();
            let Some(directory) = moved.or_else(|| default().map(Utf8PathBuf::from)) else {
                continue;
            };
            let directory = match &place.below {
                Some(below) => directory.join(below),
                None => directory,
            };
            variables.set(name.to_ascii_uppercase(), directory.as_str());
        }
        variables
    }

    /// Where the person's files are that it names, on this host: places in capitals, then resources. What can't
    /// be found out is left out.
    pub fn host_paths(&self, host: &HostView) -> Vec<(String, Utf8PathBuf)> {
        let variables = self.host_variables(host);
        let places = self.places.keys().filter_map(|name| {
            let name = name.to_ascii_uppercase();
            let path = variables.get(&name)?.into();
            Some((name, path))
        });
        let resources = self.resources.iter().filter_map(|resource| {
            let path = host_path(resource.source.as_ref()?, &variables).ok()?;
            Some((resource.name.clone(), path))
        });
        places.chain(resources).collect()
    }

    /// What the agent touches of the person's besides, on this host: [`Profile::outside`] with the paths that it leads to.
    pub fn outside_on(&self, host: &HostView) -> Vec<(&Outside, Utf8PathBuf)> {
        let variables = self.host_variables(host);
        let touched = self.outside.iter();
        touched.filter_map(|it| Some((it, host_path(&it.path, &variables).ok()?))).collect()
    }
}

/// Renders a template of the person's own files to an absolute path.
pub(crate) fn host_path(template: &str, variables: &Variables) -> Result<Utf8PathBuf> {
    let path = Utf8PathBuf::from(Template::parse(template)?.render(variables)?);
    if path.is_absolute() {
        return Ok(path);
    }
    let message = format!("`{}` leads to no absolute path", template.escape_debug());
    Err(Error::new(ErrorKind::InvalidInput, "agent.plan", message))
}
