//! The process that holds one session's terminal.

use std::io::{self, Read, Write};
use std::process::exit;
use std::time::Duration;

use rustix::process::getppid;
use serde::{Deserialize, Serialize};
use session_core::{Error, ErrorKind, ErrorReport, HoldRequest, Result};
use tokio::signal::unix::{SignalKind, signal};

use crate::hold::{Held, HolderParts, Leftovers};
use crate::{descendants, guard, platform};

/// The first argument by which a program knows that it is to be a holder; see [`run_if_holder`].
pub const HOLDER_ARGUMENT: &str = "__hold";
/// The second argument of the holder proper, which its guard starts.
pub(crate) const MAIN_ARGUMENT: &str = "main";

/// The longest request that is read, in bytes.
const REQUEST_MAX: u64 = 16 << 20;
/// How long after a child's end its parent here has for hearing of it.
const ORPHAN_AGE: Duration = Duration::from_secs(1);

/// What a holder says on its standard output once, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// The main process runs.
    Ready,
    /// It does not; nothing is left running.
    Failed(ErrorReport),
}

/// Becomes a holder, if this process was started as one; call it first in `main`.
///
/// Returns at once where the first argument is not [`HOLDER_ARGUMENT`]; else never: it holds the
/// session's terminal until its end and then ends the process. `setup` is called once and gives
/// what the holder needs of the program: its backends, and where the end is recorded.
///
/// ```no_run
/// use session_terminal::{HolderParts, run_if_holder};
/// # fn backends() -> session_core::Backends { unimplemented!() }
/// # fn recorder() -> std::sync::Arc<dyn session_terminal::Recorder> { unimplemented!() }
///
/// fn main() {
///     run_if_holder(|_request| Ok(HolderParts::new(backends(), recorder())));
///     // The program's own work follows.
/// }
/// ```
pub fn run_if_holder(setup: impl FnOnce(&HoldRequest) -> Result<HolderParts>) {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != HOLDER_ARGUMENT) {
        return;
    }
    let code = if arguments.next().is_some_and(|second| second == MAIN_ARGUMENT) {
        let guard = arguments.next().and_then(|pid| pid.to_str()?.parse().ok());
        hold(guard, setup)
    } else {
        guard::run()
    };
    exit(code.unwrap_or_else(|error| {
        reply(&Reply::Failed(error.report()));
        i32::from(error.kind().exit_code())
    }))
}

fn hold(
    guard: Option<i32>,
    setup: impl FnOnce(&HoldRequest) -> Result<HolderParts>,
) -> Result<i32> {
    platform::adopt_orphans()
        .and_then(|()| platform::end_with_parent())
        .map_err(|error| Error::io("holder.start", "watch over processes", error))?;
    if guard.is_some() && getppid().map(rustix::process::Pid::as_raw_pid) != guard {
        let message = "the holder's guard died while it was starting; start the session again";
        return Err(Error::new(ErrorKind::Internal, "holder.start", message));
    }
    let mut json = Vec::new();
    io::stdin()
        .take(REQUEST_MAX)
        .read_to_end(&mut json)
        .map_err(|error| Error::io("holder.start", "read the request", error))?;
    let request: HoldRequest = serde_json::from_slice(&json).map_err(|error| {
        let message = "the request is not one of this version; upgrade both programs together";
        Error::new(ErrorKind::InvalidInput, "holder.start", message).with_source(error)
    })?;
    drop(json);
    let parts = setup(&request)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::io("holder.start", "make the runtime", error))?;
    let held = runtime.block_on(serve(request, parts));
    runtime.shutdown_background();
    held.map(|()| 0)
}

async fn serve(request: HoldRequest, parts: HolderParts) -> Result<()> {
    let listen =
        |kind| signal(kind).map_err(|error| Error::io("holder.start", "listen for signals", error));
    // Listening is what makes them harmless.
    let _hangup = listen(SignalKind::hangup())?;
    let _interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut child = listen(SignalKind::child())?;
    let held = Held::begin(request, parts, Leftovers::Descendants).await?;
    reply(&Reply::Ready);
    if let Err(error) = guard::leave_stdio() {
        tracing::warn!(%error, "the holder's standard streams stay open");
    }
    let reaper = async {
        let mut dead = Vec::new();
        loop {
            if dead.is_empty() {
                child.recv().await;
            }
            tokio::time::sleep(ORPHAN_AGE).await;
            dead = descendants::reap_orphans(&dead);
        }
    };
    tokio::select! {
        () = held.run(async { terminate.recv().await.unwrap_or(()) }) => {}
        () = reaper => {}
    }
    Ok(())
}

/// Says how it went. Who asked may be gone by now, and that is no reason to end.
fn reply(reply: &Reply) {
    let Ok(mut line) = serde_json::to_vec(reply) else { return };
    line.push(b'\n');
    let mut out = io::stdout();
    let _ = out.write_all(&line).and_then(|()| out.flush());
}
