//! An engine of which some answers are lost.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8PathBuf;

use crate::stand_in::StandIn;

/// Stands before an engine: requests whose first line has a certain word in it reach the engine, and the
/// connection ends when their answer comes.
pub(crate) fn deaf_ear(engine: Utf8PathBuf, word: &'static str) -> io::Result<StandIn> {
    StandIn::new(move |client| carry(client, UnixStream::connect(&engine)?, word))
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
