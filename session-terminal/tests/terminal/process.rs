//! Holders as processes: what survives what.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use session_core::TerminalEvent;
use session_terminal::Holders;

use crate::place::{Place, bounded, command, gone, is_alive, pid_in, until};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("process::a_killed_holder_takes_everything_along", a_killed_holder),
        trial("process::a_killed_guard_takes_everything_along", a_killed_guard),
        trial("process::what_a_main_process_leaves_is_ended", leftovers_are_ended),
        trial("process::orphans_are_reaped", orphans_are_reaped),
        trial("process::a_deep_home", a_deep_home),
        trial("process::is_in_a_session_of_its_own", is_in_a_session_of_its_own),
        trial("process::secrets_are_not_in_its_arguments", no_secrets_in_arguments),
        trial("process::a_scope_is_used", a_scope_is_used),
        trial("process::a_scope_that_fails_is_done_without", a_scope_that_fails),
        trial("process::a_killed_client_changes_nothing", a_killed_client),
    ]
}

/// A process that does everything to get away: forks twice, a session of its own, no hang-ups.
const DAEMON: &str = "setsid nohup sh -c 'sh -c \"trap \\\"\\\" TERM HUP; echo \\$\\$ > FILE; \
                      while :; do sleep 1; done\" & ' >/dev/null 2>&1 &";

fn daemon(file: &camino::Utf8Path) -> String {
    DAEMON.replace("FILE", file.as_str())
}

async fn a_killed_holder() {
    let place = Place::by_command();
    let (main, daemon_file) = (place.file("main"), place.file("daemon"));
    place.hold(&format!("{} echo $$ > {main}; read line", daemon(&daemon_file))).await;
    let (main, daemon) = (pid_in(&main).await, pid_in(&daemon_file).await);
    let holder = parent(main);
    let guard = parent(holder);
    let mut client = place.attach().await;
    kill(holder, Signal::KILL);
    for pid in [main, daemon, guard] {
        gone(pid).await;
    }
    assert_eq!(client.end().await, TerminalEvent::Detached);
    assert!(!place.is_held().await);
    place.hold("exit 0").await;
}

async fn a_killed_guard() {
    let place = Place::by_command();
    let (main, daemon_file) = (place.file("main"), place.file("daemon"));
    place.hold(&format!("{} echo $$ > {main}; read line", daemon(&daemon_file))).await;
    let (main, daemon) = (pid_in(&main).await, pid_in(&daemon_file).await);
    let holder = parent(main);
    kill(parent(holder), Signal::KILL);
    for pid in [main, daemon, holder] {
        gone(pid).await;
    }
    assert!(place.recorded().await.code != 0);
}

async fn leftovers_are_ended() {
    let place = Place::by_command();
    let daemon_file = place.file("daemon");
    place
        .hold(&format!(
            "{} while [ ! -s {daemon_file} ]; do sleep 0.01; done; exit 4",
            daemon(&daemon_file)
        ))
        .await;
    assert_eq!(place.recorded().await.code, 4);
    assert!(!is_alive(pid_in(&daemon_file).await));
}

async fn orphans_are_reaped() {
    let place = Place::by_command();
    let (main, orphan) = (place.file("main"), place.file("orphan"));
    place
        .hold(&format!("echo $$ > {main}; sh -c 'sh -c \"echo \\$\\$ > {orphan}\" &'; read line"))
        .await;
    let orphan = pid_in(&orphan).await;
    let main = pid_in(&main).await;
    until("the orphan is reaped", || {
        (!std::path::Path::new(&format!("/proc/{orphan}")).exists()).then_some(())
    })
    .await;
    assert!(is_alive(main));
    place.attach().await.send("\n").await;
    assert_eq!(place.recorded().await.code, 0);
}

/// A socket's address has 108 bytes; a home may have more.
async fn a_deep_home() {
    let deep = ["deep"; 60].join("/");
    let place = Place::with(|_| Holders::by_command(command()), &deep);
    assert!(place.home.as_str().len() >= 300);
    place.hold("echo here; read line; exit 0").await;
    let mut client = place.attach().await;
    client.sees("here").await;
    client.send("\n").await;
    assert!(matches!(client.end().await, TerminalEvent::Exited(_)));
    let mode = std::fs::metadata(place.run()).expect("it ran").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// S2.11, S4.10: it survives the end of a login.
async fn is_in_a_session_of_its_own() {
    let place = Place::by_command();
    let main = place.file("main");
    place.hold(&format!("echo $$ > {main}; read line; exit 0")).await;
    let holder = parent(pid_in(&main).await);
    let guard = parent(holder);
    for pid in [holder, guard] {
        assert_ne!(process_session(pid), process_session(own_pid()));
        kill(pid, Signal::HUP);
        kill(pid, Signal::INT);
        let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).expect("it lives");
        assert_eq!(cwd, std::path::Path::new("/"));
    }
    let mut client = place.attach().await;
    client.send("\n").await;
    assert!(matches!(client.end().await, TerminalEvent::Exited(exit) if exit.code == 0));
}

/// Invariant 11.
async fn no_secrets_in_arguments() {
    let place = Place::by_command();
    let main = place.file("main");
    place.hold(&format!("echo $$ > {main}; : a-secret; read line")).await;
    let holder = parent(pid_in(&main).await);
    for pid in [holder, parent(holder)] {
        for what in ["cmdline", "environ"] {
            let shown = std::fs::read(format!("/proc/{pid}/{what}")).expect("it lives");
            assert!(!String::from_utf8_lossy(&shown).contains("a-secret"), "{what} of {pid}");
        }
    }
    place.attach().await.send("\n").await;
    place.recorded().await;
}

async fn a_scope_is_used() {
    let place = Place::by_command();
    let called = place.file("called");
    let fake = scope_program(&place, &format!("echo \"$@\" > {called}; shift 3; exec \"$@\""));
    let scope = vec![fake, "--user".into(), "--unit=session-{id}".into(), "--".into()];
    let holders = Holders::by_command(command().with_scope(scope));
    let mut place = place;
    place.holders = holders;
    place.hold("exit 0").await;
    place.recorded().await;
    let called = std::fs::read_to_string(called).expect("it was called");
    assert!(called.starts_with(&format!("--user --unit=session-{} -- ", place.id)), "{called}");
}

async fn a_scope_that_fails() {
    let place = Place::by_command();
    let fake = scope_program(&place, "echo no bus >&2; exit 1");
    for scope in [fake, "/no/such/systemd-run".to_owned()] {
        let holders = Holders::by_command(command().with_scope(vec![scope]));
        let again = Place::with(|_| holders, "");
        again.hold("exit 5").await;
        assert_eq!(again.recorded().await.code, 5);
    }
}

/// A client that is gone without a word (S2.11): here one that closes in the middle of a flood.
async fn a_killed_client() {
    let place = Place::by_command();
    place.hold("read line; seq 1 1000000; echo over; read line; exit 6").await;
    let mut client = place.attach().await;
    client.send("\n").await;
    client.piece().await;
    drop(client);
    let mut again = place.attach().await;
    again.sees("over").await;
    again.send("\n").await;
    assert!(matches!(again.end().await, TerminalEvent::Exited(exit) if exit.code == 6));
    bounded(place.recorded()).await;
}

fn scope_program(place: &Place, script: &str) -> String {
    std::fs::create_dir_all(&place.home).expect("a directory");
    let path = place.file("fake-systemd-run");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
    // Written by another process at the same time as a fork, a script is `text file busy`.
    let status = Command::new("chmod").arg("755").arg(&path).status().expect("chmod is there");
    assert!(status.success());
    path.into()
}

fn parent(pid: i32) -> i32 {
    stat(pid, 1)
}

/// 0 where the session's leader is outside of our process namespace, which `getsid` can't say.
fn process_session(pid: i32) -> i32 {
    stat(pid, 3)
}

/// The field of `/proc/<pid>/stat` that comes `nth` after the command's name; 0 is the state.
fn stat(pid: i32, nth: usize) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let after = stat.rsplit(')').next().expect("the command is in parentheses");
    after.split_ascii_whitespace().nth(nth).expect("a field").parse().expect("a number")
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).expect("a pid")
}

fn kill(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("not 0"), signal).expect("it lives");
}
