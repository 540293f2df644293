//! A holder that is killed, and what is found after it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use camino::Utf8Path;
use session_core::{Backend, Layout, Session, SessionId, Status};

use crate::support::{
    Home, bounded, drain, exit, is_alive, launch, pids, processes, shell, wait_until,
};

const SCRIPT: &str = "trap '' HUP; sleep 1000 & echo $! >pids; echo $$ >>pids; wait";

/// Not a test: the program of a holder, started by the tests below.
#[tokio::test]
#[ignore = "is the holder that other tests start"]
#[expect(clippy::disallowed_methods, reason = "how these tests talk to their own processes")]
async fn holder_program() {
    let Ok(home) = std::env::var("LOCAL_TEST_HOME") else { return };
    let id: SessionId = std::env::var("LOCAL_TEST_ID").unwrap().parse().unwrap();
    let backend = backend_local::LocalBackend::new(&Layout::new(home));
    let session = backend.open(&id).await.unwrap();
    let control = drain(session.start(&shell(SCRIPT)).await.unwrap());
    control.wait().await.unwrap();
}

fn holder(home: &Home, id: &SessionId) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["lost::holder_program", "--exact", "--ignored", "--nocapture"])
        .env("LOCAL_TEST_HOME", home.layout.home())
        .env("LOCAL_TEST_ID", id.to_string())
        // As one has that was started from inside of the session itself.
        .env("SESSCTL_SESSION_ID", id.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

async fn held(home: &Home, session: &dyn Session) -> (Child, Vec<i32>) {
    let _ = std::fs::remove_file(home.workspace(session).join("pids"));
    let child = holder(home, session.id());
    let all = pids(&home.workspace(session).join("pids"), 2).await;
    wait_until("it runs", async || session.status().await.unwrap().is_running()).await;
    (child, all)
}

fn kill(mut holder: Child) {
    holder.kill().unwrap();
    holder.wait().unwrap();
}

fn lost(reason: &str) -> Status {
    Status::Lost { reason: reason.to_owned() }
}

#[tokio::test]
async fn a_session_whose_holder_was_killed_is_lost_and_can_be_stopped_and_started() {
    let home = Home::new();
    let session = home.session().await;
    let (holder, all) = held(&home, &*session).await;
    kill(holder);
    assert_eq!(session.status().await.unwrap(), lost("holder"));
    // They ignore the hangup, so they are still there.
    assert!(all.iter().all(|pid| is_alive(*pid)));
    session.stop(Duration::from_secs(5)).await.unwrap();
    assert!(!all.iter().any(|pid| is_alive(*pid)));
    assert_eq!(session.status().await.unwrap(), lost("holder"));
    session.stop(Duration::from_secs(5)).await.unwrap();
    let control = drain(session.start(&shell("exit 2")).await.unwrap());
    assert_eq!(bounded(control.wait()).await.unwrap().code, 2);
    assert_eq!(exit(&*session).await.code, 2);
}

/// What the lost one left behind does not run beside the new one.
#[tokio::test]
async fn a_start_after_a_loss_ends_the_rest_first() {
    let home = Home::new();
    let session = home.session().await;
    let (holder, all) = held(&home, &*session).await;
    kill(holder);
    drain(session.start(&launch(&["sleep", "1000"])).await.unwrap());
    assert!(!all.iter().any(|pid| is_alive(*pid)));
    assert_eq!(processes(&*session).await, 1);
    home.backend.destroy(session.id()).await.unwrap();
}

#[tokio::test]
async fn another_process_stops_it_and_the_holder_records_that() {
    let home = Home::new();
    let session = home.session().await;
    let (mut holder, all) = held(&home, &*session).await;
    session.stop(Duration::from_secs(5)).await.unwrap();
    assert_eq!(exit(&*session).await.signal, Some(15));
    assert!(!all.iter().any(|pid| is_alive(*pid)));
    // The holder itself is spared, and ends by itself.
    assert!(holder.wait().unwrap().success());
}

#[tokio::test]
async fn destroying_a_lost_session_ends_what_is_left_of_it() {
    let home = Home::new();
    let session = home.session().await;
    let (holder, all) = held(&home, &*session).await;
    kill(holder);
    home.backend.destroy(session.id()).await.unwrap();
    assert!(!all.iter().any(|pid| is_alive(*pid)));
    assert!(home.backend.list().await.unwrap().is_empty());
}

/// A restart of the machine: the same files, another boot.
#[tokio::test]
async fn after_a_restart_of_the_machine_it_is_lost() {
    let home = Home::new();
    let session = home.session().await;
    let (holder, _) = held(&home, &*session).await;
    kill(holder);
    session.stop(Duration::ZERO).await.unwrap();
    edit(&home.local(session.id()).join("main.json"), "boot", "another".into());
    assert_eq!(session.status().await.unwrap(), lost("the machine was restarted"));
    session.stop(Duration::ZERO).await.unwrap();
    let control = drain(session.start(&shell("exit 0")).await.unwrap());
    bounded(control.wait()).await.unwrap();
    assert!(exit(&*session).await.is_success());
}

/// The end of an earlier run is not the end of this one.
#[tokio::test]
async fn an_old_end_does_not_hide_a_loss() {
    let home = Home::new();
    let session = home.session().await;
    let control = drain(session.start(&shell("exit 6")).await.unwrap());
    bounded(control.wait()).await.unwrap();
    let (holder, _) = held(&home, &*session).await;
    kill(holder);
    assert_eq!(session.status().await.unwrap(), lost("holder"));
    session.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_place_that_vanishes_is_lost() {
    let home = Home::new();
    let session = home.session().await;
    std::fs::remove_dir_all(home.layout.session(session.id())).unwrap();
    assert_eq!(session.status().await.unwrap(), lost("its directory is gone"));
    let error = session.start(&shell("true")).await.unwrap_err();
    assert_eq!(error.kind(), session_core::ErrorKind::Lost);
    session.stop(Duration::ZERO).await.unwrap();
}

fn edit(path: &Utf8Path, field: &str, value: serde_json::Value) {
    let mut json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    json[field] = value;
    std::fs::write(path, json.to_string()).unwrap();
}
