//! Clients that stall or are killed: whom they take along (nobody), and what they leave (nothing).

use std::process::Stdio;
use std::time::Instant;

use camino::Utf8PathBuf;
use session_core::{AttachOptions, SessionId, TerminalEvent, TerminalSize, Terminals as _};
use session_terminal::{HolderCommand, Holders};

use crate::engine::Engine;
use crate::on_each_engine;
use crate::world::{PATIENCE, World};

on_each_engine! {
    /// Issue 3, "Sessions in containers": engines freeze everybody when an attached client stops
    /// reading, and `stop` with them.
    a_stalled_client_freezes_nobody;
    /// Issue 3, "Sessions in containers": an engine goes on with what a killed client started.
    a_killed_exec_leaves_no_process;
}

fn a_stalled_client_freezes_nobody(engine: Engine) {
    let world = World::new(engine);
    let name = world.name("stall");
    let script = "read line; yes 0123456789 | head -c 20000000; echo flood over; sleep 1000";
    world.good(&["start", "--detach", &name, "--network", "none", "--", "sh", "-c", script]);
    let home = Utf8PathBuf::try_from(world.path("home")).expect("UTF-8");
    let id = world.session(&name)["id"].as_str().expect("an id").to_owned();
    let id: SessionId = id.parse().expect("an id");
    let holders = Holders::by_command(HolderCommand::new(env!("CARGO_BIN_EXE_sessctl")));
    let options = AttachOptions::new(TerminalSize::new(80, 24));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stalled = runtime.block_on(async {
        let stalled = holders.attach(&home, &id, &options).await.expect("a holder");
        let mut reading = holders.attach(&home, &id, &options).await.expect("a holder");
        reading.input.send(b"\n").await.expect("it is typed");
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("flood over") {
            let event = tokio::time::timeout(PATIENCE, reading.output.next()).await;
            match event.expect("the reading client is not held up").expect("it is attached") {
                TerminalEvent::Output(bytes) => seen.extend_from_slice(&bytes),
                other => panic!("{other:?}"),
            }
            seen.drain(..seen.len().saturating_sub(100));
        }
        stalled
    });
    assert_eq!(world.good(&["exec", &name, "--", "echo", "beside"]), "beside\n");
    world.good(&["stop", &name]);
    world.until_status(&name, "stopped");
    drop(stalled);
}

fn a_killed_exec_leaves_no_process(engine: Engine) {
    let world = World::new(engine);
    let name = world.name("kill");
    world.start(&name);
    let is_there = || {
        let look = "for it in /proc/[0-9]*/cmdline; do \
                        tr '\\0' ' ' <$it 2>&- | grep -q '^sleep 4242' && exit 0; \
                    done; exit 1";
        world.run(&["exec", &name, "--", "sh", "-c", look]).code == 0
    };
    let until = |wanted: bool| {
        let deadline = Instant::now() + PATIENCE;
        while is_there() != wanted {
            assert!(Instant::now() < deadline, "there: {}", !wanted);
        }
    };
    // With a terminal: `engine-api`'s `a_killed_client_leaves_nothing`.
    let mut command = world.command(&["exec", "--tty=never", &name, "--", "sleep", "4242"]);
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it");
    until(true);
    client.kill().expect("it runs");
    client.wait().expect("it is ours");
    until(false);
}
