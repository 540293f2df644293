//! A process of a session on this command's own pipes.

use session_core::{Error, Input, Process, ProcessControl, Result, Signal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};

/// Joins the process's streams to this command's own until it ends; gives its exit code.
///
/// The signals that a person or a parent sends to this command go to the process.
pub(crate) async fn run(process: Process) -> Result<u8> {
    let Process { stdin, stdout, stderr, control, .. } = process;
    pass_input(stdin);
    let forward = tokio::spawn(forward_signals(std::sync::Arc::clone(&control)));
    let out = copy(stdout, tokio::io::stdout());
    let err = async {
        match stderr {
            Some(stderr) => copy(stderr, tokio::io::stderr()).await,
            None => Ok(()),
        }
    };
    let (out, err) = tokio::join!(out, err);
    let exit = control.wait().await;
    forward.abort();
    out.and(err).map_err(|error| Error::io("sessctl.exec", "can't pass its output on", error))?;
    Ok(u8::try_from(exit?.code).unwrap_or(u8::MAX))
}

/// What a process printed and how it ended.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Captured {
    /// Its exit code.
    pub(crate) exit_code: u8,
    /// What it printed; what is not UTF-8 is replaced.
    stdout: String,
    /// What it complained; what is not UTF-8 is replaced.
    stderr: String,
}

/// Runs a process to its end with this command's input, and keeps what it printed.
pub(crate) async fn capture(process: Process) -> Result<Captured> {
    let Process { stdin, mut stdout, stderr, control, .. } = process;
    pass_input(stdin);
    let forward = tokio::spawn(forward_signals(std::sync::Arc::clone(&control)));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let reading = async {
        let err = async {
            match stderr {
                Some(mut stderr) => stderr.read_to_end(&mut err).await.map(drop),
                None => Ok(()),
            }
        };
        let (read_out, read_err) = tokio::join!(stdout.read_to_end(&mut out), err);
        read_out.and(read_err)
    };
    let read = reading.await;
    let exit = control.wait().await;
    forward.abort();
    read.map_err(|error| Error::io("sessctl.exec", "can't read its output", error))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let exit_code = u8::try_from(exit?.code).unwrap_or(u8::MAX);
    Ok(Captured { exit_code, stdout: text(out), stderr: text(err) })
}

/// Passes this command's input on until one of them ends.
fn pass_input(stdin: Option<Input>) {
    if let Some(mut input) = stdin {
        tokio::spawn(async move {
            // An error is the process closing its input, which is its business.
            let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut input).await;
            let _ = input.shutdown().await;
        });
    }
}

/// Copies to the end. A reader that has gone away (`| head`) ends the copying, not the command.
async fn copy(
    mut from: impl AsyncRead + Unpin + Send,
    mut to: impl tokio::io::AsyncWrite + Unpin + Send,
) -> std::io::Result<()> {
    match tokio::io::copy(&mut from, &mut to).await {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => to.flush().await.or(Ok(())),
    }
}

async fn forward_signals(control: std::sync::Arc<dyn ProcessControl>) {
    let kinds = [
        (SignalKind::interrupt(), Signal::INTERRUPT),
        (SignalKind::terminate(), Signal::TERMINATE),
        (SignalKind::hangup(), Signal::HANGUP),
    ];
    let mut tasks = tokio::task::JoinSet::new();
    for (kind, number) in kinds {
        let Ok(mut arrivals) = signal(kind) else { continue };
        let control = std::sync::Arc::clone(&control);
        tasks.spawn(async move {
            while arrivals.recv().await.is_some() {
                let _ = control.signal(number).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}
