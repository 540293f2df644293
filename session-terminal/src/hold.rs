//! Holding one session's terminal, from its start to its recorded end.

use std::fmt::Debug;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;
use session_core::{
    Backends, Catalog, Error, ErrorKind, Exit, HoldRequest, Layout, MainProcess, ProcessControl,
    Result, Session, SessionId, TerminalSize, Timestamp, open_registry,
};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::connection::Reception;
use crate::descendants;
use crate::frame::Frame;
use crate::hub::Hub;
use crate::journal::{self, Journal, RUN_MARK};
use crate::keyboard::Keyboard;
use crate::log;
use crate::place::Place;

/// How long what a main process left behind is asked to end before it is killed.
const LEFTOVERS_GRACE: Duration = Duration::from_millis(500);
/// How long clients have at the end for reading the rest.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long the recorder may take.
const RECORDING: Duration = Duration::from_secs(30);
/// How long a session that has ended waits for the client that it was started for.
const FIRST_CLIENT: Duration = Duration::from_secs(5);
const MESSAGES: usize = 256;

/// What a holder needs of the program that it is a part of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HolderParts {
    /// Where the session's backend is found.
    pub backends: Backends,
    /// What is told of the end.
    pub recorder: Arc<dyn Recorder>,
    /// The size of each of the two log files, in bytes.
    pub log_file_bytes: u64,
}

impl HolderParts {
    /// Parts with a log of two files of 8 MiB.
    pub fn new(backends: Backends, recorder: Arc<dyn Recorder>) -> Self {
        Self { backends, recorder, log_file_bytes: 8 << 20 }
    }

    /// Parts that write the end into the records under `layout`.
    pub fn recording(backends: Backends, layout: Layout) -> Self {
        Self::new(backends, Arc::new(RecordEnds::new(layout)))
    }

    /// Chooses the size of each of the two log files.
    #[must_use]
    pub fn with_log_file_bytes(mut self, bytes: u64) -> Self {
        self.log_file_bytes = bytes;
        self
    }
}

/// Writes the end into the session's record.
#[derive(Debug)]
pub struct RecordEnds {
    layout: Layout,
}

impl RecordEnds {
    /// Writes into the records under `layout`.
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }
}

#[async_trait]
impl Recorder for RecordEnds {
    async fn ended(&self, ending: &Ending) -> Result<()> {
        let registry = open_registry(&self.layout).await?.registry;
        let catalog = Catalog::new(self.layout.clone(), registry);
        catalog.record_end(&ending.id, ending.exit.clone(), Some(ending.last_activity)).await
    }
}

/// Writes down how a session's main process ended.
#[async_trait]
pub trait Recorder: Debug + Send + Sync {
    /// Called once, after all output was read and before any client hears of the end, whether or
    /// not there is one. An error is logged and changes nothing else.
    ///
    /// It must not wait for a lock that somebody holds who waits for the session's end.
    async fn ended(&self, ending: &Ending) -> Result<()>;
}

/// How a session's main process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ending {
    /// Which session.
    pub id: SessionId,
    /// Exit code and time.
    pub exit: Exit,
    /// When the main process last wrote, or a client last typed.
    pub last_activity: Timestamp,
}

/// What to do about processes that the main process leaves behind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leftovers {
    /// All descendants of this process are the session's: end them.
    Descendants,
    /// They are not: the backend ends the session's.
    Backend,
}

/// A session whose main process runs and whose terminal is ours.
#[derive(Debug)]
pub(crate) struct Held {
    request: HoldRequest,
    recorder: Arc<dyn Recorder>,
    place: Place,
    lock: File,
    listener: UnixListener,
    session: Arc<dyn Session>,
    main: MainProcess,
    journal: Option<Journal>,
    earlier: Option<Earlier>,
    leftovers: Leftovers,
    survives: bool,
}

/// What an earlier holder of the same run has left.
#[derive(Debug)]
struct Earlier {
    size: TerminalSize,
    output: Vec<u8>,
}

/// Reads it; what can't be read is not shown, which is no reason to hold nothing.
fn earlier(log: &Utf8Path) -> Earlier {
    let size = journal::last_size(log).unwrap_or_default();
    let output = log::raw_run_tail(log).unwrap_or_else(|error| {
        tracing::warn!(%error, "what the screen showed is not known");
        Vec::new()
    });
    Earlier { size, output }
}

impl Held {
    /// Takes the session's lock and socket and starts (or takes again) its main process.
    ///
    /// On an error nothing is left: the main process is the last thing to be started.
    pub(crate) async fn begin(
        request: HoldRequest,
        parts: HolderParts,
        leftovers: Leftovers,
    ) -> Result<Self> {
        let place = Place::new(&request.home, &request.id);
        place.make()?;
        let lock = place.lock().await?;
        let listener = place.listen()?;
        let is_new = request.launch.is_some();
        let earlier = (!is_new).then(|| earlier(&place.log));
        let journal = match Journal::open(&place.log, parts.log_file_bytes) {
            Ok(mut journal) => {
                if is_new {
                    journal.append(RUN_MARK.into());
                }
                Some(journal)
            }
            // A session without a log is better than none.
            Err(error) => {
                tracing::warn!(%error, "the terminal's log can't be opened");
                None
            }
        };
        let backend = parts.backends.make(&request.backend, &Layout::new(&request.home))?;
        let survives = backend.capabilities().survives_holder;
        let started = async {
            let session = backend.open(&request.id).await?;
            let main = match &request.launch {
                Some(launch) => session.start(launch).await?,
                None => session.main_process().await?.ok_or_else(|| {
                    let message = "the session does not run; start it";
                    Error::new(ErrorKind::Refused, "holder.start", message)
                })?,
            };
            Ok((session, main))
        };
        match started.await {
            Ok((session, main)) => Ok(Self {
                recorder: parts.recorder,
                request,
                place,
                lock,
                listener,
                session,
                main,
                journal,
                earlier,
                leftovers,
                survives,
            }),
            Err(error) => {
                place.remove_socket();
                Err(Error::with_session(error, request.name))
            }
        }
    }

    /// Serves clients until the main process has ended and that is recorded, or until it is
    /// `dismissed`: then a session that outlives its holder goes on, and another is ended.
    pub(crate) async fn run(self, dismissed: impl Future<Output = ()>) {
        let Self { main, session, .. } = &self;
        let control = Arc::clone(&main.control);
        let size = match (&self.request.launch, &self.earlier) {
            (Some(launch), _) => launch.size,
            (None, Some(earlier)) => earlier.size,
            (None, None) => TerminalSize::default(),
        };
        let (hub_messages, mut messages) = mpsc::channel(MESSAGES);
        let tracker = TaskTracker::new();
        let reception = Reception::new(
            hub_messages,
            Arc::clone(session),
            self.place.log.clone(),
            tracker.clone(),
        );
        let reception = tokio::spawn(reception.run(self.listener));
        let keyboard = Keyboard::new(self.main.input, Arc::clone(&control));
        let mut hub = Hub::new(size, keyboard, self.journal);
        if let Some(earlier) = self.earlier {
            hub.recall(&earlier.output);
        }
        let mut output = self.main.output;
        let leftovers = self.leftovers;
        let ended = async {
            let exit = wait(control.as_ref()).await;
            end_leftovers(leftovers, self.session.as_ref()).await;
            exit
        };
        let dismissed = async {
            dismissed.await;
            if !self.survives {
                end_leftovers(leftovers, self.session.as_ref()).await;
                std::future::pending().await
            }
        };
        let exit = hub.run(&mut output, &mut messages, ended, dismissed).await;
        if let Some(journal) = hub.take_journal() {
            // It only fails if the runtime is being shut down.
            let _ = tokio::task::spawn_blocking(|| journal.close()).await;
        }
        let farewell = match exit {
            Some(exit) => {
                let id = self.request.id;
                let last_activity = hub.last_activity();
                let ending = Ending { id, exit: exit.clone(), last_activity };
                record(self.recorder.as_ref(), &ending).await;
                Frame::Exited(exit)
            }
            None => Frame::Goodbye("the holder was told to leave".to_owned()),
        };
        if self.request.awaits_client && matches!(farewell, Frame::Exited(_)) {
            hub.await_first_client(&mut messages, FIRST_CLIENT).await;
        }
        reception.abort();
        self.place.remove_socket();
        drop(self.lock);
        hub.hear_the_last(&mut messages).await;
        for outbox in hub.part() {
            outbox.frame(&farewell);
            outbox.finish();
        }
        tracker.close();
        if tokio::time::timeout(FAREWELL, tracker.wait()).await.is_err() {
            tracing::debug!("a client did not read the end");
        }
    }
}

async fn wait(control: &dyn ProcessControl) -> Exit {
    match control.wait().await {
        Ok(exit) => exit,
        Err(error) => {
            let mut exit = Exit::with_code(255, Timestamp::now());
            exit.reason = Some(format!("unknown: {error}"));
            exit
        }
    }
}

async fn end_leftovers(leftovers: Leftovers, session: &dyn Session) {
    match leftovers {
        Leftovers::Descendants => {
            let end = || descendants::end_all(LEFTOVERS_GRACE);
            if tokio::task::spawn_blocking(end).await.is_err() {
                tracing::warn!("ending the session's processes panicked");
            }
        }
        Leftovers::Backend => {
            if let Err(error) = session.stop(LEFTOVERS_GRACE).await {
                tracing::warn!(%error, "what the main process left behind could not be ended");
            }
        }
    }
}

async fn record(recorder: &dyn Recorder, ending: &Ending) {
    match tokio::time::timeout(RECORDING, recorder.ended(ending)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the session's end could not be recorded"),
        Err(_) => tracing::error!("the session's end could not be recorded in time"),
    }
}
