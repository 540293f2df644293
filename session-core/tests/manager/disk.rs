//! A backend of marker files, which outlives the process, and everything over it.
//!
//! Its engine is a directory: `<id>/name`, then `<id>/whole`, and while it runs `<id>/running`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    AttachOptions, Attachment, Backend, Backends, ByteStream, Capabilities, Error, ErrorKind, Exec,
    ExecRequest, Exit, Found, HoldRequest, Isolation, LABEL_NAME, Launch, Layout, MainProcess,
    Manager, ProbeReport, Process, ProcessControl, Registry, ResolvedSpec, Result, Session,
    SessionId, Signal, Snapshots, Stats, Status, TerminalSize, Terminals, Timestamp, Transfer,
};

use crate::fakes::Copies;
use crate::fuse::{Fuse, Hooked};
use crate::place::host;

/// A manager over `root/home` and the engine in `root/engine`, with `root/project` as its source.
///
/// `beside` says whether the engine's part is made while the workspace is filled.
pub(crate) fn manager(
    root: &Utf8Path,
    registry: Arc<dyn Registry>,
    fuse: &Fuse,
    beside: bool,
) -> Manager {
    let engine = Engine { root: root.join("engine"), fuse: fuse.clone(), beside };
    let backend = engine.clone();
    Manager::new(
        Layout::new(root.join("home")),
        host(&root.join("project"), "disk"),
        Backends::new().with("disk", move |_| Ok(Arc::new(Disk::new(backend.clone())))),
        Arc::new(Hooked::fused(registry, fuse)),
        Arc::new(Copies::default()),
        Arc::new(DiskTerminals(engine)),
    )
}

#[derive(Debug, Clone)]
struct Engine {
    root: Utf8PathBuf,
    fuse: Fuse,
    beside: bool,
}

impl Engine {
    fn of(&self, id: &SessionId, file: &str) -> Utf8PathBuf {
        self.root.join(id.to_string()).join(file)
    }

    fn write(&self, id: &SessionId, file: &str, text: &str) -> Result<()> {
        self.fuse.point();
        std::fs::write(self.of(id, file), text).map_err(failed)?;
        self.fuse.point();
        Ok(())
    }

    fn remove(&self, id: &SessionId, file: &str) -> Result<()> {
        self.fuse.point();
        match std::fs::remove_file(self.of(id, file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        self.fuse.point();
        Ok(())
    }

    fn look(&self, id: &SessionId) -> Status {
        if !self.of(id, "whole").exists() {
            Status::Incomplete
        } else if self.of(id, "running").exists() {
            Status::Running { since: Timestamp::from_milliseconds(0) }
        } else {
            let text = std::fs::read_to_string(self.of(id, "exit")).ok();
            Status::Stopped { exit: text.and_then(|text| serde_json::from_str(&text).ok()) }
        }
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io("disk.change", "the engine's directory failed", error)
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "disk.use", "nothing really runs")
}

#[derive(Debug)]
struct Disk {
    engine: Engine,
    capabilities: Capabilities,
}

impl Disk {
    fn new(engine: Engine) -> Self {
        let mut capabilities = Capabilities::new(Isolation::Directory);
        capabilities.survives_holder = true;
        capabilities.create_beside_workspace = engine.beside;
        Self { engine, capabilities }
    }
}

#[async_trait]
impl Backend for Disk {
    fn kind(&self) -> &str {
        "disk"
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self) -> Result<ProbeReport> {
        Ok(ProbeReport::new("disk", "files", Vec::new()))
    }

    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        self.engine.fuse.point();
        std::fs::create_dir_all(&self.engine.root).map_err(failed)?;
        match std::fs::create_dir(self.engine.of(id, "")) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    "disk.create",
                    "the id is in use",
                ));
            }
            made => made.map_err(failed)?,
        }
        self.engine.write(id, "name", spec.name.as_str())?;
        self.engine.write(id, "whole", "")?;
        self.open(id).await
    }

    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        if !self.engine.of(id, "").exists() {
            return Err(Error::new(ErrorKind::NotFound, "disk.open", "there is nothing of it"));
        }
        Ok(Arc::new(DiskSession { id: *id, engine: self.engine.clone() }))
    }

    async fn list(&self) -> Result<Vec<Found>> {
        let entries = self.engine.root.read_dir_utf8().into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().parse().ok());
        Ok(ids
            .map(|id| {
                let name = std::fs::read_to_string(self.engine.of(&id, "name")).ok();
                let labels = name.map(|name| (LABEL_NAME.to_owned(), name)).into_iter();
                Found::new(id, self.engine.look(&id), labels.collect::<BTreeMap<_, _>>())
            })
            .collect())
    }

    async fn destroy(&self, id: &SessionId) -> Result<()> {
        self.engine.remove(id, "running")?;
        self.engine.remove(id, "whole")?;
        match std::fs::remove_dir_all(self.engine.of(id, "")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            _ => {
                self.engine.fuse.point();
                Ok(())
            }
        }
    }
}

#[derive(Debug)]
struct DiskSession {
    id: SessionId,
    engine: Engine,
}

#[async_trait]
impl Session for DiskSession {
    fn id(&self) -> &SessionId {
        &self.id
    }

    async fn status(&self) -> Result<Status> {
        Ok(self.engine.look(&self.id))
    }

    async fn start(&self, _: &Launch) -> Result<MainProcess> {
        if self.engine.look(&self.id).is_running() {
            return Err(Error::new(ErrorKind::Refused, "disk.start", "it runs"));
        }
        self.engine.write(&self.id, "running", "")?;
        let (output, input) = (Box::new(tokio::io::empty()), Box::new(tokio::io::sink()));
        Ok(MainProcess::new(output, input, Arc::new(Unwatched)))
    }

    async fn main_process(&self) -> Result<Option<MainProcess>> {
        Ok(None)
    }

    async fn stop(&self, _: Duration) -> Result<()> {
        if self.engine.look(&self.id).is_running() {
            let exit = Exit::with_signal(15, Timestamp::now());
            let exit = serde_json::to_string(&exit).expect("an exit is plain data");
            self.engine.write(&self.id, "exit", &exit)?;
            self.engine.remove(&self.id, "running")?;
        }
        Ok(())
    }

    async fn fetch_workspace(&self) -> Result<()> {
        Ok(())
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    fn stats(&self) -> Option<&dyn Stats> {
        None
    }
}

#[async_trait]
impl Exec for DiskSession {
    async fn exec(&self, _: ExecRequest) -> Result<Process> {
        Err(unsupported())
    }
}

#[async_trait]
impl Transfer for DiskSession {
    async fn put(&self, _: &Utf8Path, _: ByteStream) -> Result<()> {
        Err(unsupported())
    }

    async fn get(&self, _: &Utf8Path) -> Result<ByteStream> {
        Err(unsupported())
    }
}

/// What nobody waits for.
#[derive(Debug)]
struct Unwatched;

#[async_trait]
impl ProcessControl for Unwatched {
    async fn wait(&self) -> Result<Exit> {
        Err(unsupported())
    }

    async fn resize(&self, _: TerminalSize) -> Result<()> {
        Ok(())
    }

    async fn signal(&self, _: Signal) -> Result<()> {
        Ok(())
    }
}

/// The engine keeps running what was started; nobody watches it.
#[derive(Debug)]
struct DiskTerminals(Engine);

#[async_trait]
impl Terminals for DiskTerminals {
    async fn hold(&self, request: HoldRequest) -> Result<()> {
        let session = Disk::new(self.0.clone()).open(&request.id).await?;
        if let Some(launch) = &request.launch {
            session.start(launch).await?;
        }
        Ok(())
    }

    async fn is_held(&self, _: &Utf8Path, id: &SessionId) -> Result<bool> {
        Ok(self.0.look(id).is_running())
    }

    async fn attach(&self, _: &Utf8Path, _: &SessionId, _: &AttachOptions) -> Result<Attachment> {
        Err(unsupported())
    }
}
