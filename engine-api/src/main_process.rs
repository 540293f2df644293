//! The main process's streams, and the hold on it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, stream};
use session_core::{
    Error, ErrorKind, Exit, MainProcess, ProcessControl, Result, Signal, TerminalSize,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};
use tokio_util::sync::PollSender;

use crate::backend::Shared;
use crate::container::{self, inspect, stopped};
use crate::place::{Place, SessionFile, State};
use crate::streams::{Streams, attach};
use crate::{signal, start, stop};

const OPERATION: &str = "engine.main-process";
/// Chunks that wait for a reader, or for the process to read its terminal.
const QUEUE: usize = 16;
/// The largest chunk.
const CHUNK: usize = 32 * 1024;
/// More than an engine keeps of what was not read.
const REST: usize = 16 << 20;
/// How long an engine may say that a container runs whose output has ended.
const LAG: Duration = Duration::from_secs(2);
/// How often an engine that does not answer is asked again.
const RETRY: Duration = Duration::from_millis(250);

/// Puts streams and hold together; a task carries the bytes until the process has ended or nobody
/// reads any more.
pub(crate) fn main_process(streams: Streams, control: Control) -> MainProcess {
    let (output, from_container) = mpsc::channel(QUEUE);
    let (to_container, input) = mpsc::channel(QUEUE);
    tokio::spawn(pump(streams, control.clone(), output, input));
    let chunks = stream::unfold(from_container, |mut chunks| async move {
        chunks.recv().await.map(|chunk: Bytes| (std::io::Result::Ok(chunk), chunks))
    });
    let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let writer =
        SinkWriter::new(CopyToBytes::new(PollSender::new(to_container).sink_map_err(gone)));
    MainProcess::new(
        Box::new(StreamReader::new(Box::pin(chunks))),
        Box::new(Box::pin(writer)),
        Arc::new(control),
    )
}

/// The hold on the main process of one run of the container.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    place: Place,
    session: SessionFile,
    /// Which run.
    started_at: String,
    exit: watch::Sender<Option<Exit>>,
}

impl Control {
    pub(crate) fn new(
        shared: Arc<Shared>,
        place: Place,
        session: SessionFile,
        state: &State,
    ) -> Self {
        let started_at = state.run.as_ref().and_then(|run| run.started_at.clone());
        let started_at = started_at.unwrap_or_default();
        let exit = watch::Sender::new(None);
        Self { inner: Arc::new(Inner { shared, place, session, started_at, exit }) }
    }

    /// Writes the end down for all who ask; the first who saw it is right.
    async fn ended(&self, exit: Exit) -> Exit {
        let mut first = false;
        self.inner.exit.send_if_modified(|known| {
            first = known.is_none();
            if first {
                *known = Some(exit);
            }
            first
        });
        let known = self.inner.exit.borrow().clone().expect("set above");
        if first {
            // If it can't be written down, the engine still knows it.
            let _ = stop::record_exit(&self.inner.place, &self.inner.started_at, &known).await;
        }
        known
    }

    /// Looks whether this run has ended. `patience`: how long the engine may lag behind.
    async fn look(&self, patience: Duration) -> Result<Option<Exit>> {
        let inner = &self.inner;
        let engine = inner.shared.engine().await?;
        let Some(seen) = stopped(engine, OPERATION, &inner.session.container, patience).await?
        else {
            // It runs; perhaps it was started again.
            let seen = inspect(engine, OPERATION, &inner.session.container).await?;
            let other = seen.is_some_and(|seen| seen.started_at() != inner.started_at);
            return Ok(other.then(|| self.remembered()));
        };
        Ok(Some(match seen {
            Some(seen) if seen.started_at() == inner.started_at => seen.exit(),
            Some(_) => self.remembered(),
            None => {
                let mut exit = Exit::with_signal(9, session_core::Timestamp::now());
                exit.reason = Some("its container was removed".to_owned());
                exit
            }
        }))
    }

    /// How this run ended, where another has followed.
    fn remembered(&self) -> Exit {
        let state = self.inner.place.state().unwrap_or_default();
        let ours = state.run.as_ref().is_some_and(|run| run.before == self.inner.started_at);
        state.exit.filter(|_| ours).unwrap_or_else(|| {
            let mut exit = Exit::with_code(255, session_core::Timestamp::now());
            exit.reason = Some("its exit code was lost".to_owned());
            exit
        })
    }

    /// Waits until its container is being ended, by us or as its engine says.
    async fn ending(&self) {
        let inner = &self.inner;
        let Ok(engine) = inner.shared.engine().await else { return };
        tokio::select! {
            () = container::ending(engine, &inner.session.container) => {}
            () = inner.place.ending() => {}
        }
    }

    /// Asks until it has ended, however long the engine does not answer.
    async fn end(&self) -> Exit {
        loop {
            match self.look(Duration::from_secs(3600)).await {
                Ok(Some(exit)) => return exit,
                Ok(None) => {}
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }
}

#[async_trait]
impl ProcessControl for Control {
    async fn wait(&self) -> Result<Exit> {
        let mut exit = self.inner.exit.subscribe();
        let known = async move { exit.wait_for(Option::is_some).await.ok()?.clone() };
        tokio::select! {
            known = known => known.ok_or_else(|| {
                Error::new(ErrorKind::Internal, OPERATION, "nobody watches it any more")
            }),
            exit = async { self.ended(self.end().await).await } => Ok(exit),
        }
    }

    async fn resize(&self, size: TerminalSize) -> Result<()> {
        if self.inner.exit.borrow().is_some() {
            return Ok(());
        }
        let engine = self.inner.shared.engine().await?;
        container::resize(engine, "engine.resize", &self.inner.session.container, size).await
    }

    async fn signal(&self, signal: Signal) -> Result<()> {
        if self.inner.exit.borrow().is_some() {
            return Ok(());
        }
        let engine = self.inner.shared.engine().await?;
        signal::signal(engine, &self.inner.session, signal).await
    }
}

/// Carries the bytes. An output that ended means that the process did, or that the engine did:
/// in the second case it is attached to again once the engine is back.
async fn pump(
    mut streams: Streams,
    control: Control,
    output: mpsc::Sender<Bytes>,
    mut input: mpsc::Receiver<Bytes>,
) {
    loop {
        if !carry(streams, &control, &output, &mut input).await {
            return;
        }
        let again = async {
            loop {
                match control.look(LAG).await {
                    Ok(Some(exit)) => {
                        control.ended(exit).await;
                        return None;
                    }
                    Ok(None) => {}
                    Err(_) => {
                        tokio::time::sleep(RETRY).await;
                        continue;
                    }
                }
                match reattached(&control).await {
                    Ok(Some(streams)) => return Some(streams),
                    _ => tokio::time::sleep(RETRY).await,
                }
            }
        };
        let next = tokio::select! {
            () = output.closed() => None,
            next = again => next,
        };
        match next {
            Some(next) => streams = next,
            None => return,
        }
    }
}

/// Attaches; `None` if it has ended meanwhile: such an attachment would never end.
async fn reattached(control: &Control) -> Result<Option<Streams>> {
    let inner = &control.inner;
    let engine = inner.shared.engine().await?;
    let streams = attach(engine, OPERATION, &inner.session.container).await?;
    let seen = inspect(engine, OPERATION, &inner.session.container).await?;
    Ok(seen.is_some_and(|seen| seen.is_running()).then_some(streams))
}

/// Both directions until the output ends (`true`) or nobody wants it any more (`false`).
///
/// Each direction waits for itself: a process that does not read its terminal goes on writing.
async fn carry(
    streams: Streams,
    control: &Control,
    output: &mpsc::Sender<Bytes>,
    input: &mut mpsc::Receiver<Bytes>,
) -> bool {
    let Streams { mut reader, mut writer } = streams;
    let read = async {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(CHUNK);
            match reader.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return true,
                Ok(_) => {}
            }
            if !pass_on(&mut reader, &mut buffer, output, control).await {
                return false;
            }
        }
    };
    let write = async {
        while let Some(bytes) = input.recv().await {
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                break;
            }
        }
        // Closing this direction would end the other one on Docker.
        std::future::pending::<bool>().await
    };
    tokio::select! {
        ended = read => ended,
        () = output.closed() => false,
        never = write => never,
    }
}

/// Passes `buffer` on when there is room; `false` if nobody wants it.
///
/// The process waits for its reader. But when its container is being ended, what it left is read
/// even so: the engine would wait for that, and `stop` for the engine.
async fn pass_on(
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    output: &mpsc::Sender<Bytes>,
    control: &Control,
) -> bool {
    let ending = control.ending();
    tokio::pin!(ending);
    let mut drains = false;
    let mut has_more = true;
    loop {
        if drains && has_more {
            buffer.reserve(CHUNK);
        }
        tokio::select! {
            room = output.reserve() => {
                let Ok(room) = room else { return false };
                room.send(buffer.split().freeze());
                return true;
            }
            () = &mut ending, if !drains => drains = true,
            read = reader.read_buf(buffer), if drains && has_more && buffer.len() < REST => {
                has_more = matches!(read, Ok(1..));
            }
        }
    }
}

/// Takes the streams of the container's running main process again.
pub(crate) async fn again(shared: &Arc<Shared>, place: &Place) -> Result<Option<MainProcess>> {
    let Ok(Some(session)) = place.session() else { return Ok(None) };
    let engine = shared.engine().await?;
    let state = place.state().unwrap_or_default();
    let Some(seen) = inspect(engine, OPERATION, &session.container).await? else { return Ok(None) };
    if !seen.is_running() || !crate::status::runs_main(&state, &seen) {
        return Ok(None);
    }
    let (streams, state) = start::taken_over(engine, place, &session, state, &seen).await?;
    let control = Control::new(Arc::clone(shared), place.clone(), session, &state);
    // What is attached to a container that has just ended never ends.
    match control.look(Duration::ZERO).await? {
        Some(_) => Ok(None),
        None => Ok(Some(main_process(streams, control))),
    }
}
