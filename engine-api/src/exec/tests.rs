//! On every engine there is: the containers are made here, for a session's own come later.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{ErrorKind, ExecRequest, Exit, Process, SessionId, Signal, TerminalSize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Place, exec_in};
use crate::{Endpoint, Engine, EngineKind};

/// Names of variables with an engine's socket.
const ENGINES: [(&str, EngineKind); 3] = [
    ("SESSCTL_TEST_DOCKER", EngineKind::Docker),
    ("SESSCTL_TEST_PODMAN", EngineKind::Podman),
    ("SESSCTL_TEST_PODMAN_ROOTLESS", EngineKind::Podman),
];
const IMAGES: [&str; 2] = ["sessctl-test/busybox:1", "sessctl-test/tools:1"];
const BOUND: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "where the engines of the tests are")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| value.starts_with("unix://"))
}

/// A container that idles, and a directory that it shares with the host.
struct Container {
    engine: Engine,
    id: String,
    run: tempfile::TempDir,
    ties: bool,
}

impl Container {
    async fn make(engine: &Engine, image: &str) -> Self {
        let run = tempfile::tempdir().expect("a directory can be made");
        let everyone = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(run.path(), everyone).expect("it is ours");
        let name = format!("sessctl-test-exec-{}", SessionId::new());
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            cmd: Some(["/bin/sh", "-c", "while :; do sleep 1 & wait $!; done"].map(str::to_owned).to_vec()),
            labels: Some(HashMap::from([("sessctl-test.exec".to_owned(), String::new())])),
            host_config: Some(HostConfig {
                binds: Some(vec![format!("{}:/run/sessctl", run.path().display())]),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let made = engine.short().create_container(Some(options), body).await.expect("an image");
        engine.short().start_container(&made.id, None).await.expect("it starts");
        Self { engine: engine.clone(), id: made.id, run, ties: true }
    }

    async fn exec(&self, request: ExecRequest) -> session_core::Result<Process> {
        let place = Place {
            engine: &self.engine,
            container: &self.id,
            directory: Utf8Path::new("/tmp"),
            run: Utf8Path::from_path(self.run.path()).filter(|_| self.ties),
        };
        exec_in(&place, request).await
    }

    async fn sh(&self, script: &str) -> Ran {
        Ran::of(self.exec(sh(script)).await.expect(script), b"").await
    }

    /// Waits until `script` succeeds in it.
    async fn until(&self, script: &str) {
        let wait = async { while !self.sh(script).await.exit.is_success() {} };
        tokio::time::timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("never: {script}"));
    }

    async fn remove(self) {
        let force = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = self.engine.long().remove_container(&self.id, Some(force)).await;
        removed.expect("it is ours");
    }
}

fn sh(script: &str) -> ExecRequest {
    ExecRequest::new(["sh", "-c", script].map(str::to_owned).to_vec())
}

#[derive(Debug)]
struct Ran {
    exit: Exit,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Ran {
    async fn of(mut process: Process, input: &[u8]) -> Self {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let stdin = process.stdin.take();
        let write = async {
            if let Some(mut stdin) = stdin {
                stdin.write_all(input).await.expect("it reads");
                stdin.shutdown().await.expect("it can be shut");
            }
        };
        let read_err = async {
            if let Some(mut stderr) = process.stderr.take() {
                stderr.read_to_end(&mut err).await.expect("it can be read");
            }
        };
        let read = async {
            process.stdout.read_to_end(&mut out).await.expect("it can be read");
        };
        let all = async {
            tokio::join!(write, read, read_err);
            process.control.wait().await.expect("it ends")
        };
        let exit = tokio::time::timeout(BOUND, all).await.expect("in time");
        Self { exit, out, err }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).replace('\r', "")
    }
}

/// Runs `look` in a container of each image on each engine.
async fn everywhere(look: impl AsyncFn(&mut Container)) {
    for (name, kind) in ENGINES {
        let Some(socket) = variable(name) else {
            eprintln!("SKIPPED: {name} names no engine");
            continue;
        };
        let endpoint = Endpoint::parse(&socket).expect("a socket");
        let engine = Engine::connect(&endpoint, kind).await.expect("an engine");
        for image in IMAGES {
            eprintln!("{name} {image}");
            let mut container = Container::make(&engine, image).await;
            look(&mut container).await;
            container.remove().await;
        }
    }
}

#[tokio::test]
async fn codes_and_streams() {
    everywhere(async |container| {
        for code in [0, 1, 7, 126, 127, 255] {
            let ran = container.sh(&format!("echo out; echo err >&2; exit {code}")).await;
            assert_eq!((ran.exit.code, ran.text().as_str()), (code, "out\n"));
            assert_eq!(ran.err, b"err\n");
        }
        for signal in [9, 15] {
            assert_eq!(container.sh(&format!("kill -{signal} $$")).await.exit.code, 128 + signal);
        }
        let program = container.exec(ExecRequest::new(vec!["no-such".to_owned()])).await;
        assert_eq!(program.map(drop).map_err(|e| e.kind()), Err(ErrorKind::InvalidInput));
        let directory = container.exec(sh("pwd").with_directory("none")).await;
        assert_eq!(directory.map(drop).map_err(|e| e.kind()), Err(ErrorKind::NotFound));
        let ran = Ran::of(container.exec(sh("pwd").with_directory("../bin")).await.expect("it is there"), b"").await;
        assert!(ran.text().ends_with("/bin\n"), "{}", ran.text());
    })
    .await;
}

#[tokio::test]
async fn the_environment_is_what_was_asked_for() {
    everywhere(async |container| {
        let odd = "two words; $HOME 'q' \"d\" \\ \n new line, größer";
        let variables = BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("ODD".to_owned(), odd.to_owned()),
            ("s".to_owned(), "1".to_owned()),
            ("p".to_owned(), "1".to_owned()),
        ]);
        let request = ExecRequest::new(vec!["env".to_owned(), "-0".to_owned()]);
        let ran = Ran::of(container.exec(request.with_environment(variables)).await.expect("env"), b"").await;
        let text = ran.text();
        let found: BTreeMap<_, _> =
            text.split('\0').filter_map(|line| line.split_once('=')).collect();
        eprintln!("{found:?}");
        assert_eq!(found.get("ODD"), Some(&odd));
        assert_eq!(found.get("s"), Some(&"1"));
        assert_eq!(found.get("PATH"), Some(&"/usr/bin:/bin"));
        assert!(!found.keys().any(|name| name.contains("sessctl")), "{found:?}");
        assert!(!found.contains_key("OLDPWD"), "{found:?}");
        assert_eq!(found.get("PWD").copied().unwrap_or("/tmp"), "/tmp");
    })
    .await;
}

#[tokio::test]
async fn terminals() {
    everywhere(async |container| {
        let steps = "stty size; [ -t 0 ] && echo yes; echo no >&2; read -r x; echo $x; trap 'stty size; exit 3' WINCH; echo up; while :; do sleep 0.05; done";
        let process = container.exec(sh(steps).with_terminal(TerminalSize::new(71, 19))).await.expect("it starts");
        let (mut stdin, mut stdout) = (process.stdin.expect("keys"), process.stdout);
        let mut seen = Vec::new();
        let mut until = async |needle: &str, seen: &mut Vec<u8>| {
            while !String::from_utf8_lossy(seen).contains(needle) {
                assert!(stdout.read_buf(seen).await.expect("it reads") > 0, "{seen:?}");
            }
        };
        until("no\r\n", &mut seen).await;
        assert_eq!(String::from_utf8_lossy(&seen), "19 71\r\nyes\r\nno\r\n");
        stdin.write_all(b"hello\n").await.expect("it types");
        stdin.flush().await.expect("it types");
        until("up\r\n", &mut seen).await;
        stdin.shutdown().await.expect("nothing");
        process.control.resize(TerminalSize::new(99, 9)).await.expect("it resizes");
        until("9 99\r\n", &mut seen).await;
        assert_eq!(process.control.wait().await.expect("an end").code, 3);
        process.control.resize(TerminalSize::new(99, 9)).await.expect("it has ended");
        process.control.signal(Signal::KILL).await.expect("it has ended");
    })
    .await;
}

#[tokio::test]
async fn megabytes_in_and_out() {
    everywhere(async |container| {
        let bytes: Vec<u8> = (0..8_u32 << 20).map(|i| (i ^ (i >> 8)) as u8).collect();
        let process = container.exec(ExecRequest::new(vec!["cat".to_owned()]).with_input()).await.expect("cat");
        let ran = Ran::of(process, &bytes).await;
        assert!(ran.out == bytes, "{} of {} bytes", ran.out.len(), bytes.len());
        let ran = container.sh("cat; echo end").await;
        assert_eq!(ran.text(), "end\n");
        let process = container.exec(sh("head -c 3; echo; cat >/dev/null").with_input()).await.expect("cat");
        assert_eq!(Ran::of(process, b"abcdef").await.text(), "abc\n");
    })
    .await;
}

#[tokio::test]
async fn hard_streams() {
    everywhere(async |container| {
        // A line of 10 MB, and 100 MB of what is not UTF-8.
        let ran = container.sh("head -c 10000000 /dev/zero | tr '\\0' x; echo").await;
        assert_eq!((ran.out.len(), ran.exit.code), (10_000_001, 0));
        let process = container.exec(sh("head -c 100000000 /dev/zero | tr '\\0' '\\377'; exit 5")).await.expect("sh");
        let (mut stdout, mut count, mut chunk) = (process.stdout, 0, vec![0; 1 << 16]);
        loop {
            let read = stdout.read(&mut chunk).await.expect("it reads");
            if read == 0 { break; }
            assert!(chunk[..read].iter().all(|byte| *byte == 0xff));
            count += read;
        }
        assert_eq!((count, process.control.wait().await.expect("an end").code), (100_000_000, 5));
    })
    .await;
}

const TREE: &str = "sleep 1001 & (setsid sleep 1002 &) ; sleep 0.1; sh -c 'sleep 1003; :' & echo up; wait";
const NO_TREE: &str = "! grep -l -a -E '^sleep.100[123]' /proc/[0-9]*/cmdline";

#[tokio::test]
async fn signals_reach_children() {
    everywhere(async |container| {
        for ties in [true, false] {
            container.ties = ties;
            let process = container.exec(sh(TREE)).await.expect("it starts");
            let mut stdout = process.stdout;
            assert_eq!(stdout.read_u8().await.expect("it says so"), b'u');
            process.control.signal(Signal::TERMINATE).await.expect("it is sent");
            assert_eq!(process.control.wait().await.expect("an end").code, 143);
            container.until("! grep -l -a -E '^sleep.100[13]' /proc/[0-9]*/cmdline").await;
            container.sh("pkill -f 'sleep 1002'").await;
        }
    })
    .await;
}
