//! A socket in the place of an engine's.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Listens until it is dropped, and has each connection served in a thread of its own.
pub(crate) struct StandIn {
    place: tempfile::TempDir,
    is_over: Arc<AtomicBool>,
}

impl StandIn {
    pub(crate) fn new(
        serve: impl Fn(UnixStream) -> io::Result<()> + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let listener = UnixListener::bind(place.path().join("engine.sock"))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let serve = serve.clone();
                std::thread::spawn(move || serve(client));
            }
        });
        Ok(Self { place, is_over })
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.place.path().join("engine.sock").display())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Who accepts looks up once more.
        let _ = UnixStream::connect(self.place.path().join("engine.sock"));
    }
}
