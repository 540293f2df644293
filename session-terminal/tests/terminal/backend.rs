//! A backend whose sessions are programs on a pty, and nothing more.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use pty_process::{OwnedWritePty, Size};
use session_core::{
    Backend, Backends, ByteStream, Capabilities, Error, ErrorKind, Exec, ExecRequest, Exit, Found,
    Isolation, Launch, Layout, MainProcess, ProbeReport, Process, ProcessControl, ResolvedSpec,
    Result, Session, SessionId, Signal, Snapshots, Stats, Status, TerminalSize, Timestamp,
    Transfer,
};
use session_terminal::{Ending, HolderParts, Recorder};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, watch};

pub(crate) const KIND: &str = "pty";

/// What a holder of a test needs; the end is recorded in a file of the session's directory.
pub(crate) fn parts(home: &Utf8Path) -> HolderParts {
    let backends = Backends::new().with(KIND, |_| {
        Ok(Arc::new(Ptys { capabilities: Capabilities::new(Isolation::Directory) }))
    });
    HolderParts::new(backends, Arc::new(Ends { home: home.to_owned() }))
}

/// Where the end of a session is recorded.
pub(crate) fn end_of(home: &Utf8Path, id: &SessionId) -> Utf8PathBuf {
    Layout::new(home).session(id).join("ended.json")
}

#[derive(Debug)]
struct Ends {
    home: Utf8PathBuf,
}

#[async_trait]
impl Recorder for Ends {
    async fn ended(&self, ending: &Ending) -> Result<()> {
        let json = serde_json::to_vec(&ending.exit).expect("an exit is plain data");
        let path = end_of(&self.home, &ending.id);
        let new = path.with_extension("new");
        std::fs::write(&new, json).expect("the session's directory exists");
        std::fs::rename(new, path).expect("it was written above");
        Ok(())
    }
}

#[derive(Debug)]
struct Ptys {
    capabilities: Capabilities,
}

#[async_trait]
impl Backend for Ptys {
    fn kind(&self) -> &str {
        KIND
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self) -> Result<ProbeReport> {
        Ok(ProbeReport::new(KIND, "pty", Vec::new()))
    }

    async fn create(&self, id: &SessionId, _: &ResolvedSpec) -> Result<Arc<dyn Session>> {
        self.open(id).await
    }

    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(OnPty { id: *id, running: Mutex::new(None) }))
    }

    async fn list(&self) -> Result<Vec<Found>> {
        Ok(Vec::new())
    }

    async fn destroy(&self, _: &SessionId) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct OnPty {
    id: SessionId,
    running: Mutex<Option<Arc<Control>>>,
}

#[async_trait]
impl Session for OnPty {
    fn id(&self) -> &SessionId {
        &self.id
    }

    async fn status(&self) -> Result<Status> {
        Ok(Status::Stopped { exit: None })
    }

    async fn start(&self, launch: &Launch) -> Result<MainProcess> {
        let failed = |error: pty_process::Error| {
            Error::new(ErrorKind::InvalidInput, "pty.start", "the program can't be run")
                .with_source(error)
        };
        let (pty, pts) = pty_process::open().map_err(failed)?;
        pty.resize(Size::new(launch.size.rows, launch.size.columns)).map_err(failed)?;
        let mut child = pty_process::Command::new(&launch.argv[0])
            .args(&launch.argv[1..])
            .env_clear()
            .envs(&launch.environment)
            .spawn(pts)
            .map_err(failed)?;
        let pid = child.id().expect("it was not awaited yet");
        let (output, input) = pty.into_split();
        let (ended, end) = watch::channel(None);
        tokio::spawn(async move {
            let status = child.wait().await.expect("nobody else awaits it");
            let now = Timestamp::now();
            let signal = std::os::unix::process::ExitStatusExt::signal(&status);
            let exit = match (status.code(), signal) {
                (Some(code), _) => Exit::with_code(code, now),
                (None, signal) => Exit::with_signal(signal.unwrap_or(0), now),
            };
            ended.send_replace(Some(exit));
        });
        let input = Arc::new(Mutex::new(input));
        let control = Arc::new(Control { pid, end, pty: Arc::clone(&input) });
        *self.running.lock().await = Some(Arc::clone(&control));
        let (ours, theirs) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            let mut theirs = theirs;
            let mut buffer = vec![0; 4096];
            while let Ok(read @ 1..) = tokio::io::AsyncReadExt::read(&mut theirs, &mut buffer).await
            {
                if input.lock().await.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        });
        let input: Box<dyn AsyncWrite + Send + Unpin> = Box::new(ours);
        Ok(MainProcess::new(Box::new(output), input, control))
    }

    async fn main_process(&self) -> Result<Option<MainProcess>> {
        Ok(None)
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        let running = self.running.lock().await.clone();
        if let Some(control) = running {
            control.signal(Signal::TERMINATE).await?;
            if tokio::time::timeout(grace, control.wait()).await.is_err() {
                control.signal(Signal::KILL).await?;
                control.wait().await?;
            }
        }
        Ok(())
    }

    async fn fetch_workspace(&self) -> Result<()> {
        Ok(())
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    fn stats(&self) -> Option<&dyn Stats> {
        None
    }
}

#[async_trait]
impl Exec for OnPty {
    async fn exec(&self, _: ExecRequest) -> Result<Process> {
        Err(Error::new(ErrorKind::Unsupported, "pty.exec", "not needed"))
    }
}

#[async_trait]
impl Transfer for OnPty {
    async fn put(&self, _: &Utf8Path, _: ByteStream) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "pty.put", "not needed"))
    }

    async fn get(&self, _: &Utf8Path) -> Result<ByteStream> {
        Err(Error::new(ErrorKind::Unsupported, "pty.get", "not needed"))
    }
}

#[derive(Debug)]
struct Control {
    pid: u32,
    end: watch::Receiver<Option<Exit>>,
    pty: Arc<Mutex<OwnedWritePty>>,
}

#[async_trait]
impl ProcessControl for Control {
    async fn wait(&self) -> Result<Exit> {
        let mut end = self.end.clone();
        let exit = end.wait_for(Option::is_some).await.expect("it is sent before it is dropped");
        Ok(exit.clone().expect("waited for"))
    }

    async fn resize(&self, size: TerminalSize) -> Result<()> {
        let _ = self.pty.lock().await.resize(Size::new(size.rows, size.columns));
        Ok(())
    }

    async fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        let signal = rustix::process::Signal::from_named_raw(signal.0);
        if let (Some(pid), Some(signal)) = (pid, signal) {
            let _ = rustix::process::kill_process_group(pid, signal);
        }
        Ok(())
    }
}
