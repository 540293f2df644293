//! `sessctl exec` and `sessctl shell`: processes beside the main one.

use session_core::{ExecRequest, Result};

use super::{Context, variables};
use crate::args::{Exec, Shell, When};
use crate::surroundings::at_terminal;
use crate::{pipes, terminal};

pub(super) async fn run(context: &Context, arguments: Exec) -> Result<u8> {
    let record = context.manager.find(&arguments.name).await?;
    let with_terminal = match arguments.tty {
        Some(When::Always) => true,
        Some(When::Never) => false,
        None => at_terminal() && !context.ui.json,
    };
    let mut request = ExecRequest::new(arguments.command)
        .with_environment(variables(&arguments.env)?)
        .with_input();
    request.directory = arguments.workdir;
    if with_terminal {
        request = request.with_terminal(terminal::size());
    }
    let process = context.manager.exec(&record.id, request).await?;
    if context.ui.json {
        let captured = pipes::capture(process).await?;
        context.ui.document(&captured);
        return Ok(captured.exit_code);
    }
    terminal::run(process, with_terminal).await
}

/// A shell, always at a terminal if there is one (S0.19): the person's own, or the image's.
pub(super) async fn shell(context: &Context, arguments: &Shell) -> Result<u8> {
    let record = context.manager.find(&arguments.name).await?;
    let shell = context.manager.shell(&record.id).await?;
    let mut request = ExecRequest::new(shell).with_input();
    if at_terminal() {
        request = request.with_terminal(terminal::size());
    }
    let process = context.manager.exec(&record.id, request).await?;
    terminal::run(process, at_terminal()).await
}
