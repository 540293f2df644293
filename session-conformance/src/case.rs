//! One run of one clause: the sessions it makes and the ways to look at them.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use camino::Utf8PathBuf;
use session_core::{
    Backend, ErrorKind, ExecRequest, Exit, Found, Input, Launch, Output, Process, ProcessControl,
    ResolvedSpec, Result, Session, SessionId, SessionName,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::clause::{Failure, Verdict, ensure};
use crate::{Fixture, Step};

/// So many lines that no backend keeps them all for who does not read.
pub(crate) const FLOOD: u32 = 5_000_000;
/// When a process that writes them waits for its reader. Where it does not yet, the clause sees
/// less and is kept all the same.
pub(crate) const FILLED: Duration = Duration::from_secs(3);

/// What a clause works with.
pub(crate) struct Case {
    pub(crate) fixture: Arc<dyn Fixture>,
    pub(crate) backend: Arc<dyn Backend>,
    made: Mutex<Vec<SessionId>>,
    count: AtomicUsize,
}

/// A session with what it was made from.
pub(crate) struct Made {
    pub(crate) id: SessionId,
    pub(crate) spec: ResolvedSpec,
    pub(crate) session: Arc<dyn Session>,
}

impl Case {
    pub(crate) async fn new(fixture: Arc<dyn Fixture>) -> Result<Self> {
        let backend = fixture.backend().await?;
        Ok(Self { fixture, backend, made: Mutex::default(), count: AtomicUsize::new(0) })
    }

    /// An id that is destroyed after the clause.
    pub(crate) fn id(&self) -> SessionId {
        let id = SessionId::new();
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        id
    }

    /// A spec with a directory of its own, made, and a working directory below it.
    pub(crate) fn spec(&self) -> Verdict<ResolvedSpec> {
        // Names are unique for an engine, which the clauses that run side by side may share.
        let name = format!("s{}-{}", self.count.fetch_add(1, Ordering::Relaxed), SessionId::new());
        let directory = self.fixture.directory().join(&name);
        let working_directory = directory.join("workspace");
        std::fs::create_dir_all(&working_directory)?;
        let command = self.fixture.program(&[Step::Wait]);
        let name = SessionName::try_from(name)?;
        let mut spec = ResolvedSpec::new(name, self.backend.kind(), command, directory);
        spec.working_directory = working_directory;
        spec.container = self.fixture.container();
        spec.labels.insert("conformance".to_owned(), "yes".to_owned());
        Ok(spec)
    }

    pub(crate) async fn make(&self) -> Verdict<Made> {
        let (id, spec) = (self.id(), self.spec()?);
        let session = self.backend.create(&id, &spec).await?;
        Ok(Made { id, spec, session })
    }

    /// A session in which `exec` works: with a main process, where it needs one.
    pub(crate) async fn ready(&self) -> Verdict<(Made, Option<Running>)> {
        let made = self.make().await?;
        let main = if self.backend.capabilities().exec_when_stopped {
            None
        } else {
            Some(self.start(&made, &[Step::Wait]).await?)
        };
        Ok((made, main))
    }

    /// A handle that shares nothing with the others.
    pub(crate) async fn fresh(&self) -> Verdict<Arc<dyn Backend>> {
        Ok(self.fixture.backend().await?)
    }

    /// The session through a handle that shares nothing with the others.
    pub(crate) async fn reopen(&self, id: &SessionId) -> Verdict<Arc<dyn Session>> {
        Ok(self.fresh().await?.open(id).await?)
    }

    pub(crate) fn launch(&self, steps: &[Step]) -> Launch {
        Launch::new(self.fixture.program(steps)).with_environment(self.fixture.environment())
    }

    pub(crate) async fn start(&self, made: &Made, steps: &[Step]) -> Verdict<Running> {
        Ok(Running::of(made.session.start(&self.launch(steps)).await?))
    }

    pub(crate) fn request(&self, steps: &[Step]) -> ExecRequest {
        ExecRequest::new(self.fixture.program(steps)).with_environment(self.fixture.environment())
    }

    /// Runs a program beside the main one to its end.
    pub(crate) async fn exec(&self, made: &Made, steps: &[Step]) -> Verdict<Ran> {
        Ran::of(made.session.exec(self.request(steps)).await?, Vec::new()).await
    }

    pub(crate) async fn found(&self, id: &SessionId) -> Verdict<Option<Found>> {
        Ok(self.fresh().await?.list().await?.into_iter().find(|found| found.id == *id))
    }

    /// A word that no other process has on its command line.
    pub(crate) fn token(&self) -> String {
        format!("token-{}", SessionId::new())
    }

    /// A path that is in no session.
    pub(crate) fn outside(&self, name: &str) -> Utf8PathBuf {
        self.fixture.directory().join(name)
    }

    /// Destroys what the clause made; what goes wrong here is not the clause's matter.
    pub(crate) async fn clean(&self) {
        let ids = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        for id in ids {
            let bound = Duration::from_secs(20);
            let _ = tokio::time::timeout(bound, self.backend.destroy(&id)).await;
        }
    }
}

/// A main process whose output is read by the clause.
pub(crate) struct Running {
    pub(crate) screen: Screen,
    pub(crate) input: Input,
    pub(crate) control: Arc<dyn ProcessControl>,
}

impl Running {
    pub(crate) fn of(main: session_core::MainProcess) -> Self {
        Self { screen: Screen::of(main.output), input: main.input, control: main.control }
    }

    pub(crate) async fn type_line(&mut self, line: &str) -> Verdict {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(self.input.flush().await?)
    }

    /// Reads to the end of its output, then waits for its end.
    pub(crate) async fn finish(&mut self) -> Verdict<(String, Exit)> {
        let text = self.screen.rest().await?;
        Ok((text, self.control.wait().await?))
    }
}

/// What was written to a terminal, without carriage returns.
pub(crate) struct Screen {
    output: Output,
    seen: Vec<u8>,
}

impl Screen {
    pub(crate) fn of(output: Output) -> Self {
        Self { output, seen: Vec::new() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).replace('\r', "")
    }

    /// Reads until `needle` was written; fails at the end of the output.
    pub(crate) async fn until(&mut self, needle: &str) -> Verdict {
        let mut chunk = [0; 4096];
        loop {
            if self.text().contains(needle) {
                return Ok(());
            }
            let count = self.output.read(&mut chunk).await?;
            ensure!(count > 0, "the output ended without `{needle}`: {:?}", self.text());
            self.seen.extend_from_slice(&chunk[..count]);
        }
    }

    /// Reads to the end and gives everything that was written.
    pub(crate) async fn rest(&mut self) -> Verdict<String> {
        self.output.read_to_end(&mut self.seen).await?;
        Ok(self.text())
    }
}

/// What came of a process beside the main one.
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Ran {
    /// Writes `input`, if an input was asked for, closes it, and reads everything.
    pub(crate) async fn of(process: Process, input: Vec<u8>) -> Verdict<Self> {
        let Process { stdin, mut stdout, stderr, control, .. } = process;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let write = async {
            if let Some(mut stdin) = stdin {
                stdin.write_all(&input).await?;
                stdin.shutdown().await?;
            }
            std::io::Result::Ok(())
        };
        let read_err = async {
            if let Some(mut stderr) = stderr {
                stderr.read_to_end(&mut err).await?;
            }
            std::io::Result::Ok(())
        };
        let (written, read, read_err) = tokio::join!(write, stdout.read_to_end(&mut out), read_err);
        written?;
        read?;
        read_err?;
        Ok(Self { exit: control.wait().await?, stdout: out, stderr: err })
    }

    /// Its standard output without carriage returns.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).replace('\r', "")
    }
}

/// Looks again and again until `look` gives something; the clause's bound ends it.
pub(crate) async fn eventually<T, F>(mut look: impl FnMut() -> F + Send) -> Verdict<T>
where
    F: Future<Output = Verdict<Option<T>>> + Send,
    T: Send,
{
    loop {
        if let Some(value) = look().await? {
            return Ok(value);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Takes the error out of a result that must be one, of this kind.
pub(crate) fn refused<T>(result: Result<T>, kind: ErrorKind, what: &str) -> Verdict {
    match result {
        Ok(_) => Err(Failure::new(format!("{what} succeeded, and should be {kind:?}"))),
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(Failure::new(format!(
            "{what} should be {kind:?} and was {:?}: {error}",
            error.kind()
        ))),
    }
}
