//! Trees in and out of a container.
//!
//! Where the host has what the container has, a mounted workspace, it is done there, by the code
//! that the host-directory backend uses. Everything else goes through the engine's archive API,
//! which works on stopped containers too; what goes in is checked on its way.

use camino::Utf8Path;
use session_core::archive::{Links, Pack, unpack};
use session_core::{ByteStream, Error, ErrorKind, Result, SessionId};

use crate::Engine;
use crate::backend::Shared;
use crate::list::containers;
use crate::mounts::{self, WORKSPACE};
use crate::session::ContainerSession;
use ground::{Ground, MountKind};
use locate::Located;

mod api;
mod ground;
mod locate;
mod reclaim;
mod upload;
mod volume;

#[cfg(test)]
mod tests;

pub(crate) use volume::{make_volume, upload_workspace};

const PUT: &str = "engine.put";
const FETCH: &str = "engine.fetch";
const GET: &str = "engine.get";
/// What a workspace that can't be brought back is called in the session's directory.
const KEPT: &str = "workspace.tar";

pub(crate) async fn put(
    session: &ContainerSession,
    dest: &Utf8Path,
    tar: ByteStream,
) -> Result<()> {
    let ground = Ground::of_session(session, PUT).await?;
    into(&ground, dest, tar).await.map_err(about(session.place.id()))
}

pub(crate) async fn get(session: &ContainerSession, src: &Utf8Path) -> Result<ByteStream> {
    let ground = Ground::of_session(session, GET).await?;
    from(&ground, src).await.map_err(about(session.place.id()))
}

/// Brings a workspace that is in a volume back to the host. Where it is mounted, only lets the caller
/// into directories that root made there.
///
/// What can't be brought back is kept as the engine's own archive beside the workspace; that is an
/// error, but one with which a session can be removed and nothing is gone.
pub(crate) async fn fetch_workspace(session: &ContainerSession) -> Result<()> {
    fetch(session).await.map_err(about(session.place.id()))
}

async fn fetch(session: &ContainerSession) -> Result<()> {
    let host = &session.shared.host;
    let facts = match session.facts(FETCH) {
        Ok(facts) => facts,
        Err(error) if error.kind() == ErrorKind::Lost => return Err(error),
        Err(error) => return keep_what_is_left(session, error).await,
    };
    let ground = Ground::of_session(session, FETCH).await?;
    match ground.mount(WORKSPACE.into()).map(|mount| &mount.kind) {
        Some(MountKind::Volume) => {
            let workspace = mounts::at_workspace(&facts.directory, &facts.working_directory);
            volume::fetch(&ground, &workspace, &facts.directory.join(KEPT)).await
        }
        Some(MountKind::Foreign(_)) => reclaim::reclaim(&ground, host.uid, host.gid).await,
        _ => Ok(()),
    }
}

/// For a session that is half made, or whose file can't be understood: what has its label is its own
/// all the same. Where its workspace would go is not known, so it goes into an archive.
async fn keep_what_is_left(session: &ContainerSession, error: Error) -> Result<()> {
    let (shared, id) = (&session.shared, session.place.id());
    for found in containers(shared, FETCH, Some(id)).await? {
        let ground = Ground::of(shared.engine().await?, FETCH, &found.container, 0).await?;
        if let Some(MountKind::Volume) = ground.mount(WORKSPACE.into()).map(|mount| &mount.kind) {
            let archive = shared.layout.session(id).join(KEPT);
            return Err(volume::kept(&ground, &archive, error).await);
        }
    }
    Err(Error::new(ErrorKind::Lost, FETCH, error.message().to_owned()).with_source(error))
}

/// Lets the caller remove what root made in the caller's own directories, as far as the engine still
/// can; where it can't, the removal says what is in its way.
pub(crate) async fn let_caller_in(shared: &Shared, engine: &Engine, container: &str) {
    let Ok(ground) = Ground::of(engine, FETCH, container, shared.host.uid).await else { return };
    if let Err(error) = reclaim::reclaim(&ground, shared.host.uid, shared.host.gid).await {
        tracing::debug!("directories of a session stay root's: {error}");
    }
}

fn about(id: &SessionId) -> impl Fn(Error) -> Error {
    let id = id.to_string();
    move |error| error.with_session(id.clone())
}

/// Unpacks into the directory `dest` of the container; relative to its working directory.
async fn into(ground: &Ground, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
    let path = ground.absolute(dest);
    match ground.locate(PUT, &path, locate::Last::Followed).await? {
        Located::Host(found) => {
            let directory = locate::make(PUT, found, &path).await?;
            unpack(directory, tar, Links::Inside).await
        }
        Located::Engine(path) => upload::upload(ground, &path, tar).await,
    }
}

/// Packs `src` of the container; relative to its working directory.
async fn from(ground: &Ground, src: &Utf8Path) -> Result<ByteStream> {
    let path = ground.absolute(src);
    let Some(name) = path.file_name().map(str::to_owned) else {
        let message = "the root directory has no name; name what is wanted of it";
        return Err(Error::new(ErrorKind::InvalidInput, GET, message));
    };
    // What ends so goes through a link.
    let through = matches!(src.as_str().rsplit('/').next(), Some("" | "." | "..") | None);
    let last = if through { locate::Last::Followed } else { locate::Last::Named };
    match ground.locate(GET, &path, last).await? {
        Located::Host(found) => {
            let (parent, leaf) = locate::existing(GET, found, &path).await?;
            Ok(Pack::new(parent, leaf).with_name(name).stream())
        }
        Located::Engine(path) => api::download(ground, &path, &name).await,
    }
}
