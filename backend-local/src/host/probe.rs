//! What `doctor` asks: can sessions be made here?

use std::fs::{File, TryLockError};

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{Check, ProbeReport};

use crate::host::tree::ProcessKey;
use crate::platform;

/// Looks, leaving nothing behind. Blocks.
pub(crate) fn report(kind: &str, home: &Utf8Path) -> ProbeReport {
    let name = rustix::system::uname();
    let engine =
        format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy());
    let place = nearest(home);
    // Has no name from the start, so nothing remains of it whatever happens.
    let file = tempfile::tempfile_in(&place);
    let locks = match &file {
        Ok(file) => locks(kind, &place, file),
        Err(_) => Check::failed(
            format!("{kind}-locks"),
            "locks can't be tried in a home that can't be written",
            "make the home writable first",
        ),
    };
    let checks =
        vec![writable(kind, home, &place, file.as_ref().err()), locks, processes(kind), pty(kind)];
    ProbeReport::new(kind, engine, checks)
}

/// The home, or the nearest directory above it that is there: the home is made there.
fn nearest(home: &Utf8Path) -> Utf8PathBuf {
    let found = home.ancestors().find(|path| path.symlink_metadata().is_ok());
    found.unwrap_or(Utf8Path::new("/")).to_owned()
}

fn writable(
    kind: &str,
    home: &Utf8Path,
    place: &Utf8Path,
    error: Option<&std::io::Error>,
) -> Check {
    let code = format!("{kind}-home-writable");
    match error {
        None if place == home => Check::passed(code, format!("`{home}` can be written")),
        None => Check::passed(code, format!("`{home}` can be made")),
        Some(error) => Check::failed(
            code,
            format!("`{place}` can't be written: {error}"),
            "choose another home on a disk that is writable, or change its owner or mode",
        ),
    }
}

fn locks(kind: &str, place: &Utf8Path, file: &File) -> Check {
    let code = format!("{kind}-locks");
    let failed = |message: String| {
        Check::failed(&code, message, "put the home on a local disk, or mount with locks")
    };
    if let Err(error) = file.try_lock() {
        return failed(format!("files in `{place}` can't be locked: {error}"));
    }
    // The same file by another handle, as another process would have it.
    match platform::open_again(file).map(|other| other.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => {
            Check::passed(&code, format!("files in `{place}` can be locked"))
        }
        Ok(Ok(())) => failed(format!("locks in `{place}` do not keep others out")),
        Ok(Err(TryLockError::Error(error))) => {
            failed(format!("files in `{place}` can't be locked: {error}"))
        }
        Err(error) => Check::warning(
            code,
            format!("files in `{place}` can be locked; whether that holds was not found: {error}"),
            platform::PROCESSES_REMEDY.1,
        ),
    }
}

fn processes(kind: &str) -> Check {
    let code = format!("{kind}-proc");
    let own = rustix::process::getpid().as_raw_nonzero().get();
    match ProcessKey::of(own) {
        Some(_) => {
            Check::passed(code, format!("processes can be found {}", platform::PROCESSES_FOUND))
        }
        None => {
            let (reason, remedy) = platform::PROCESSES_REMEDY;
            Check::failed(code, format!("processes can't be found: {reason}"), remedy)
        }
    }
}

fn pty(kind: &str) -> Check {
    let code = format!("{kind}-pty");
    let opened = platform::open_terminal().and_then(|terminal| {
        rustix::pty::unlockpt(&terminal)?;
        rustix::pty::ptsname(&terminal, Vec::new())
    });
    match opened {
        Ok(name) => {
            Check::passed(code, format!("terminals can be had ({})", name.to_string_lossy()))
        }
        Err(errno) => Check::failed(
            code,
            format!("no terminal can be had: {errno}"),
            platform::TERMINALS_REMEDY,
        ),
    }
}
