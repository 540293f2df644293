//! The record files: the truth about intent, one per session.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use camino::Utf8Path;
use rustix::fs::{CWD, Mode, OFlags};

use crate::{
    DamagedEntry, Error, ErrorKind, Layout, Result, SessionId, SessionName, SessionRecord,
};

/// The largest file that is taken for a record, in bytes.
const RECORD_MAX_BYTES: u64 = 16 * 1024 * 1024;
const FILE: &str = "record.json";
const PARTIAL_PREFIX: &str = ".record-";
const PARTIAL_SUFFIX: &str = ".tmp";

/// The record files under a [`Layout`]. All calls block; none follows a symlink below the home.
///
/// Nothing here locks: whoever reads, changes and writes holds the session's lock meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    layout: Layout,
}

impl Records {
    /// The record files under `layout`; nothing is touched.
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }

    /// Reads one record.
    ///
    /// `NotFound` if there is none; `Damaged` if what is there is no record of this session: not a
    /// plain file, more than 16 MiB, no record by its content, or one with another id.
    pub fn read(&self, id: &SessionId) -> Result<SessionRecord> {
        parse(id, &self.bytes(id)?).map_err(|error| match error.session() {
            Some(_) => error,
            None => error.with_session(id.to_string()),
        })
    }

    /// Makes the session's directory (mode 0700, its parents too) and writes its first record.
    ///
    /// `AlreadyExists` if the directory is there. On any other error the directory is taken back.
    pub fn create(&self, record: &SessionRecord) -> Result<()> {
        let json = record.to_json()?;
        let sessions = self.layout.sessions();
        let directory = self.layout.session(&record.id);
        let failed = |path: &Utf8Path, error: io::Error| {
            Error::io("records.create", format!("can't make {path}: {}", advice(&error)), error)
                .with_session(record.name.as_str())
        };
        let mut builder = DirBuilder::new();
        builder.mode(0o700).recursive(true);
        builder.create(&sessions).map_err(|error| failed(&sessions, error))?;
        match builder.recursive(false).create(&directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!("{directory} exists already");
                return Err(Error::new(ErrorKind::AlreadyExists, "records.create", message)
                    .with_session(record.name.as_str()));
            }
            made => made.map_err(|error| failed(&directory, error))?,
        }
        let written = self
            .replace(record, &json)
            .and_then(|()| sync_directory(&sessions).map_err(|error| failed(&sessions, error)));
        if written.is_err() {
            // Only what this call made; a directory into which somebody else has put something stays.
            let _ = fs::remove_file(directory.join(FILE));
            let _ = fs::remove_dir(&directory);
        }
        written
    }

    /// Replaces a record: afterwards (also after a crash) the file is the old or the new one, whole.
    ///
    /// `NotFound` if the session's directory is gone: a removed session does not come back.
    /// `NewerVersion` for a record of a newer version. On an error the old record stands.
    pub fn write(&self, record: &SessionRecord) -> Result<()> {
        self.replace(record, &record.to_json()?)
    }

    /// Reads all records, sorted by directory name, which is by age; one that can't be read is an
    /// `Err` in its place. A missing home holds none.
    ///
    /// A directory without a record is passed over, unless it has a workspace: then somebody's
    /// work is in it, and it is listed as damaged.
    pub fn scan(&self) -> Result<Vec<Result<SessionRecord, DamagedEntry>>> {
        let sessions = self.layout.sessions();
        let failed = |error: io::Error| {
            Error::io("records.scan", format!("can't list {sessions}: {}", advice(&error)), error)
        };
        let entries = match fs::read_dir(&sessions) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let is_directory = entry.file_type().map_err(failed)?.is_dir();
            names.push((entry.file_name().to_string_lossy().into_owned(), is_directory));
        }
        names.sort();
        Ok(names.iter().filter_map(|(name, directory)| self.entry(name, *directory)).collect())
    }

    /// What the entry `name` of the sessions' directory is; `None` if nothing of ours.
    fn entry(&self, name: &str, is_directory: bool) -> Option<Result<SessionRecord, DamagedEntry>> {
        let Ok(id) = name.parse::<SessionId>() else {
            if name.starts_with('.') || !is_directory {
                return None;
            }
            let message = "a directory that is not named as a session; move it away";
            let error = Error::new(ErrorKind::Damaged, "records.scan", message);
            return Some(Err(DamagedEntry::new(
                None,
                Some(name.escape_debug().to_string()),
                error,
            )));
        };
        let bytes = match self.bytes(&id) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let workspace = self.layout.workspace(&id);
                fs::symlink_metadata(&workspace).ok()?;
                let message = format!("its record is missing; its work is in {workspace}");
                let error = Error::new(ErrorKind::Damaged, "records.scan", message);
                return Some(Err(DamagedEntry::new(Some(id), None, error)));
            }
            Err(error) => return Some(Err(DamagedEntry::new(Some(id), None, error))),
        };
        Some(parse(&id, &bytes).map_err(|error| {
            DamagedEntry::new(Some(id), name_in(&bytes), error.with_session(id.to_string()))
        }))
    }

    fn bytes(&self, id: &SessionId) -> Result<Vec<u8>> {
        let path = self.layout.record(id);
        let damaged = |what: &str| {
            Error::new(ErrorKind::Damaged, "records.read", format!("{path} {what}; move it away"))
                .with_session(id.to_string())
        };
        let failed = |error: io::Error| match error
            .raw_os_error()
            .map(rustix::io::Errno::from_raw_os_error)
        {
            Some(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                damaged("is or lies in a symbolic link, which is not followed")
            }
            _ => Error::io("records.read", format!("can't read {path}: {}", advice(&error)), error)
                .with_session(id.to_string()),
        };
        let directory = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::DIRECTORY;
        let session = self.layout.session(id);
        let session = rustix::fs::openat(CWD, session.as_std_path(), directory, Mode::empty())
            .map_err(|error| failed(error.into()))?;
        // Not blocking: a fifo in the record's place would keep every list waiting.
        let plain = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&session, FILE, plain, Mode::empty())
            .map_err(|error| failed(error.into()))?;
        let file = File::from(file);
        let facts = file.metadata().map_err(failed)?;
        if !facts.is_file() {
            return Err(damaged("is no plain file"));
        }
        let mut bytes =
            Vec::with_capacity(usize::try_from(facts.len().min(RECORD_MAX_BYTES)).unwrap_or(0));
        file.take(RECORD_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > RECORD_MAX_BYTES {
            return Err(damaged("has more than 16 MiB, too much for a record"));
        }
        Ok(bytes)
    }

    fn replace(&self, record: &SessionRecord, json: &[u8]) -> Result<()> {
        let directory = self.layout.session(&record.id);
        let path = directory.join(FILE);
        let failed = |error: io::Error| {
            Error::io("records.write", format!("can't write {path}: {}", advice(&error)), error)
                .with_session(record.name.as_str())
        };
        let is_real = fs::symlink_metadata(&directory).map_err(failed)?.is_dir();
        if !is_real {
            let message = format!("{directory} is no directory; move it away");
            return Err(Error::new(ErrorKind::Damaged, "records.write", message)
                .with_session(record.name.as_str()));
        }
        remove_partial_writes(&directory);
        let mut file = tempfile::Builder::new()
            .prefix(PARTIAL_PREFIX)
            .suffix(PARTIAL_SUFFIX)
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(&directory)
            .map_err(failed)?;
        // Held until the end of the process at most: how others tell a live writer's file.
        file.as_file().lock().map_err(failed)?;
        file.write_all(json).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        sync_directory(&directory).map_err(failed)
    }
}

/// Removes what killed writers left; a file that a live one works on is locked and stays.
fn remove_partial_writes(directory: &Utf8Path) {
    let Ok(entries) = directory.read_dir_utf8() else { return };
    for entry in entries.filter_map(io::Result::ok) {
        let name = entry.file_name();
        let is_partial = name.starts_with(PARTIAL_PREFIX) && name.ends_with(PARTIAL_SUFFIX);
        if is_partial && is_abandoned(entry.path().as_std_path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_abandoned(path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
        .is_ok_and(|file| File::from(file).try_lock().is_ok())
}

fn sync_directory(path: &Utf8Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn parse(id: &SessionId, bytes: &[u8]) -> Result<SessionRecord> {
    let record = SessionRecord::from_json(bytes)?;
    if record.id != *id {
        let message = format!("the record in {id} is that of {}", record.id);
        return Err(Error::new(ErrorKind::Damaged, "records.read", message));
    }
    Ok(record)
}

/// The name in a document that is no record, if it has one that can be a name.
fn name_in(bytes: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let name: SessionName = value.get("name")?.as_str()?.parse().ok()?;
    Some(name.into())
}

/// What to do about an error of the operating system.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "no space is left; free some and try again"
        }
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        io::ErrorKind::PermissionDenied => "permission denied; check who owns the directory",
        io::ErrorKind::NotFound => "it does not exist",
        _ => "the operating system refused it",
    }
}
