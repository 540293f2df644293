//! What a directory of the user is, and whether it may become a project.

use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{Error, ErrorKind, Result, SourceFacts};

use crate::layout::Layout;
use crate::refs::{Head, Refs};

/// Finds a source: absolute, there, a directory, not in the place where sessions live. Links are resolved.
pub(crate) fn source(path: &Utf8Path, forbidden: Option<&Utf8Path>) -> Result<Utf8PathBuf> {
    let shown = path.as_str().escape_debug();
    let refuse = |what: String| Err(Error::new(ErrorKind::InvalidInput, "workspace.survey", what));
    if !path.is_absolute() {
        return refuse(format!("`{shown}` is not absolute; give the whole path"));
    }
    let whole = path.canonicalize_utf8().map_err(|error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => format!("`{shown}` is not there; check the path"),
            _ => format!("can't find `{shown}`"),
        };
        if error.kind() == std::io::ErrorKind::NotADirectory {
            let message = format!("`{shown}` leads through a file; name a directory");
            return Error::new(ErrorKind::InvalidInput, "workspace.survey", message)
                .with_source(error);
        }
        Error::io("workspace.survey", message, error)
    })?;
    if !whole.is_dir() {
        return refuse(format!("`{shown}` is no directory; name the directory that it lies in"));
    }
    if forbidden.is_some_and(|forbidden| whole.starts_with(forbidden)) {
        return refuse(format!(
            "`{shown}` lies where sessions are kept; name a directory of your own"
        ));
    }
    Ok(whole)
}

/// Looks at a source that [`source`] found.
pub(crate) fn survey(path: &Utf8Path) -> Result<SourceFacts> {
    let mut facts = SourceFacts::directory(path);
    let Some(layout) = Layout::find(path.as_std_path())? else {
        facts.inside =
            path.ancestors().skip(1).find(|above| is_top(above.as_std_path())).map(Into::into);
        return Ok(facts);
    };
    facts.git = true;
    let refs = Refs::read(&layout.common)?;
    let head = Head::read(&layout.git, &refs)?;
    // A repository whose refs are in another format says so with a branch that can't be.
    facts.branch = head.short().filter(|name| name != ".invalid");
    facts.head = head.commit;
    Ok(facts)
}

fn is_top(path: &Path) -> bool {
    matches!(Layout::find(path), Ok(Some(_)))
}
