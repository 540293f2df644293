//! Signals to a main process and its children.

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::StreamExt as _;
use session_core::{Error, ErrorKind, Result, Signal};

use crate::Engine;
use crate::container::kill;
use crate::place::SessionFile;

const OPERATION: &str = "engine.signal";

/// Sends it to every process of the main process's terminal session but the init.
///
/// An engine's own `kill` reaches the init, which tells its child only. So a shell inside looks for
/// them; where that can't be run, the engine's has to do.
pub(crate) async fn signal(engine: &Engine, session: &SessionFile, signal: Signal) -> Result<()> {
    if !(1..=64).contains(&signal.0) {
        let message = format!("there is no signal {}; use one of 1 to 31", signal.0);
        return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    }
    if signal == Signal::KILL {
        return kill(engine, OPERATION, &session.container, "KILL").await;
    }
    match inside(engine, session, signal.0).await {
        Ok(true) => Ok(()),
        _ => kill(engine, OPERATION, &session.container, &signal.0.to_string()).await,
    }
}

/// Whether a shell in the container sent it to at least one process.
async fn inside(
    engine: &Engine,
    session: &SessionFile,
    signal: i32,
) -> std::result::Result<bool, bollard::errors::Error> {
    // Of `PID (NAME) STATE PARENT GROUP SESSION …` the name may hold anything.
    let script = format!(
        "for f in /proc/[0-9]*/stat; do IFS= read -r l <$f || continue; p=${{f#/proc/}}; \
         p=${{p%/stat}}; set -- ${{l##*) }}; [ \"$4\" = 1 ] && [ \"$p\" != 1 ] && \
         kill -{signal} \"$p\" && echo sent; done 2>/dev/null"
    );
    let config = ExecConfig {
        cmd: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), script]),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        user: Some(session.user.clone()),
        ..ExecConfig::default()
    };
    let exec = engine.short().create_exec(&session.container, config).await?;
    let StartExecResults::Attached { mut output, .. } =
        engine.short().start_exec(&exec.id, None).await?
    else {
        return Ok(false);
    };
    let mut sent = false;
    while let Some(chunk) = output.next().await {
        sent |= matches!(chunk?, LogOutput::StdOut { .. });
    }
    Ok(sent)
}
