//! A workspace in a volume, for an engine that does not see the host's directories: there and back.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use bollard::models::VolumeCreateRequest;
use camino::Utf8Path;
use futures_util::StreamExt as _;
use rustix::fs::{CWD, RenameFlags};
use session_core::archive::{Links, Pack, There, unpack};
use session_core::{ByteStream, Error, ErrorKind, Result};
use tokio::io::AsyncWriteExt as _;

use super::ground::Ground;
use super::locate::blocking;
use super::{FETCH, api};
use crate::Engine;
use crate::failure::engine_error;
use crate::mounts::WORKSPACE;

const UPLOAD: &str = "engine.upload";

/// Makes a volume with these labels; one of that name that is there already is taken.
pub(crate) async fn make_volume(
    engine: &Engine,
    name: &str,
    labels: HashMap<String, String>,
) -> Result<()> {
    let options = VolumeCreateRequest {
        name: Some(name.to_owned()),
        labels: Some(labels),
        ..VolumeCreateRequest::default()
    };
    let made = engine.short().create_volume(options).await;
    made.map_err(|failure| engine_error(UPLOAD, "make a volume", failure)).map(|_| ())
}

/// Fills the volume at `/workspace` of a container that was made and not started.
///
/// Everything there is the session's user's, the directory itself included; all else is as on the
/// host. Links are not judged: the workspace is the caller's. What was there by the same names is
/// replaced. On an error a part may be there. The container's own files must not be read-only.
pub(crate) async fn upload_workspace(
    engine: &Engine,
    container: &str,
    workspace: &Utf8Path,
) -> Result<()> {
    let ground = Ground::of(engine, UPLOAD, container, 0).await?;
    // Docker sets whose a volume is only by an entry in the directory above, and refuses links that
    // lead out of the directory that is uploaded to.
    if ground.dialect().upload_takes_links_out {
        return fill(&ground, workspace, WORKSPACE, ".").await;
    }
    fill(&ground, workspace, "/", "workspace").await
}

async fn fill(ground: &Ground, workspace: &Utf8Path, dest: &str, name: &str) -> Result<()> {
    let failed =
        move |error, path: &Utf8Path| Error::io(UPLOAD, format!("can't read `{path}`"), error);
    let path = workspace.to_owned();
    let (directory, last) = blocking(UPLOAD, move || {
        let last = last_name(&path).map_err(|error| failed(error, &path))?;
        let directory = fs::File::open(&path).map_err(|error| failed(error, &path))?;
        Ok((OwnedFd::from(directory), last))
    })
    .await?;
    let (uid, gid) = ground.user;
    let packed = Pack::new(directory, ".").with_name(name).with_owner(uid, gid).with_open_end();
    let (packed, failure) = remembering(packed.stream());
    if let Err(error) = api::send(ground, UPLOAD, dest.into(), packed).await {
        let failure = failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        return Err(failure.map_or(error, |failure| failed(failure, workspace)));
    }
    // Engines have said that all is well when it was not.
    match last {
        Some(last)
            if api::look(ground, UPLOAD, &Utf8Path::new(WORKSPACE).join(&last)).await?
                == There::Nothing =>
        {
            let message =
                format!("the engine took the workspace, and `{last}` did not arrive; try again");
            Err(Error::new(ErrorKind::Io, UPLOAD, message))
        }
        _ => Ok(()),
    }
}

/// The last plain file or directory at the top, by its bytes: what is packed last but what is in it.
fn last_name(directory: &Utf8Path) -> io::Result<Option<String>> {
    let mut last: Option<String> = None;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        match entry.file_name().into_string() {
            Ok(name)
                if (kind.is_file() || kind.is_dir())
                    && last.as_ref().is_none_or(|last| *last < name) =>
            {
                last = Some(name);
            }
            _ => {}
        }
    }
    Ok(last)
}

type Remembered = Arc<Mutex<Option<io::Error>>>;

/// The stream, and why it failed: what comes back from a request says nothing of that.
fn remembering(stream: ByteStream) -> (ByteStream, Remembered) {
    let failure = Remembered::default();
    let seen = Arc::clone(&failure);
    let stream = stream.map(move |item| {
        item.map_err(|error| {
            let again = io::Error::new(error.kind(), error.to_string());
            *seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(error);
            again
        })
    });
    (Box::pin(stream), failure)
}

/// Brings the volume's tree into `workspace`, a directory of the host, in one step: all of it or
/// nothing.
///
/// Links come as they are, wherever they lead; a mounted workspace could have the same. Owners are
/// the caller. What was in `workspace` is removed. A crash leaves a directory `.fetched-…` beside it
/// that the next call removes. A tree that can't be made here is [`kept`] as `archive`.
pub(super) async fn fetch(ground: &Ground, workspace: &Utf8Path, archive: &Utf8Path) -> Result<()> {
    let Some(found) = api::stat(ground, FETCH, WORKSPACE.into()).await? else {
        let message = "its volume is gone; remove the session";
        return Err(Error::new(ErrorKind::Lost, FETCH, message));
    };
    let at = workspace.to_owned();
    let (beside, directory) = blocking(FETCH, move || {
        let parent = at.parent().unwrap_or(Utf8Path::new("/"));
        let failed =
            |error| Error::io(FETCH, format!("can't make a directory in `{parent}`"), error);
        remove_old(parent);
        let beside = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).map_err(failed)?;
        let directory = fs::File::open(beside.path()).map_err(failed)?;
        Ok((beside, OwnedFd::from(directory)))
    })
    .await?;
    let all = api::content(ground, FETCH, WORKSPACE.into(), &found, "new");
    if let Err(error) = unpack(directory, all, Links::Any).await {
        blocking(FETCH, move || {
            remove_tree(beside.path());
            Ok(())
        })
        .await?;
        return Err(kept(ground, archive, error).await);
    }
    let (workspace, archive) = (workspace.to_owned(), archive.to_owned());
    blocking(FETCH, move || {
        // Of an earlier try.
        let _ = fs::remove_file(archive);
        let swapped = swap(&beside.path().join("new"), workspace.as_std_path());
        remove_tree(beside.path());
        swapped.map_err(|error| Error::io(FETCH, format!("can't replace `{workspace}`"), error))
    })
    .await
}

/// Keeps the volume's tree as the engine's own archive, because of `error`; gives the error to tell.
///
/// That is of the kind `Lost` if all of it is in the archive: more can't be brought back, and the volume
/// may go. Else it is `error` itself, and the volume is all there is.
pub(super) async fn kept(ground: &Ground, archive: &Utf8Path, error: Error) -> Error {
    match keep(ground, archive).await {
        Ok(()) => {
            let message = format!(
                "its workspace can't be unpacked here ({}); it is in `{archive}`, as the engine has it",
                error.message()
            );
            Error::new(ErrorKind::Lost, FETCH, message).with_source(error)
        }
        Err(left) => {
            tracing::debug!("the workspace could not be kept as an archive either: {left}");
            error
        }
    }
}

async fn keep(ground: &Ground, archive: &Utf8Path) -> Result<()> {
    let failed = |error| Error::io(FETCH, format!("can't write `{archive}`"), error);
    let parent = archive.parent().unwrap_or(Utf8Path::new("/")).to_owned();
    let part = blocking(FETCH, move || {
        remove_old(&parent);
        let made = tempfile::Builder::new().prefix(PREFIX).tempfile_in(&parent);
        made.map_err(|error| Error::io(FETCH, format!("can't make a file in `{parent}`"), error))
    })
    .await?;
    let (file, part) = part.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut all = api::raw(ground, FETCH, WORKSPACE.into());
    while let Some(chunk) = all.next().await {
        file.write_all(&chunk.map_err(failed)?).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    part.persist(archive).map_err(|error| failed(error.error))
}

const PREFIX: &str = ".fetched-";

/// Puts `new` in the place of `old`, and `old` in that of `new`.
fn swap(new: &std::path::Path, old: &std::path::Path) -> io::Result<()> {
    use rustix::io::Errno;
    match rustix::fs::renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(Errno::NOENT) => fs::rename(new, old),
        // A file system that can't: there is a moment without a workspace.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            let aside = new.with_file_name("old");
            fs::rename(old, &aside)?;
            fs::rename(new, old).inspect_err(|_| {
                // The first error is the one to tell.
                let _ = fs::rename(&aside, old);
            })
        }
        Err(errno) => Err(errno.into()),
    }
}

fn remove_old(parent: &Utf8Path) {
    for entry in parent.read_dir_utf8().into_iter().flatten().flatten() {
        if entry.file_name().starts_with(PREFIX) && fs::remove_file(entry.path()).is_err() {
            remove_tree(entry.path().as_std_path());
        }
    }
}

/// Removes a tree with its read-only directories; what stays is the next call's, or the removal's.
fn remove_tree(directory: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::remove_dir_all(directory).is_ok() {
        return;
    }
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        if !fs::symlink_metadata(&next).is_ok_and(|found| found.is_dir()) {
            continue;
        }
        let _ = fs::set_permissions(&next, fs::Permissions::from_mode(0o700));
        let below = fs::read_dir(&next).into_iter().flatten().flatten();
        left.extend(below.map(|entry| entry.path()));
    }
    let _ = fs::remove_dir_all(directory);
}
