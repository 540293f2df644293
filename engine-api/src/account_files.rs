//! `/etc/passwd` and `/etc/group` with a line for the session's user.

use std::fs;

use bollard::errors::Error as Failure;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptions, DownloadFromContainerOptions};
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use session_core::{Error, Result, archive};

use crate::account::Account;
use crate::backend::{Shared, blocking};
use crate::image::Image;
use crate::labels::Labels;
use crate::place::Place;
use crate::{Engine, container};

const OPERATION: &str = "engine.create";
/// Longer than any account file.
const MAX_BYTES: u64 = 4 << 20;

/// An image's own files; empty where it has none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct ImageFiles {
    passwd: String,
    group: String,
}

/// Writes both files for `image` and says where they are mounted.
///
/// Mounted, not uploaded: that works where the image's own files can't be changed, too.
pub(crate) async fn prepare(
    shared: &Shared,
    engine: &Engine,
    place: &Place,
    image: &Image,
    account: &Account,
    labels: &Labels,
) -> Result<Vec<(Utf8PathBuf, Utf8PathBuf)>> {
    let files = of_image(shared, engine, image, labels).await?;
    let (passwd, group) = (account.passwd(&files.passwd), account.group(&files.group));
    let directory = place.directory().join("etc");
    blocking(OPERATION, move || {
        let refused = |error| Error::io(OPERATION, format!("can't write in `{directory}`"), error);
        fs::create_dir_all(&directory).map_err(refused)?;
        let mut binds = Vec::new();
        for (name, text) in [("passwd", passwd), ("group", group)] {
            let path = directory.join(name);
            fs::write(&path, text).map_err(refused)?;
            binds.push((path, Utf8PathBuf::from("/etc").join(name)));
        }
        Ok(binds)
    })
    .await
}

/// The image's files: remembered by the image's id, which stands for its content.
async fn of_image(
    shared: &Shared,
    engine: &Engine,
    image: &Image,
    labels: &Labels,
) -> Result<ImageFiles> {
    let word: String = image.id.chars().filter(char::is_ascii_alphanumeric).collect();
    let directory = shared.layout.home().join("cache").join(shared.kind.word());
    let path = directory.join(format!("{word}.accounts.json"));
    let known = fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok());
    if let Some(known) = known {
        return Ok(known);
    }
    let files = asked(engine, image, labels).await?;
    let json = serde_json::to_vec(&files).expect("plain data");
    blocking(OPERATION, move || {
        // Without it, the next one asks again.
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&directory)?;
            let mut file = tempfile::NamedTempFile::new_in(&directory)?;
            std::io::Write::write_all(&mut file, &json)?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "can't remember an image's accounts");
        }
        Ok(())
    })
    .await?;
    Ok(files)
}

/// Reads the files from a container that is never started; only from one can they be read.
///
/// It has the session's labels, so that what a crash leaves is found with the session.
async fn asked(engine: &Engine, image: &Image, labels: &Labels) -> Result<ImageFiles> {
    let body = ContainerCreateBody {
        image: Some(image.id.clone()),
        entrypoint: Some(vec!["/bin/sh".to_owned()]),
        // Podman looks the image's own user up when something is read.
        user: Some("0:0".to_owned()),
        labels: Some(labels.to_map()),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let made = engine
        .long()
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .map_err(|failure| engine.error(OPERATION, "look into the image", failure))?
        .id;
    let read = async {
        let passwd = read(engine, &made, "/etc/passwd".into()).await?;
        let group = read(engine, &made, "/etc/group".into()).await?;
        Ok(ImageFiles { passwd, group })
    };
    let files = read.await;
    container::remove(engine, OPERATION, &made).await?;
    files
}

/// A plain file's text; empty if it is missing or something else.
async fn read(engine: &Engine, container: &str, path: &Utf8Path) -> Result<String> {
    let options = DownloadFromContainerOptions { path: path.to_string() };
    let mut chunks = engine.long().download_from_container(container, Some(options));
    let first = match chunks.next().await {
        Some(Err(Failure::DockerResponseServerError { status_code: 404, .. })) | None => {
            return Ok(String::new());
        }
        Some(Err(failure)) => return Err(engine.error(OPERATION, "look into the image", failure)),
        Some(Ok(first)) => Ok(first),
    };
    let rest = chunks.map_err(std::io::Error::other);
    let archive = futures_util::stream::once(async { first }).chain(rest);
    let content = archive::first_file(Box::pin(archive), MAX_BYTES).await?;
    // What is no text is no account file.
    Ok(content.and_then(|content| String::from_utf8(content).ok()).unwrap_or_default())
}
