//! A full disk and a read-only home. Needs root, for a small tmpfs.

use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{ErrorKind, Filter, Layout, Records, Registry, SqliteRegistry};

use crate::{Place, record, wait};

/// A file system of its own, unmounted with the value.
pub(crate) struct Disk {
    place: Place,
}

impl Disk {
    /// `None`, and a word about it, where it can't be mounted.
    #[expect(clippy::print_stderr, reason = "a skip must be seen")]
    pub(crate) fn new(size: &str) -> Option<Self> {
        let place = Place::new();
        let disk = Self { place };
        let done =
            mount(&["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"], disk.path());
        if !done {
            eprintln!("SKIPPED: a tmpfs can't be mounted here (needs root)");
            return None;
        }
        Some(disk)
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        self.place.path()
    }

    pub(crate) fn join(&self, name: &str) -> Utf8PathBuf {
        self.place.join(name)
    }

    pub(crate) fn fill(&self) {
        let _ = fs::write(self.join("ballast"), vec![1_u8; 1 << 20]);
    }

    pub(crate) fn free(&self) {
        fs::remove_file(self.join("ballast")).expect("it was filled");
    }

    pub(crate) fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], self.path()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
    }
}

fn mount(arguments: &[&str], path: &Utf8Path) -> bool {
    let done = Command::new("mount").args(arguments).arg(path).output();
    done.is_ok_and(|done| done.status.success())
}

#[test]
fn a_full_disk_keeps_the_old_record() {
    let Some(disk) = Disk::new("256k") else { return };
    let records = Records::new(Layout::new(disk.path()));
    let mut session = record("auth", "local", "/a", 0);
    records.create(&session).unwrap();
    disk.fill();
    session.message_count = Some(1);
    let error = records.write(&session).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert_eq!(records.read(&session.id).unwrap().message_count, None);
    let other = record("other", "local", "/a", 0);
    assert_eq!(records.create(&other).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(records.scan().unwrap().len(), 1, "what could not be made is not there");
    let left = fs::read_dir(disk.join("sessions")).unwrap().count();
    assert_eq!(left, 1);
    disk.free();
    records.write(&session).unwrap();
    assert_eq!(records.read(&session.id).unwrap().message_count, Some(1));
}

#[test]
fn a_full_disk_keeps_the_registry() {
    let Some(disk) = Disk::new("512k") else { return };
    let registry = SqliteRegistry::open(disk.join("registry.db")).unwrap();
    let mut kept = Vec::new();
    let error = loop {
        let session = record(&format!("s{}", kept.len()), "local", "/a", 0);
        match wait(registry.insert(&session)) {
            Ok(_) => kept.push(session),
            Err(error) => break error,
        }
        assert!(kept.len() < 10_000, "512 KiB hold fewer records than that");
    };
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert!(!kept.is_empty());
    assert_eq!(wait(registry.list(&Filter::default())).unwrap().len(), kept.len());
    drop(registry);
    let registry = SqliteRegistry::open(disk.join("registry.db")).unwrap();
    assert_eq!(wait(registry.list(&Filter::default())).unwrap().len(), kept.len());
}

#[test]
fn a_full_disk_has_no_room_for_a_registry() {
    let Some(disk) = Disk::new("512k") else { return };
    disk.fill();
    let error = SqliteRegistry::open(disk.join("registry.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    disk.free();
    assert!(SqliteRegistry::open(disk.join("registry.db")).unwrap().is_new());
}

#[test]
fn a_read_only_home_can_be_looked_at() {
    let Some(disk) = Disk::new("4m") else { return };
    let path = disk.join("registry.db");
    let records = Records::new(Layout::new(disk.path()));
    let session = record("auth", "local", "/a", 0);
    records.create(&session).unwrap();
    let registry = SqliteRegistry::open(&path).unwrap();
    wait(registry.insert(&session)).unwrap();
    drop(registry);
    disk.make_read_only();

    assert_eq!(records.read(&session.id).unwrap(), session);
    assert_eq!(records.write(&session).unwrap_err().kind(), ErrorKind::PermissionDenied);
    let other = record("other", "local", "/a", 0);
    assert_eq!(records.create(&other).unwrap_err().kind(), ErrorKind::PermissionDenied);

    let registry = SqliteRegistry::open(&path).unwrap();
    assert!(registry.is_read_only());
    assert_eq!(wait(registry.list(&Filter::default())).unwrap().len(), 1);
    let entry = wait(registry.fetch(&session.id)).unwrap();
    for error in [
        wait(registry.insert(&other)).unwrap_err(),
        wait(registry.update(&session, entry.revision)).unwrap_err(),
        wait(registry.remove(&session.id)).unwrap_err(),
        wait(registry.adopt(Vec::new())).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.message().contains("can't be written"), "{error}");
    }
    let missing = SqliteRegistry::open(disk.join("other.db")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::PermissionDenied);
}

/// What the last writer, which was killed, had not yet moved into the file is seen all the same.
#[test]
fn a_read_only_home_with_a_log_is_read_whole() {
    let Some(disk) = Disk::new("4m") else { return };
    let home = Place::new();
    let registry = SqliteRegistry::open(home.join("registry.db")).unwrap();
    for n in 0..3 {
        wait(registry.insert(&record(&format!("s{n}"), "local", "/a", n))).unwrap();
    }
    // A copy while it is open is what a killed process leaves.
    for part in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        fs::copy(home.join(part), disk.join(part)).unwrap();
    }
    disk.make_read_only();
    let registry = SqliteRegistry::open(disk.join("registry.db")).unwrap();
    assert!(registry.is_read_only());
    assert_eq!(wait(registry.list(&Filter::default())).unwrap().len(), 3);
}
