//! A socket like an engine's, on which some answers are lost.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8PathBuf;

/// Stands before an engine: requests whose first line has a certain word in it reach the engine, and the
/// connection ends when their answer comes.
pub(crate) struct DeafEar {
    place: tempfile::TempDir,
    is_over: Arc<AtomicBool>,
}

impl DeafEar {
    /// Listens until it is dropped.
    pub(crate) fn new(engine: Utf8PathBuf, word: &'static str) -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let listener = UnixListener::bind(place.path().join("engine.sock"))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let engine = engine.clone();
                std::thread::spawn(move || {
                    UnixStream::connect(engine).and_then(|engine| carry(client, engine, word))
                });
            }
        });
        Ok(Self { place, is_over })
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.place.path().join("engine.sock").display())
    }
}

impl Drop for DeafEar {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Who accepts looks up once more.
        let _ = UnixStream::connect(self.place.path().join("engine.sock"));
    }
}

/// Carries a connection, on which one request follows another.
fn carry(mut client: UnixStream, mut engine: UnixStream, word: &'static str) -> io::Result<()> {
    let is_deaf = Arc::new(AtomicBool::new(false));
    let hears_not = Arc::clone(&is_deaf);
    let (mut asks, mut asked) = (client.try_clone()?, engine.try_clone()?);
    let there = std::thread::spawn(move || -> io::Result<()> {
        let mut chunk = [0; 16 << 10];
        loop {
            let count = asks.read(&mut chunk)?;
            if count == 0 {
                return asked.shutdown(Shutdown::Write);
            }
            // A client sends a request's head at once.
            let end = chunk[..count].iter().position(|byte| *byte == b'\r').unwrap_or(0);
            if String::from_utf8_lossy(&chunk[..end]).contains(word) {
                hears_not.store(true, Ordering::Relaxed);
            }
            asked.write_all(&chunk[..count])?;
        }
    });
    let mut chunk = [0; 16 << 10];
    loop {
        let count = engine.read(&mut chunk)?;
        let lost = is_deaf.load(Ordering::Relaxed);
        if count == 0 || lost {
            client.shutdown(Shutdown::Both)?;
            engine.shutdown(Shutdown::Both)?;
            break;
        }
        client.write_all(&chunk[..count])?;
    }
    let _ = there.join();
    Ok(())
}
