//! A countdown that ends the work, or the process, wherever it runs out.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use session_core::{
    DamagedEntry, Entry, Filter, Progress, Registry, Result, Revision, SessionId, SessionName,
    SessionRecord,
};

/// What happens when it runs out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Blow {
    /// The process is killed, as by `kill -9`.
    Kill,
    /// The task unwinds: everything after this point is not done, as after a kill.
    Unwind,
}

#[derive(Debug, Clone)]
pub(crate) struct Fuse {
    left: Arc<AtomicI64>,
    blow: Blow,
}

impl Fuse {
    /// One that does not burn before it is lit.
    pub(crate) fn new(blow: Blow) -> Self {
        Self { left: Arc::new(AtomicI64::new(-1)), blow }
    }

    /// It blows at the `count`th point from now, counted from 0.
    pub(crate) fn light(&self, count: u32) {
        self.left.store(i64::from(count) + 1, Ordering::SeqCst);
    }

    /// Whether it still burns; it does not burn on.
    pub(crate) fn put_out(&self) -> bool {
        self.left.swap(-1, Ordering::SeqCst) > 0
    }

    /// A point at which the work may be cut off.
    pub(crate) fn point(&self) {
        if self.left.load(Ordering::SeqCst) > 0 && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            match self.blow {
                Blow::Kill => {
                    let this = rustix::process::getpid();
                    let _ = rustix::process::kill_process(this, rustix::process::Signal::KILL);
                    loop {
                        std::thread::park();
                    }
                }
                // Without the panic hook: it is no failure.
                Blow::Unwind => std::panic::resume_unwind(Box::new("the fuse blew")),
            }
        }
    }

    /// Each event is a point.
    pub(crate) fn progress(&self) -> Progress {
        let fuse = self.clone();
        Progress::new(move |_| fuse.point())
    }
}

/// A registry that tells of each call, of changes before and after, of lists after.
pub(crate) struct Hooked {
    pub(crate) inner: Arc<dyn Registry>,
    pub(crate) hook: Box<dyn Fn(Call) + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Reads,
    Changes,
    /// A list was read.
    Listed,
}

impl Hooked {
    /// With a point before and after each change.
    pub(crate) fn fused(inner: Arc<dyn Registry>, fuse: &Fuse) -> Self {
        let fuse = fuse.clone();
        let hook = move |call| {
            if call == Call::Changes {
                fuse.point();
            }
        };
        Self { inner, hook: Box::new(hook) }
    }

    async fn change<T>(&self, work: impl Future<Output = T> + Send) -> T {
        (self.hook)(Call::Changes);
        let outcome = work.await;
        (self.hook)(Call::Changes);
        outcome
    }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl Registry for Hooked {
    async fn insert(&self, record: &SessionRecord) -> Result<Revision> {
        self.change(self.inner.insert(record)).await
    }

    async fn fetch(&self, id: &SessionId) -> Result<Entry> {
        (self.hook)(Call::Reads);
        self.inner.fetch(id).await
    }

    async fn find(&self, name: &SessionName) -> Result<Entry> {
        self.inner.find(name).await
    }

    async fn update(&self, record: &SessionRecord, seen: Revision) -> Result<Revision> {
        self.change(self.inner.update(record, seen)).await
    }

    async fn remove(&self, id: &SessionId) -> Result<()> {
        self.change(self.inner.remove(id)).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Result<Entry, DamagedEntry>>> {
        let listed = self.inner.list(filter).await;
        (self.hook)(Call::Listed);
        listed
    }
}
