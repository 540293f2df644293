//! Who ends what, and what stays.

use camino::Utf8Path;
use session_conformance::engines;
use session_core::{Signal, TerminalSize};
use tokio::io::AsyncReadExt as _;

use super::{BOUND, everywhere, sh, with_images};
use crate::exec::{Place, exec_in};
use crate::{Endpoint, Engine, EngineKind};

const TREE: &str = "sleep 1001 & setsid sleep 1002 & sh -c 'sleep 1003; :' & echo up; wait";
const WHOLE_TREE: &str = "n=0; for f in /proc/[0-9]*/cmdline; do \
    tr '\\0' ' ' <$f 2>&- | grep -q '^sleep 100[123]' && n=$((n + 1)); done; [ $n = 3 ]";
const NO_TREE: &str = "(for f in /proc/[0-9]*/cmdline; do \
    tr '\\0' ' ' <$f 2>&- | grep -q '^sleep 100[123]' && exit 1; done; :)";

#[tokio::test]
async fn signals_reach_children() {
    everywhere(async |container| {
        for ties in [true, false] {
            container.ties = ties;
            let process = container.exec(sh(TREE)).await.expect("it starts");
            let mut stdout = process.stdout;
            assert_eq!(stdout.read_u8().await.expect("it says so"), b'u');
            container.until(WHOLE_TREE).await;
            process.control.signal(Signal::TERMINATE).await.expect("it is sent");
            assert_eq!(process.control.wait().await.expect("an end").code, 143);
            container.until(NO_TREE).await;
        }
    })
    .await;
}

/// What a client is told by whoever is going to kill it.
const CLIENT: &str = "SESSCTL_TEST_EXEC_CLIENT";

/// Does nothing unless it is started by the next test.
#[tokio::test]
async fn client_to_be_killed() {
    #[expect(clippy::disallowed_methods, reason = "it is a process of its own")]
    let Ok(told) = std::env::var(CLIENT) else { return };
    let words: Vec<_> = told.split(' ').collect();
    let kind = if words[0] == "docker" { EngineKind::Docker } else { EngineKind::Podman };
    let endpoint = Endpoint::parse(words[1]).expect("a socket");
    let engine = Engine::connect(&endpoint, kind).await.expect("an engine");
    let place = Place {
        engine: &engine,
        container: words[2],
        directory: Utf8Path::new("/tmp"),
        run: words.get(4).map(Utf8Path::new),
    };
    let request = match words[3] {
        "terminal" => sh(TREE).with_terminal(TerminalSize::default()),
        "input" => sh(TREE).with_input(),
        _ => sh(TREE),
    };
    let mut process = exec_in(&place, request).await.expect("it starts");
    assert_eq!(process.stdout.read_u8().await.expect("it says so"), b'u');
    std::fs::write("/dev/stdout", "the client is up\n").expect("it is ours");
    let exit = process.control.wait().await;
    unreachable!("{exit:?}");
}

/// S0.26: nothing is left inside when the client of an `exec` is killed.
#[tokio::test]
async fn a_killed_client_leaves_nothing() {
    with_images(&[engines::BUSYBOX_IMAGE], async |container| {
        for ties in [true, false] {
            for input in ["none", "input", "terminal"] {
                let identity = container.engine.identity();
                let mut told = format!(
                    "{} {} {} {input}",
                    identity.kind.word(),
                    container.engine.endpoint(),
                    container.id
                );
                if ties {
                    told.push_str(&format!(" {}", container.run.path().display()));
                }
                let mut client = std::process::Command::new("/proc/self/exe")
                    .args(["exec::tests::ends::client_to_be_killed", "--exact", "--nocapture"])
                    .env(CLIENT, &told)
                    .stdout(std::process::Stdio::piped())
                    .spawn()
                    .expect("the same program");
                let lines = std::io::BufReader::new(client.stdout.take().expect("piped above"));
                let is_up = std::io::BufRead::lines(lines)
                    .any(|line| line.expect("text").contains("the client is up"));
                assert!(is_up, "{told}");
                container.until(&format!("! {{ {NO_TREE}; }}")).await;
                client.kill().expect("it runs");
                client.wait().expect("it is ours");
                eprintln!("  {input} {ties}");
                container.until(NO_TREE).await;
                // One watches over this look itself.
                let watchers = "grep -l -a 'alive[(]. {' /proc/[0-9]*/cmdline | wc -l";
                container.until(&format!("[ $({watchers}) -le 1 ]")).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_lives() {
    everywhere(async |container| {
        for ties in [true, false] {
            container.ties = ties;
            let ran = container.sh("sleep 1004 >/dev/null 2>&1 & exit 3").await;
            assert_eq!(ran.exit.code, 3);
            // Streams that are held open do not keep its end back.
            let process = container.exec(sh("sleep 1005 & exit 4")).await.expect("it starts");
            assert_eq!(process.control.wait().await.expect("an end").code, 4);
            drop(process);
            let there = "grep -l -a -E '^sleep.100[45]' /proc/[0-9]*/cmdline | wc -l";
            assert_eq!(container.sh(there).await.text().trim(), if ties { "2" } else { "4" });
            let names = std::fs::read_dir(container.run.path()).expect("it is ours").count();
            assert_eq!(names, 0, "fifos are left");
        }
    })
    .await;
}

/// A reader that stalls holds up its own process and nothing else, and that only until it ends.
#[tokio::test]
async fn a_stalled_reader_holds_up_nobody_else() {
    with_images(&[engines::BUSYBOX_IMAGE], async |container| {
        for with_terminal in [false, true] {
            let mut request = sh("while :; do echo 0123456789012345678901234567890123456789; done");
            if with_terminal {
                request = request.with_terminal(TerminalSize::default());
            }
            let stalled = container.exec(request).await.expect("it starts");
            for number in 0..3 {
                assert_eq!(
                    container.sh(&format!("echo {number}")).await.text(),
                    format!("{number}\n")
                );
            }
            let options =
                bollard::query_parameters::StopContainerOptionsBuilder::default().t(1).build();
            let stop = container.engine.long().stop_container(&container.id, Some(options));
            tokio::time::timeout(BOUND, stop).await.expect("in time").expect("it stops");
            let exit = tokio::time::timeout(BOUND, stalled.control.wait()).await.expect("in time");
            assert_eq!(exit.expect("an end").code, 137);
            container.engine.short().start_container(&container.id, None).await.expect("it starts");
        }
    })
    .await;
}
