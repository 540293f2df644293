//! A process beside the main one, as something to be attached to.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use session_core::{
    Attachment, Error, Input, Output, Process, ProcessControl, Result, TerminalEvent,
    TerminalInput, TerminalOutput, TerminalSize,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Makes a process with a terminal into an attachment, so that
/// [`interactive`](super::interactive) can join it to a person's.
///
/// There is no holder between: the process has one client, and when that leaves, the caller
/// decides what becomes of the process.
pub fn attach_process(process: Process) -> Attachment {
    let Process { stdin, stdout, control, .. } = process;
    let output = ProcessOutput { stdout, control: Arc::clone(&control), buffer: vec![0; CHUNK] };
    Attachment::new(Box::new(output), Box::new(ProcessInput { stdin, control }))
}

struct ProcessOutput {
    stdout: Output,
    control: Arc<dyn ProcessControl>,
    buffer: Vec<u8>,
}

#[async_trait]
impl TerminalOutput for ProcessOutput {
    async fn next(&mut self) -> Result<TerminalEvent> {
        let read = self.stdout.read(&mut self.buffer).await;
        match read {
            Ok(read @ 1..) => {
                Ok(TerminalEvent::Output(Bytes::copy_from_slice(&self.buffer[..read])))
            }
            Ok(_) => Ok(TerminalEvent::Exited(self.control.wait().await?)),
            Err(error) => Err(Error::io("client.read", "can't read what it writes", error)),
        }
    }
}

struct ProcessInput {
    stdin: Option<Input>,
    control: Arc<dyn ProcessControl>,
}

#[async_trait]
impl TerminalInput for ProcessInput {
    async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        let sent = async {
            stdin.write_all(bytes).await?;
            stdin.flush().await
        };
        sent.await.map_err(|error| Error::io("client.send", "can't pass the keys on", error))
    }

    async fn resize(&mut self, size: TerminalSize) -> Result<()> {
        self.control.resize(size).await
    }
}

impl std::fmt::Debug for ProcessOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessOutput").field("control", &self.control).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ProcessInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessInput").field("control", &self.control).finish_non_exhaustive()
    }
}
