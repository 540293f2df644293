//! Start, streams, exit, start again.

use std::time::Duration;

use session_core::{ErrorKind, Exit, Signal, Status, TerminalSize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Home, bounded, drain, exit, is_alive, launch, pids, processes, read_until, shell, wait_until,
};

/// S4.21: the end is recorded with its code, whether or not anybody waits.
#[tokio::test]
async fn goes_from_stopped_to_running_to_stopped() {
    let home = Home::new();
    let session = home.session().await;
    let mut main = session.start(&shell("read line; exit 7")).await.unwrap();
    let Status::Running { since } = session.status().await.unwrap() else { panic!("not running") };
    let other = backend_local::LocalBackend::new(&home.layout);
    let seen = session_core::Backend::open(&other, session.id()).await.unwrap();
    assert_eq!(seen.status().await.unwrap(), Status::Running { since });
    let refused = seen.start(&shell("true")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    main.input.write_all(b"\n").await.unwrap();
    drop(main);
    wait_until("its end is recorded", async || !seen.status().await.unwrap().is_running()).await;
    let end = exit(&*seen).await;
    assert_eq!((end.code, end.signal), (7, None));
    assert!(end.at >= since);
}

/// What waits sees the recorded end, and can start again at once.
#[tokio::test]
async fn starts_again_right_after_the_wait() {
    let home = Home::new();
    let session = home.session().await;
    for code in 0..10 {
        let main = session.start(&shell(&format!("exit {code}"))).await.unwrap();
        let control = drain(main);
        let (one, two) = tokio::join!(control.wait(), control.wait());
        assert_eq!(one.unwrap(), two.unwrap());
        let end = bounded(control.wait()).await.unwrap();
        assert_eq!(exit(&*session).await, end);
        assert_eq!(end.code, code);
    }
}

#[tokio::test]
async fn two_starts_at_once_give_one_process() {
    let home = Home::new();
    let session = home.session().await;
    let launch = launch(&["sleep", "1000"]);
    let started = tokio::join!(session.start(&launch), session.start(&launch));
    let (one, two) = started;
    let kinds = [&one, &two].map(|made| made.as_ref().err().map(|error| error.kind()));
    assert!(kinds.contains(&None) && kinds.contains(&Some(ErrorKind::Refused)), "{kinds:?}");
    assert_eq!(processes(&*session).await, 1);
    let control = drain(one.or(two).unwrap());
    session.stop(Duration::from_secs(5)).await.unwrap();
    assert_eq!(control.wait().await.unwrap().signal, Some(15));
}

#[tokio::test]
async fn ends_by_signals_are_told_apart() {
    let home = Home::new();
    let session = home.session().await;
    for signal in [Signal::TERMINATE, Signal::KILL, Signal::INTERRUPT, Signal::HANGUP] {
        let mut main = session.start(&shell("echo up; sleep 1000 & wait")).await.unwrap();
        read_until(&mut main.output, "up").await;
        let control = drain(main);
        control.signal(signal).await.unwrap();
        let end = bounded(control.wait()).await.unwrap();
        assert_eq!((end.code, end.signal), (128 + signal.0, Some(signal.0)));
        assert_eq!(processes(&*session).await, 0);
        control.signal(signal).await.unwrap();
        control.resize(TerminalSize::new(10, 10)).await.unwrap();
    }
    let control = drain(session.start(&shell("kill -9 $$")).await.unwrap());
    let end = bounded(control.wait()).await.unwrap();
    assert_eq!(end, Exit::with_signal(9, end.at));
    let error = control.signal(Signal(4711)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn all_output_arrives_before_its_end() {
    let home = Home::new();
    let session = home.session().await;
    let mut main = session.start(&shell("stty -opost; seq 1 60000; printf end")).await.unwrap();
    let mut output = Vec::new();
    bounded(main.output.read_to_end(&mut output)).await.unwrap();
    assert!(output.starts_with(b"1\n2\n") && output.ends_with(b"\n60000\nend"));
    assert_eq!(output.iter().filter(|byte| **byte == b'\n').count(), 60000);
    assert_eq!(bounded(main.control.wait()).await.unwrap().code, 0);
}

/// The end does not wait for those that still have the terminal; those are ended.
#[tokio::test]
async fn what_is_left_at_the_terminal_ends_too() {
    let home = Home::new();
    let session = home.session().await;
    let script =
        "trap '' HUP; sleep 1000 & echo $! >left; env -i sleep 1000 & echo $! >>left; exit 3";
    let mut main = session.start(&shell(script)).await.unwrap();
    let end = bounded(main.control.wait()).await.unwrap();
    assert_eq!(end.code, 3);
    let left = pids(&home.workspace(&*session).join("left"), 2).await;
    assert!(!left.iter().any(|pid| is_alive(*pid)), "{left:?}");
    let mut rest = Vec::new();
    bounded(main.output.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(session.status().await.unwrap().word(), "stopped");
}

/// A process beside the main one is not something it left behind.
#[tokio::test]
async fn an_exec_outlives_the_main_process() {
    let home = Home::new();
    let session = home.session().await;
    let main = session.start(&shell("read line; exit 0")).await.unwrap();
    let beside = session.exec(crate::support::request(&["sleep", "1000"])).await.unwrap();
    let mut input = main.input;
    input.write_all(b"\n").await.unwrap();
    bounded(main.control.wait()).await.unwrap();
    assert_eq!(processes(&*session).await, 1);
    session.stop(Duration::ZERO).await.unwrap();
    bounded(beside.control.wait()).await.unwrap();
    assert_eq!(processes(&*session).await, 0);
}

#[tokio::test]
async fn has_a_terminal_of_its_own() {
    let home = Home::new();
    let session = home.session().await;
    let size = TerminalSize::new(91, 17);
    let script = "stty size; tty; pwd; trap 'stty size' WINCH; echo ready; \
                  while [ ! -e done ]; do sleep 0.05; done; read line </dev/tty; echo got $line";
    let mut main = session.start(&shell(script).with_size(size)).await.unwrap();
    let first = read_until(&mut main.output, "ready").await;
    assert!(first.contains("17 91") && first.contains("/dev/pts/"), "{first}");
    assert!(first.contains(home.workspace(&*session).as_str()), "{first}");
    main.control.resize(TerminalSize::new(120, 33)).await.unwrap();
    read_until(&mut main.output, "33 120").await;
    std::fs::write(home.workspace(&*session).join("done"), "").unwrap();
    main.input.write_all(b"keys\n").await.unwrap();
    read_until(&mut main.output, "got keys").await;
}

/// The environment is the one asked for and the two marks, no variable of the holder's.
#[tokio::test]
async fn the_environment_is_what_was_asked_for() {
    let home = Home::new();
    let session = home.session().await;
    let mut main = session.start(&launch(&["env"])).await.unwrap();
    let mut text = String::new();
    bounded(main.output.read_to_string(&mut text)).await.unwrap();
    let mut names: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).collect();
    names.sort_unstable();
    assert!(names.contains(&("SESSCTL_SESSION_ID", session.id().to_string().as_str())));
    let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["PATH", "SESSCTL_RUN_ID", "SESSCTL_SESSION_ID", "TERM"]);
}

/// Ctrl-C works also where the holder was started in the background of a script, or by nohup.
#[test]
fn signals_are_not_ignored_from_the_start() {
    let status = std::process::Command::new("sh")
        .args(["-c", "trap '' HUP INT QUIT TERM PIPE; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["main_process::ignoring_program", "--exact", "--ignored", "--nocapture"])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Not a test by itself: run by the one above, with signals ignored.
#[tokio::test]
#[ignore = "is what another test starts"]
async fn ignoring_program() {
    let home = Home::new();
    let session = home.session().await;
    let script = "grep -E 'Sig(Ign|Blk)' /proc/self/status; echo all";
    let mut main = session.start(&launch(&["sh", "-c", script])).await.unwrap();
    let text = read_until(&mut main.output, "all").await;
    let mask = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        // The first 31; what lies above is a matter of the C library.
        u64::from_str_radix(line.trim(), 16).unwrap() & 0x7fff_ffff
    };
    assert_eq!((mask("SigBlk:"), mask("SigIgn:")), (0, 0), "{text}");
}

#[tokio::test]
async fn a_program_that_cannot_run_leaves_the_session_as_it_was() {
    let home = Home::new();
    let session = home.session().await;
    let control = drain(session.start(&shell("exit 5")).await.unwrap());
    let end = bounded(control.wait()).await.unwrap();
    let workspace = home.workspace(&*session);
    std::fs::write(workspace.join("plain"), "x").unwrap();
    std::fs::write(workspace.join("orphan"), "#!/no/such/interpreter\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(workspace.join("orphan"), mode).unwrap();
    for (words, hint) in [
        (&["no-such-program"][..], "no such program `no-such-program` in PATH"),
        (&["./absent"], "no such program `./absent`"),
        (&["./plain"], "chmod +x"),
        (&["./orphan"], "interpreter"),
        (&["."], "no such program"),
        (&[""], "no program"),
        (&[], "no program"),
        (&["sh", "a\0b"], "can't be run"),
    ] {
        let error = session.start(&launch(words)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.message().contains(hint), "{words:?}: {error}");
        assert_eq!(exit(&*session).await, end);
    }
    std::fs::remove_dir_all(&workspace).unwrap();
    let error = session.start(&shell("true")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    let reason = Status::Lost { reason: "workspace".to_owned() };
    assert_eq!(session.status().await.unwrap(), reason);
}

/// Dropping any handle does nothing to the session.
#[tokio::test]
async fn runs_on_when_all_handles_are_dropped() {
    let home = Home::new();
    let session = home.session().await;
    let script = "seq 1 50000; touch written; sleep 1000";
    drop(session.start(&shell(script)).await.unwrap());
    let written = home.workspace(&*session).join("written");
    wait_until("it wrote more than a terminal holds", async || written.exists()).await;
    assert!(session.status().await.unwrap().is_running());
    session.stop(Duration::from_secs(5)).await.unwrap();
    assert_eq!(exit(&*session).await.signal, Some(15));
}

#[tokio::test]
async fn usage_is_measured() {
    let home = Home::new();
    let session = home.session().await;
    assert_eq!(session.stats().unwrap().usage().await.unwrap(), session_core::Usage::default());
    let script = "sleep 1000 & i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo up; wait";
    let mut main = session.start(&shell(script)).await.unwrap();
    read_until(&mut main.output, "up").await;
    let usage = session.stats().unwrap().usage().await.unwrap();
    assert_eq!(usage.processes, 2);
    assert!(usage.memory_bytes > 100_000 && usage.cpu_milliseconds > 0, "{usage:?}");
    session.stop(Duration::ZERO).await.unwrap();
}
