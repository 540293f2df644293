//! On every engine there is: the containers are made here, for a session's own come later.

#![expect(clippy::print_stderr, reason = "a skip is visible, and so is where a test fails")]

mod ends;
mod streams;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use camino::Utf8Path;
use session_conformance::engines;
use session_core::{ExecRequest, Exit, Process, SessionId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Place, exec_in};
use crate::{Endpoint, Engine, EngineKind};

const BOUND: Duration = Duration::from_secs(60);

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
            cmd: Some(
                ["/bin/sh", "-c", "while :; do sleep 1 & wait $!; done"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
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
    with_images(&[engines::BUSYBOX_IMAGE, engines::TOOLS_IMAGE], look).await;
}

/// The same with these images only: what takes its time.
async fn with_images(images: &[&str], look: impl AsyncFn(&mut Container)) {
    let engines = [
        (engines::docker(), EngineKind::Docker),
        (engines::podman(), EngineKind::Podman),
        (engines::podman_rootless(), EngineKind::Podman),
    ];
    for (address, kind) in engines {
        let address = match address {
            Ok(address) => address,
            Err(reason) => {
                eprintln!("SKIPPED: {reason}");
                continue;
            }
        };
        let endpoint = Endpoint::parse(&address).expect("a socket");
        let engine = Engine::connect(&endpoint, kind).await.expect("an engine");
        for image in images {
            eprintln!("{address} {image}");
            let mut container = Container::make(&engine, image).await;
            look(&mut container).await;
            container.remove().await;
        }
    }
}
