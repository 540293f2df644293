//! A fixture for backends whose sessions have directories of the host.

use std::fs;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Backend, Error, ErrorKind, Layout, ProbeReport, ResolvedSpec, Result, SessionId,
};

use crate::runner::block_on;
use crate::{Failure, Fixture, Hooks};

/// A [`Fixture`] for a backend that keeps a session's own things in `sessions/<id>/<part>` of a
/// [`Layout`]: a home and a directory, both in a temporary one.
///
/// Half made is a session that has this directory and nothing in it; vanished is one that lacks it.
/// Where the backend's own probe says that no session can be made, the clauses are skipped for that
/// reason.
pub struct HomeFixture<M> {
    place: HomePlace,
    make: M,
}

/// A home and a directory, in a temporary one.
pub(crate) struct HomePlace {
    _place: tempfile::TempDir,
    pub(crate) layout: Layout,
    pub(crate) directory: Utf8PathBuf,
    part: String,
}

impl HomePlace {
    pub(crate) fn new(part: impl Into<String>) -> Result<Self> {
        let place = tempfile::tempdir().map_err(failed)?;
        let path = Utf8PathBuf::from_path_buf(place.path().canonicalize().map_err(failed)?)
            .map_err(|path| {
                let message = format!("`{}` is not UTF-8; set TMPDIR", path.display());
                Error::new(ErrorKind::InvalidInput, "fixture.new", message)
            })?;
        let directory = path.join("directory");
        fs::create_dir(&directory).map_err(failed)?;
        let layout = Layout::new(path.join("home"));
        Ok(Self { _place: place, layout, directory, part: part.into() })
    }

    /// What a backend keeps of a session.
    pub(crate) fn part(&self, id: &SessionId) -> Utf8PathBuf {
        self.layout.session(id).join(&self.part)
    }
}

impl<M: Fn(&Layout) -> Arc<dyn Backend> + Send + Sync + 'static> HomeFixture<M> {
    /// A new home for the backend that `make` gives.
    pub fn new(part: impl Into<String>, make: M) -> Result<Self> {
        Ok(Self { place: HomePlace::new(part)?, make })
    }
}

#[async_trait]
impl<M: Fn(&Layout) -> Arc<dyn Backend> + Send + Sync + 'static> Fixture for HomeFixture<M> {
    async fn backend(&self) -> Result<Arc<dyn Backend>> {
        Ok((self.make)(&self.place.layout))
    }

    fn directory(&self) -> &Utf8Path {
        &self.place.directory
    }

    /// What the backend's probe finds wrong.
    fn unavailable(&self) -> Option<String> {
        let backend = (self.make)(&self.place.layout);
        let probe = || block_on(async { backend.probe().await.map_err(Failure::from) });
        // A runtime can't be waited for inside another, and the caller may be in one.
        let report = std::thread::scope(|scope| scope.spawn(probe).join());
        match report {
            Ok(Ok(report)) => what_failed(&report),
            Ok(Err(failure)) => Some(failure.to_string()),
            Err(_) => Some("its probe panicked".to_owned()),
        }
    }

    fn hooks(&self) -> Hooks {
        Hooks::new().with_half_made(1).with_vanish()
    }

    async fn half_made(&self, id: &SessionId, _: &ResolvedSpec, _: usize) -> Result<()> {
        fs::create_dir_all(self.place.part(id)).map_err(failed)
    }

    async fn vanish(&self, id: &SessionId) -> Result<()> {
        fs::remove_dir_all(self.place.part(id)).map_err(failed)
    }
}

fn what_failed(report: &ProbeReport) -> Option<String> {
    let failed = |check: &&session_core::Check| check.outcome == session_core::CheckOutcome::Failed;
    let messages: Vec<_> =
        report.checks.iter().filter(failed).map(|check| check.message.as_str()).collect();
    (!messages.is_empty()).then(|| messages.join("; "))
}

pub(crate) fn failed(error: io::Error) -> Error {
    Error::io("fixture.prepare", "can't prepare the fixture", error)
}
