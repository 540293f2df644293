//! What the command does with an engine's images.

use std::any::Any;
use std::io::Cursor;
use std::sync::Arc;

use backend_docker::{BuildRequest, DockerBackend, Engine, ImageName, ImageProgress};
use backend_podman::PodmanBackend;
use serde::Serialize;
use session_core::{Backend, ByteStream, Error, Result};

/// The label of images that this command builds; its value is the agent.
const LABEL: &str = "sessctl.image";

/// The images of one engine.
#[derive(Debug)]
pub(crate) struct Images(Arc<dyn Backend>);

/// An image to be built of a Dockerfile alone: there is no context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Build<'a> {
    /// What it is to be called.
    pub(crate) name: &'a str,
    pub(crate) dockerfile: &'a str,
    /// Its arguments and their values.
    pub(crate) arguments: &'a [(&'a str, &'a str)],
}

/// An image that was built.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BuiltImage {
    /// What it is called.
    pub(crate) name: String,
    /// The agent that is in it.
    pub(crate) agent: String,
    /// The engine's id for it.
    pub(crate) id: String,
    /// All its layers, in bytes.
    pub(crate) size_bytes: u64,
}

impl Images {
    /// The images of a backend's engine, over the backend's own connection; none of a backend that
    /// a program put in the place of one of ours.
    pub(crate) fn of(backend: Arc<dyn Backend>) -> Option<Self> {
        let any: &dyn Any = &*backend;
        (any.is::<DockerBackend>() || any.is::<PodmanBackend>()).then_some(Self(backend))
    }

    /// Whether the engine has `image`.
    pub(crate) async fn has(&self, image: &str) -> Result<bool> {
        let name = ImageName::new(image)?;
        Ok(self.engine().await?.image(&name).await?.is_some())
    }

    /// Builds an image; each line that the engine says is told.
    pub(crate) async fn build(
        &self,
        build: &Build<'_>,
        mut tell: impl FnMut(&str) + Send,
    ) -> Result<()> {
        let mut request = BuildRequest::new(ImageName::new(build.name)?);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        request.arguments.extend(build.arguments.iter().map(owned));
        let context = context(build.dockerfile)
            .map_err(|error| Error::io("sessctl.image", "can't pack the Dockerfile", error))?;
        let tell = |step: ImageProgress| {
            step.text.lines().filter(|line| !line.trim().is_empty()).for_each(&mut tell);
        };
        self.engine().await?.build(&request, context, tell).await.map(drop)
    }

    /// Fetches an image from its registry; each step that is not only a count is told.
    pub(crate) async fn pull(&self, image: &str, mut tell: impl FnMut(&str) + Send) -> Result<()> {
        let name = ImageName::new(image)?;
        let tell = |step: ImageProgress| {
            let layer = step.layer.map(|layer| format!("{layer}: ")).unwrap_or_default();
            match step.bytes {
                Some((done, all)) if done < all => {}
                _ => tell(&format!("{layer}{}", step.text)),
            }
        };
        self.engine().await?.pull(&name, tell).await.map(drop)
    }

    /// The images that this command has built.
    pub(crate) async fn list(&self) -> Result<Vec<BuiltImage>> {
        let images = self.engine().await?.images(Some(LABEL)).await?;
        let built = images.into_iter().flat_map(|image| {
            let agent = image.labels.get(LABEL).cloned().unwrap_or_default();
            let (id, size_bytes) = (image.id, image.size);
            image.names.into_iter().map(move |name| BuiltImage {
                name: short(&name).to_owned(),
                agent: agent.clone(),
                id: id.clone(),
                size_bytes,
            })
        });
        Ok(built.collect())
    }

    async fn engine(&self) -> Result<&Engine> {
        let any: &dyn Any = &*self.0;
        if let Some(backend) = any.downcast_ref::<DockerBackend>() {
            return backend.engine().await;
        }
        any.downcast_ref::<PodmanBackend>().expect("`of` takes no other").engine().await
    }
}

/// The name as it is typed: Podman shows where it would look for it, too.
fn short(name: &str) -> &str {
    let prefixes = ["localhost/", "docker.io/library/"];
    prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

/// An archive of a Dockerfile and nothing else.
fn context(dockerfile: &str) -> std::io::Result<ByteStream> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    archive.append_data(&mut header, "Dockerfile", Cursor::new(dockerfile))?;
    let bytes = archive.into_inner()?;
    Ok(Box::pin(futures_util::stream::once(async move { Ok(bytes.into()) })))
}
