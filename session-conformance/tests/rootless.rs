//! A test binary that runs as the user of rootless Podman.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use session_conformance::engines::{as_rootless_user, podman_rootless, rootless_user, skip};

fn main() -> ExitCode {
    as_rootless_user();
    let trials = vec![
        Trial::test("runs_as_the_user_of_rootless_podman", runs_as_the_user),
        Trial::test("finds_the_socket_where_podman_has_it", finds_the_socket),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Issue 3, "The engines in tests".
fn runs_as_the_user() -> Result<(), Failed> {
    if let Err(reason) = podman_rootless() {
        skip(&reason);
        return Ok(());
    }
    let user = rootless_user().ok_or("there is rootless podman and no user")?;
    let process = fs::metadata("/proc/self")?;
    assert_eq!((process.uid(), process.gid()), (user.uid, user.gid));
    let status = fs::read_to_string("/proc/self/status")?;
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    assert_eq!(groups.trim(), "", "root's groups are left");
    for writable in [std::env::temp_dir(), variable("HOME")?, variable("XDG_RUNTIME_DIR")?] {
        let file = writable.join(format!("as-rootless-user-{}", std::process::id()));
        fs::write(&file, "x").map_err(|error| format!("{}: {error}", file.display()))?;
        fs::remove_file(file)?;
    }
    assert_eq!(variable("HOME")?, user.home);
    // What the backends start again.
    fs::read(std::env::current_exe()?)?;
    Ok(())
}

/// Issue 3, "engine-api": rootless Podman below the runtime directory.
fn finds_the_socket() -> Result<(), Failed> {
    match podman_rootless() {
        Ok(address) => {
            let socket = variable("XDG_RUNTIME_DIR")?.join("podman/podman.sock");
            assert_eq!(address, format!("unix://{}", socket.display()));
            UnixStream::connect(socket)?;
        }
        Err(reason) => skip(&reason),
    }
    Ok(())
}

fn variable(name: &str) -> Result<PathBuf, Failed> {
    Ok(std::env::var_os(name).ok_or_else(|| format!("{name} isn't set"))?.into())
}
