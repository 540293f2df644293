//! Engines of a test's own: they can be killed, started again, filled up, and leave nothing.

use std::io::Write as _;
use std::path::PathBuf;

use session_conformance::engines::{
    BUSYBOX_IMAGE, PrivateEngine, PrivateOptions, docker, podman, skip,
};

use crate::http::{get, post};

/// None, said visibly, where the engine that this machine offers is missing too.
fn engine(here: Result<String, String>, options: PrivateOptions) -> Option<PrivateEngine> {
    match here.and_then(|_| PrivateEngine::new(options)) {
        Ok(engine) => Some(engine),
        Err(reason) => {
            skip(&reason);
            None
        }
    }
}

fn start_container(engine: &PrivateEngine) {
    // As a container's first process it ignores SIGTERM, for which Docker gives it ten seconds otherwise.
    let command = r#""Cmd":["sleep","1000"],"StopTimeout":1"#;
    let body = format!(r#"{{"Image":"{BUSYBOX_IMAGE}",{command}}}"#);
    let made = post(&engine.address(), "/containers/create?name=there", &body);
    assert!(made.contains(" 201 "), "{made}");
    let started = post(&engine.address(), "/containers/there/start", "");
    assert!(started.contains(" 204 "), "{started}");
}

/// The container's main process, as the engine sees it; 0 if it doesn't run.
fn container_process(engine: &PrivateEngine) -> u32 {
    let answer = get(&engine.address(), "/containers/there/json");
    let number = answer.split(r#""Pid":"#).nth(1).expect("an inspected container has a pid");
    number.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("digits")
}

fn survives_its_daemon(engine: PrivateEngine) {
    start_container(&engine);
    let process = container_process(&engine);
    assert_ne!(process, 0);
    engine.kill();
    assert_eq!(engine.pid(), None);
    engine.start().expect("it started before");
    assert_eq!(container_process(&engine), process);
    engine.terminate();
    engine.start().expect("it started before");
    assert_eq!(container_process(&engine), process);

    let directory =
        PathBuf::from(engine.data().parent().expect("below the engine's own directory"));
    engine.kill();
    drop(engine);
    assert!(!directory.exists(), "{} is left", directory.display());
    // Ended, though nobody may have waited for it yet.
    let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    assert!(!line.starts_with(b"sleep"), "process {process} is left");
    let mounts = std::fs::read_to_string("/proc/mounts").expect("Linux has it");
    assert!(!mounts.contains(directory.to_str().expect("a name of ours")), "mounts are left");
}

/// Issue 3, "Proof": engine stopped and restarted mid-session.
#[test]
fn docker_with_live_restore_can_be_killed_and_keeps_its_containers() {
    if let Some(engine) = engine(docker(), PrivateOptions::docker().with_live_restore()) {
        survives_its_daemon(engine);
    }
}

/// Issue 3, "Proof": engine stopped and restarted mid-session.
#[test]
fn podman_can_be_killed_and_keeps_its_containers() {
    if let Some(engine) = engine(podman(), PrivateOptions::podman()) {
        survives_its_daemon(engine);
    }
}

/// Issue 3, "Proof": engine stopped and restarted mid-session.
#[test]
fn docker_without_live_restore_ends_its_containers_when_it_comes_back() {
    let Some(engine) = engine(docker(), PrivateOptions::docker()) else { return };
    start_container(&engine);
    assert_ne!(container_process(&engine), 0);
    engine.kill();
    engine.start().expect("it started before");
    assert_eq!(container_process(&engine), 0, "{}", engine.log());
}

fn fills_up(engine: &PrivateEngine) {
    let filler = engine.data().join("filler");
    let mut file = std::fs::File::create(&filler).expect("there is room for a file");
    let error = (0..100)
        .find_map(|_| file.write_all(&[1; 1 << 20]).err())
        .expect("100 MB are more than the disk of 64 MB");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(get(&engine.address(), "/_ping").contains(" 200 "));
    std::fs::remove_file(filler).expect("it is ours");
}

/// Issue 3, "Proof": disk full on a small loop file system.
#[test]
fn docker_on_a_small_disk_fills_up() {
    if let Some(engine) = engine(docker(), PrivateOptions::docker().with_disk(64)) {
        fills_up(&engine);
        start_container(&engine);
    }
}

/// Issue 3, "Proof": disk full on a small loop file system.
#[test]
fn podman_on_a_small_disk_fills_up() {
    if let Some(engine) = engine(podman(), PrivateOptions::podman().with_disk(64)) {
        fills_up(&engine);
        start_container(&engine);
    }
}
