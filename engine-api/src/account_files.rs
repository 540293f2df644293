//! `/etc/passwd` and `/etc/group` with a line for the session's user.

use std::fs;

use camino::Utf8PathBuf;
use session_core::{Error, Result};

use crate::Engine;
use crate::account::Account;
use crate::backend::blocking;
use crate::place::Place;

const OPERATION: &str = "engine.create";

/// Writes both files for `image` and says where they are mounted.
///
/// Mounted, not uploaded: that works where the image's own files can't be changed, too.
#[expect(clippy::unused_async, reason = "the image's own files come from the engine")]
pub(crate) async fn prepare(
    _engine: &Engine,
    place: &Place,
    _image: &str,
    account: &Account,
) -> Result<Vec<(Utf8PathBuf, Utf8PathBuf)>> {
    let (passwd, group) = ("root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n");
    let (passwd, group) = (account.passwd(passwd), account.group(group));
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
