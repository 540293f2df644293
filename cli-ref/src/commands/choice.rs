//! What is decided before a session is made: which backend makes it, and that its image is there.

use session_core::{ContainerOptions, Error, ErrorKind, Result, SessionSpec};

use super::{Context, image};
use crate::config::AUTOMATIC;
use crate::engines::ENGINES;

/// The backend that is always there.
pub(super) const HOST: &str = "local";

/// Fills in the backend where nobody named one.
pub(super) async fn settle(context: &Context, spec: &mut SessionSpec) -> Result<()> {
    if spec.backend.is_none() {
        spec.backend = Some(backend(context, &spec.container).await?);
    }
    Ok(())
}

/// Sees to it that the image is there.
pub(super) async fn ensure_image(context: &Context, spec: &SessionSpec) -> Result<()> {
    let kind = spec.backend.as_deref().unwrap_or(HOST);
    if !ENGINES.contains(&kind) {
        return Ok(());
    }
    // Everything that is wrong with the request comes before any question about it.
    let resolved = context.manager.plan(spec).await?;
    match &resolved.container.image {
        Some(image) => image::ensure(context, kind, image).await,
        None => Ok(()),
    }
}

/// What is configured; else the first engine that answers, else this host, which is said.
async fn backend(context: &Context, asked: &ContainerOptions) -> Result<String> {
    let configured = &context.surroundings.settings.backend;
    if configured.value != AUTOMATIC {
        let known: Vec<&str> = context.manager.kinds().collect();
        if known.contains(&configured.value.as_str()) {
            return Ok(configured.value.clone());
        }
        let kind = configured.value.escape_debug();
        let reason = format!("no backend kind `{kind}`; known kinds: {}", known.join(", "));
        return Err(configured.origin.complain("backend", &reason));
    }
    if let Some(kind) = context.manager.first_usable(&ENGINES).await? {
        return Ok(kind);
    }
    if *asked != ContainerOptions::default() {
        let message = "no container engine answers, and what is asked for needs one; start Docker or Podman, or leave the options of containers out";
        return Err(Error::new(ErrorKind::BackendUnavailable, "sessctl.start", message));
    }
    context.ui.notice(
        "note: no container engine answers, so this session is a directory of the host, which protects from accidents only (--backend local says that this is meant; `sessctl doctor` says what is missing)",
    );
    Ok(HOST.to_owned())
}
