//! A backend of a third party: sessions whose processes give way to everything else on the machine.
//!
//! It runs every program of a session through `nice`, and leaves places, terminals and archives to
//! another backend under it, which may be any that runs processes on the host. That other one must
//! have a home of its own: what it makes there are sessions of this kind, and only this one's.
//!
//! Shown here: the whole of what a backend has to implement, a capability that it takes back, a
//! check of its own in `probe`, and a rule of the contract that a wrapper breaks unless it thinks of
//! it (a program that is missing must be refused, and `nice` would start and end with 127).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Backend, ByteStream, Capabilities, Check, Error, ErrorKind, Exec, ExecRequest, Found, Launch,
    MainProcess, ProbeReport, Process, ResolvedSpec, Result, Session, SessionId, Snapshots, Stats,
    Status, Transfer,
};

/// The kind, as it stands in records and as `--backend` takes it.
pub const KIND: &str = "nice";
/// What every program is run through. It replaces itself by the program, so signals arrive.
const NICE: [&str; 3] = ["/usr/bin/nice", "-n", "19"];
/// Ends with 0 if `$1` is a program: one at that path, or one of that name in `PATH`.
const LOOK: &str = r#"case $1 in */*) [ -f "$1" ] && [ -x "$1" ]; exit ;; esac
IFS=:; for d in $PATH; do [ -f "${d:-.}/$1" ] && [ -x "${d:-.}/$1" ] && exit 0; done; exit 1"#;

/// Makes sessions of the kind [`KIND`].
#[derive(Debug)]
pub struct NiceBackend {
    inner: Arc<dyn Backend>,
    capabilities: Capabilities,
}

impl NiceBackend {
    /// A backend on top of `inner`; `InvalidInput` if that runs no processes on the host,
    /// or only beside a main process.
    pub fn over(inner: Arc<dyn Backend>) -> Result<Self> {
        let mut capabilities = inner.capabilities().clone();
        if !(capabilities.host_processes && capabilities.exec_when_stopped) {
            let message = format!("`{}` runs no host processes at any time", inner.kind());
            return Err(Error::new(ErrorKind::InvalidInput, "nice.over", message));
        }
        capabilities.snapshots = false;
        Ok(Self { inner, capabilities })
    }
}

#[async_trait]
impl Backend for NiceBackend {
    fn kind(&self) -> &str {
        KIND
    }
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    async fn probe(&self) -> Result<ProbeReport> {
        let mut report = self.inner.probe().await?;
        KIND.clone_into(&mut report.kind);
        report.checks.push(if Utf8Path::new(NICE[0]).is_file() {
            Check::passed("nice-there", format!("{} is there", NICE[0]))
        } else {
            Check::failed("nice-there", format!("there is no {}", NICE[0]), "install coreutils")
        });
        Ok(report)
    }
    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(NiceSession(self.inner.create(id, spec).await?)))
    }
    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(NiceSession(self.inner.open(id).await?)))
    }
    async fn list(&self) -> Result<Vec<Found>> {
        self.inner.list().await
    }
    async fn destroy(&self, id: &SessionId) -> Result<()> {
        self.inner.destroy(id).await
    }
}
#[derive(Debug)]
struct NiceSession(Arc<dyn Session>);

impl NiceSession {
    /// The argument list that runs `argv` through [`NICE`]; `InvalidInput` if there is no such
    /// program for a process with this environment in this directory.
    async fn nice(
        &self,
        argv: &[String],
        environment: &BTreeMap<String, String>,
        directory: Option<&Utf8PathBuf>,
    ) -> Result<Vec<String>> {
        let program = argv.first().map_or("", String::as_str);
        let look = ["/bin/sh", "-c", LOOK, "look", program].map(str::to_owned).to_vec();
        let mut request = ExecRequest::new(look).with_environment(environment.clone());
        request.directory = directory.cloned();
        if !self.0.exec(request).await?.control.wait().await?.is_success() {
            let message = format!("no program `{}`; install it", program.escape_debug());
            return Err(Error::new(ErrorKind::InvalidInput, "nice.run", message));
        }
        Ok(NICE.iter().map(|&word| word.to_owned()).chain(argv.iter().cloned()).collect())
    }
}

#[async_trait]
impl Session for NiceSession {
    fn id(&self) -> &SessionId {
        self.0.id()
    }
    async fn status(&self) -> Result<Status> {
        self.0.status().await
    }
    async fn start(&self, launch: &Launch) -> Result<MainProcess> {
        let mut launch = launch.clone();
        launch.argv = self.nice(&launch.argv, &launch.environment, None).await?;
        self.0.start(&launch).await
    }
    async fn main_process(&self) -> Result<Option<MainProcess>> {
        self.0.main_process().await
    }
    async fn stop(&self, grace: Duration) -> Result<()> {
        self.0.stop(grace).await
    }
    async fn fetch_workspace(&self) -> Result<()> {
        self.0.fetch_workspace().await
    }
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
    fn stats(&self) -> Option<&dyn Stats> {
        self.0.stats()
    }
}
#[async_trait]
impl Exec for NiceSession {
    async fn exec(&self, mut request: ExecRequest) -> Result<Process> {
        let directory = request.directory.as_ref();
        request.argv = self.nice(&request.argv, &request.environment, directory).await?;
        self.0.exec(request).await
    }
}
#[async_trait]
impl Transfer for NiceSession {
    async fn put(&self, dest: &Utf8Path, tar: ByteStream) -> Result<()> {
        self.0.put(dest, tar).await
    }
    async fn get(&self, src: &Utf8Path) -> Result<ByteStream> {
        self.0.get(src).await
    }
}
