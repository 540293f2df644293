//! The engines that `.ci/engines` starts, as tests find them.
//!
//! Each answers with its address, or with the reason why it isn't there, which is what a test's skip should say. The values come from
//! the environment (`SESSCTL_TEST_DOCKER` and so on; `.ci/test` sets them) or from `engines.env` in the target directory,
//! which `.ci/engines` writes. docs/testing.md has the list.

mod private;
mod rootless;

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::platform;

pub use private::{PrivateEngine, PrivateOptions};
pub use rootless::{RootlessUser, as_rootless_user, as_rootless_user_with, rootless_user};

/// The smallest image: busybox alone.
pub const BUSYBOX_IMAGE: &str = "sessctl-test/busybox:1";
/// An image with bash, git, coreutils, procps, tar and util-linux.
pub const TOOLS_IMAGE: &str = "sessctl-test/tools:1";
/// An image of one static program, `/sleep`, without a shell.
pub const NO_SHELL_IMAGE: &str = "sessctl-test/no-shell:1";
/// An image whose entry point exits at once, with 3.
pub const EXITS_IMAGE: &str = "sessctl-test/exits:1";
/// An image whose user isn't in its `/etc/passwd`.
pub const NO_USER_IMAGE: &str = "sessctl-test/user:1";
/// An image with a volume of its own, `/data`.
pub const VOLUME_IMAGE: &str = "sessctl-test/volume:1";

/// The address of the Docker Engine (`unix:///…`), or why there is none.
///
/// Nothing is started; that the socket takes connections is checked.
pub fn docker() -> Result<String, String> {
    address("SESSCTL_TEST_DOCKER")
}

/// The address of the rootful Podman service (`unix:///…`), or why there is none.
pub fn podman() -> Result<String, String> {
    address("SESSCTL_TEST_PODMAN")
}

/// The address of the rootless Podman service (`unix:///…`), or why there is none.
///
/// Only its user (and root) can open it, and the directories that it mounts must be readable by that user.
pub fn podman_rootless() -> Result<String, String> {
    address("SESSCTL_TEST_PODMAN_ROOTLESS")
}

/// Says that this test skips, as `.ci/test` reads it from a test's output; the test then returns.
pub fn skip(reason: &str) {
    #[expect(clippy::print_stderr, reason = "a skip must be seen")]
    {
        eprintln!("SKIPPED: {reason}");
    }
}

fn address(name: &str) -> Result<String, String> {
    let absent = || {
        let missing = value(&format!("{name}_MISSING"));
        missing
            .unwrap_or_else(|| format!("{name} isn't set; to start the engines: bash .ci/engines"))
    };
    let address = value(name).ok_or_else(absent)?;
    if address == "none" {
        return Err(format!("left out by {name}=none"));
    }
    let Some(socket) = address.strip_prefix("unix://") else { return Ok(address) };
    match UnixStream::connect(socket) {
        Ok(_) => Ok(address),
        Err(error) => Err(format!(
            "nobody answers at {address} ({error}); to start the engines: bash .ci/engines"
        )),
    }
}

/// A variable of the environment, else of `engines.env`.
///
/// Where the environment names an engine or its absence, the file's line about the same engine doesn't count.
fn value(name: &str) -> Option<String> {
    let engine = name.strip_suffix("_MISSING").unwrap_or(name);
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if set(engine).is_some() || set(&format!("{engine}_MISSING")).is_some() {
        return set(name);
    }
    file().get(name).cloned()
}

/// The lines of `engines.env` in the directory that this test was built into; none if there is no such file.
fn file() -> &'static BTreeMap<String, String> {
    static FILE: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    FILE.get_or_init(|| {
        let text =
            env_file().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        parse(&text)
    })
}

fn is_root() -> bool {
    platform::user() == Some(0)
}

fn env_file() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().map(|directory| directory.join("engines.env")).find(|path| path.is_file())
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim_matches('\'');
        Some((name.to_owned(), value.to_owned())).filter(|_| name.starts_with("SESSCTL_TEST_"))
    };
    text.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_script_writes_them() {
        let lines = parse(
            "SESSCTL_TEST_DOCKER='unix:///a/b.sock'\n# no\nSESSCTL_TEST_PODMAN_MISSING='no `podman` = none'\nPATH=/x\n",
        );
        let expected = [
            ("SESSCTL_TEST_DOCKER", "unix:///a/b.sock"),
            ("SESSCTL_TEST_PODMAN_MISSING", "no `podman` = none"),
        ];
        assert_eq!(
            lines,
            BTreeMap::from(expected.map(|(name, value)| (name.to_owned(), value.to_owned())))
        );
    }
}
