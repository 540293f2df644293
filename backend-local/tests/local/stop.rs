//! What `stop` ends, and what it leaves alone.

use std::time::Duration;

use session_core::{Backend, Status};
use tokio::io::AsyncWriteExt;

use crate::support::{
    Home, bounded, drain, exit, is_alive, launch, pids, processes, read_until, shell, wait_until,
};

const GRACE: Duration = Duration::from_secs(10);

/// S2.13: idempotent, silent when already stopped.
#[tokio::test]
async fn stopping_what_is_stopped_is_well() {
    let home = Home::new();
    let session = home.session().await;
    session.stop(GRACE).await.unwrap();
    assert_eq!(session.status().await.unwrap(), Status::Stopped { exit: None });
    let control = drain(session.start(&shell("exit 4")).await.unwrap());
    bounded(control.wait()).await.unwrap();
    session.stop(GRACE).await.unwrap();
    assert_eq!(exit(&*session).await.code, 4);
    home.backend.destroy(session.id()).await.unwrap();
    session.stop(GRACE).await.unwrap();
}

#[tokio::test]
async fn a_process_that_minds_is_asked_first() {
    let home = Home::new();
    let session = home.session().await;
    let script = "trap 'echo bye >said; exit 9' TERM; echo up; while :; do sleep 0.02; done";
    let mut main = session.start(&shell(script)).await.unwrap();
    read_until(&mut main.output, "up").await;
    drain(main);
    session.stop(GRACE).await.unwrap();
    assert_eq!(exit(&*session).await.code, 9);
    assert!(home.workspace(&*session).join("said").exists());
}

#[tokio::test]
async fn a_process_that_does_not_mind_is_killed() {
    let home = Home::new();
    let session = home.session().await;
    let script = "trap '' TERM HUP INT; echo up; while :; do sleep 0.02; done";
    let mut main = session.start(&shell(script)).await.unwrap();
    read_until(&mut main.output, "up").await;
    drain(main);
    session.stop(Duration::from_millis(50)).await.unwrap();
    assert_eq!(exit(&*session).await.signal, Some(9));
    assert_eq!(processes(&*session).await, 0);
}

/// It ignores SIGTERM; with SIGHUP it need not be killed.
#[tokio::test]
async fn an_interactive_shell_ends_without_being_killed() {
    let home = Home::new();
    let session = home.session().await;
    let bash = launch(&["bash", "--norc", "--noprofile", "-i"]);
    let mut main = session.start(&bash).await.unwrap();
    main.input.write_all(b"PS1=; sleep 1000 & sleep 1000 & echo u''p $!\n").await.unwrap();
    read_until(&mut main.output, "up ").await;
    drain(main);
    assert_eq!(processes(&*session).await, 3);
    session.stop(GRACE).await.unwrap();
    let end = exit(&*session).await;
    assert_ne!(end.signal, Some(9), "{end:?}");
    assert_eq!(processes(&*session).await, 0);
}

/// It can't hear the request before it is woken; its parent waits for it.
#[tokio::test]
async fn a_stopped_job_ends_too() {
    let home = Home::new();
    let session = home.session().await;
    let script = "sleep 1000 & trap 'wait $!; exit 5' TERM; kill -STOP $!; echo up; wait $!; wait";
    let mut main = session.start(&shell(script)).await.unwrap();
    read_until(&mut main.output, "up").await;
    drain(main);
    session.stop(GRACE).await.unwrap();
    assert_eq!(exit(&*session).await.code, 5);
    assert_eq!(processes(&*session).await, 0);
}

/// Orphaned and out of the process session: found by the mark. With an environment of its own:
/// found as a descendant, or as a member of the process session.
#[tokio::test]
async fn daemons_are_found() {
    let home = Home::new();
    let session = home.session().await;
    let script = "
        (setsid sh -c 'sleep 1000 & echo $! >>pids' &) 
        env -i sh -c 'echo $$ >>pids; sleep 1000; :' &
        (env -i sleep 1000 & echo $! >>pids)
        setsid env -i sleep 1000 & echo $! >>pids
        echo up; wait";
    let mut main = session.start(&shell(script)).await.unwrap();
    read_until(&mut main.output, "up").await;
    drain(main);
    let all = pids(&home.workspace(&*session).join("pids"), 4).await;
    assert!(all.iter().all(|pid| is_alive(*pid)));
    // From another handle, as another process would.
    let other = home.backend.open(session.id()).await.unwrap();
    other.stop(GRACE).await.unwrap();
    let left: Vec<_> = all.into_iter().filter(|pid| is_alive(*pid)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(processes(&*session).await, 0);
}

#[tokio::test]
async fn a_tree_of_two_hundred_that_keeps_forking_ends() {
    let home = Home::new();
    let session = home.session().await;
    let script = "
        trap '' TERM HUP
        for i in 1 2 3 4 5 6 7 8 9 10; do
            sh -c 'for j in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do sleep 1000 & done
                   while :; do sleep 0.01; done' &
        done
        echo up; wait";
    let mut main = session.start(&shell(script)).await.unwrap();
    read_until(&mut main.output, "up").await;
    drain(main);
    wait_until("all have been started", async || processes(&*session).await >= 200).await;
    session.stop(Duration::from_millis(100)).await.unwrap();
    assert_eq!(processes(&*session).await, 0);
    assert_eq!(session.status().await.unwrap().word(), "stopped");
}

/// S4.3.
#[tokio::test]
async fn other_sessions_are_left_alone() {
    let home = Home::new();
    let (one, two) = (home.session().await, home.session().await);
    drain(one.start(&shell("sleep 1000")).await.unwrap());
    drain(two.start(&launch(&["sleep", "1000"])).await.unwrap());
    one.stop(GRACE).await.unwrap();
    assert!(two.status().await.unwrap().is_running());
    assert_eq!(processes(&*two).await, 1);
    two.stop(GRACE).await.unwrap();
}

/// The recorded number now belongs to another process of ours: it must live.
#[tokio::test]
async fn a_reused_number_is_not_killed() {
    let home = Home::new();
    let session = home.session().await;
    let control = drain(session.start(&shell("exit 0")).await.unwrap());
    bounded(control.wait()).await.unwrap();
    let path = home.local(session.id()).join("main.json");
    let mut main: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    // Start times are told in ticks of 10 ms; a number is not given out again within one.
    let mut bystander = loop {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let start = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19));
        if start.unwrap().parse::<u64>().ok() != main["process"]["start"].as_u64() {
            break child;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    };
    main["process"]["pid"] = bystander.id().into();
    std::fs::write(&path, main.to_string()).unwrap();
    // With and without a recorded end.
    for _ in 0..2 {
        session.stop(Duration::ZERO).await.unwrap();
        assert!(bystander.try_wait().unwrap().is_none(), "killed a process that is not its own");
        let _ = std::fs::remove_file(home.local(session.id()).join("exit.json"));
    }
    home.backend.destroy(session.id()).await.unwrap();
    assert!(bystander.try_wait().unwrap().is_none());
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

/// Numbers that mean "all", "my group" or "init" to kill(2), with the start time that they have.
#[tokio::test]
async fn special_numbers_are_not_signalled() {
    let home = Home::new();
    let session = home.session().await;
    let control = drain(session.start(&shell("exit 0")).await.unwrap());
    bounded(control.wait()).await.unwrap();
    let path = home.local(session.id()).join("main.json");
    let recorded = std::fs::read(&path).unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let own_start: u64 =
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
    let own = i64::from(std::process::id());
    for (pid, start) in [(0, 0), (-1, 0), (1, 0), (-own, own_start), (own, own_start)] {
        let mut main: serde_json::Value = serde_json::from_slice(&recorded).unwrap();
        main["process"] = serde_json::json!({ "pid": pid, "start": start });
        std::fs::write(&path, main.to_string()).unwrap();
        session.stop(Duration::ZERO).await.unwrap();
    }
}
