//! The guard: a tiny process above the holder's, so that no process of a session outlives its
//! holder, however that ends.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{WaitOptions, getpid, setsid, waitpid};
use session_core::{Error, Result};

use crate::holder_process::{HOLDER_ARGUMENT, MAIN_ARGUMENT};
use crate::{descendants, platform};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;

/// Starts the holder proper, waits for its end, and ends what is left of the session then. Gives
/// the exit code to end with.
///
/// Single-threaded and without a runtime: it must never be what fails, and it is the thread whose
/// death tells the holder.
pub(crate) fn run() -> Result<i32> {
    let failed = |what: &'static str| move |error| Error::io("holder.guard", what, error);
    // It fails where we lead a session already, which is as good.
    let _ = setsid();
    for signal in [SIGHUP, SIGINT] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .map_err(failed("ignore a signal"))?;
    }
    platform::adopt_orphans().map_err(failed("become the reaper of the session's processes"))?;
    rustix::process::chdir("/")
        .map_err(|error| failed("leave the working directory")(error.into()))?;
    let program = platform::this_program().map_err(failed("find the program that runs"))?;
    let mut holder = Command::new(program);
    holder.args([HOLDER_ARGUMENT, MAIN_ARGUMENT, &getpid().as_raw_pid().to_string()]);
    let holder = holder.spawn().map_err(failed("start the holder"))?;
    leave_stdio().map_err(failed("close the standard streams"))?;
    let code = wait_for(holder.id());
    descendants::kill_and_reap_all();
    Ok(code)
}

/// Points standard input and output at nothing, so that who waits on our pipes hears their end.
pub(crate) fn leave_stdio() -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}

/// Takes the ends of all children until the holder's.
fn wait_for(holder: u32) -> i32 {
    loop {
        match waitpid(None, WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_pid().unsigned_abs() == holder => {
                let status = ExitStatus::from_raw(status.as_raw());
                return status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return 1,
        }
    }
}
