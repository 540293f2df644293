//! A place with a backend for each test, and how the tests are run.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use engine_api::{ContainerBackend, Endpoint, EngineHost, EngineKind};
use libtest_mimic::{Arguments, Failed, Trial};
use session_conformance::engines;
use session_core::{
    Backend as _, ExecRequest, Exit, Launch, Layout, Network, ResolvedSpec, Session, SessionId,
};
use tokio::io::AsyncReadExt as _;

/// What a test ends with.
pub(crate) type Verdict<T = ()> = Result<T, Failed>;
type Work = Pin<Box<dyn Future<Output = Verdict> + Send>>;
/// One test.
pub(crate) type Test = (&'static str, fn(Bench) -> Work);

/// Fails the test unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+).into());
        }
    };
}
pub(crate) use ensure;

/// Names tests as the functions that do them.
macro_rules! tests {
    ($($name:ident,)*) => {
        pub(crate) const TESTS: &[$crate::bench::Test] =
            &[$((stringify!($name), |bench| Box::pin($name(bench))),)*];
    };
}
pub(crate) use tests;

/// How long a test may take before it has failed.
const BOUND: Duration = Duration::from_secs(120);

/// Runs every test on each engine; where there is none, they are listed as ignored.
pub(crate) fn run(found: &[(&'static str, EngineKind, Result<String, String>)]) -> ExitCode {
    let tests = [
        crate::ends::TESTS,
        crate::images::TESTS,
        crate::limits::TESTS,
        crate::safety::TESTS,
        crate::whose::TESTS,
    ];
    let mut trials = Vec::new();
    for (word, kind, address) in found {
        for (name, test) in tests.iter().flat_map(|tests| tests.iter()).copied() {
            let name = format!("{word}::{name}");
            let (kind, address) = (*kind, address.clone());
            trials.push(match address {
                Ok(address) => Trial::test(name, move || in_place(kind, address, test)),
                Err(reason) => Trial::test(name, || Ok(()))
                    .with_kind(format!("skipped: {reason}"))
                    .with_ignored_flag(true),
            });
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn in_place(kind: EngineKind, address: String, test: fn(Bench) -> Work) -> Verdict {
    let place = tempfile::tempdir()?;
    let path = Utf8PathBuf::try_from(place.path().canonicalize()?)?;
    // Another user than the one who runs the tests must get through.
    set_mode(&path, 0o755)?;
    let own = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let bench = Bench { kind, address, path, caller: own };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let verdict = tokio::time::timeout(BOUND, test(bench.clone())).await;
        let clean = async {
            for found in bench.backend().list().await.unwrap_or_default() {
                let _ = bench.backend().destroy(&found.id).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(30), clean).await;
        verdict.map_err(|_| Failed::from("it was not done in time"))?
    })
}

fn set_mode(path: &camino::Utf8Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// A home on one engine.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) kind: EngineKind,
    pub(crate) address: String,
    pub(crate) path: Utf8PathBuf,
    /// Whose sessions they are.
    pub(crate) caller: (u32, u32),
}

impl Bench {
    pub(crate) fn is_root(&self) -> bool {
        rustix::process::getuid().is_root()
    }

    /// The same place for another user. Only root can do that.
    pub(crate) fn for_user(mut self, uid: u32, gid: u32) -> Self {
        self.caller = (uid, gid);
        self
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.path.join("home"))
    }

    /// A fresh handle.
    pub(crate) fn backend(&self) -> ContainerBackend {
        let endpoint = Endpoint::parse(&self.address).expect("the script names a socket");
        let host = EngineHost::new(endpoint, self.caller.0, self.caller.1, "tester");
        ContainerBackend::new(self.kind, &self.layout(), host)
    }

    /// A spec whose directory is where a program would put it; with no network.
    pub(crate) fn spec(&self, id: &SessionId) -> Verdict<ResolvedSpec> {
        let directory = self.layout().session(id);
        fs::create_dir_all(&directory)?;
        let command = vec!["/bin/sh".to_owned()];
        let word = self.kind.word();
        let mut spec = ResolvedSpec::new(format!("t-{id}").parse()?, word, command, &directory);
        spec.working_directory = directory.join("workspace");
        spec.container.image = Some(engines::TOOLS_IMAGE.to_owned());
        spec.container.network = Some(Network::None);
        Ok(spec)
    }

    pub(crate) async fn make(&self, change: impl FnOnce(&mut ResolvedSpec)) -> Verdict<Made> {
        let id = SessionId::new();
        let mut spec = self.spec(&id)?;
        change(&mut spec);
        let session = self.backend().create(&id, &spec).await?;
        Ok(Made { id, spec, session })
    }

    /// What the engine answers to a request without a body.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Verdict<String> {
        self.send(method, path, "")
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Verdict<String> {
        let socket = self.address.strip_prefix("unix://").ok_or("a socket")?;
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The engine's own words about the session's container.
    pub(crate) fn inspect(&self, made: &Made) -> Verdict<String> {
        self.ask("GET", &format!("/containers/sessctl-{}/json", made.spec.name))
    }
}

/// A session with what it was made from.
pub(crate) struct Made {
    pub(crate) id: SessionId,
    pub(crate) spec: ResolvedSpec,
    pub(crate) session: Arc<dyn Session>,
}

impl Made {
    /// Runs a script as the main process to its end.
    pub(crate) async fn run(&self, script: &str) -> Verdict<(String, Exit)> {
        let mut main = self.session.start(&launch(script)).await?;
        let mut output = Vec::new();
        main.output.read_to_end(&mut output).await?;
        let exit = main.control.wait().await?;
        Ok((String::from_utf8_lossy(&output).replace('\r', ""), exit))
    }

    /// Runs a script beside the main process to its end; what it wrote, and its code.
    pub(crate) async fn exec(&self, script: &str) -> Verdict<(String, i32)> {
        let request = ExecRequest::new(launch(script).argv);
        let mut process = self.session.exec(request).await?;
        let mut output = String::new();
        process.stdout.read_to_string(&mut output).await?;
        Ok((output, process.control.wait().await?.code))
    }
}

pub(crate) fn launch(script: &str) -> Launch {
    Launch::new(["/bin/sh", "-c", script].map(str::to_owned).to_vec())
}

/// Reads until `needle` was written.
pub(crate) async fn until(main: &mut session_core::MainProcess, needle: &str) -> Verdict {
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains(needle) {
        let count = main.output.read(&mut chunk).await?;
        ensure!(count > 0, "it ended without {needle}: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..count]);
    }
    Ok(())
}
