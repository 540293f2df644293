//! Processes beside the main one.

use std::time::Duration;

use session_core::{ErrorKind, Signal, TerminalSize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Home, bounded, is_alive, pids, processes, read_until, request, run, wait_until,
};

#[tokio::test]
async fn gives_exit_codes_and_both_streams() {
    let home = Home::new();
    let session = home.session().await;
    for code in [0, 1, 42, 126, 127, 255] {
        let script = format!("echo out; echo err >&2; exit {code}");
        let (end, out, err) = run(&*session, request(&["sh", "-c", &script])).await;
        assert_eq!((end.code, end.signal), (code, None));
        assert_eq!((out.as_str(), err.as_str()), ("out\n", "err\n"));
    }
    let (end, _, _) = run(&*session, request(&["sh", "-c", "kill -11 $$"])).await;
    assert_eq!((end.code, end.signal), (139, Some(11)));
}

/// Without input it reads an end at once, not what the holder reads.
#[tokio::test]
async fn has_no_input_unless_asked_for() {
    let home = Home::new();
    let session = home.session().await;
    let (end, out, _) = run(&*session, request(&["cat"])).await;
    assert_eq!((end.code, out.as_str()), (0, ""));
    assert!(session.exec(request(&["true"])).await.unwrap().stdin.is_none());
}

#[tokio::test]
async fn ten_megabytes_go_both_ways_unchanged() {
    let home = Home::new();
    let session = home.session().await;
    let sent: Vec<u8> =
        (0..10_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut process = session.exec(request(&["cat"]).with_input()).await.unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let copy = sent.clone();
    let writer = tokio::spawn(async move {
        stdin.write_all(&copy).await.unwrap();
        stdin.shutdown().await.unwrap();
        // Still held: the end came from the shutdown.
        stdin
    });
    let mut received = Vec::new();
    bounded(process.stdout.read_to_end(&mut received)).await.unwrap();
    assert!(received == sent, "{} bytes came back", received.len());
    assert_eq!(bounded(process.control.wait()).await.unwrap().code, 0);
    let mut stdin = writer.await.unwrap();
    assert!(stdin.write_all(b"more").await.is_err());
}

#[tokio::test]
async fn runs_where_it_is_told() {
    let home = Home::new();
    let session = home.session().await;
    let workspace = home.workspace(&*session);
    std::fs::create_dir(workspace.join("sub")).unwrap();
    for (directory, expected) in
        [(None, workspace.clone()), (Some("sub"), workspace.join("sub")), (Some("/"), "/".into())]
    {
        let mut asked = request(&["pwd"]);
        asked.directory = directory.map(Into::into);
        let (_, out, _) = run(&*session, asked).await;
        assert_eq!(out.trim(), expected.as_str());
    }
    let absent = request(&["pwd"]).with_directory("absent");
    let error = session.exec(absent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    std::fs::remove_dir_all(&workspace).unwrap();
    assert_eq!(session.exec(request(&["pwd"])).await.unwrap_err().kind(), ErrorKind::Lost);
}

#[tokio::test]
async fn finds_programs_by_the_environment_asked_for() {
    let home = Home::new();
    let session = home.session().await;
    let workspace = home.workspace(&*session);
    std::fs::create_dir(workspace.join("bin")).unwrap();
    let tool = workspace.join("bin/tool");
    std::fs::write(&tool, "#!/bin/sh\necho \"$0 $1 $SESSCTL_SESSION_ID ${SESSCTL_RUN_ID-none}\"\n")
        .unwrap();
    let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&tool, mode).unwrap();
    let error = session.exec(request(&["tool"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("no such program `tool` in PATH"), "{error}");
    let mut asked = request(&["tool", "argument"]);
    asked.environment.insert("PATH".into(), format!("{workspace}/bin"));
    asked.environment.insert("SESSCTL_RUN_ID".into(), "of another".into());
    let (_, out, _) = run(&*session, asked).await;
    assert_eq!(out.trim(), format!("{tool} argument {} none", session.id()));
    // By path, relative to where it runs; and without any PATH.
    let mut asked = request(&["./tool"]).with_directory("bin");
    asked.environment.clear();
    assert_eq!(run(&*session, asked).await.0.code, 0);
    let mut asked = request(&["sh", "-c", "exit 3"]);
    asked.environment.clear();
    assert_eq!(run(&*session, asked).await.0.code, 3);
}

#[tokio::test]
async fn has_a_terminal_if_asked_for() {
    let home = Home::new();
    let session = home.session().await;
    let size = TerminalSize::new(101, 13);
    let script = "stty size; tty <&2; read line; echo got $line; exit 6";
    let mut process =
        session.exec(request(&["sh", "-c", script]).with_terminal(size)).await.unwrap();
    assert!(process.stderr.is_none());
    let text = read_until(&mut process.stdout, "/dev/pts/").await;
    assert!(text.contains("13 101"), "{text}");
    process.stdin.take().unwrap().write_all(b"keys\n").await.unwrap();
    read_until(&mut process.stdout, "got keys").await;
    let mut rest = Vec::new();
    bounded(process.stdout.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(bounded(process.control.wait()).await.unwrap().code, 6);
}

#[tokio::test]
async fn signals_reach_its_children() {
    let home = Home::new();
    let session = home.session().await;
    let script = "sleep 1000 & echo $! >pids; setsid sleep 1000 & echo $! >>pids; wait";
    let process = session.exec(request(&["sh", "-c", script])).await.unwrap();
    let children = pids(&home.workspace(&*session).join("pids"), 2).await;
    let outside = format!("/proc/{}/comm", children[1]);
    let has_left = async || std::fs::read_to_string(&outside).unwrap_or_default() == "sleep\n";
    wait_until("one has left the group", has_left).await;
    process.control.signal(Signal::TERMINATE).await.unwrap();
    assert_eq!(bounded(process.control.wait()).await.unwrap().signal, Some(15));
    wait_until("its children ended", async || !children.iter().any(|pid| is_alive(*pid))).await;
    process.control.signal(Signal::KILL).await.unwrap();
    process.control.resize(TerminalSize::default()).await.unwrap();
}

#[tokio::test]
async fn runs_on_when_its_handles_are_dropped() {
    let home = Home::new();
    let session = home.session().await;
    let workspace = home.workspace(&*session);
    for terminal in [None, Some(TerminalSize::default())] {
        let _ = std::fs::remove_file(workspace.join("done"));
        let mut asked = request(&["sh", "-c", "sleep 0.1; seq 1 50000 && touch done; sleep 1000"]);
        asked.terminal = terminal;
        drop(session.exec(asked).await.unwrap());
        wait_until("it went on", async || workspace.join("done").exists()).await;
        wait_until("two are left", async || processes(&*session).await == 2).await;
        session.stop(Duration::from_secs(5)).await.unwrap();
        assert_eq!(processes(&*session).await, 0);
    }
}

#[tokio::test]
async fn a_half_made_session_runs_nothing() {
    let home = Home::new();
    let session = home.session().await;
    std::fs::remove_file(home.local(session.id()).join("session.json")).unwrap();
    let error = session.exec(request(&["true"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    std::fs::remove_dir_all(home.local(session.id())).unwrap();
    let error = session.exec(request(&["true"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
}
