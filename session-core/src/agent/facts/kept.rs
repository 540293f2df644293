//! What was counted before, so that a list of a thousand sessions reads only what is new.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Budget;
use super::database::Answers;
use super::lines::{Reader, Tally};
use crate::profile::Facts;

/// In the session's directory; may be deleted at any time.
const NAME: &str = "facts.json";
/// Grows when older versions would misread it, or counted in another way.
const VERSION: u32 = 2;
/// More than we write.
const LARGEST: u64 = 16 * 1024 * 1024;
/// So much of what was counted must be the same, or the file was written anew.
const COMPARED: u64 = 512;

/// Counts by file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    version: u32,
    /// Of the profile's section: other selectors count something else.
    selectors: String,
    files: BTreeMap<String, Counted>,
    database: Option<(Vec<(u64, i64)>, Answers)>,
    #[serde(skip)]
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    inode: (u64, u64),
    /// Absent where not all of it was read.
    size: Option<u64>,
    modified: (i64, i64),
    /// Of the bytes before the tally's end.
    before: String,
    tally: Tally,
}

impl Kept {
    /// What is kept for these selectors; nothing where there is nothing that can be used. Never fails.
    pub(super) fn load(directory: &Utf8Path, facts: &Facts) -> Self {
        let selectors = serde_json::to_vec(facts).expect("selectors are plain data");
        let new = Self { version: VERSION, selectors: digest(&selectors), ..Self::default() };
        let read = || {
            let mut bytes = Vec::new();
            File::open(directory.join(NAME)).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
            serde_json::from_slice::<Self>(&bytes).ok()
        };
        let same = |kept: &Self| kept.version == new.version && kept.selectors == new.selectors;
        read().filter(same).unwrap_or(new)
    }

    /// Counts what is new in a file; the second value says whether that is all of it.
    pub(super) fn tally(
        &mut self,
        file: &mut File,
        path: &str,
        reader: &Reader,
        budget: &Budget,
    ) -> (Tally, bool) {
        let Ok(found) = file.metadata() else { return (Tally::default(), false) };
        let (inode, size) = ((found.dev(), found.ino()), found.len());
        let modified = (found.mtime(), found.mtime_nsec());
        let mut tally = Tally::default();
        if let Some(kept) = self.files.get(path).filter(|kept| kept.inode == inode) {
            if (kept.size, kept.modified) == (Some(size), modified) {
                return (kept.tally.clone(), true);
            }
            let offset = kept.tally.offset;
            if size >= offset && before(file, offset).as_ref() == Some(&kept.before) {
                tally = kept.tally.clone();
            }
        }
        let whole = reader.read(file, &mut tally, budget);
        let before = before(file, tally.offset).unwrap_or_default();
        let size = whole.then_some(size);
        let counted = Counted { inode, size, modified, before, tally: tally.clone() };
        if self.files.get(path) != Some(&counted) {
            self.files.insert(path.to_owned(), counted);
            self.changed = true;
        }
        (tally, whole)
    }

    pub(super) fn answers(&self, stamp: &[(u64, i64)]) -> Option<Answers> {
        let (kept, answers) = self.database.as_ref()?;
        (kept == stamp).then(|| answers.clone())
    }

    pub(super) fn keep_answers(&mut self, stamp: Vec<(u64, i64)>, answers: Answers) {
        self.database = Some((stamp, answers));
        self.changed = true;
    }

    /// Forgets the files that are not wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        let before = self.files.len();
        self.files.retain(|path, _| wanted(path));
        self.changed |= self.files.len() != before;
    }

    /// Writes it where something changed. A failure costs time only, at the next reading.
    pub(super) fn save(&self, directory: &Utf8Path) {
        if !self.changed {
            return;
        }
        let written = || -> std::io::Result<()> {
            // Not made anew where the session is being removed.
            let file = tempfile::Builder::new().prefix(".facts-").tempfile_in(directory)?;
            serde_json::to_writer(std::io::BufWriter::new(file.as_file()), self)?;
            file.persist(directory.join(NAME))?;
            Ok(())
        };
        if let Err(error) = written() {
            tracing::debug!(%error, %directory, "counts are not kept");
        }
    }
}

/// A digest of the bytes before `offset`.
fn before(file: &mut File, offset: u64) -> Option<String> {
    let start = offset.saturating_sub(COMPARED);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(offset - start).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == offset - start).then(|| digest(&bytes))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
