//! Running a whole test binary as the user of rootless Podman.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use super::{file, is_root, podman_rootless, value};
use crate::platform;

/// The unprivileged user that rootless Podman runs as in tests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootlessUser {
    /// The user's id.
    pub uid: u32,
    /// The user's main group.
    pub gid: u32,
    /// The user's home directory: absolute, and only for tests.
    pub home: PathBuf,
}

/// The user that rootless Podman runs as; none where `.ci/engines` made none.
pub fn rootless_user() -> Option<RootlessUser> {
    let user = value("SESSCTL_TEST_ROOTLESS_USER")?;
    let mut parts = user.splitn(3, ':');
    let (uid, gid, home) = (parts.next()?, parts.next()?, parts.next()?);
    Some(RootlessUser { uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: home.into() })
}

/// Runs this test binary again as the user of rootless Podman, and ends with its exit code, if we are root.
///
/// Call it first in the `main` of a test binary with `harness = false`, before any thread is started: `cargo nextest` then lists and
/// runs the tests as ever. It returns, having done nothing, if we aren't root, or if there is no rootless Podman (whose tests then
/// skip by [`podman_rootless`]'s reason).
///
/// The other process has our arguments, standard streams and environment, except for `HOME`, `USER`, `LOGNAME`, `XDG_RUNTIME_DIR`
/// and what `.ci/engines` wrote, which are the user's; other `XDG_…` and `TMPDIR` are unset. Its working directory is
/// the user's home, and its program a link to ours in a directory that the user can read, removed afterwards: the source tree may be
/// closed to it.
///
/// # Panics
///
/// If the other process can't be started.
pub fn as_rootless_user() {
    as_rootless_user_with(&[]);
}

/// [`as_rootless_user`] for a test binary that runs programs: each pair is a variable that the other process is given, and the
/// program of which it has the path, in a place that the user can read.
///
/// # Panics
///
/// If the other process can't be started.
pub fn as_rootless_user_with(programs: &[(&str, &Path)]) {
    let again = std::env::var_os(AGAIN).is_some();
    let wanted = !again && is_root() && podman_rootless().is_ok();
    let Some(user) = rootless_user().filter(|user| wanted && user.uid != 0) else { return };
    let program = std::env::current_exe().expect("a process knows its program on Linux");
    let copy = Copy::of(&program, &user);
    let mut command = command(&copy.0, &user);
    let others: Vec<_> =
        programs.iter().map(|(name, path)| (name, Copy::of(path, &user))).collect();
    command.envs(others.iter().map(|(name, copy)| (name, &copy.0)));
    let status = command.status().unwrap_or_else(|error| {
        panic!("can't run {} as uid {}: {error}", copy.0.display(), user.uid)
    });
    drop((copy, others));
    std::process::exit(code(status));
}

/// Set for the other process: whatever it is, it doesn't start one more.
const AGAIN: &str = "SESSCTL_TEST_AS_ROOTLESS_USER";

fn command(program: &Path, user: &RootlessUser) -> Command {
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).current_dir(&user.home);
    for (name, _) in std::env::vars_os() {
        if name == "TMPDIR" || name.to_string_lossy().starts_with("XDG_") {
            command.env_remove(name);
        }
    }
    let state = user.home.parent().unwrap_or(&user.home);
    command
        .envs(file().iter().filter(|(name, _)| std::env::var_os(name).is_none()))
        .env(AGAIN, "1")
        .env("HOME", &user.home)
        .env("USER", "sessctl-test")
        .env("LOGNAME", "sessctl-test")
        .env("XDG_RUNTIME_DIR", state.join("run"));
    // Drops our supplementary groups too.
    command.uid(user.uid).gid(user.gid);
    command
}

/// As a shell would say it.
fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// A link to a program (or a copy, on another file system) among the user's files, for as long as this process lives.
struct Copy(PathBuf);

impl Copy {
    fn of(program: &Path, user: &RootlessUser) -> Self {
        let directory = user.home.parent().unwrap_or(&user.home).join("programs");
        std::fs::create_dir_all(&directory).expect("root makes directories");
        remove_abandoned(&directory);
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let copy = directory.join(format!("{name}.{}", std::process::id()));
        if std::fs::hard_link(program, &copy).is_err() {
            std::fs::copy(program, &copy).unwrap_or_else(|error| {
                panic!("can't copy {} to {}: {error}", program.display(), copy.display())
            });
        }
        Self(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// Removes the links of processes that were killed.
fn remove_abandoned(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.extension().is_some_and(|pid| !platform::is_there(pid)) {
            std::fs::remove_file(path).ok();
        }
    }
}
