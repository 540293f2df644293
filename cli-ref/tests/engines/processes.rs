//! Main processes that behave badly.

use std::path::{Path, PathBuf};
use std::time::Duration;

use session_conformance::engines::skip;

use crate::engine::Engine;
use crate::world::{PATIENCE, World, until, until_within};

crate::on_each_engine! {
    /// Issue 3: what ignores SIGTERM is killed when its time is over.
    what_ignores_the_signal_is_killed;
    /// Issue 3: when the main process ends, what it has forked ends.
    what_forks_and_dies_leaves_nothing;
    /// Issue 3: 100 MB that nobody looks at stay within bounds, on our side and on the engine's.
    output_that_nobody_reads_is_bounded;
    /// Issue 3: a line of 10 MB, and what is not UTF-8.
    a_long_line_and_what_is_no_text;
}

fn what_ignores_the_signal_is_killed(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("deaf");
    world.start_command(
        name,
        &["sh", "-c", "trap '' TERM HUP INT; echo up; while :; do sleep 0.05; done"],
    );
    until("it is up", || world.good(&["logs", name]).contains("up"));
    world.good(&["stop", "--time", "1", name]);
    let session = world.session(name);
    assert_eq!(session["status"], "stopped", "{session:#}");
    assert_eq!(session["exit_code"], 137, "{session:#}");
    world.until_no_processes("after stop");
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
}

fn what_forks_and_dies_leaves_nothing(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("forks");
    let script = "trap '' HUP; (setsid sh -c 'trap \"\" TERM HUP; while :; do date +%s%N >/workspace/beats; sleep 0.05; done' \
                  >/dev/null 2>&1 </dev/null &); until [ -s /workspace/beats ]; do sleep 0.05; done; exit 7";
    world.start_command(name, &["sh", "-c", script]);
    let session = world.until_status(name, "stopped");
    assert_eq!(session["exit_code"], 7, "{session:#}");
    world.until_no_processes("after its end");
    let directory = session["directory"].as_str().expect("a directory").to_owned();
    let beats = || std::fs::read(Path::new(&directory).join("workspace/beats")).expect("a time");
    let last = beats();
    // Long enough for it to write again if it were there: its own container is asked, which idles.
    let processes = world.good(&["exec", name, "--", "ps"]);
    assert!(!processes.contains("beats"), "{processes}");
    assert_eq!(beats(), last);
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
}

fn output_that_nobody_reads_is_bounded(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("loud");
    let script = "yes $(printf %099d 7) | head -c 100000000; echo the-end; \
                  echo >/workspace/written; exec sleep 1000";
    world.start_command(name, &["sh", "-c", script]);
    let session = world.session(name);
    let directory = PathBuf::from(session["directory"].as_str().expect("a directory"));
    let patience = Duration::from_secs(150);
    until_within(patience, "all of it was written", || {
        directory.join("workspace/written").exists()
    });
    assert_eq!(world.session(name)["status"], "running");
    let ours = size(&directory);
    assert!(ours < 32 << 20, "{ours} bytes of ours");
    let log = world.engine.log_file(&world.containers()[0]);
    // Rootless Podman's is another of its users'.
    match log.parent().map(std::fs::read_dir) {
        Some(Err(error)) => skip(&format!("the engine's log can't be looked at: {error}")),
        _ => {
            let theirs = log.parent().map_or(0, size);
            assert!(log.exists() && theirs < 8 << 20, "{theirs} bytes in {}", log.display());
        }
    }
    world.good(&["stop", "--time", "1", name]);
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
}

fn a_long_line_and_what_is_no_text(engine: Engine) {
    let world = World::new(engine);
    let name = &world.name("odd");
    let script = "head -c 10000000 /dev/zero | tr '\\0' x; echo; \
                  printf 'caf\\351 \\377\\376\\300\\200 the-end\\n'; \
                  echo >/workspace/written; exec sleep 1000";
    world.start_command(name, &["sh", "-c", script]);
    until_within(PATIENCE * 3, "the log has all of it", || {
        world.good(&["logs", "--tail", "1", name]).contains("the-end")
    });
    let last = world.good(&["logs", "--tail", "1", name]);
    assert!(last.starts_with("caf") && last.ends_with(" the-end\n"), "{last:?}");
    let all = world.good(&["logs", name]);
    assert!(all.contains(&"x".repeat(1000)) && all.len() < 11_000_000, "{} bytes", all.len());
    let session = world.session(name);
    assert_eq!(session["status"], "running", "{session:#}");
    let directory = PathBuf::from(session["directory"].as_str().expect("a directory"));
    assert!(size(&directory) < 32 << 20, "{} bytes of ours", size(&directory));
    // Its holder goes on as before.
    assert_eq!(world.holders(), 1);
    world.good(&["stop", "--time", "1", name]);
    world.good(&["remove", "--force", name]);
    world.assert_empty("at the end");
}

/// The bytes of all files below.
fn size(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size(&entry.path()),
            Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |found| found.len()),
            _ => 0,
        })
        .sum()
}
