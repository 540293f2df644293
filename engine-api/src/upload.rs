//! What a container without the host's directories is given before it starts.

use bollard::query_parameters::UploadToContainerOptions;
use session_core::{Error, ErrorKind, Result};

use crate::Engine;
use crate::place::SessionFile;

const OPERATION: &str = "engine.start";

/// Puts the launch script where the boot script finds it, and makes the user's home.
pub(crate) async fn launch(engine: &Engine, session: &SessionFile, script: &str) -> Result<()> {
    let (uid, gid) = session.numbers();
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |path: &str, directory: bool, content: &str| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(match directory {
            true => tar::EntryType::Directory,
            false => tar::EntryType::Regular,
        });
        header.set_mode(if directory { 0o700 } else { 0o600 });
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes())
    };
    let packed = add("run/sessctl/", true, "")
        .and_then(|()| add("run/sessctl/launch", false, script))
        .and_then(|()| match &session.home {
            Some(home) => add(home.as_str().trim_start_matches('/'), true, ""),
            None => Ok(()),
        })
        .and_then(|()| archive.into_inner());
    let packed = packed.map_err(|error| {
        Error::new(ErrorKind::Internal, OPERATION, "can't pack the launch script")
            .with_source(error)
    })?;
    let options = UploadToContainerOptions { path: "/".to_owned(), ..Default::default() };
    engine
        .long()
        .upload_to_container(
            &session.container,
            Some(options),
            bollard::body_full(bytes::Bytes::from(packed)),
        )
        .await
        .map_err(|failure| engine.error(OPERATION, "put the launch script into it", failure))
}
