//! What can be done with one session.

use std::time::{Duration, Instant};

use camino::Utf8Path;
use session_core::{
    ByteStream, Error, ErrorKind, ExecRequest, Launch, MainProcess, Process, Result, Status, Usage,
};

use crate::host::main_process::{self, undying};
use crate::host::places::blocking;
use crate::host::state::Place;
use crate::host::tree::{ProcessKey, Tree};
use crate::host::{SESSION_VARIABLE, exec, status, transfer};
use crate::platform;

/// How long a holder may take to record an end that it can see.
const RECORD_PATIENCE: Duration = Duration::from_secs(5);

impl Place {
    /// Looks what the session is now; what can't be understood makes it lost, with the reason.
    pub async fn status(&self) -> Result<Status> {
        let place = self.clone();
        blocking("host.status", move || Ok(status::of(&place))).await
    }

    /// Starts the main process on a terminal, which belongs to this process from then on: with it
    /// ends the session, as `lost: holder`.
    pub async fn start(&self, launch: &Launch) -> Result<MainProcess> {
        let (place, launch) = (self.clone(), launch.clone());
        blocking("host.start", move || main_process::start(&place, &launch)).await
    }

    /// Ends all processes of the session, whoever started them: asks, waits at most `grace`,
    /// kills, and waits until the end is recorded.
    pub async fn stop(&self, grace: Duration) -> Result<()> {
        let place = self.clone();
        blocking("host.stop", move || end_all(&place, grace)).await
    }

    /// Starts a process beside the main one, on a terminal of its own or on pipes.
    pub async fn exec(&self, request: ExecRequest) -> Result<Process> {
        let place = self.clone();
        blocking("host.exec", move || exec::exec(&place, &request)).await
    }

    /// Unpacks `tar` into the directory `dest` of the session.
    pub async fn put(&self, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
        transfer::put(self, dest, tar).await
    }

    /// Packs the file or directory `src` of the session.
    pub async fn get(&self, src: &Utf8Path) -> Result<ByteStream> {
        transfer::get(self, src).await
    }

    /// Measures what its processes use now.
    pub async fn usage(&self) -> Result<Usage> {
        let place = self.clone();
        blocking("host.usage", move || Ok(usage(&place))).await
    }
}

/// Ends all processes of the session and waits until its end is recorded. Blocks.
pub(crate) fn end_all(place: &Place, grace: Duration) -> Result<()> {
    processes(place).end(grace).map_err(|rows| undying("host.stop", &rows))?;
    let deadline = Instant::now() + RECORD_PATIENCE;
    while place.locked_since().is_some() {
        if Instant::now() >= deadline {
            let holder = place.main().ok().flatten().map_or(0, |main| main.holder.pid);
            let message = format!(
                "its processes are ended, but its holder (process {holder}) does not record that; \
                 end the holder"
            );
            return Err(Error::new(ErrorKind::Busy, "host.stop", message)
                .with_session(place.id().to_string()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn usage(place: &Place) -> Usage {
    let mut usage = Usage::default();
    for row in processes(place).scan() {
        usage.processes += 1;
        usage.memory_bytes += row.memory_bytes;
        usage.cpu_milliseconds += row.cpu_milliseconds;
    }
    usage
}

/// Which processes are the session's, as far as its files and the system tell.
fn processes(place: &Place) -> Tree {
    let tree = Tree::marked(SESSION_VARIABLE, &place.id().to_string());
    let Ok(Some(main)) = place.main() else { return tree };
    let this_boot = platform::boot_id().is_none_or(|boot| boot == main.boot);
    if !this_boot {
        return tree;
    }
    let tree = match main.holder.is_alive() {
        true => tree.sparing(main.holder.pid),
        false => tree,
    };
    let Some(process) = main.process else { return tree };
    let tree = tree.with_root(process);
    // The number names its process session for as long as it is that process: alive, or not yet
    // waited for by its holder.
    match ProcessKey::of(process.pid) == Some(process) {
        true => tree.with_terminal_session(process.pid),
        false => tree,
    }
}
