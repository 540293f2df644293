//! A home of its own for each test, and waiting on conditions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backend_local::LocalBackend;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Backend, ExecRequest, Exit, Launch, Layout, MainProcess, Output, ResolvedSpec, Session,
    SessionId, Status,
};
use tokio::io::AsyncReadExt;

/// Bounds every wait; nothing here takes that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Home {
    _directory: tempfile::TempDir,
    pub(crate) layout: Layout,
    pub(crate) backend: LocalBackend,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("home");
        let layout = Layout::new(path);
        let backend = LocalBackend::new(&layout);
        Self { _directory: directory, layout, backend }
    }

    /// A session whose working directory is `workspace` in its directory.
    pub(crate) async fn session(&self) -> Arc<dyn Session> {
        let id = SessionId::new();
        self.backend.create(&id, &self.spec(&id)).await.unwrap()
    }

    pub(crate) fn spec(&self, id: &SessionId) -> ResolvedSpec {
        let name = format!("t{id}").parse().unwrap();
        let mut spec =
            ResolvedSpec::new(name, "local", vec!["sh".to_owned()], self.layout.session(id));
        spec.working_directory = self.layout.workspace(id);
        std::fs::create_dir_all(&spec.working_directory).unwrap();
        spec
    }

    pub(crate) fn local(&self, id: &SessionId) -> Utf8PathBuf {
        self.layout.session(id).join("local")
    }

    pub(crate) fn workspace(&self, session: &dyn Session) -> Utf8PathBuf {
        self.layout.workspace(session.id())
    }
}

pub(crate) fn environment() -> BTreeMap<String, String> {
    let pairs = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("TERM", "dumb")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(crate) fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn launch(words: &[&str]) -> Launch {
    Launch::new(argv(words)).with_environment(environment())
}

pub(crate) fn shell(script: &str) -> Launch {
    launch(&["sh", "-c", script])
}

pub(crate) fn request(words: &[&str]) -> ExecRequest {
    ExecRequest::new(argv(words)).with_environment(environment())
}

/// Runs it to its end; gives what it wrote to stdout and stderr.
pub(crate) async fn run(session: &dyn Session, request: ExecRequest) -> (Exit, String, String) {
    let mut process = session.exec(request).await.unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let stderr = async {
        if let Some(stderr) = &mut process.stderr {
            stderr.read_to_end(&mut err).await.unwrap();
        }
    };
    let (read, ()) = tokio::join!(process.stdout.read_to_end(&mut out), stderr);
    read.unwrap();
    let exit = bounded(process.control.wait()).await.unwrap();
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// Reads and throws away, as a holder would keep reading.
pub(crate) fn drain(main: MainProcess) -> Arc<dyn session_core::ProcessControl> {
    let mut output = main.output;
    tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
    main.control
}

pub(crate) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it should not take that long")
}

/// Reads until `needle` was written; gives all that was read.
pub(crate) async fn read_until(output: &mut Output, needle: &str) -> String {
    let mut seen = Vec::new();
    let found = async {
        while !String::from_utf8_lossy(&seen).contains(needle) {
            let length = output.read_buf(&mut seen).await.unwrap();
            assert_ne!(length, 0, "ended after {:?}", String::from_utf8_lossy(&seen));
        }
    };
    bounded(found).await;
    String::from_utf8(seen).unwrap()
}

pub(crate) async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a file that a script writes, and gives the numbers in it.
pub(crate) async fn pids(path: &Utf8Path, count: usize) -> Vec<i32> {
    let read = || -> Vec<i32> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).collect()
    };
    wait_until("the processes have written their numbers", async || read().len() >= count).await;
    read()
}

/// Whether a process has this number and runs.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

pub(crate) async fn processes(session: &dyn Session) -> u64 {
    session.stats().unwrap().usage().await.unwrap().processes
}

pub(crate) async fn exit(session: &dyn Session) -> Exit {
    match session.status().await.unwrap() {
        Status::Stopped { exit: Some(exit) } => exit,
        other => panic!("not stopped after a run: {other:?}"),
    }
}
