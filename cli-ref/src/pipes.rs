//! A process of a session on this command's own pipes.

use session_core::{Error, Process, ProcessControl, Result, Signal};
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};

/// Joins the process's streams to this command's own until it ends; gives its exit code.
///
/// The signals that a person or a parent sends to this command go to the process.
pub(crate) async fn run(process: Process) -> Result<u8> {
    let Process { stdin, stdout, stderr, control, .. } = process;
    if let Some(mut input) = stdin {
        tokio::spawn(async move {
            // An error is the process closing its input, which is its business.
            let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut input).await;
            let _ = input.shutdown().await;
        });
    }
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
