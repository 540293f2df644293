//! An archive of a stranger into a place that only the engine gets to.

use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::archive::{Directories, Links, Screen, Screened, There};
use session_core::{ByteStream, Error, ErrorKind, Result, Timestamp};

use super::ground::{Ground, MountKind};
use super::{PUT, api};

/// Unpacks what passes the checks into `dest`, which is made if missing.
pub(super) async fn upload(ground: &Ground, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
    let dest = make(ground, dest).await?;
    let screen = Screen::new(Links::Inside, ground.user.0, ground.user.1);
    let (at, place) = (ground.clone(), dest.clone());
    let look = move |path: PathBuf| {
        let (at, place) = (at.clone(), place.clone());
        async move {
            let Ok(path) = Utf8PathBuf::from_path_buf(path) else {
                let message = "a directory whose name is not UTF-8 can't be looked for in a \
                               container; put it into a directory that is new";
                return Err(Error::new(ErrorKind::Unsupported, PUT, message));
            };
            api::look(&at, PUT, &place.join(path)).await
        }
    };
    let (at, place) = (ground.clone(), dest.clone());
    let send = move |part| {
        let (at, place) = (at.clone(), place.clone());
        async move { api::send(&at, PUT, &place, part).await }
    };
    let screened = screen.pass(tar, look, send).await?;
    verify(ground, &dest, &screened).await
}

/// Engines have said that all is well when it was not, so the last of it is looked for.
async fn verify(ground: &Ground, dest: &Utf8Path, screened: &Screened) -> Result<()> {
    let Some(path) = screened.last.as_deref().and_then(Utf8Path::from_path) else { return Ok(()) };
    // A link may lead nowhere, and Podman looks for what it leads to.
    let Some(size) = screened.size else { return Ok(()) };
    match api::stat(ground, PUT, &dest.join(path)).await? {
        Some(found) if found.size == size => Ok(()),
        _ => {
            let message =
                format!("the engine took the archive, and `{path}` did not arrive; try again");
            Err(Error::new(ErrorKind::Io, PUT, message))
        }
    }
}

/// The real path of the directory, which is made if missing, as the session's user's: engines either
/// refuse to, or make it as root.
async fn make(ground: &Ground, dest: &Utf8Path) -> Result<Utf8PathBuf> {
    let mut there = dest.to_owned();
    let mut missing = Vec::new();
    loop {
        if let Some(MountKind::Memory) = ground.mount(&there).map(|mount| &mount.kind)
            && (ground.dialect().upload_misses_tmpfs || !ground.running)
        {
            let message = format!(
                "`{there}` is in memory, which the engine's copy does not reach; put it somewhere \
                 else, and move it with `sessctl exec`"
            );
            return Err(Error::new(ErrorKind::Unsupported, PUT, message));
        }
        match api::stat(ground, PUT, &there).await? {
            Some(found) if found.there == There::Directory => break,
            Some(api::Stat { leads_to: Some(to), .. }) if to != there => there = to,
            Some(_) => {
                let message = format!("`{there}` is no directory; name another");
                return Err(Error::new(ErrorKind::InvalidInput, PUT, message));
            }
            None => {
                let Some(name) = there.file_name() else { break };
                missing.push(name.to_owned());
                there.pop();
            }
        }
    }
    let names: Utf8PathBuf = missing.iter().rev().collect();
    if !missing.is_empty() {
        let none = Directories::new(ground.user.0, ground.user.1);
        let now = (Timestamp::now().as_milliseconds() / 1000, 0);
        let parents = names.ancestors().filter(|path| !path.as_str().is_empty());
        let parents: Vec<_> = parents.collect();
        let made = parents.iter().rev().fold(none, |made, path| made.with(path, 0o755, now));
        api::send(ground, PUT, &there, made.stream()).await?;
    }
    Ok(there.join(names))
}
