//! Trees in and out; the reading and writing of archives is the core's.

use std::fs::{self, File};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::archive::{Links, Pack, unpack};
use session_core::{ByteStream, Error, ErrorKind, Result};

use crate::host::places::blocking;
use crate::host::program::missing_directory;
use crate::host::state::Place;
use crate::host::status;

pub(crate) async fn put(place: &Place, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
    let id = place.id().to_string();
    let (place, dest) = (place.clone(), dest.to_owned());
    let directory = blocking("host.put", move || {
        let dest = under(&place, "host.put", &dest)?;
        fs::create_dir_all(&dest).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                let message = format!("`{dest}` is no directory; name another");
                Error::new(ErrorKind::InvalidInput, "host.put", message).with_source(error)
            }
            _ => Error::io("host.put", format!("can't make `{dest}`"), error),
        })?;
        File::open(&dest)
            .map_err(|error| Error::io("host.put", format!("can't open `{dest}`"), error))
    });
    let unpacked = unpack(directory.await?.into(), tar, Links::Inside).await;
    unpacked.map_err(|error| error.with_session(id))
}

pub(crate) async fn get(place: &Place, src: &Utf8Path) -> Result<ByteStream> {
    const OPERATION: &str = "host.get";
    let (place, src) = (place.clone(), src.to_owned());
    let pack = blocking(OPERATION, move || {
        let src = under(&place, OPERATION, &src)?;
        let failed = |error| Error::io(OPERATION, format!("can't read `{src}`"), error);
        src.symlink_metadata().map_err(failed)?;
        // `.` and `..` have a name too, where they lead; and a slash at the end goes through a link.
        let named = src.file_name().filter(|_| !src.as_str().ends_with("/."));
        let place = match named {
            Some(_) if !src.as_str().ends_with('/') => src.as_std_path().to_owned(),
            _ => src.canonicalize().map_err(failed)?,
        };
        let (Some(parent), Some(leaf)) = (place.parent(), place.file_name()) else {
            let message = "the root directory has no name; name what is wanted of it";
            return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
        };
        let name = named.map_or(leaf, |name| name.as_ref()).to_owned();
        let parent = File::open(parent).map_err(failed)?;
        Ok(Pack::new(parent.into(), leaf).with_name(name))
    });
    Ok(pack.await?.stream())
}

fn under(place: &Place, operation: &'static str, path: &Utf8Path) -> Result<Utf8PathBuf> {
    let session = status::whole(place, operation)?;
    if path.is_relative() && !session.working_directory.is_dir() {
        return Err(missing_directory(operation, &session.working_directory));
    }
    Ok(session.working_directory.join(path))
}
