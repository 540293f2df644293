//! A full disk, and files that can't be read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use session_core::{ErrorKind, Strategy};

use crate::fixture::Fixture;

/// S3.E3: no space left: the error says so, and nothing of the project stays.
#[test]
fn a_full_disk() {
    let mut fixture = Fixture::repository();
    fixture.write("big", &"x".repeat(3 << 20));
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs", fixture.root.as_str()])
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("SKIPPED: no small tmpfs may be mounted here");
        return;
    }
    fixture.root.push("sessions");
    fs::create_dir(&fixture.root).expect("mkdir");
    let mut errors = Vec::new();
    for strategy in [Strategy::Branch, Strategy::Copy] {
        errors.push((fixture.provision(&fixture.plan(strategy)), fixture.root_is_empty()));
    }
    fixture.root.pop();
    let _ = Command::new("umount").arg(fixture.root.as_str()).status();
    for (result, empty) in errors {
        let error = result.expect_err("no space");
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error:?}");
        assert!(error.message().contains("big"), "{error}");
        assert!(empty, "something was left");
    }
}

/// Unreadable files are named before anything is made; an ignored one does not matter to a branch.
///
/// Permissions mean nothing to root, so the test runs itself again as somebody else.
#[test]
#[expect(clippy::disallowed_methods, reason = "how the test knows that it is run again")]
fn unreadable_files() {
    const AGAIN: &str = "SESSION_WORKSPACE_TEST_UNREADABLE";
    if rustix::process::geteuid().is_root() && std::env::var_os(AGAIN).is_none() {
        let place = tempfile::Builder::new().tempdir_in("/tmp").expect("a directory");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).expect("chmod");
        let program = place.path().join("again");
        fs::copy(std::env::current_exe().expect("a program"), &program).expect("copy");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("chmod");
        let output = Command::new(program)
            .args(["--exact", "faults::unreadable_files", "--nocapture"])
            .env(AGAIN, "1")
            .env("TMPDIR", place.path())
            .env("HOME", place.path())
            .current_dir(place.path())
            .uid(65534)
            .gid(65534)
            .output()
            .expect("runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let fixture = Fixture::repository();
    let lock = |path: &str, mode| {
        fs::set_permissions(fixture.source.join(path), fs::Permissions::from_mode(mode))
            .expect("chmod");
    };
    fixture.write("ignored/hidden", "x");
    lock("ignored/hidden", 0o000);
    fixture.provision(&fixture.plan(Strategy::Branch)).expect("ignored");
    fs::remove_dir_all(fixture.root.join("project")).expect("rm");
    let error = fixture.provision(&fixture.plan(Strategy::Copy)).expect_err("hidden");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.message().contains("`ignored/hidden`"), "{error}");
    let mut plan = fixture.plan(Strategy::Copy);
    plan.exclude = vec!["ignored".to_owned()];
    fixture.provision(&plan).expect("left out");
    fs::remove_dir_all(fixture.root.join("project")).expect("rm");
    fixture.write("new/secret", "x");
    lock("new/secret", 0o200);
    lock("dir", 0o000);
    let error = fixture.provision(&fixture.plan(Strategy::Branch)).expect_err("secret");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(
        error.message().contains("`new/secret`") && error.message().contains("`dir`"),
        "{error}"
    );
    assert!(fixture.root_is_empty());
    lock("dir", 0o555);
    lock("new/secret", 0o444);
    // Read-only directories: copied, replaced and removed all the same.
    fixture.provision(&fixture.plan(Strategy::Branch)).expect("read-only directories");
    fixture.provision(&fixture.plan(Strategy::Branch)).expect("again");
    lock("dir", 0o755);
}
