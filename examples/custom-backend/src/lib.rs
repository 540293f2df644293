//! A backend of a third party: programs see a read-only host, of which they can write the session's
//! projects and a `/tmp` that ends with them, and no processes but those that they started.
//!
//! Every program runs in `bwrap` (bubblewrap), in namespaces of its own for files and processes.
//! Shown here: the whole of what a backend implements. What is the same for all backends whose
//! processes run on this host (places, terminals, ends, archives) is `backend_local::host`'s.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backend_local::host::{Place, Places};
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Backend, ByteStream, Capabilities, Check, Exec, ExecRequest, Found, Isolation, Launch, Layout,
    MainProcess, ProbeReport, Process, ResolvedSpec, Result, Session, SessionId, Snapshots, Stats,
    Status, Transfer,
};

/// The kind, as it stands in records and as `--backend` takes it.
pub const KIND: &str = "bwrap";

/// What every program is run through. `bwrap` stays beside it to hand on its exit, so it must not
/// itself end by what is meant for the program: Ctrl-C, a hangup, the question of a `stop`.
fn inside(directories: &[Utf8PathBuf]) -> Vec<String> {
    let ignoring = ["/usr/bin/env", "--ignore-signal=HUP,INT,QUIT,TERM,USR1,USR2"];
    let host = ["/usr/bin/bwrap", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev"];
    let own = ["--unshare-pid", "--unshare-ipc", "--proc", "/proc", "--tmpfs", "/tmp"];
    let projects = directories.iter().flat_map(|path| ["--bind-try", path.as_str(), path.as_str()]);
    let heeding = ["--", "/usr/bin/env", "--default-signal=HUP,INT,QUIT,TERM,USR1,USR2"];
    let words = ignoring.into_iter().chain(host).chain(own).chain(projects).chain(heeding);
    words.map(str::to_owned).collect()
}

/// Makes sessions of the kind [`KIND`].
#[derive(Debug)]
pub struct BwrapBackend {
    places: Places,
    capabilities: Capabilities,
}

impl BwrapBackend {
    /// The backend for the sessions under `layout`.
    pub fn new(layout: &Layout) -> Self {
        // The network and what can be read are the host's, so it is no container.
        let mut capabilities = Capabilities::new(Isolation::Directory);
        capabilities.host_processes = true;
        capabilities.exec_when_stopped = true;
        Self { places: Places::new(layout, KIND).with_runner(inside), capabilities }
    }
}

#[async_trait]
impl Backend for BwrapBackend {
    fn kind(&self) -> &str {
        KIND
    }
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    async fn probe(&self) -> Result<ProbeReport> {
        let mut report = self.places.probe().await?;
        let words = inside(&[]);
        let tried =
            tokio::process::Command::new(&words[0]).args(&words[1..]).arg("true").output().await;
        report.checks.push(match tried {
            Ok(output) if output.status.success() => Check::passed("bwrap-runs", "bwrap runs"),
            tried => {
                let said = tried.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
                let why = said.unwrap_or_else(|error| error.to_string());
                Check::failed("bwrap-runs", why.trim(), "install bubblewrap; allow namespaces")
            }
        });
        Ok(report)
    }
    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(BwrapSession(self.places.make(id, spec).await?)))
    }
    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(BwrapSession(self.places.find(id).await?)))
    }
    async fn list(&self) -> Result<Vec<Found>> {
        self.places.list().await
    }
    async fn destroy(&self, id: &SessionId) -> Result<()> {
        self.places.remove(id).await
    }
}

#[derive(Debug)]
struct BwrapSession(Place);

#[async_trait]
impl Session for BwrapSession {
    fn id(&self) -> &SessionId {
        self.0.id()
    }
    async fn status(&self) -> Result<Status> {
        self.0.status().await
    }
    async fn start(&self, launch: &Launch) -> Result<MainProcess> {
        self.0.start(launch).await
    }
    async fn main_process(&self) -> Result<Option<MainProcess>> {
        Ok(None)
    }
    async fn stop(&self, grace: Duration) -> Result<()> {
        self.0.stop(grace).await
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
impl Exec for BwrapSession {
    async fn exec(&self, request: ExecRequest) -> Result<Process> {
        self.0.exec(request).await
    }
}
#[async_trait]
impl Transfer for BwrapSession {
    async fn put(&self, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
        self.0.put(dest, tar).await
    }
    async fn get(&self, src: &Utf8Path) -> Result<ByteStream> {
        self.0.get(src).await
    }
}
