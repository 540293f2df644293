//! A socket like an engine's, behind which the engine is away from a certain request on.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8PathBuf;

/// Stands before an engine until a request comes whose first line has a certain word in it. Then every connection ends, and the
/// engine hears of that request when it is [let through](Self::let_through).
pub(crate) struct LateEar {
    place: tempfile::TempDir,
    engine: Utf8PathBuf,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    request: Option<Vec<u8>>,
    is_over: bool,
}

fn lock(held: &Mutex<Held>) -> std::sync::MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LateEar {
    /// Listens until it is dropped.
    pub(crate) fn new(engine: Utf8PathBuf, word: &'static str) -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let listener = UnixListener::bind(place.path().join("engine.sock"))?;
        let held: Arc<Mutex<Held>> = Arc::default();
        let (all, to) = (Arc::clone(&held), engine.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if lock(&all).is_over {
                    return;
                }
                if lock(&all).request.is_some() {
                    continue;
                }
                let (held, to) = (Arc::clone(&all), to.clone());
                std::thread::spawn(move || {
                    UnixStream::connect(to).and_then(|engine| carry(&client, &engine, word, &held))
                });
            }
        });
        Ok(Self { place, engine, held })
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.place.path().join("engine.sock").display())
    }

    /// Has the engine hear of the request, and waits until it answers; `false` if there was none. Blocks.
    pub(crate) fn let_through(&self) -> io::Result<bool> {
        let Some(request) = lock(&self.held).request.clone() else { return Ok(false) };
        let mut engine = UnixStream::connect(&self.engine)?;
        engine.write_all(&request)?;
        Ok(engine.read(&mut [0; 4096])? > 0)
    }
}

impl Drop for LateEar {
    fn drop(&mut self) {
        lock(&self.held).is_over = true;
        // Who accepts looks up once more.
        let _ = UnixStream::connect(self.place.path().join("engine.sock"));
    }
}

/// Carries a connection, on which one request follows another.
fn carry(
    client: &UnixStream,
    engine: &UnixStream,
    word: &str,
    held: &Mutex<Held>,
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
            if is_it && held.request.is_none() {
                held.request = Some(chunk[..count].to_vec());
            }
            if held.request.is_some() {
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
