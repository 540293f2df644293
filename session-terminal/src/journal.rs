//! The bounded log of a terminal's raw output, written beside the reading.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::TerminalSize;

/// The file in a session's log directory that is written now.
pub(crate) const NEW_NAME: &str = "terminal.log";
/// The full one before it.
pub(crate) const OLD_NAME: &str = "terminal.log.1";

/// What stands in the log before the output of each run: a string that no terminal shows.
pub(crate) const RUN_MARK: &[u8] = b"\x1b_sessctl:run\x1b\\";
/// The file beside the log that has the terminal's size, for a holder that takes over.
const SIZE_NAME: &str = "terminal.size";

/// Pieces that may wait for the disk; beyond that output is left out of the log, because the
/// main process is never made to wait for a disk.
const WAITING_PIECES: usize = 256;

/// Hands output to the thread that writes it; dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Journal {
    sender: SyncSender<Piece>,
    writer: JoinHandle<()>,
    lost: u64,
}

/// What the writing thread is given.
#[derive(Debug)]
enum Piece {
    Output(Bytes),
    Size(TerminalSize),
}

impl Journal {
    /// Opens (or goes on with) the log in `directory`; two files of at most `file_bytes` each.
    pub(crate) fn open(directory: &Utf8Path, file_bytes: u64) -> io::Result<Self> {
        let log = Log::open(directory, file_bytes)?;
        let (sender, receiver) = sync_channel(WAITING_PIECES);
        let writer = std::thread::Builder::new()
            .name("terminal-log".to_owned())
            .spawn(move || write_all(log, &receiver))?;
        Ok(Self { sender, writer, lost: 0 })
    }

    /// Queues a piece; never waits.
    pub(crate) fn append(&mut self, bytes: Bytes) {
        if self.lost > 0 {
            let note = format!("\r\n[{} bytes are not in this log]\r\n", self.lost);
            if self.sender.try_send(Piece::Output(note.into())).is_err() {
                self.lost += bytes.len() as u64;
                return;
            }
            self.lost = 0;
        }
        let length = bytes.len() as u64;
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Piece::Output(bytes)) {
            self.lost += length;
        }
    }

    /// Queues the size that the terminal has from here on; never waits.
    pub(crate) fn resize(&mut self, size: TerminalSize) {
        let _ = self.sender.try_send(Piece::Size(size));
    }

    /// Waits until everything queued is in the file. Blocks.
    pub(crate) fn close(self) {
        drop(self.sender);
        if self.writer.join().is_err() {
            tracing::warn!("the writer of the terminal's log panicked");
        }
    }
}

/// The size that the terminal had last, as far as that is known.
pub(crate) fn last_size(directory: &Utf8Path) -> Option<TerminalSize> {
    let text = std::fs::read_to_string(directory.join(SIZE_NAME)).ok()?;
    let (columns, rows) = text.trim().split_once('x')?;
    Some(TerminalSize::new(columns.parse().ok()?, rows.parse().ok()?))
}

fn write_all(mut log: Log, receiver: &Receiver<Piece>) {
    for piece in receiver {
        let written = match piece {
            Piece::Output(bytes) => log.append(&bytes),
            Piece::Size(size) => {
                let text = format!("{}x{}\n", size.columns, size.rows);
                std::fs::write(log.directory.join(SIZE_NAME), text)
            }
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the terminal's log can't be written");
        }
    }
}

#[derive(Debug)]
struct Log {
    directory: Utf8PathBuf,
    file: File,
    written: u64,
    most: u64,
}

impl Log {
    fn open(directory: &Utf8Path, most: u64) -> io::Result<Self> {
        let file = open_append(&directory.join(NEW_NAME))?;
        let written = file.metadata()?.len();
        Ok(Self { directory: directory.to_owned(), file, written, most: most.max(1) })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written > 0 && self.written + bytes.len() as u64 > self.most {
            std::fs::rename(self.directory.join(NEW_NAME), self.directory.join(OLD_NAME))?;
            self.file = open_append(&self.directory.join(NEW_NAME))?;
            self.written = 0;
        }
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

fn open_append(path: &Utf8Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::{Journal, NEW_NAME, OLD_NAME, RUN_MARK, last_size};
    use crate::log::raw_run_tail;
    use camino::Utf8Path;
    use session_core::TerminalSize;

    #[test]
    fn keeps_at_most_two_files() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let directory = Utf8Path::from_path(directory.path()).expect("UTF-8");
        let mut journal = Journal::open(directory, 10).expect("a log");
        for piece in ["12345", "67890", "abcde", "fghij", "x"] {
            journal.append(piece.into());
        }
        journal.close();
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).expect(name);
        assert_eq!((read(OLD_NAME).as_str(), read(NEW_NAME).as_str()), ("abcdefghij", "x"));
    }

    /// What a holder that takes over finds: the output of the present run only, and the last size.
    #[test]
    fn keeps_what_the_next_holder_needs() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let directory = Utf8Path::from_path(directory.path()).expect("UTF-8");
        assert_eq!(last_size(directory), None);
        assert_eq!(raw_run_tail(directory).expect("no log is no output"), b"");
        let mut journal = Journal::open(directory, 1 << 20).expect("a log");
        for piece in ["an earlier run\r\n".as_bytes(), RUN_MARK, b"this ", b"run"] {
            journal.append(bytes::Bytes::from_static(piece));
        }
        journal.resize(TerminalSize::new(100, 30));
        journal.resize(TerminalSize::new(120, 40));
        journal.close();
        assert_eq!(last_size(directory), Some(TerminalSize::new(120, 40)));
        assert_eq!(raw_run_tail(directory).expect("a log"), b"this run");
        std::fs::write(directory.join("terminal.size"), "0xx").expect("it is ours");
        assert_eq!(last_size(directory), None);
    }
}
