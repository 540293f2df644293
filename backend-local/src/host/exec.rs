//! Processes beside the main one.

use std::process::Stdio;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use session_core::{Error, ErrorKind, ExecRequest, Input, Output, Process, Result};

use crate::host::child::{Control, unignore_signals};
use crate::host::program::{Program, missing_directory};
use crate::host::pty::OnTerminal;
use crate::host::state::Place;
use crate::host::status;
use crate::host::streams::{Reading, Writing};

const OPERATION: &str = "host.exec";

/// Starts it. Blocks; runs inside a tokio runtime, which then watches the process.
pub(crate) fn exec(place: &Place, request: &ExecRequest) -> Result<Process> {
    let session = status::whole(place, OPERATION)?;
    let directory = directory(place, &session.working_directory, request)?;
    let program = Program::find(OPERATION, &request.argv, &request.environment, &directory)?
        .through(place.runner().words(&session.directories()));
    unignore_signals();
    let mut command = program.command(place, None);
    if let Some(size) = request.terminal {
        let started = OnTerminal::start(OPERATION, &program, command, size)?;
        let control = Control::supervise(started.child, Some(started.terminal));
        let input: Input = Box::new(Writing::new(started.input));
        let output: Output = Box::new(Reading::new(started.output));
        return Ok(Process::new(Some(input), output, None, Arc::new(control)));
    }
    // A group of its own, so that a signal reaches all of it and nothing of ours.
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if request.input { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().map_err(|error| program.refused(error))?;
    let stdin = child.stdin.take().map(|pipe| Box::new(Writing::new(pipe)) as Input);
    let stdout = child.stdout.take().expect("piped above");
    let stderr = child.stderr.take().expect("piped above");
    let control = Control::supervise(child, None);
    let stdout = Box::new(Reading::new(stdout));
    Ok(Process::new(stdin, stdout, Some(Box::new(Reading::new(stderr))), Arc::new(control)))
}

fn directory(place: &Place, base: &Utf8Path, request: &ExecRequest) -> Result<Utf8PathBuf> {
    let Some(asked) = &request.directory else {
        return match base.is_dir() {
            true => Ok(base.to_owned()),
            false => Err(missing_directory(OPERATION, base)),
        };
    };
    let directory = base.join(asked);
    if directory.is_dir() {
        return Ok(directory);
    }
    let message = format!("no directory `{directory}`; make it first, or name another");
    Err(Error::new(ErrorKind::NotFound, OPERATION, message).with_session(place.id().to_string()))
}
