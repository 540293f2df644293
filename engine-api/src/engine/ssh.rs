//! A connection through the person's own `ssh`, so that its keys, agents and configuration hold.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::SshPlace;

/// The most of what `ssh` says that is kept.
const LONGEST: u64 = 4_000;

/// Starts `ssh` with a command at the other end that passes bytes to the engine's socket.
///
/// One process per connection; it ends with the connection. `ssh` asks nobody anything: what needs
/// a password or a decision about a host's key fails.
pub(super) fn through(place: &SshPlace) -> io::Result<SshStream> {
    let mut command = Command::new("ssh");
    command.args(arguments(place));
    // A Ctrl-C at the terminal is for the session, not for its connection.
    command.process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| io::Error::other(format!("the command `ssh` can't be run: {error}")))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take().expect("piped above"));
    let mut stderr = child.stderr.take().expect("piped above");
    let said = tokio::spawn(async move {
        let mut said = Vec::new();
        // What can't be read is not said.
        let _ = (&mut stderr).take(LONGEST).read_to_end(&mut said).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        String::from_utf8_lossy(&said).trim().to_owned()
    });
    Ok(SshStream { _child: child, stdin, stdout, said: Some(said), heard: false })
}

fn arguments(place: &SshPlace) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["-T", "-oBatchMode=yes", "-oConnectTimeout=15"].map(str::to_owned).into();
    let mut add = |option: &str, value: Option<String>| {
        if let Some(value) = value {
            arguments.extend([option.to_owned(), value]);
        }
    };
    add("-F", place.config.as_ref().map(ToString::to_string));
    add("-l", place.user.clone());
    add("-p", place.port.map(|port| port.to_string()));
    add("-i", place.key.as_ref().map(ToString::to_string));
    arguments.extend(["--".to_owned(), place.host.clone(), remote_command(place)]);
    arguments
}

/// What the other end's shell runs. Which engine answers is asked afterwards, so the command of
/// the one that is there will do.
fn remote_command(place: &SshPlace) -> String {
    let Some(socket) = &place.socket else {
        return "if command -v docker >/dev/null 2>&1; then exec docker system dial-stdio; \
                else exec podman system dial-stdio; fi"
            .to_owned();
    };
    let url = format!("'unix://{}'", socket.as_str().replace('\'', r"'\''"));
    format!(
        "if command -v docker >/dev/null 2>&1; then exec docker --host {url} system dial-stdio; \
         else exec podman --url {url} system dial-stdio; fi"
    )
}

/// The two ends of an `ssh` process.
pub(super) struct SshStream {
    _child: Child,
    /// `None` after the half-close.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// What it says of itself, known when it ends.
    said: Option<JoinHandle<String>>,
    heard: bool,
}

impl SshStream {
    fn stdin(&mut self) -> io::Result<Pin<&mut ChildStdin>> {
        self.stdin.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl AsyncRead for SshStream {
    /// An end before the first byte is an error, with the words of `ssh`.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (filled, room) = (buffer.filled().len(), buffer.remaining());
        ready!(Pin::new(&mut self.stdout).poll_read(context, buffer))?;
        self.heard |= buffer.filled().len() > filled;
        if self.heard || room == 0 {
            return Poll::Ready(Ok(()));
        }
        let Some(said) = &mut self.said else { return Poll::Ready(Ok(())) };
        let said = ready!(Pin::new(said).poll(context)).unwrap_or_default();
        self.said = None;
        Poll::Ready(Err(io::Error::other(format!("ssh ended: {said}"))))
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.stdin()?.poll_write(context, bytes)) {
            // The reading side tells why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !self.heard => {
                Poll::Ready(Ok(bytes.len()))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_address_is_run() {
        let mut place = SshPlace::new("far");
        place.user = Some("me".to_owned());
        place.port = Some(22);
        place.socket = Some("/a b/'; reboot #.sock".into());
        let arguments = arguments(&place);
        let end = arguments.iter().position(|word| word == "--").expect("options end");
        assert_eq!(arguments[3..end], ["-l", "me", "-p", "22"]);
        assert_eq!(arguments[end + 1], "far");
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(
                arguments[end + 2]
                    .replace("exec docker", "exec printf %s, ")
                    .replace("exec podman", "exec printf %s, "),
            )
            .output()
            .expect("run");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(",unix:///a b/'; reboot #.sock,system,dial-stdio,"), "{said}");
    }
}
