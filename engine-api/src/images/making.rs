//! Pulling and building.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bollard::query_parameters::{BuildImageOptions, BuilderVersion, CreateImageOptions};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use session_core::{ByteStream, Error, ErrorKind, Result};

use super::{ImageFacts, ImageName};
use crate::Engine;

/// The longest end of a build's output that an error repeats.
const TAIL: usize = 1_000;

/// What to build.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BuildRequest {
    /// What the image will be called.
    pub name: ImageName,
    /// The recipe's path in the context.
    pub dockerfile: String,
    /// Values for the recipe's `ARG`s. They stay visible in the image: no secrets.
    pub arguments: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Whether each step is done anew.
    pub fresh: bool,
}

impl BuildRequest {
    /// A build of `Dockerfile`.
    pub fn new(name: ImageName) -> Self {
        Self {
            name,
            dockerfile: "Dockerfile".to_owned(),
            arguments: BTreeMap::new(),
            labels: BTreeMap::new(),
            fresh: false,
        }
    }
}

/// One step of a pull or a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageProgress {
    /// The layer that it is about.
    pub layer: Option<String>,
    /// What was done or said, without control characters but line ends and tabs.
    pub text: String,
    /// How many bytes of the layer are done, of how many.
    pub bytes: Option<(u64, u64)>,
}

impl Engine {
    /// Gets the image called `name` from its registry, and tells `progress` of each step.
    ///
    /// Dropping the future leaves what was pulled so far to the next attempt.
    pub async fn pull(
        &self,
        name: &ImageName,
        mut progress: impl FnMut(ImageProgress) + Send,
    ) -> Result<ImageFacts> {
        const OPERATION: &str = "engine.pull";
        let doing = format!("pull the image `{name}`");
        let (short, tag) = name.split();
        // Without a tag, all of them would come.
        let tag = Some(tag.unwrap_or("latest").to_owned());
        let from_image = Some(short.to_owned());
        let options = CreateImageOptions { from_image, tag, ..Default::default() };
        let mut steps = std::pin::pin!(self.long().create_image(Some(options), None, None));
        while let Some(step) = steps.next().await {
            let step = step.map_err(|failure| self.error(OPERATION, &doing, failure))?;
            let detail = step.progress_detail.unwrap_or_default();
            let bytes = detail.current.zip(detail.total).and_then(|(done, all)| {
                Some((u64::try_from(done).ok()?, u64::try_from(all).ok()?))
            });
            let text = plain(&step.status.unwrap_or_default());
            progress(ImageProgress { layer: step.id.map(|id| plain(&id)), text, bytes });
        }
        self.made(OPERATION, &doing, name).await
    }

    /// Builds an image from `context`, a tar archive with the recipe in it, and tells `progress`
    /// of each line of output.
    ///
    /// No image that is needed is pulled if the engine has it. Dropping the future ends the build
    /// on Docker; Podman may finish it.
    pub async fn build(
        &self,
        request: &BuildRequest,
        context: ByteStream,
        mut progress: impl FnMut(ImageProgress) + Send,
    ) -> Result<ImageFacts> {
        const OPERATION: &str = "engine.build";
        let doing = format!("build the image `{}`", request.name);
        let owned = |map: &BTreeMap<String, String>| -> HashMap<String, String> {
            map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let options = BuildImageOptions {
            dockerfile: request.dockerfile.clone(),
            t: Some(request.name.to_string()),
            buildargs: Some(owned(&request.arguments)),
            labels: Some(owned(&request.labels)),
            nocache: request.fresh,
            rm: true,
            forcerm: true,
            version: BuilderVersion::BuilderV1,
            ..Default::default()
        };
        let broken = Arc::new(Mutex::new(None));
        let body = bollard::body_try_stream(watched(context, Arc::clone(&broken)));
        let mut lines = std::pin::pin!(self.long().build_image(options, None, Some(body)));
        let mut said = String::new();
        while let Some(line) = lines.next().await {
            match line {
                Ok(line) => {
                    let text = plain(&line.stream.or(line.status).unwrap_or_default());
                    said.push_str(&text);
                    let mut end = said.len().saturating_sub(TAIL);
                    while !said.is_char_boundary(end) {
                        end += 1;
                    }
                    said.drain(..end);
                    progress(ImageProgress { layer: line.id, text, bytes: None });
                }
                Err(failure) => {
                    let context = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(error) = context {
                        let message = format!("{doing}: the files for it can't be read: {error}");
                        return Err(Error::io(OPERATION, message, error));
                    }
                    return Err(self.error(OPERATION, &told(&doing, &said), failure));
                }
            }
        }
        self.made(OPERATION, &doing, &request.name).await
    }

    /// What was made; an engine may end its answer without an error and without an image.
    async fn made(
        &self,
        operation: &'static str,
        doing: &str,
        name: &ImageName,
    ) -> Result<ImageFacts> {
        self.image(name).await?.ok_or_else(|| {
            let message = format!("{doing}: the engine ended it without an image; try again");
            Error::new(ErrorKind::Io, operation, message)
        })
    }
}

/// What was being done, with the last that was said of it.
fn told(doing: &str, said: &str) -> String {
    let last: Vec<&str> =
        said.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    let last: Vec<&str> = last.into_iter().rev().map(str::trim).collect();
    if last.is_empty() {
        doing.to_owned()
    } else {
        format!("{doing} (after: {})", last.join(" | "))
    }
}

/// The same stream; its error is kept, for the engine only sees a connection that breaks.
fn watched(
    stream: ByteStream,
    broken: Arc<Mutex<Option<std::io::Error>>>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    stream.map(move |chunk| {
        chunk.map_err(|error| {
            let kind = error.kind();
            *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            kind.into()
        })
    })
}

/// Text of a build is that of any program: no escape sequences.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
