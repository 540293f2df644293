//! What is broken from outside: records, the index, the disk, and commands killed in the middle.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::commands::processes_with;
use crate::place::{Place, finish, skip};

fn record_of(place: &Place, name: &str) -> std::path::PathBuf {
    place.directory(name).join("record.json")
}

/// S4.E7, S4.27: the index is lost, or is rubbish; the list and all sessions are still there.
#[test]
fn the_index_is_made_again() {
    let place = Place::with_repository();
    place.good(&["start", "a", "-d", "--", "sleep", "600"]);
    place.good(&["start", "b", "-d", "--", "sleep", "600"]);
    for damage in [None, Some("rubbish, and more than a hundred bytes of it ".repeat(9))] {
        for extra in ["registry.db-wal", "registry.db-shm"] {
            let _ = std::fs::remove_file(place.path("home").join(extra));
        }
        match damage {
            None => std::fs::remove_file(place.path("home/registry.db")).expect("an index"),
            Some(text) => place.write("home/registry.db", &text),
        }
        let names = place.good(&["list", "--names"]);
        assert_eq!(names, "b\na\n");
        place.good(&["exec", "a", "--", "true"]);
    }
    let kept = std::fs::read_dir(place.path("home")).expect("a home").flatten();
    let kept: Vec<_> = kept.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    assert!(
        kept.iter().any(|name| name.contains("damaged")),
        "the damaged index is kept: {kept:?}"
    );
    assert!(place.good(&["doctor", "--rebuild"]).contains("2 records"));
}

/// S4.E7: a damaged record is mended from the index, and where that is gone too it is shown in its place.
#[test]
fn damaged_records() {
    let place = Place::with_repository();
    place.good(&["start", "good", "-d", "--", "sleep", "600"]);
    for damage in ["null", "{\"schema_version\": 1, \"na", "[]", ""] {
        place.good(&["start", "bad", "-d", "--", "sleep", "600"]);
        let record = record_of(&place, "bad");
        std::fs::write(&record, damage).expect("damage");
        assert_eq!(place.good(&["list", "--names"]), "bad\ngood\n");
        place.good(&["stop", "bad"]);
        place.good(&["doctor", "--rebuild"]);
        assert!(std::fs::read_to_string(&record).expect("a record").contains("\"bad\""));

        std::fs::write(&record, damage).expect("damage");
        for file in ["registry.db", "registry.db-wal", "registry.db-shm"] {
            let _ = std::fs::remove_file(place.path("home").join(file));
        }
        let list = place.list();
        let statuses: Vec<_> = list["sessions"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|s| s["status"].clone())
            .collect();
        assert_eq!(statuses.len(), 2, "{list:#}");
        assert!(
            statuses.contains(&"damaged".into()) && statuses.contains(&"running".into()),
            "{list:#}"
        );
        std::fs::remove_dir_all(record.parent().expect("a directory")).expect("gone");
        std::fs::remove_file(place.path("home/registry.db")).expect("an index");
    }
}

/// Invariant 12: a record of a newer version is shown and never rewritten.
#[test]
fn a_record_of_a_newer_version() {
    let place = Place::with_repository();
    place.good(&["start", "next", "-d", "--", "sleep", "600"]);
    place.good(&["stop", "next"]);
    let record = record_of(&place, "next");
    let newer = std::fs::read_to_string(&record)
        .expect("a record")
        .replace("\"schema_version\": 1", "\"schema_version\": 2");
    std::fs::write(&record, &newer).expect("a newer record");
    for file in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        let _ = std::fs::remove_file(place.path("home").join(file));
    }
    assert_eq!(place.good(&["list", "--names"]), "next\n");
    assert!(place.bad(&["restart", "next", "--detach"], 78).contains("newer"));
    place.bad(&["remove", "next", "--force"], 78);
    assert_eq!(std::fs::read_to_string(&record).expect("a record"), newer);
}

/// S4.18: the session's place is removed behind our back: it is lost, and nothing else is.
#[test]
fn a_session_that_vanished() {
    let place = Place::with_repository();
    place.good(&["start", "here", "-d", "--", "sleep", "600"]);
    place.good(&["start", "gone", "-d", "--", "sleep", "600"]);
    place.good(&["stop", "gone"]);
    std::fs::remove_dir_all(place.directory("gone")).expect("gone");
    assert_eq!(place.session("gone")["status"], "lost");
    assert!(place.session("gone")["status_reason"].is_string());
    assert_eq!(place.session("here")["status"], "running");
    place.good(&["remove", "gone", "--force"]);
    assert_eq!(place.good(&["list", "--names"]), "here\n");
}

/// The holder is killed: its processes end with it, the session is lost, and can be started again.
#[test]
fn a_killed_holder() {
    let place = Place::with_repository();
    place.good(&[
        "start",
        "h",
        "-d",
        "--",
        "sh",
        "-c",
        "sleep 600 & (setsid sleep 600 &); sleep 600",
    ]);
    let id = place.session("h")["id"].as_str().expect("an id").to_owned();
    let mark = format!("SESSCTL_SESSION_ID={id}");
    assert!(processes_with(&mark).len() >= 3);
    let main: serde_json::Value = serde_json::from_str(
        &std::fs::read_to_string(place.directory("h").join("local/main.json")).expect("main.json"),
    )
    .expect("JSON");
    let holder = main["holder"]["pid"].as_u64().expect("a pid").to_string();
    let killed = Command::new("kill").args(["-9", &holder]).status().expect("kill runs");
    assert!(killed.success());
    wait(|| processes_with(&mark).is_empty());
    wait(|| place.session("h")["status"] == "lost");
    place.good(&["restart", "h", "--detach"]);
    assert_eq!(place.session("h")["status"], "running");
}

/// S4.E4: a home that can't be written: lists work, changes are refused, with another user's eyes.
#[test]
fn a_read_only_home() {
    use std::os::unix::process::CommandExt;
    if !rustix::process::getuid().is_root() {
        skip("needs root to become another user");
        return;
    }
    let place = Place::with_repository();
    place.good(&["start", "a", "-d", "--", "sleep", "600"]);
    place.good(&["stop", "a"]);
    let open = |path: &Path| {
        let mode = if path.is_dir() { 0o555 } else { 0o444 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    walk(&place.path("home"), &open);
    for path in ["", "user", "project"] {
        std::fs::set_permissions(place.path(path), std::fs::Permissions::from_mode(0o755))
            .expect("a mode");
    }
    let nobody = |arguments: &[&str]| {
        finish(place.command(arguments).uid(65534).gid(65534).stdin(Stdio::null()).output())
    };
    let listed = nobody(&["list", "--names"]);
    assert_eq!((listed.code, listed.out.as_str()), (0, "a\n"), "{listed:?}");
    let refused = nobody(&["start", "b", "-d", "--empty"]);
    assert_eq!(refused.code, 77, "{refused:?}");
    walk(&place.path("home"), &|path: &Path| {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    });
}

fn walk(path: &Path, visit: &dyn Fn(&Path)) {
    if path.is_symlink() {
        return;
    }
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a directory").flatten() {
            walk(&entry.path(), visit);
        }
    }
    visit(path);
}

/// A file system of its own, gone when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// One of this size at the new directory `path`; `None` where nothing can be mounted, which is said.
    fn at(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(path).expect("an empty directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path);
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(path.to_owned()));
        }
        skip("needs a tmpfs to be mounted (root)");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A process that ends may still be in it.
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// S3.E3: the disk fills up in the middle; nothing is left, and the message says what it was.
#[test]
fn a_full_disk() {
    let place = Place::with_repository();
    let home = place.path("home");
    let Some(disk) = SmallDisk::at(&home, "3m") else { return };
    let noise: Vec<u8> =
        (0..8_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(place.path("project/large"), noise).expect("a large file");
    let refused = place.run(&["start", "big", "-d", "--", "sleep", "600"]);
    let listed = place.run(&["list", "--names"]);
    let left = std::fs::read_dir(home.join("sessions")).map_or(0, Iterator::count);
    drop(disk);
    assert_eq!(refused.code, 74, "{refused:?}");
    assert!(refused.err.contains("sessctl trash empty"), "the way out: {refused:?}");
    assert_eq!((listed.out.as_str(), left), ("", 0), "nothing is left: {listed:?}");
}

/// Where there is no room for anything, sessions can be removed, and what they held be freed.
#[test]
fn room_is_made_on_a_full_disk() {
    let place = Place::with_repository();
    let home = place.path("home");
    let Some(disk) = SmallDisk::at(&home, "4m") else { return };
    let start = ["start", "one", "-d", "--", "sleep", "600"];
    let made = [place.run(&start), place.run(&["stop", "one"])];
    let filled = std::fs::write(home.join("noise"), vec![1; 8_000_000]);
    let removed = place.run(&["remove", "--force", "one"]);
    let listed = place.run(&["list", "--names"]);
    let emptied = place.run(&["trash", "empty", "--all", "--force"]);
    let left = std::fs::read_dir(home.join("trash")).map_or(0, Iterator::count);
    std::fs::remove_file(home.join("noise")).expect("it is there");
    let again = [
        place.run(&["remove", "one", "--force"]),
        place.run(&start),
        place.run(&["remove", "one", "--force"]),
    ];
    drop(disk);
    assert!(made.iter().all(|done| done.code == 0), "{made:?}");
    assert_eq!(filled.expect_err("it is full").kind(), std::io::ErrorKind::StorageFull);
    assert!(removed.code == 0 && removed.err.contains("`sessctl remove one`"), "{removed:?}");
    assert_eq!(listed.out, "", "{listed:?}");
    assert_eq!((emptied.code, left), (0, 0), "{emptied:?}");
    assert!(again.iter().all(|done| done.code == 0), "{again:?}");
}

/// Ctrl-C during a copy leaves nothing.
#[test]
fn interrupted_in_the_middle_of_a_copy() {
    let place = Place::with_repository();
    for n in 0..20_000 {
        std::fs::write(place.path(format!("project/{n}")), "text").expect("a small file");
    }
    for _ in 0..20 {
        let child =
            place.command(&["start", "cut", "-d", "--no-worktree", "--", "sleep", "600"]).spawn();
        let mut child = child.expect("it starts");
        let sessions = place.path("home/sessions");
        let copying = || {
            let found = std::fs::read_dir(&sessions).into_iter().flatten().flatten().next();
            found.is_some_and(|session| session.path().join("workspace").exists())
        };
        wait(|| copying() || child_has_ended(&child));
        let interrupt = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process(interrupt, rustix::process::Signal::INT);
        let code = child.wait().expect("an end").code();
        if code == Some(130) {
            assert_eq!(place.good(&["list", "--names"]), "");
            assert_eq!(std::fs::read_dir(&sessions).expect("sessions").count(), 0);
            return;
        }
        assert_eq!(code, Some(0), "interrupted, or too late for that");
        place.good(&["remove", "cut", "--force"]);
    }
    panic!("the copy was never interrupted");
}

fn child_has_ended(child: &std::process::Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

/// S4.21: `kill -9` at many moments of `start`: the next command finds it whole or gone, and the user's
/// repository is as it was.
#[test]
fn killed_at_any_moment() {
    let place = Place::with_repository();
    for n in 0..300 {
        place.write(&format!("project/many/{n}"), "text\n");
    }
    let before = place.git(&["status", "--porcelain"]);
    for delay in 0..30 {
        let mut child = place
            .command(&["start", "cut", "-d", "--", "sleep", "600"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        // No condition to wait for: the point is to hit moments that no condition names.
        std::thread::sleep(Duration::from_millis(delay * 2));
        let _ = child.kill();
        child.wait().expect("an end");

        let listed = place.good(&["list", "--names"]);
        if listed.is_empty() {
            wait(|| std::fs::read_dir(place.path("home/sessions")).map_or(0, Iterator::count) == 0);
        } else {
            assert_eq!(listed, "cut\n");
            place.good(&["exec", "cut", "--", "test", "-f", "many/299"]);
            for command in [&["stop", "cut"][..], &["remove", "cut", "--force"]] {
                let mut child =
                    place.command(command).stderr(Stdio::null()).spawn().expect("it starts");
                std::thread::sleep(Duration::from_millis(delay));
                let _ = child.kill();
                child.wait().expect("an end");
            }
            let after = place.run(&["remove", "cut", "--force"]);
            assert!([0, 66].contains(&after.code), "{after:?}");
        }
        assert_eq!(place.good(&["list", "--names"]), "");
    }
    assert_eq!(place.git(&["status", "--porcelain"]), before);
    assert_eq!(place.git(&["worktree", "list"]).lines().count(), 1);
}

/// Waits for a condition, with a bound.
fn wait(condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("a condition did not come true");
}
