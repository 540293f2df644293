//! The image that a session is made of.

use bollard::errors::Error as Failure;
use session_core::{Error, ErrorKind, ResolvedSpec, Result};

use crate::Engine;

const OPERATION: &str = "engine.create";

/// An image that the engine has.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// Its id: the same however the image is called, which differs between engines (G1).
    pub(crate) id: String,
}

/// Finds the image that is asked for.
pub(crate) async fn find(engine: &Engine, spec: &ResolvedSpec) -> Result<Image> {
    let refuse = |message: String| Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
    let Some(name) = spec.container.image.as_deref().filter(|name| !name.is_empty()) else {
        return refuse("no image is named; name one (--image)".to_owned());
    };
    // It goes into a URL as it is.
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.chars().all(plain)
        || name.split('/').any(|part| matches!(part, "" | "." | ".."))
    {
        return refuse(format!("`{}` is no image's name; check it", name.escape_debug()));
    }
    let found = match engine.short().inspect_image(name).await {
        Ok(found) => found,
        Err(Failure::DockerResponseServerError { status_code: 404, .. }) => {
            let word = engine.identity().kind.word();
            let message = format!(
                "the image `{name}` is not there; build it (`sessctl image build`), pull it \
                 (`{word} pull {name}`), or name another"
            );
            return Err(Error::new(ErrorKind::NotFound, OPERATION, message));
        }
        Err(failure) => return Err(engine.error(OPERATION, "look for the image", failure)),
    };
    Ok(Image { id: found.id.unwrap_or_else(|| name.to_owned()) })
}
