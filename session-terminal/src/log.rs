//! Reading a session's terminal log as text that is safe to show.
//!
//! The log holds what the main process wrote, raw: bytes of a session are hostile, and an escape
//! sequence shown by a list or a log view would reach the reader's terminal. Everything here gives
//! plain lines.

mod text;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{Error, Result, SessionId};

pub use self::text::{LINE_MAX_CHARACTERS, Sanitizer};

use crate::journal::{NEW_NAME, OLD_NAME, RUN_MARK};
use crate::place::Place;

/// Raw bytes that are looked at for scrollback.
const TAIL_BYTES: u64 = 512 << 10;
/// How often a followed log is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Gives the last `lines` lines of the session's log, oldest first; none if it never ran.
///
/// Blocks on the file system. The last line may be unfinished (a prompt).
pub fn last_lines(home: &Utf8Path, id: &SessionId, lines: usize) -> Result<Vec<String>> {
    let mut last = VecDeque::new();
    let mut sanitizer = Sanitizer::new();
    let mut keep = |line| {
        if last.len() == lines {
            last.pop_front();
        }
        if lines > 0 {
            last.push_back(line);
        }
    };
    let directory = Place::new(home, id).log;
    for name in [OLD_NAME, NEW_NAME] {
        if let Some(mut file) = open(&directory.join(name))? {
            read_all(&mut file, &mut sanitizer, &mut keep)
                .map_err(|error| failed(&directory, error))?;
        }
    }
    if let Some(line) = sanitizer.finish() {
        keep(line);
    }
    Ok(last.into())
}

/// Gives the last `lines` lines and then each line as it is written, until the session ends.
pub fn follow(home: &Utf8Path, id: &SessionId, lines: usize) -> Follow {
    Follow {
        place: Place::new(home, id),
        begin_with: Some(lines),
        file: None,
        sanitizer: Sanitizer::new(),
        ready: VecDeque::new(),
        has_ended: false,
    }
}

/// A log being followed; see [`follow`].
#[derive(Debug)]
pub struct Follow {
    place: Place,
    begin_with: Option<usize>,
    file: Option<File>,
    sanitizer: Sanitizer,
    ready: VecDeque<String>,
    has_ended: bool,
}

impl Follow {
    /// Waits for the next whole line; `None` when the session has ended and all was given.
    ///
    /// May be cancelled without losing one.
    pub async fn next(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            if self.has_ended {
                return Ok(None);
            }
            // Asked before reading: what a dead holder wrote is all there.
            let is_held = self.place.is_held()?;
            let grew = self.read_on().map_err(|error| failed(&self.place.log, error))?;
            if grew {
                continue;
            }
            if is_held {
                tokio::time::sleep(LOOK_AGAIN).await;
            } else {
                self.has_ended = true;
                let rest = std::mem::take(&mut self.sanitizer).finish();
                self.ready.extend(rest);
            }
        }
    }

    fn read_on(&mut self) -> io::Result<bool> {
        if let Some(lines) = self.begin_with.take() {
            return self.begin(lines);
        }
        let path = self.place.log.join(NEW_NAME);
        let Some(file) = &mut self.file else {
            self.file = open_file(&path)?;
            return Ok(self.file.is_some());
        };
        let ready = &mut self.ready;
        if read_all(file, &mut self.sanitizer, &mut |line| ready.push_back(line))? > 0 {
            return Ok(true);
        }
        // At the end of a file that is not the newest any more.
        let newest = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.ino(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if newest == file.metadata()?.ino() {
            return Ok(false);
        }
        // It may have grown between the end that was read and the rename.
        let ready = &mut self.ready;
        read_all(file, &mut self.sanitizer, &mut |line| ready.push_back(line))?;
        self.file = open_file(&path)?;
        Ok(true)
    }

    fn begin(&mut self, lines: usize) -> io::Result<bool> {
        let ready = &mut self.ready;
        let mut keep = |line| {
            ready.push_back(line);
            if ready.len() > lines {
                ready.pop_front();
            }
        };
        // The newest is opened first: a rotation between the two would hide a file.
        let newest = open_file(&self.place.log.join(NEW_NAME))?;
        if let Some(mut file) = open_file(&self.place.log.join(OLD_NAME))? {
            let is_same = match &newest {
                Some(newest) => newest.metadata()?.ino() == file.metadata()?.ino(),
                None => false,
            };
            if !is_same {
                read_all(&mut file, &mut self.sanitizer, &mut keep)?;
            }
        }
        self.file = newest;
        if let Some(file) = &mut self.file {
            read_all(file, &mut self.sanitizer, &mut keep)?;
        }
        Ok(true)
    }
}

/// The last raw bytes of the log in `directory`, from the start of a line on.
pub(crate) fn raw_tail(directory: &Utf8Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut room = TAIL_BYTES;
    for name in [NEW_NAME, OLD_NAME] {
        let Some(mut file) = open(&directory.join(name))? else { continue };
        let mut part = Vec::new();
        let read = (|| {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(room)))?;
            (&mut file).take(room).read_to_end(&mut part)
        })();
        read.map_err(|error| failed(directory, error))?;
        room -= part.len() as u64;
        part.append(&mut bytes);
        bytes = part;
    }
    if room == 0 {
        let start = memchr::memchr(b'\n', &bytes).map_or(0, |newline| newline + 1);
        bytes.drain(..start);
    }
    Ok(bytes)
}

/// The last raw bytes of the present run: what a new holder's screen begins with.
pub(crate) fn raw_run_tail(directory: &Utf8Path) -> Result<Vec<u8>> {
    let mut bytes = raw_tail(directory)?;
    if let Some(mark) = memchr::memmem::rfind(&bytes, RUN_MARK) {
        bytes.drain(..mark + RUN_MARK.len());
    }
    Ok(bytes)
}

fn read_all(
    file: &mut File,
    sanitizer: &mut Sanitizer,
    keep: &mut impl FnMut(String),
) -> io::Result<u64> {
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(total);
        }
        total += read as u64;
        sanitizer.push(&buffer[..read], &mut *keep);
    }
}

fn open(path: &Utf8Path) -> Result<Option<File>> {
    open_file(path).map_err(|error| failed(path, error))
}

fn open_file(path: &Utf8Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn failed(path: &Utf8Path, error: io::Error) -> Error {
    Error::io("log.read", format!("read {}", Utf8PathBuf::from(path)), error)
}
