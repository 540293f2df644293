//! Opening the index of a home where nothing can be written. Needs root, for a small tmpfs and for
//! becoming another user.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use camino::Utf8Path;
use session_core::{
    ErrorKind, Filter, Layout, OpenedRegistry, Records, SessionRecord, SqliteRegistry,
    open_registry,
};

use crate::small_disk::Disk;
use crate::{Place, record, wait};

const NOBODY: u32 = 65534;
const HOME: &str = "STORAGE_HOME";

/// What stands where the index should be.
#[derive(Debug, Clone, Copy)]
enum Index {
    Missing,
    Damaged,
    /// Made, but its maker died before it took the records in.
    NeverFilled,
}

impl Index {
    const ALL: [Self; 3] = [Self::Missing, Self::Damaged, Self::NeverFilled];

    fn put(self, home: &Utf8Path) {
        let path = home.join("registry.db");
        match self {
            Self::Missing => {}
            Self::Damaged => fs::write(path, b"null").unwrap(),
            Self::NeverFilled => drop(SqliteRegistry::open(path).unwrap()),
        }
    }
}

/// Two sessions and a damaged one.
fn fill(home: &Utf8Path) -> SessionRecord {
    let records = Records::new(Layout::new(home));
    let [old, new, damaged] = [("old", 0), ("new", 1), ("damaged", 2)]
        .map(|(name, moment)| record(name, "local", "/a", moment));
    for session in [&old, &new, &damaged] {
        records.create(session).unwrap();
    }
    fs::write(Layout::new(home).record(&damaged.id), b"null").unwrap();
    new
}

/// All is seen, newest first, and every change is refused with `kind`.
fn look_only(home: &Utf8Path, kind: ErrorKind) {
    let opened: OpenedRegistry = wait(open_registry(&Layout::new(home))).unwrap();
    assert!(opened.notices[0].contains("can only be looked at"), "{:?}", opened.notices);
    let registry = opened.registry;
    let list = wait(registry.list(&Filter::default())).unwrap();
    let names: Vec<_> = list.iter().flatten().map(|entry| entry.record.name.as_str()).collect();
    assert_eq!((names, list.len()), (vec!["new", "old"], 3), "the damaged one is listed too");
    let mut filter = Filter::default();
    filter.source = Some("/b".into());
    assert_eq!(wait(registry.list(&filter)).unwrap().into_iter().flatten().count(), 0);

    let seen = wait(registry.find(&"new".parse().unwrap())).unwrap();
    assert_eq!(wait(registry.fetch(&seen.record.id)).unwrap(), seen);
    let missing = wait(registry.find(&"neither".parse().unwrap())).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    for error in [
        wait(registry.insert(&record("other", "local", "/a", 3))).unwrap_err(),
        wait(registry.update(&seen.record, seen.revision)).unwrap_err(),
        wait(registry.remove(&seen.record.id)).unwrap_err(),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().starts_with("nothing can be changed here: "), "{error}");
    }
    assert_eq!(wait(registry.list(&Filter::default())).unwrap().len(), 3);
}

/// S4.E7
#[test]
fn a_read_only_home_without_a_usable_index_is_listed() {
    for index in Index::ALL {
        let Some(disk) = Disk::new("4m") else { return };
        fill(disk.path());
        index.put(disk.path());
        disk.make_read_only();
        look_only(disk.path(), ErrorKind::PermissionDenied);
    }
}

/// S4.E7
#[test]
fn a_full_disk_without_a_usable_index_is_listed() {
    for index in Index::ALL {
        let Some(disk) = Disk::new("512k") else { return };
        let new = fill(disk.path());
        index.put(disk.path());
        disk.fill();
        look_only(disk.path(), ErrorKind::StorageFull);
        disk.free();
        let opened = wait(open_registry(&Layout::new(disk.path()))).unwrap();
        assert_eq!(wait(opened.registry.fetch(&new.id)).unwrap().record, new, "{index:?}");
        assert_eq!(wait(opened.registry.list(&Filter::default())).unwrap().len(), 3);
    }
}

/// A home that is another user's, or whose directory was made read-only: unlike a read-only file
/// system, some of it may be writable (a lock that is there already).
#[test]
#[expect(clippy::disallowed_methods, reason = "how the test knows that it is run again")]
fn a_home_of_another_user_is_listed() {
    if let Ok(home) = std::env::var(HOME) {
        return look_only(Utf8Path::new(&home), ErrorKind::PermissionDenied);
    }
    if !rustix::process::getuid().is_root() {
        skipped("becoming another user needs root");
        return;
    }
    for index in Index::ALL {
        for lock_is_ours in [false, true] {
            let place = Place::new();
            fill(place.path());
            index.put(place.path());
            close(place.path().as_std_path());
            if lock_is_ours {
                let lock = place.join("registry.lock");
                fs::write(&lock, b"").unwrap();
                chown(&lock, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            // By this name it is found however deep it lies in directories closed to others.
            let test = "open_registry::a_home_of_another_user_is_listed";
            let child = Command::new("/proc/self/exe")
                .args(["--exact", test, "--nocapture"])
                .env(HOME, place.path())
                .current_dir("/")
                .uid(NOBODY)
                .gid(NOBODY)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&child.stdout);
            let ran = child.status.success() && said.contains("1 passed");
            assert!(ran, "{index:?}: {said}{}", String::from_utf8_lossy(&child.stderr));
        }
    }
}

/// Everything below can be read by everybody and written by nobody.
fn close(path: &std::path::Path) {
    let mode = if path.is_dir() { 0o555 } else { 0o444 };
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        close(&entry.path());
    }
}

#[expect(clippy::print_stderr, reason = "a skip must be seen")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
