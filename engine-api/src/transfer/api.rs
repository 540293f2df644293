//! The engine's archive API, its differences taken out.

use bollard::errors::Error as Failure;
use bollard::query_parameters::{
    ContainerArchiveInfoOptions, DownloadFromContainerOptions, UploadToContainerOptions,
};
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::{StreamExt as _, TryStreamExt as _};
use session_core::archive::{Rename, There, find};
use session_core::{ByteStream, Error, ErrorKind, Result, Timestamp};

use super::GET;
use super::ground::Ground;
use crate::failure::engine_error;

/// Bits of a file mode as Go writes them.
const DIRECTORY: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
/// Devices, pipes, sockets and what else is no plain file.
const IRREGULAR: u32 = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;

/// What an engine says of a path.
#[derive(Debug, Clone)]
pub(super) struct Stat {
    pub(super) there: There,
    pub(super) mode: u32,
    pub(super) modified: (i64, i64),
    pub(super) size: u64,
    /// Where a link leads in the end, from the container's root.
    pub(super) leads_to: Option<Utf8PathBuf>,
}

/// Looks; `None` if nothing is there.
///
/// Podman follows links here while the container is stopped; see [`look`].
pub(super) async fn stat(
    ground: &Ground,
    operation: &'static str,
    path: &Utf8Path,
) -> Result<Option<Stat>> {
    let options = ContainerArchiveInfoOptions { path: path.to_string() };
    let answer = ground.engine.short().get_container_archive_info(&ground.container, Some(options));
    let found = match answer.await {
        Ok(found) => found,
        Err(Failure::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
        // There is no text, for the request was a HEAD.
        Err(failure @ Failure::DockerResponseServerError { status_code: 500, .. }) => {
            let message = format!("`{path}` leads through a file or in a circle; name another");
            let error = Error::new(ErrorKind::InvalidInput, operation, message);
            return Err(error.with_source(failure));
        }
        Err(failure) => return Err(engine_error(operation, "look into the container", failure)),
    };
    let modified = found.modification_time.as_deref().and_then(|time| time.parse().ok());
    let modified = modified.map_or((0, 0), |time: Timestamp| {
        let milliseconds = time.as_milliseconds();
        (milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000) * 1_000_000)
    });
    let mode = found.file_mode & 0o777;
    let there = match found.file_mode {
        bits if bits & LINK != 0 => There::Other,
        bits if bits & DIRECTORY != 0 => There::Directory,
        bits if bits & IRREGULAR != 0 => There::Other,
        _ => There::File { mode, modified },
    };
    let leads_to = (found.file_mode & LINK != 0).then(|| found.link_target.into());
    let size = u64::try_from(found.size).unwrap_or(0);
    Ok(Some(Stat { there, mode, modified, size, leads_to }))
}

/// Looks without following a link at the end.
pub(super) async fn look(
    ground: &Ground,
    operation: &'static str,
    path: &Utf8Path,
) -> Result<There> {
    let there = match stat(ground, operation, path).await {
        Ok(found) => found.map_or(There::Nothing, |found| found.there),
        Err(error) if error.kind() == ErrorKind::InvalidInput => There::Other,
        Err(error) => return Err(error),
    };
    // A stopped container is not mounted; Podman looks into the volume and follows links there.
    // One that leads nowhere looks like nothing, and its reader refuses to go through that.
    if there != There::Directory || !ground.dialect().stopped_looks_follow_links || ground.running {
        return Ok(there);
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !ground.mounts.iter().any(|mount| mount.target == path) => {
            find(raw(ground, operation, &parent.join(".")), name).await
        }
        _ => Ok(there),
    }
}

/// The archive of what is at `path`, with names that begin with `name`.
pub(super) async fn download(ground: &Ground, path: &Utf8Path, name: &str) -> Result<ByteStream> {
    let Some(found) = stat(ground, GET, path).await? else {
        let message = format!("`{path}` is not there; list what is with `sessctl exec`");
        return Err(Error::new(ErrorKind::NotFound, GET, message));
    };
    match (found.there, path.parent()) {
        (There::Directory, _) => Ok(content(ground, GET, path, &found, name)),
        // Podman sends what a link leads to; in the directory's archive it is a link.
        (There::Other, Some(parent)) if ground.dialect().download_follows_links => {
            let leaf = path.file_name().unwrap_or(name);
            let all = raw(ground, GET, &parent.join("."));
            Ok(Rename::new(0, name).with_only(leaf).pass(all))
        }
        _ => Ok(Rename::new(1, name).pass(raw(ground, GET, path))),
    }
}

/// A directory and all below, with names that begin with `name`.
pub(super) fn content(
    ground: &Ground,
    operation: &'static str,
    path: &Utf8Path,
    found: &Stat,
    name: &str,
) -> ByteStream {
    // With the dot all engines give the same names, but Podman leaves the directory itself out.
    let all = raw(ground, operation, &path.join("."));
    Rename::new(0, name).with_top(found.mode, found.modified).pass(all)
}

/// As the engine sends it.
pub(super) fn raw(ground: &Ground, operation: &'static str, path: &Utf8Path) -> ByteStream {
    let options = DownloadFromContainerOptions { path: path.to_string() };
    // A body may take as long as it takes, so the request goes by the patient client.
    let (docker, container) = (ground.engine.long().clone(), ground.container.clone());
    let sent = async move { docker.download_from_container(&container, Some(options)) };
    Box::pin(futures_util::stream::once(sent).flatten().map_err(move |failure| {
        std::io::Error::other(engine_error(operation, "get from the container", failure))
    }))
}

/// Sends an archive to be unpacked in the directory `path`, which is there. Owners are those of
/// the entries; a directory is not replaced by something else.
pub(super) async fn send(
    ground: &Ground,
    operation: &'static str,
    path: &Utf8Path,
    tar: ByteStream,
) -> Result<()> {
    let options = UploadToContainerOptions {
        path: path.to_string(),
        no_overwrite_dir_non_dir: Some("1".to_owned()),
        copy_uidgid: None,
    };
    let body = bollard::body_try_stream(tar);
    let answer = ground.engine.long().upload_to_container(&ground.container, Some(options), body);
    answer.await.map_err(|failure| match &failure {
        Failure::DockerResponseServerError { message, .. }
            if message.contains("cannot overwrite") || message.contains("file exists") =>
        {
            let message = format!(
                "an entry of the archive is refused: in `{path}` there is a directory in the place \
                 of a file, or the other way round"
            );
            Error::new(ErrorKind::InvalidInput, operation, message).with_source(failure)
        }
        _ => engine_error(operation, "put into the container", failure),
    })
}
