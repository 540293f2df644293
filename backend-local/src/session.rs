//! A handle to one session.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use camino::Utf8Path;
use session_core::{
    ByteStream, Error, ErrorKind, Exec, ExecRequest, Launch, MainProcess, Process, Result, Session,
    SessionId, Snapshots, Stats, Status, Transfer, Usage,
};

use crate::backend::blocking;
use crate::main_process::{self, undying};
use crate::state::Place;
use crate::tree::{ProcessKey, Tree};
use crate::{SESSION_VARIABLE, exec, platform, status, transfer};

/// How long a holder may take to record an end that it can see.
const RECORD_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct LocalSession {
    place: Place,
}

impl LocalSession {
    pub(crate) fn new(place: Place) -> Self {
        Self { place }
    }
}

#[async_trait]
impl Session for LocalSession {
    fn id(&self) -> &SessionId {
        self.place.id()
    }

    async fn status(&self) -> Result<Status> {
        let place = self.place.clone();
        blocking("local.status", move || Ok(status::of(&place))).await
    }

    async fn start(&self, launch: &Launch) -> Result<MainProcess> {
        let (place, launch) = (self.place.clone(), launch.clone());
        blocking("local.start", move || main_process::start(&place, &launch)).await
    }

    async fn main_process(&self) -> Result<Option<MainProcess>> {
        Ok(None)
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        let place = self.place.clone();
        blocking("local.stop", move || end_all(&place, grace)).await
    }

    async fn fetch_workspace(&self) -> Result<()> {
        Ok(())
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    fn stats(&self) -> Option<&dyn Stats> {
        Some(self)
    }
}

#[async_trait]
impl Exec for LocalSession {
    async fn exec(&self, request: ExecRequest) -> Result<Process> {
        let place = self.place.clone();
        blocking("local.exec", move || exec::exec(&place, &request)).await
    }
}

#[async_trait]
impl Transfer for LocalSession {
    async fn put(&self, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
        transfer::put(&self.place, dest, tar).await
    }

    async fn get(&self, src: &Utf8Path) -> Result<ByteStream> {
        transfer::get(&self.place, src).await
    }
}

#[async_trait]
impl Stats for LocalSession {
    async fn usage(&self) -> Result<Usage> {
        let place = self.place.clone();
        blocking("local.usage", move || Ok(usage(&place))).await
    }
}

/// Ends all processes of the session and waits until its end is recorded. Blocks.
pub(crate) fn end_all(place: &Place, grace: Duration) -> Result<()> {
    processes(place).end(grace).map_err(|rows| undying("local.stop", &rows))?;
    let deadline = Instant::now() + RECORD_PATIENCE;
    while place.locked_since().is_some() {
        if Instant::now() >= deadline {
            let holder = place.main().ok().flatten().map_or(0, |main| main.holder.pid);
            let message = format!(
                "its processes are ended, but its holder (process {holder}) does not record that; \
                 end the holder"
            );
            return Err(Error::new(ErrorKind::Busy, "local.stop", message)
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
