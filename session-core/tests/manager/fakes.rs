//! Workspaces that make a directory with a file, and holders in this process.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    AttachOptions, Attachment, Backend, Catalog, Error, ErrorKind, Exit, HoldRequest, Launch,
    MainProcess, Progress, ProjectPlan, ProjectRecord, Result, SessionId, SourceFacts,
    TerminalEvent, TerminalInput, TerminalOutput, TerminalSize, Terminals, UnsavedWork, Workspaces,
};
use tokio::io::AsyncReadExt as _;

/// Copies the one file of a project.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// The next call fails after its first byte, as far as it has cleaned up.
    pub(crate) fails: AtomicBool,
    /// Calls wait until they are cancelled or let go.
    pub(crate) waits: AtomicBool,
    /// Calls that have begun.
    pub(crate) begun: AtomicUsize,
}

#[async_trait]
impl Workspaces for Copies {
    async fn survey(&self, source: &Utf8Path) -> Result<SourceFacts> {
        if !source.is_dir() {
            let message = format!("`{source}` is not there");
            return Err(Error::new(ErrorKind::NotFound, "fake.survey", message));
        }
        let mut facts = SourceFacts::directory(source);
        facts.inside =
            source.parent().filter(|top| top.join(".top").exists()).map(ToOwned::to_owned);
        Ok(facts)
    }

    async fn provision(
        &self,
        plan: &ProjectPlan,
        root: &Utf8Path,
        progress: &Progress,
    ) -> Result<ProjectRecord> {
        let path = root.join(&plan.name);
        let failed = |error| Error::io("fake.provision", "can't copy", error);
        std::fs::create_dir(&path).map_err(failed)?;
        self.begun.fetch_add(1, Ordering::SeqCst);
        let waiting = || async {
            let done = !self.waits.load(Ordering::SeqCst) || progress.is_cancelled();
            done.then_some(())
        };
        crate::until("leave to copy", waiting).await;
        let fails = self.fails.swap(false, Ordering::SeqCst);
        let checked = progress.check("fake.provision").and_then(|()| match fails {
            true => {
                Err(Error::new(ErrorKind::StorageFull, "fake.provision", "it was told to fail"))
            }
            false => Ok(()),
        });
        if let Err(error) = checked {
            std::fs::remove_dir(&path).map_err(failed)?;
            return Err(error);
        }
        std::fs::copy(plan.source.join("file"), path.join("file")).map_err(failed)?;
        Ok(ProjectRecord::new(plan, path))
    }

    async fn unsaved(&self, _: &ProjectRecord) -> Result<UnsavedWork> {
        Ok(UnsavedWork::default())
    }
}

/// Holders that are tasks of this process.
#[derive(Debug)]
pub(crate) struct Holders {
    backend: Arc<dyn Backend>,
    catalog: Catalog,
    /// Whether they record ends; a holder that was killed does not.
    pub(crate) records: AtomicBool,
    /// The next one fails to start.
    pub(crate) fails: AtomicBool,
    /// What each was asked to launch.
    pub(crate) launches: Mutex<Vec<Option<Launch>>>,
    held: Arc<Mutex<BTreeSet<(Utf8PathBuf, SessionId)>>>,
}

impl Holders {
    pub(crate) fn new(backend: Arc<dyn Backend>, catalog: Catalog) -> Self {
        Self {
            backend,
            catalog,
            records: AtomicBool::new(true),
            fails: AtomicBool::new(false),
            launches: Mutex::default(),
            held: Arc::default(),
        }
    }

    /// Kills the holder of a session; its main process goes on.
    pub(crate) fn kill(&self, home: &Utf8Path, id: &SessionId) {
        self.held.lock().expect("nobody panics with it").remove(&(home.to_owned(), *id));
    }
}

#[async_trait]
impl Terminals for Holders {
    async fn hold(&self, request: HoldRequest) -> Result<()> {
        self.launches.lock().expect("nobody panics with it").push(request.launch.clone());
        if self.fails.swap(false, Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Io, "fake.hold", "it was told to fail"));
        }
        let session = self.backend.open(&request.id).await?;
        let main = match &request.launch {
            Some(launch) => session.start(launch).await?,
            None => session.main_process().await?.ok_or_else(|| {
                Error::new(ErrorKind::Lost, "fake.hold", "there is no main process")
            })?,
        };
        let key = (request.home.clone(), request.id);
        self.held.lock().expect("nobody panics with it").insert(key.clone());
        let records = self.records.load(Ordering::SeqCst).then(|| self.catalog.clone());
        let held = Arc::clone(&self.held);
        tokio::spawn(async move {
            let exit = drain(main).await;
            if let Some(catalog) = records {
                // The session may have been removed meanwhile; then there is nothing to record.
                let _ = catalog.record_end(&key.1, exit, None).await;
            }
            held.lock().expect("nobody panics with it").remove(&key);
        });
        Ok(())
    }

    async fn is_held(&self, home: &Utf8Path, id: &SessionId) -> Result<bool> {
        let held = self.held.lock().expect("nobody panics with it");
        Ok(held.contains(&(home.to_owned(), *id)))
    }

    async fn attach(
        &self,
        home: &Utf8Path,
        id: &SessionId,
        _: &AttachOptions,
    ) -> Result<Attachment> {
        if !self.is_held(home, id).await? {
            return Err(Error::new(ErrorKind::Refused, "fake.attach", "nobody holds it"));
        }
        Ok(Attachment::new(Box::new(Nothing), Box::new(Nothing)))
    }
}

async fn drain(mut main: MainProcess) -> Exit {
    let mut buffer = [0; 256];
    while main.output.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    main.control.wait().await.expect("the fake's processes can be waited for")
}

/// Both halves of a client that sees nothing.
#[derive(Debug)]
struct Nothing;

#[async_trait]
impl TerminalOutput for Nothing {
    async fn next(&mut self) -> Result<TerminalEvent> {
        Ok(TerminalEvent::Detached)
    }
}

#[async_trait]
impl TerminalInput for Nothing {
    async fn send(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    async fn resize(&mut self, _: TerminalSize) -> Result<()> {
        Ok(())
    }
}
