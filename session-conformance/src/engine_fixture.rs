//! A fixture for backends whose sessions are containers of an engine that the tests share.

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    Backend, ContainerOptions, Error, ErrorKind, Launch, Layout, MainProcess, Network,
    ResolvedSpec, Result, SessionId,
};

use crate::deaf_ear::deaf_ear;
use crate::home::{HomePlace, failed};
use crate::late_ear::LateEar;
use crate::stand_in::StandIn;
use crate::{Fixture, Hooks, engines};

/// Where nobody is: clauses that need no engine have an address all the same.
const NOWHERE: &str = "unix:///nowhere";

/// A [`Fixture`] for a backend that makes containers in one of the engines of [`engines`] and keeps
/// what it must remember in `sessions/<id>/<part>` of a [`Layout`].
///
/// A home and a directory of its own for each clause. Half made is a session that has its directory, one
/// that has what is mounted too, and one that has its container and lacks `session.json`.
pub struct EngineFixture<M> {
    place: HomePlace,
    address: std::result::Result<String, String>,
    upload: bool,
    make: M,
    deaf_ear: std::sync::Mutex<Option<StandIn>>,
}

impl<M: Fn(&Layout, &str) -> Arc<dyn Backend> + Send + Sync + 'static> EngineFixture<M> {
    /// A new home for the backend that `make` gives for an engine's address: the engine at `address`,
    /// or none and the reason why.
    pub fn new(
        part: impl Into<String>,
        address: std::result::Result<String, String>,
        make: M,
    ) -> Result<Self> {
        let place = HomePlace::new(part)?;
        Ok(Self { place, address, upload: false, make, deaf_ear: std::sync::Mutex::default() })
    }

    /// Keeps workspaces in volumes of the engine, as if it did not see the host's directories.
    #[must_use]
    pub fn with_upload(mut self) -> Self {
        self.upload = true;
        self
    }
}

#[async_trait]
impl<M: Fn(&Layout, &str) -> Arc<dyn Backend> + Send + Sync + 'static> Fixture
    for EngineFixture<M>
{
    async fn backend(&self) -> Result<Arc<dyn Backend>> {
        Ok((self.make)(&self.place.layout, self.address.as_deref().unwrap_or(NOWHERE)))
    }

    fn directory(&self) -> &Utf8Path {
        &self.place.directory
    }

    fn unavailable(&self) -> Option<String> {
        self.address.clone().err()
    }

    fn container(&self) -> ContainerOptions {
        let mut options = ContainerOptions::default();
        options.image = Some(engines::TOOLS_IMAGE.to_owned());
        // A test engine may have no network to give.
        options.network = Some(Network::None);
        options.upload = self.upload;
        options
    }

    fn hooks(&self) -> Hooks {
        let hooks = Hooks::new().with_half_made(3).with_vanish();
        match self.socket() {
            Some(_) => hooks.with_unanswered(),
            None => hooks,
        }
    }

    /// The steps of `create`: the directory, what is mounted, the container. The mark of a whole
    /// session is the last one.
    async fn half_made(&self, id: &SessionId, spec: &ResolvedSpec, stage: usize) -> Result<()> {
        let part = self.place.part(id);
        if stage == 2 {
            self.backend().await?.create(id, spec).await?;
            return fs::remove_file(part.join("session.json")).map_err(failed);
        }
        fs::create_dir_all(&part).map_err(failed)?;
        match stage {
            0 => Ok(()),
            _ => fs::create_dir(part.join("run")).map_err(failed),
        }
    }

    async fn vanish(&self, id: &SessionId) -> Result<()> {
        fs::remove_dir_all(self.place.part(id)).map_err(failed)
    }

    async fn unanswered(&self) -> Result<Arc<dyn Backend>> {
        let socket = self.socket().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "fixture.unanswered", "the engine has no socket")
        })?;
        // Containers of sessions; others are made to read an image.
        let ear = deaf_ear(socket, "/containers/create?name=sessctl-").map_err(failed)?;
        let backend = (self.make)(&self.place.layout, &ear.address());
        // It listens as long as the fixture is there.
        *self.deaf_ear.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(ear);
        Ok(backend)
    }

    async fn late_start(&self, id: &SessionId, launch: &Launch) -> Result<MainProcess> {
        let away = |what: &str| Error::new(ErrorKind::Unsupported, "fixture.late_start", what);
        let socket = self.socket().ok_or_else(|| away("the engine has no socket"))?;
        let ear = LateEar::new(socket, "/start").map_err(failed)?;
        let session = (self.make)(&self.place.layout, &ear.address()).open(id).await?;
        let started = session.start(launch).await;
        let heard = tokio::task::spawn_blocking(move || ear.let_through());
        match heard.await.map_err(|error| failed(error.into()))?.map_err(failed)? {
            true => started,
            false => Err(away("the engine was not asked to start anything")),
        }
    }
}

impl<M> EngineFixture<M> {
    fn socket(&self) -> Option<Utf8PathBuf> {
        Some(self.address.as_deref().ok().or(Some(NOWHERE))?.strip_prefix("unix://")?.into())
    }
}
