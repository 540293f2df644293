//! The main process: started on a terminal, recorded, watched to its end.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use session_core::{Error, ErrorKind, Exit, Launch, MainProcess, Result, Timestamp};

use crate::host::RUN_VARIABLE;
use crate::host::child::{Control, unignore_signals};
use crate::host::program::{Program, missing_directory};
use crate::host::pty::OnTerminal;
use crate::host::state::{ExitFile, MainFile, Place, RunLock};
use crate::host::status;
use crate::host::streams::{Reading, Writing};
use crate::host::tree::{self, ProcessKey, Tree};
use crate::platform;

const OPERATION: &str = "host.start";
/// How long what a main process leaves behind may take to end by itself.
const LEFTOVER_GRACE: Duration = Duration::from_secs(1);
/// How long a look at the status, or another start that fails, may hold the lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Starts it. Blocks; runs inside a tokio runtime, which then watches the process.
///
/// Once the process runs this does not fail any more, except where its start can't be written
/// down; then it is killed.
pub(crate) fn start(place: &Place, launch: &Launch) -> Result<MainProcess> {
    let session = status::whole(place, OPERATION)?;
    let lock = lock(place)?;
    if !session.working_directory.is_dir() {
        return Err(missing_directory(OPERATION, &session.working_directory));
    }
    let directory = &session.working_directory;
    let program = Program::find(OPERATION, &launch.argv, &launch.environment, directory)?
        .through(place.runner().words(&session.directories()));
    end_earlier_run(place)?;
    unignore_signals();
    let earlier = place.main().ok().flatten();
    let mut main = MainFile {
        run: uuid::Uuid::now_v7().to_string(),
        process: None,
        holder: own_key()?,
        boot: platform::boot_id().unwrap_or_default(),
        started_at: Timestamp::now(),
    };
    place.write_main(&main)?;
    let command = program.command(place, Some(&main.run));
    let started = OnTerminal::start(OPERATION, &program, command, launch.size);
    let OnTerminal { mut child, output, input, terminal } = match started {
        Ok(started) => started,
        Err(error) => {
            place.restore_main(earlier.as_ref())?;
            return Err(error);
        }
    };
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    main.process = ProcessKey::of(pid);
    if let Err(error) = place.write_main(&main) {
        // It must not run without a record. If it is gone already, so much the better.
        let _ = child.start_kill();
        return Err(error);
    }
    let run = main.run;
    let watched = place.clone();
    let mut left = Tree::marked(RUN_VARIABLE, &run).with_terminal_session(pid);
    if let Some(process) = main.process {
        left = left.since(process);
    }
    // While the process keeps its number, its terminal's session can be told from others.
    let before = move || {
        left.scan();
        left
    };
    let at_end = move |left: Option<Tree>, exit: &Exit| {
        let left = left.map(Tree::without_terminal_session);
        let left = left.unwrap_or_else(|| Tree::marked(RUN_VARIABLE, &run));
        record_end(&watched, run, exit.clone(), left, lock);
    };
    let control = Control::supervise_with(child, Some(terminal), before, at_end);
    let output = Box::new(Reading::new(output));
    Ok(MainProcess::new(output, Box::new(Writing::new(input)), Arc::new(control)))
}

fn own_key() -> Result<ProcessKey> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    ProcessKey::of(own).ok_or_else(|| {
        let (reason, remedy) = platform::PROCESSES_REMEDY;
        let message = format!("can't find processes: {reason}; {remedy}");
        Error::new(ErrorKind::Unsupported, OPERATION, message)
    })
}

/// Takes the lock, or refuses if a main process runs.
fn lock(place: &Place) -> Result<RunLock> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        if let Some(lock) = place.try_lock()? {
            return Ok(lock);
        }
        // Somebody has it: its holder, or one who looks, or one whose start is about to fail.
        let main = place.main().ok().flatten();
        let ended = place.exit().ok().flatten().map(|end| end.run);
        let held = main.filter(|main| main.holder.is_alive() && ended.as_ref() != Some(&main.run));
        // Asked for again, as one who only looks has it shared.
        let runs = held.is_some() && place.locked_since().is_some();
        if runs || Instant::now() >= deadline {
            let message = "its main process runs; attach to it, or stop it first";
            return Err(Error::new(ErrorKind::Refused, OPERATION, message)
                .with_session(place.id().to_string()));
        }
        sleep(Duration::from_millis(5));
    }
}

/// Ends what a main process left behind whose holder died before it could.
fn end_earlier_run(place: &Place) -> Result<()> {
    let Ok(Some(main)) = place.main() else { return Ok(()) };
    if platform::boot_id().is_some_and(|boot| boot != main.boot) {
        return Ok(());
    }
    let mut left = Tree::marked(RUN_VARIABLE, &main.run);
    if let Some(process) = main.process {
        left = left.since(process).with_root(process);
    }
    left.end(LEFTOVER_GRACE).map_err(|rows| undying(OPERATION, &rows))
}

/// Writes the end down, ends what the process left behind, and lets the lock go: in this order, so
/// that whoever gets the lock finds the end, and no process.
fn record_end(place: &Place, run: String, exit: Exit, mut left: Tree, lock: RunLock) {
    // A failure can't be told to anybody here: the place was removed, or the disk is full. The
    // session is then lost, for the reason that nobody recorded its end.
    let _ = place.write_exit(&ExitFile { run, exit });
    // What does not die even when killed is found again by `stop`, which reports it.
    let _ = left.end(LEFTOVER_GRACE);
    drop(lock);
}

/// The error for processes that outlived SIGKILL.
pub(crate) fn undying(operation: &'static str, rows: &[tree::Row]) -> Error {
    let list: Vec<_> = rows
        .iter()
        .take(5)
        .map(|row| format!("{} ({})", row.pid, row.name.escape_debug()))
        .collect();
    let message = format!(
        "{} of its processes can't be ended: {}; they may belong to another user or wait for a \
         device",
        rows.len(),
        list.join(", ")
    );
    Error::new(ErrorKind::Io, operation, message)
}
