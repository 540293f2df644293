//! The hold on a process beside the main one: its end, its size, its signals.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::exec::ResizeExecOptions;
use bytes::Bytes;
use session_core::{
    Error, ErrorKind, Exit, ProcessControl, Result, Signal, TerminalSize, Timestamp,
};
use tokio::sync::{Mutex, watch};

use super::frames::{Frames, Source};
use super::lifeline::Lifeline;
use super::streams::Lane;
use crate::failure::{Cause, cause_of};
use crate::{Engine, container};

const OPERATION: &str = "engine.wait";
/// How often an end is looked for that its streams do not tell: they may be held open by what the
/// process left behind, or not be read.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long an engine that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a process ended, or why that can't be known.
type End = std::result::Result<Exit, (ErrorKind, String)>;

/// A process that was started by `exec`, as the engine knows it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) engine: Engine,
    pub(super) container: String,
    pub(super) exec: String,
    pub(super) has_terminal: bool,
    pub(super) lifeline: Mutex<Option<Lifeline>>,
    end: watch::Sender<Option<End>>,
}

impl Running {
    pub(super) fn new(
        engine: Engine,
        container: String,
        exec: String,
        has_terminal: bool,
        lifeline: Lifeline,
    ) -> Self {
        let lifeline = Mutex::new(Some(lifeline));
        Self { engine, container, exec, has_terminal, lifeline, end: watch::Sender::new(None) }
    }

    /// Passes on what the process writes until its streams end, then finds out how it ended.
    pub(super) async fn supervise(
        self: Arc<Self>,
        first: Bytes,
        mut frames: Frames,
        output: Lane,
        error: Option<Lane>,
    ) {
        let mut has_ended = false;
        let mut next = Some((Source::Output, first));
        while let Some((source, chunk)) = next {
            let lane = match (&error, source) {
                (Some(error), Source::Error) => error,
                _ => &output,
            };
            // The process waits for its reader. After its end, what is left is little, and an
            // engine that can't get rid of it does not end the container either.
            has_ended = has_ended || !self.has_room(lane, &chunk).await;
            lane.send(chunk);
            next = frames.next().await;
        }
        drop((output, error));
        let end = self.wait_for_engine().await;
        self.ended(end).await;
    }

    /// Waits for room in `lane`; `false` if the process has ended before there was any.
    async fn has_room(&self, lane: &Lane, chunk: &Bytes) -> bool {
        let mut pause = LOOK_AGAIN / 8;
        loop {
            tokio::select! {
                () = lane.room_for(chunk) => return true,
                () = tokio::time::sleep(pause) => {
                    pause = (pause * 2).min(LOOK_AGAIN);
                    if let Ok(Some(end)) = self.look(true).await {
                        self.ended(end).await;
                        return false;
                    }
                }
            }
        }
    }

    /// Asks the engine until it knows of the end.
    async fn wait_for_engine(&self) -> End {
        let mut pause = Duration::from_millis(2);
        let mut silent = Duration::ZERO;
        let mut looks = 0;
        loop {
            if let Some(end) = &*self.end.borrow() {
                return end.clone();
            }
            looks += 1;
            match self.look(looks % 4 == 0).await {
                Ok(Some(end)) => return end,
                Ok(None) => silent = Duration::ZERO,
                Err(error) if silent >= PATIENCE => return Err((error.kind(), error.to_string())),
                Err(_) => silent += pause,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_AGAIN);
        }
    }

    /// Asks the engine once; `None` while it runs. With `closely`, the engine's word that it does
    /// is not enough: the container may have been stopped.
    async fn look(&self, closely: bool) -> Result<Option<End>> {
        match self.engine.short().inspect_exec(&self.exec).await {
            // The code of a running process is null or 0 (docs/engines.md).
            Ok(found) if found.running == Some(false) => {
                let code = found.exit_code.and_then(|code| i32::try_from(code).ok());
                // Podman's word for one that was ended with its container.
                let code = code.filter(|code| *code >= 0).unwrap_or(137);
                Ok(Some(Ok(Exit::with_code(code, Timestamp::now()))))
            }
            Ok(_) if closely => Ok(self.killed_with_container().await?.map(Ok)),
            Ok(_) => Ok(None),
            // Podman forgets it with the container's end, Docker with its own.
            Err(failure) if is_gone(&failure) => {
                let message = "the engine has forgotten it; it was restarted meanwhile";
                let lost = Err((ErrorKind::Lost, message.to_owned()));
                Ok(Some(self.killed_with_container().await?.map_or(lost, Ok)))
            }
            Err(failure) => Err(self.engine.error(OPERATION, "ask for its end", failure)),
        }
    }

    /// The end of what ran in a container that does not run.
    async fn killed_with_container(&self) -> Result<Option<Exit>> {
        let runs = container::runs(&self.engine, OPERATION, &self.container).await?;
        Ok((!runs).then(|| Exit::with_signal(9, Timestamp::now())))
    }

    /// Tells who waits, and lets what the process left behind live.
    async fn ended(&self, end: End) {
        self.end.send_if_modified(|known| {
            let news = known.is_none();
            known.get_or_insert(end);
            news
        });
        if let Some(lifeline) = self.lifeline.lock().await.take() {
            lifeline.quit().await;
        }
    }

    fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }
}

/// The caller's hold on it.
#[derive(Debug)]
pub(super) struct Control(pub(super) Arc<Running>);

#[async_trait]
impl ProcessControl for Control {
    async fn wait(&self) -> Result<Exit> {
        let mut end = self.0.end.subscribe();
        loop {
            let known = end.borrow_and_update().clone();
            if let Some(known) = known {
                return known.map_err(|(kind, message)| Error::new(kind, OPERATION, message));
            }
            tokio::select! {
                _ = end.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {
                    if let Ok(Some(found)) = self.0.look(true).await {
                        self.0.ended(found).await;
                    }
                }
            }
        }
    }

    async fn resize(&self, size: TerminalSize) -> Result<()> {
        if !self.0.has_terminal || self.0.has_ended() {
            return Ok(());
        }
        let resized = resize(&self.0.engine, &self.0.exec, size).await;
        match resized {
            Err(_) if matches!(self.0.look(true).await, Ok(Some(_))) => Ok(()),
            resized => resized,
        }
    }

    async fn signal(&self, signal: Signal) -> Result<()> {
        if !(1..=64).contains(&signal.0) {
            let message = format!("there is no signal {}; use one of 1 to 31", signal.0);
            return Err(Error::new(ErrorKind::InvalidInput, "engine.signal", message));
        }
        let signalled = match &*self.0.lifeline.lock().await {
            Some(lifeline) => lifeline.signal(signal).await,
            None => Ok(()),
        };
        let Err(error) = signalled else { return Ok(()) };
        // It may have ended a moment ago, and taken along what listened.
        match tokio::time::timeout(PATIENCE, self.0.wait_for_engine()).await {
            Ok(_) => Ok(()),
            Err(_) => Err(error),
        }
    }
}

/// Sets the size of a running process's terminal.
pub(super) async fn resize(engine: &Engine, exec: &str, size: TerminalSize) -> Result<()> {
    let size = ResizeExecOptions { height: size.rows, width: size.columns };
    let resized = engine.short().resize_exec(exec, size).await;
    resized.map_err(|failure| engine.error("engine.resize", "set the terminal's size", failure))
}

fn is_gone(failure: &bollard::errors::Error) -> bool {
    matches!(cause_of(failure).0, Cause::ExecGone | Cause::ContainerGone | Cause::Absent)
}
