//! How sessions end, and what stays known of it.

use libtest_mimic::Trial;
use session_core::{AttachOptions, ErrorKind, TerminalEvent, TerminalSize};
use session_terminal::log;

use crate::place::{Place, bounded, until};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("ends::exit_is_recorded_with_no_client", exit_is_recorded_with_no_client),
        trial("ends::a_client_hears_of_it_after_all_output", a_client_hears_of_it_after_all_output),
        trial("ends::a_program_that_cannot_run", a_program_that_cannot_run),
        trial("ends::a_second_holder_is_refused", a_second_holder_is_refused),
        trial("ends::a_session_can_be_held_again", a_session_can_be_held_again),
        trial("ends::the_log_is_text", the_log_is_text),
        trial("ends::a_followed_log_ends_with_the_session", a_followed_log_ends),
    ]
}

/// S4.21.
async fn exit_is_recorded_with_no_client() {
    for place in [Place::in_process(), Place::by_command()] {
        place.hold("exit 7").await;
        assert_eq!(place.recorded().await.code, 7);
        until("the socket is removed", || {
            (!place.run().join("terminal.sock").exists()).then_some(())
        })
        .await;
    }
}

async fn a_client_hears_of_it_after_all_output() {
    let place = Place::by_command();
    place.hold("read line; seq 1 100000; echo the end; exit 3").await;
    let mut client = place.attach().await;
    client.send("\n").await;
    let TerminalEvent::Exited(exit) = client.end().await else { panic!("no exit") };
    assert_eq!(exit.code, 3);
    assert!(client.shown().ends_with("the end\r\n"));
    // What a client knows, the record knows, and the session can be started again.
    assert_eq!(place.recorded().await, exit);
    assert!(!place.is_held().await);
    let options = AttachOptions::new(TerminalSize::default());
    let refused = place.try_attach(&options).await.expect_err("it has ended");
    assert_eq!(refused.kind(), ErrorKind::Refused);
}

async fn a_program_that_cannot_run() {
    for place in [Place::in_process(), Place::by_command()] {
        let error = place.try_hold(&["/no/such/program"]).await.expect_err("there is none");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.operation(), "pty.start");
        assert_eq!(error.session(), Some("a-session"));
        until("nothing is held", || (!place.run().join("terminal.sock").exists()).then_some(()))
            .await;
        bounded(async {
            while place.is_held().await {
                tokio::task::yield_now().await;
            }
        })
        .await;
        place.hold("exit 0").await;
    }
}

async fn a_second_holder_is_refused() {
    for place in [Place::in_process(), Place::by_command()] {
        place.hold("echo first; read line").await;
        let refused = place.try_hold(&["/bin/true"]).await.expect_err("one is there");
        assert_eq!(refused.kind(), ErrorKind::Refused);
        let mut client = place.attach().await;
        client.sees("first").await;
        client.send("\n").await;
        assert!(matches!(client.end().await, TerminalEvent::Exited(_)));
    }
}

async fn a_session_can_be_held_again() {
    let place = Place::by_command();
    for round in ["one", "two"] {
        place.hold(&format!("echo round {round}; read line")).await;
        let mut client = place.attach().await;
        client.sees(round).await;
        client.send("\n").await;
        assert!(matches!(client.end().await, TerminalEvent::Exited(_)));
    }
}

/// S0.20, S4.40.
async fn the_log_is_text() {
    let place = Place::in_process();
    place
        .hold("printf '\\033]0;title\\007\\033[31mred\\033[m\\n1%%\\r100%%\\nlast\\n'; exit 0")
        .await;
    place.recorded().await;
    let lines = |count| log::last_lines(&place.home, &place.id, count).expect("a log");
    assert_eq!(lines(10), ["red", "100%", "last"]);
    assert_eq!(lines(1), ["last"]);
    assert!(lines(0).is_empty());
}

/// S0.20.
async fn a_followed_log_ends() {
    let place = Place::in_process();
    place.hold("stty -echo; echo one; echo two; read line; echo three; printf rest").await;
    let mut client = place.attach().await;
    client.sees("two").await;
    let mut follow = log::follow(&place.home, &place.id, 5);
    for line in ["one", "two"] {
        assert_eq!(bounded(follow.next()).await.expect("a log").as_deref(), Some(line));
    }
    client.send("\n").await;
    for line in [Some("three"), Some("rest"), None, None] {
        assert_eq!(bounded(follow.next()).await.expect("a log").as_deref(), line);
    }
}
