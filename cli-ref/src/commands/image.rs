//! `sessctl image`: what containers are made of.

use std::io::IsTerminal;

use serde_json::json;
use session_core::{Error, ErrorKind, Result};

use super::Context;
use crate::amount;
use crate::args::{Image, ImageAction};
use crate::engines::{Build, BuiltImage, ENGINES, Images};
use crate::images::AgentImage;
use crate::table::table;
use crate::ui::plain;

const HEADINGS: [&str; 5] = ["IMAGE", "AGENT", "BACKEND", "SIZE", "ID"];

pub(super) async fn run(context: &Context, arguments: &Image) -> Result<u8> {
    match &arguments.action {
        ImageAction::Build { agent, base, backend } => {
            let image = AgentImage::of_agent(agent).ok_or_else(|| {
                let known: Vec<&str> = AgentImage::all().map(|image| image.agent).collect();
                let message = format!(
                    "no image for `{}`; there is one for {}",
                    plain(agent),
                    known.join(", ")
                );
                Error::new(ErrorKind::InvalidInput, "sessctl.image", message)
            })?;
            let kind = engine(context, backend.as_deref()).await?;
            build(context, &kind, &image, base.as_deref()).await?;
            context.ui.line(image.name());
            Ok(0)
        }
        ImageAction::List { backend } => list(context, backend.as_deref()).await,
    }
}

/// Sees to it that `image` is there, by asking a person at a terminal whether to build or fetch it.
/// Elsewhere, and after a no, an error says what to do (S0.E2, S2.E6).
pub(super) async fn ensure(context: &Context, kind: &str, image: &str) -> Result<()> {
    let Some(images) = Images::of(context.manager.backend(kind)?) else { return Ok(()) };
    if images.has(image).await? {
        return Ok(());
    }
    let may_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let own = AgentImage::of_name(image);
    let shown = plain(image);
    let (question, command) = match own {
        Some(own) => (format!("image {shown} is not built. Build now? [Y/n]"), own.command(kind)),
        None => (
            format!("image {shown} is not here. Fetch it from its registry now? [Y/n]"),
            format!("{kind} pull {shown}"),
        ),
    };
    if !may_ask || !context.ui.agree(&question) {
        let what = if own.is_some() { "built" } else { "here" };
        let message = format!(
            "the image {shown} is not {what}; `{command}` makes it so (or choose another with --image, or --backend local for no container)"
        );
        return Err(Error::new(ErrorKind::NotFound, "sessctl.image", message));
    }
    match own {
        Some(own) => build(context, kind, &own, None).await,
        None => images.pull(image, |line| context.ui.notice(plain(line))).await,
    }
}

/// The images of the engine `kind`.
fn images(context: &Context, kind: &str) -> Result<Images> {
    Images::of(context.manager.backend(kind)?).ok_or_else(|| {
        let message = format!("backend `{kind}` is not the one that has images here");
        Error::new(ErrorKind::Unsupported, "sessctl.image", message)
    })
}

/// Builds an image, and what it is built on if that is one of ours and not there.
async fn build(
    context: &Context,
    kind: &str,
    image: &AgentImage,
    base: Option<&str>,
) -> Result<()> {
    let images = images(context, kind)?;
    if base.is_none()
        && let Some(below) = AgentImage::of_name(image.base)
        && !images.has(&below.name()).await?
    {
        build_one(context, &images, &below, below.base).await?;
    }
    build_one(context, &images, image, base.unwrap_or(image.base)).await
}

async fn build_one(
    context: &Context,
    images: &Images,
    image: &AgentImage,
    base: &str,
) -> Result<()> {
    let name = image.name();
    context.ui.notice(format!("building {name} on {}", plain(base)));
    let arguments = image.arguments(base);
    let build = Build { name: &name, dockerfile: image.dockerfile, arguments: &arguments };
    images.build(&build, |line| context.ui.notice(plain(line))).await
}

async fn list(context: &Context, backend: Option<&str>) -> Result<u8> {
    let kinds = match backend {
        Some(kind) => vec![engine(context, Some(kind)).await?],
        None => ENGINES.map(str::to_owned).to_vec(),
    };
    let mut found: Vec<(String, BuiltImage)> = Vec::new();
    let mut failures = Vec::new();
    for kind in &kinds {
        let listed = async { images(context, kind)?.list().await };
        match listed.await {
            Ok(images) => found.extend(images.into_iter().map(|image| (kind.clone(), image))),
            Err(error) => failures.push((kind, error)),
        }
    }
    // An engine that is not there has no images; it matters only where it is all there could be.
    if failures.len() == kinds.len()
        && let Some((_, error)) = failures.pop()
    {
        return Err(error);
    }
    for (kind, error) in &failures {
        context.ui.notice(format!("note: {kind}: {}", plain(error.message())));
    }
    if context.ui.json {
        let images: Vec<_> = found
            .iter()
            .map(|(kind, image)| {
                let mut document = json!(image);
                document["backend"] = json!(kind);
                document
            })
            .collect();
        context.ui.document(&json!({ "images": images }));
        return Ok(0);
    }
    if found.is_empty() {
        context.ui.line("no images yet; `sessctl image build` makes that of the shell");
        return Ok(0);
    }
    let rows: Vec<_> = found.iter().map(|(kind, image)| row(kind, image)).collect();
    context.ui.text(table(&HEADINGS, &rows));
    Ok(0)
}

fn row(kind: &str, image: &BuiltImage) -> Vec<(String, &'static str)> {
    let id = image.id.strip_prefix("sha256:").unwrap_or(&image.id);
    let id: String = id.chars().take(12).collect();
    let cells = [&image.name, &image.agent, kind, &amount::shown(image.size_bytes), &id].map(plain);
    cells.map(|cell| (cell, "")).to_vec()
}

/// The engine that is asked for, or configured, or else the first that answers.
async fn engine(context: &Context, asked: Option<&str>) -> Result<String> {
    let configured = &context.surroundings.settings.backend.value;
    let kind = asked.or(Some(configured.as_str()).filter(|kind| ENGINES.contains(kind)));
    match kind {
        Some(kind) if ENGINES.contains(&kind) => Ok(kind.to_owned()),
        Some(kind) => {
            let message = format!(
                "backend `{}` has no images; choose one of {}",
                plain(kind),
                ENGINES.join(", ")
            );
            Err(Error::new(ErrorKind::InvalidInput, "sessctl.image", message))
        }
        None => context.manager.first_usable(&ENGINES).await?.ok_or_else(|| {
            let message = "no container engine answers; start Docker or Podman, or name one with --backend to see why";
            Error::new(ErrorKind::BackendUnavailable, "sessctl.image", message)
        }),
    }
}
