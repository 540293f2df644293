//! Clients at a terminal: several, watching, stalled, killed.

use std::os::fd::AsRawFd;

use libtest_mimic::Trial;
use session_core::{AttachOptions, TerminalEvent, TerminalSize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::place::{Place, bounded, until};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("clients::types_and_sees", types_and_sees),
        trial("clients::reattach_paints_the_screen", reattach_paints_the_screen),
        trial("clients::several_and_a_viewer", several_and_a_viewer),
        trial("clients::the_last_active_one_sets_the_size", the_last_active_one_sets_the_size),
        trial("clients::a_reading_client_loses_nothing", a_reading_client_loses_nothing),
        trial("clients::a_stalled_client_is_not_waited_for", a_stalled_client_is_not_waited_for),
        trial("clients::garbage_drops_only_its_sender", garbage_drops_only_its_sender),
        trial("clients::replay_shows_what_scrolled_off", replay_shows_what_scrolled_off),
        trial("clients::questions_are_answered_for_nobody", questions_are_answered_for_nobody),
        trial("clients::one_answer_of_two_terminals", one_answer_of_two_terminals),
        trial("clients::a_full_screen_program_redraws", a_full_screen_program_redraws),
    ]
}

/// S0.10.
async fn types_and_sees() {
    let place = Place::in_process();
    place.hold("read line; echo \"got $line\"; read line").await;
    let mut client = place.attach().await;
    client.send("hello\n").await;
    client.sees("got hello").await;
    client.send("\n").await;
    assert!(matches!(client.end().await, TerminalEvent::Exited(exit) if exit.code == 0));
}

/// S2.11: a session keeps running without a client, and shows itself again.
async fn reattach_paints_the_screen() {
    let place = Place::in_process();
    place.hold("echo first; read line; echo second; read line").await;
    let mut client = place.attach().await;
    client.sees("first").await;
    client.send("x\n").await;
    client.sees("second").await;
    drop(client);
    let mut again = place.attach().await;
    again.sees("first").await;
    again.sees("second").await;
    again.send("\n").await;
    assert!(matches!(again.end().await, TerminalEvent::Exited(_)));
}

async fn several_and_a_viewer() {
    let place = Place::in_process();
    place.hold("stty -echo; echo ready; while read line; do echo \"got $line\"; done").await;
    let mut one = place.attach().await;
    let mut two = place.attach().await;
    let size = TerminalSize::new(10, 5);
    let mut viewer = place.attach_with(&AttachOptions::new(size).with_read_only(true)).await;
    one.sees("ready").await;
    viewer.send("ignored\n").await;
    viewer.input.resize(TerminalSize::new(33, 11)).await.expect("it is only ignored");
    one.send("one\n").await;
    for client in [&mut one, &mut two, &mut viewer] {
        client.sees("got one").await;
        assert!(!client.shown().contains("ignored"));
    }
    two.send("two\n").await;
    for client in [&mut one, &mut two, &mut viewer] {
        client.sees("got two").await;
        assert!(!client.shown().contains("ignored"));
    }
}

async fn the_last_active_one_sets_the_size() {
    let place = Place::in_process();
    place.hold("stty -echo; while read line; do stty size; done").await;
    let mut one = place.attach_with(&AttachOptions::new(TerminalSize::new(100, 30))).await;
    one.send("\n").await;
    one.sees("30 100").await;
    let mut two = place.attach_with(&AttachOptions::new(TerminalSize::new(90, 20))).await;
    two.send("\n").await;
    two.sees("20 90").await;
    one.send("\n").await;
    one.sees("30 100").await;
    two.input.resize(TerminalSize::new(91, 21)).await.expect("it is attached");
    one.sees_size(21, 91).await;
}

impl crate::place::Client {
    /// Asks until the size is the wanted one, without typing: through the other client's eyes.
    async fn sees_size(&mut self, rows: u16, columns: u16) {
        let wanted = format!("{rows} {columns}");
        // Typing would make this client the active one; so its terminal has that size, too.
        self.input.resize(TerminalSize::new(columns, rows)).await.expect("it is attached");
        self.send("\n").await;
        self.sees(&wanted).await;
    }
}

/// G17: bytes lost, 0.
async fn a_reading_client_loses_nothing() {
    let place = Place::in_process();
    place.hold("stty -echo; read line; seq 1 1500000; echo done").await;
    let mut client = place.attach().await;
    client.send("\n").await;
    assert!(matches!(client.end().await, TerminalEvent::Exited(_)));
    let mut expected = 1_u32;
    let text = client.shown();
    let from = text.find("1\r\n2\r\n3\r\n").expect("the numbers begin");
    for line in text[from..].lines().take_while(|line| *line != "done") {
        assert_eq!(line, expected.to_string());
        expected += 1;
    }
    assert_eq!(expected, 1_500_001);
}

/// Engines freeze every client when one stops reading (engines.md 3.1); we must not.
async fn a_stalled_client_is_not_waited_for() {
    let place = Place::in_process();
    place
        .hold("stty -echo; read line; yes 0123456789 | head -c 40000000; echo; echo flood over; read line; echo after; read line")
        .await;
    let mut stalled = place.attach().await;
    let mut reading = place.attach().await;
    reading.send("\n").await;
    reading.sees("flood over").await;
    // The stalled one is brought to the present screen, not through 40 MB.
    reading.send("\n").await;
    reading.sees("after").await;
    let mut received = 0;
    let mut last = Vec::new();
    while memchr::memmem::find(&last, b"after").is_none() {
        let piece = stalled.piece().await;
        received += piece.len();
        last.extend_from_slice(&piece);
        last.drain(..last.len().saturating_sub(1 << 20));
    }
    assert!(memchr::memmem::find(&last, b"flood over").is_some());
    assert!(received < 20_000_000, "{received} bytes");
    reading.send("\n").await;
    assert!(matches!(stalled.end().await, TerminalEvent::Exited(_)));
}

async fn garbage_drops_only_its_sender() {
    let place = Place::in_process();
    place.hold("stty -echo; echo ready; read line; echo got").await;
    let mut client = place.attach().await;
    client.sees("ready").await;
    let garbage: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 4096],
        &[1, 0, 0, 0, 0],
        b"\x01\x00\x00\x00\x0aSESSTERM\x00\x01\x02\x00\x00\x00\x01x",
    ];
    let directory = std::fs::File::open(place.run()).expect("it runs");
    let socket = format!("/proc/self/fd/{}/terminal.sock", directory.as_raw_fd());
    for bytes in garbage {
        let mut stream = bounded(UnixStream::connect(&socket)).await.expect("it listens");
        stream.write_all(bytes).await.expect("it takes bytes");
        let mut answer = Vec::new();
        // Closed, whether in order or not.
        let _ = bounded(stream.read_to_end(&mut answer)).await;
    }
    client.send("\n").await;
    client.sees("got").await;
}

async fn replay_shows_what_scrolled_off() {
    let place = Place::in_process();
    place.hold("for i in $(seq 1 100); do echo line-$i.; done; echo ready; read line").await;
    let mut client = place.attach().await;
    client.sees("ready").await;
    assert!(!client.shown().contains("line-2."));
    drop(client);
    let size = TerminalSize::new(80, 24);
    let replaying = AttachOptions::new(size).with_replay(true);
    let log = session_core::Layout::new(&place.home).log(&place.id).join("terminal.log");
    until("the log is written", || {
        std::fs::read_to_string(&log).ok().filter(|text| text.contains("ready"))
    })
    .await;
    let mut client = place.attach_with(&replaying).await;
    client.sees("line-2.").await;
    client.sees("line-60.").await;
    client.sees("ready").await;
}

/// engines.md 6: a shell asks where the cursor is, and must be told with nobody there.
async fn questions_are_answered_for_nobody() {
    let place = Place::in_process();
    let file = place.file("answer");
    place
        .hold(&format!(
            "stty raw -echo; printf 'ab\\033[6n'; dd bs=1 count=6 of={file} 2>/dev/null"
        ))
        .await;
    assert_eq!(place.recorded().await.code, 0);
    assert_eq!(std::fs::read(file).expect("it was answered"), b"\x1b[1;3R");
}

/// engines.md 6: the answer must not arrive twice.
async fn one_answer_of_two_terminals() {
    let place = Place::in_process();
    let file = place.file("answer");
    place.hold(&format!("stty raw -echo; echo ready; dd bs=1 count=8 of={file} 2>/dev/null")).await;
    let mut first = place.attach().await;
    let mut active = place.attach().await;
    first.sees("ready").await;
    active.sees("ready").await;
    first.send("\x1b[9;9R").await;
    // Whatever the first one says now comes after its answer was thrown away.
    first.send("x").await;
    active.send("y").await;
    active.send("\x1b[1;1R").await;
    assert_eq!(place.recorded().await.code, 0);
    let got = std::fs::read(file).expect("it was answered");
    assert_eq!(got.iter().filter(|byte| **byte == b'R').count(), 1, "{got:?}");
    assert!(!got.windows(3).any(|window| window == b"9;9"), "{got:?}");
}

async fn a_full_screen_program_redraws() {
    let place = Place::in_process();
    place
        .hold(
            "trap 'printf redrawn' WINCH; printf '\\033[?1049h\\033[2Jfull screen'; while :; do read line; done",
        )
        .await;
    let mut client = place.attach().await;
    client.sees("full screen").await;
    drop(client);
    let mut again = place.attach().await;
    again.sees("\x1b[?1049h").await;
    again.sees("full screen").await;
    again.sees("redrawn").await;
    place
        .holders
        .stop(&place.home, &place.id, std::time::Duration::from_secs(1))
        .await
        .expect("it can be stopped");
    assert!(matches!(again.end().await, TerminalEvent::Exited(_)));
}
