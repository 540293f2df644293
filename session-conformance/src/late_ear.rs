//! An engine that is away from a certain request on.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8PathBuf;

use crate::stand_in::StandIn;

/// Stands before an engine until a request comes whose first line has a certain word in it. Then every connection ends, and the
/// engine hears of that request when it is [let through](Self::let_through).
pub(crate) struct LateEar {
    socket: StandIn,
    engine: Utf8PathBuf,
    held: Arc<Mutex<Option<Vec<u8>>>>,
}

impl LateEar {
    /// Listens until it is dropped.
    pub(crate) fn new(engine: Utf8PathBuf, word: &'static str) -> io::Result<Self> {
        let held: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
        let (to, holds) = (engine.clone(), Arc::clone(&held));
        let socket = StandIn::new(move |client| {
            if lock(&holds).is_some() {
                return Ok(());
            }
            carry(&client, &UnixStream::connect(&to)?, word, &holds)
        })?;
        Ok(Self { socket, engine, held })
    }

    pub(crate) fn address(&self) -> String {
        self.socket.address()
    }

    /// Has the engine hear of the request, and waits until it answers; `false` if there was none. Blocks.
    pub(crate) fn let_through(&self) -> io::Result<bool> {
        let Some(request) = lock(&self.held).clone() else { return Ok(false) };
        let mut engine = UnixStream::connect(&self.engine)?;
        engine.write_all(&request)?;
        Ok(engine.read(&mut [0; 4096])? > 0)
    }
}

fn lock(held: &Mutex<Option<Vec<u8>>>) -> MutexGuard<'_, Option<Vec<u8>>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries a connection, on which one request follows another.
fn carry(
    client: &UnixStream,
    engine: &UnixStream,
    word: &str,
    held: &Mutex<Option<Vec<u8>>>,
) -> io::Result<()> {
    std::thread::scope(|scope| {
        let (mut asks, mut asked) = (client, engine);
        let back = scope.spawn(move || {
            let (mut from, mut to) = (engine, client);
            let copied = io::copy(&mut from, &mut to);
            let _ = client.shutdown(Shutdown::Both);
            copied
        });
        let mut chunk = [0; 16 << 10];
        loop {
            let count = asks.read(&mut chunk)?;
            if count == 0 {
                break;
            }
            // A client sends a request's head at once.
            let end = chunk[..count].iter().position(|byte| *byte == b'\r').unwrap_or(0);
            let is_it = String::from_utf8_lossy(&chunk[..end]).contains(word);
            let mut held = lock(held);
            if is_it && held.is_none() {
                *held = Some(chunk[..count].to_vec());
            }
            if held.is_some() {
                break;
            }
            drop(held);
            asked.write_all(&chunk[..count])?;
        }
        client.shutdown(Shutdown::Both)?;
        engine.shutdown(Shutdown::Both)?;
        let _ = back.join();
        Ok(())
    })
}
