//! What `doctor` asks: can sessions be made here?

use std::fs::{File, TryLockError};

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{Check, ProbeReport};

use crate::backend::KIND;
use crate::platform;
use crate::tree::ProcessKey;

/// Looks, leaving nothing behind. Blocks.
pub(crate) fn report(home: &Utf8Path) -> ProbeReport {
    let name = rustix::system::uname();
    let engine =
        format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy());
    let place = nearest(home);
    // Has no name from the start, so nothing remains of it whatever happens.
    let file = tempfile::tempfile_in(&place);
    let locks = match &file {
        Ok(file) => locks(&place, file),
        Err(_) => Check::failed(
            "local-locks",
            "locks can't be tried in a home that can't be written",
            "make the home writable first",
        ),
    };
    let checks = vec![writable(home, &place, file.as_ref().err()), locks, processes(), pty()];
    ProbeReport::new(KIND, engine, checks)
}

/// The home, or the nearest directory above it that is there: the home is made there.
fn nearest(home: &Utf8Path) -> Utf8PathBuf {
    let found = home.ancestors().find(|path| path.symlink_metadata().is_ok());
    found.unwrap_or(Utf8Path::new("/")).to_owned()
}

fn writable(home: &Utf8Path, place: &Utf8Path, error: Option<&std::io::Error>) -> Check {
    const CODE: &str = "local-home-writable";
    match error {
        None if place == home => Check::passed(CODE, format!("`{home}` can be written")),
        None => Check::passed(CODE, format!("`{home}` can be made")),
        Some(error) => Check::failed(
            CODE,
            format!("`{place}` can't be written: {error}"),
            "choose another home on a disk that is writable, or change its owner or mode",
        ),
    }
}

fn locks(place: &Utf8Path, file: &File) -> Check {
    const CODE: &str = "local-locks";
    let failed = |message: String| {
        Check::failed(CODE, message, "put the home on a local disk, or mount with locks")
    };
    if let Err(error) = file.try_lock() {
        return failed(format!("files in `{place}` can't be locked: {error}"));
    }
    // The same file by another handle, as another process would have it.
    match platform::open_again(file).map(|other| other.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => {
            Check::passed(CODE, format!("files in `{place}` can be locked"))
        }
        Ok(Ok(())) => failed(format!("locks in `{place}` do not keep others out")),
        Ok(Err(TryLockError::Error(error))) => {
            failed(format!("files in `{place}` can't be locked: {error}"))
        }
        Err(error) => Check::warning(
            CODE,
            format!("files in `{place}` can be locked; whether that holds was not found: {error}"),
            platform::PROCESSES_REMEDY.1,
        ),
    }
}

fn processes() -> Check {
    const CODE: &str = "local-proc";
    let own = rustix::process::getpid().as_raw_nonzero().get();
    match ProcessKey::of(own) {
        Some(_) => {
            Check::passed(CODE, format!("processes can be found {}", platform::PROCESSES_FOUND))
        }
        None => {
            let (reason, remedy) = platform::PROCESSES_REMEDY;
            Check::failed(CODE, format!("processes can't be found: {reason}"), remedy)
        }
    }
}

fn pty() -> Check {
    const CODE: &str = "local-pty";
    let opened = platform::open_terminal().and_then(|terminal| {
        rustix::pty::unlockpt(&terminal)?;
        rustix::pty::ptsname(&terminal, Vec::new())
    });
    match opened {
        Ok(name) => {
            Check::passed(CODE, format!("terminals can be had ({})", name.to_string_lossy()))
        }
        Err(errno) => Check::failed(
            CODE,
            format!("no terminal can be had: {errno}"),
            platform::TERMINALS_REMEDY,
        ),
    }
}
