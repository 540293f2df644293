//! What the command does with an engine's images.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::Serialize;
use session_core::{Error, ErrorKind, Result};

/// The images of one engine.
#[async_trait]
pub(crate) trait Images: Debug + Send + Sync {
    /// Whether the engine has `image`.
    async fn has(&self, image: &str) -> Result<bool>;

    /// Builds an image; each line that the engine says is told.
    async fn build(&self, build: &Build<'_>, tell: &mut (dyn FnMut(&str) + Send)) -> Result<()>;

    /// Fetches an image from its registry; how far that is, is told.
    async fn pull(&self, image: &str, tell: &mut (dyn FnMut(&str) + Send)) -> Result<()>;

    /// The images that this command has built.
    async fn list(&self) -> Result<Vec<BuiltImage>>;
}

/// An image to be built of a Dockerfile alone: there is no context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Build<'a> {
    /// What it is to be called.
    pub(crate) name: &'a str,
    pub(crate) dockerfile: &'a str,
    /// The value of the argument `BASE`.
    pub(crate) base: &'a str,
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

/// The images of the engine `kind`; `Unsupported` for what is no engine.
pub(crate) fn of(kind: &str) -> Result<Box<dyn Images>> {
    let message = format!("backend `{kind}` has no images");
    Err(Error::new(ErrorKind::Unsupported, "sessctl.image", message))
}
