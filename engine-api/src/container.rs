//! Requests about one container, with the engines' differences taken out.

use std::time::Duration;

use bollard::errors::Error as Failure;
use bollard::models::ContainerState;
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptions, RemoveContainerOptions,
    ResizeContainerTTYOptions,
};
use session_core::{Error, ErrorKind, Exit, Result, TerminalSize, Timestamp};
use tokio::time::Instant;

use crate::Engine;
use crate::failure::{Cause, cause_of};

/// How long an engine may give an answer that can't be read (Podman's `stopped`).
const UNREADABLE: Duration = Duration::from_secs(10);
/// How long an engine may say that a container ended before it began; longer, and a clock was set.
const UNSETTLED: Duration = Duration::from_secs(2);
/// How long an engine may take to say whether a container runs, and how often it is asked.
const LOOK: Duration = Duration::from_secs(1);
/// How long a container that was killed may take to be gone.
const KILLED: Duration = Duration::from_secs(20);

/// What an engine says of a container now.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    pub(crate) state: ContainerState,
    /// One of the ends on networks of its present run, on Docker.
    pub(crate) endpoint: Option<String>,
}

impl Observed {
    /// Its process runs, or is paused.
    pub(crate) fn is_running(&self) -> bool {
        self.state.running.unwrap_or(false)
    }

    /// Whether it runs, or how it ended is known: Podman says for a moment that a container does not run,
    /// and nothing yet of its end (docs/engines.md, S7).
    fn is_settled(&self) -> bool {
        let moment = |text: &Option<String>| text.as_deref()?.parse::<Timestamp>().ok();
        let (began, ended) = (moment(&self.state.started_at), moment(&self.state.finished_at));
        self.is_running() || began.zip(ended).is_none_or(|(began, ended)| began <= ended)
    }

    /// When it was last started, as the engine writes it; also the name of that run.
    pub(crate) fn started_at(&self) -> &str {
        self.state.started_at.as_deref().unwrap_or_default()
    }

    /// The same as a moment.
    pub(crate) fn since(&self) -> Timestamp {
        self.started_at().parse().unwrap_or_else(|_| Timestamp::now())
    }

    /// How its last run ended.
    pub(crate) fn exit(&self) -> Exit {
        let at = self.state.finished_at.as_deref().and_then(|at| at.parse().ok());
        let at = at.unwrap_or_else(Timestamp::now);
        let code = i32::try_from(self.state.exit_code.unwrap_or(0)).unwrap_or(255);
        let mut exit = match code {
            129..=159 => Exit::with_signal(code - 128, at),
            _ => Exit::with_code(code, at),
        };
        if self.state.oom_killed.unwrap_or(false) && code == 137 {
            exit.reason = Some("oom".to_owned());
        }
        exit
    }
}

/// Looks; `None` if there is no such container.
pub(crate) async fn inspect(
    engine: &Engine,
    operation: &'static str,
    container: &str,
) -> Result<Option<Observed>> {
    let deadline = Instant::now() + UNREADABLE;
    let settled_by = Instant::now() + UNSETTLED;
    let mut tries = 0;
    loop {
        let answer =
            engine.short().inspect_container(container, None::<InspectContainerOptions>).await;
        tries += 1;
        match answer {
            // A connection that was kept from before the engine's restart.
            Err(failure) if tries == 1 && cause_of(&failure).0 == Cause::Restarted => {}
            Ok(found) => {
                let networks = found.network_settings.and_then(|settings| settings.networks);
                let ends = networks.into_iter().flatten().filter_map(|(_, it)| it.endpoint_id);
                let endpoint = ends.filter(|it| !it.is_empty()).min();
                let seen = Observed { state: found.state.unwrap_or_default(), endpoint };
                if seen.is_settled() || Instant::now() >= settled_by {
                    return Ok(Some(seen));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(Failure::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
            Err(Failure::JsonDataError { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(failure) => return Err(engine.error(operation, "look at the container", failure)),
        }
    }
}

/// Whether its process runs, by one look; Podman's `stopped` is a no.
pub(crate) async fn runs(
    engine: &Engine,
    operation: &'static str,
    container: &str,
) -> Result<bool> {
    let options = None::<InspectContainerOptions>;
    match engine.short().inspect_container(container, options).await {
        Ok(found) => Ok(found.state.and_then(|state| state.running).unwrap_or(false)),
        Err(Failure::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(failure) if is_stopped(&failure) => Ok(false),
        Err(failure) => Err(engine.error(operation, "look at the container", failure)),
    }
}

/// Waits until it seems to be ending: it does not run, or its engine does not say.
///
/// For who holds up its output: engines don't finish a container before its output is read, Podman
/// calls it `stopped` so long, and Docker answers no question about it (docs/engines.md).
pub(crate) async fn ending(engine: &Engine, container: &str) {
    let mut pause = Duration::from_millis(100);
    loop {
        tokio::time::sleep(pause).await;
        match tokio::time::timeout(LOOK, runs(engine, "engine.look", container)).await {
            Ok(Ok(false)) | Err(_) => return,
            Ok(_) => pause = (pause * 2).min(LOOK),
        }
    }
}

/// The state between a process's end and that of its container, which bollard does not know.
fn is_stopped(failure: &Failure) -> bool {
    matches!(failure, Failure::JsonDataError { message, .. } if message.contains("`stopped`"))
}

/// Sends a signal by its number or name; `Ok` if there is nothing that runs.
pub(crate) async fn kill(
    engine: &Engine,
    operation: &'static str,
    container: &str,
    signal: &str,
) -> Result<()> {
    let options = KillContainerOptions { signal: signal.to_owned() };
    match engine.short().kill_container(container, Some(options)).await {
        Ok(()) => Ok(()),
        Err(Failure::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        // Podman says 500 where Docker says 409, and `inspect` may lag behind that.
        Err(failure) if cause_of(&failure).0 == Cause::NotRunning => Ok(()),
        Err(failure) => match inspect(engine, operation, container).await? {
            Some(seen) if seen.is_running() => {
                Err(engine.error(operation, "send a signal", failure))
            }
            _ => Ok(()),
        },
    }
}

/// Waits until it does not run, at most `patience`; `None` if it still does.
pub(crate) async fn stopped(
    engine: &Engine,
    operation: &'static str,
    container: &str,
    patience: Duration,
) -> Result<Option<Option<Observed>>> {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_millis(2);
    loop {
        match inspect(engine, operation, container).await? {
            None => return Ok(Some(None)),
            Some(seen) if !seen.is_running() => return Ok(Some(Some(seen))),
            Some(_) => {}
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(25));
    }
}

/// Ends it at once and waits for that.
pub(crate) async fn end(engine: &Engine, operation: &'static str, container: &str) -> Result<()> {
    kill(engine, operation, container, "KILL").await?;
    match stopped(engine, operation, container, KILLED).await? {
        Some(_) => Ok(()),
        None => {
            let message = format!(
                "the container does not end although it was killed; somebody may be attached to it \
                 and not read (`{} attach`): end that",
                engine.identity().kind.word()
            );
            Err(Error::new(ErrorKind::Busy, operation, message))
        }
    }
}

/// Removes it with the volumes that have no name; `Ok` if there is none.
pub(crate) async fn remove(
    engine: &Engine,
    operation: &'static str,
    container: &str,
) -> Result<()> {
    let options = RemoveContainerOptions { force: true, v: true, link: false };
    match engine.long().remove_container(container, Some(options)).await {
        Ok(()) | Err(Failure::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        // Docker: another removal of it is in progress.
        Err(Failure::DockerResponseServerError { status_code: 409, .. }) => {
            gone(engine, operation, container).await
        }
        Err(failure) => Err(engine.error(operation, "remove the container", failure)),
    }
}

/// Waits until it is gone.
async fn gone(engine: &Engine, operation: &'static str, container: &str) -> Result<()> {
    let deadline = Instant::now() + KILLED;
    while inspect(engine, operation, container).await?.is_some() {
        if Instant::now() >= deadline {
            let message = "the engine says that the container is being removed, and it stays; \
                           restart the engine";
            return Err(Error::new(ErrorKind::Busy, operation, message));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Sets its terminal's size; `Ok` if it has ended.
pub(crate) async fn resize(
    engine: &Engine,
    operation: &'static str,
    container: &str,
    size: TerminalSize,
) -> Result<()> {
    let options = ResizeContainerTTYOptions { h: size.rows.into(), w: size.columns.into() };
    match engine.short().resize_container_tty(container, options).await {
        Ok(()) | Err(Failure::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        Err(failure) if cause_of(&failure).0 == Cause::NotRunning => Ok(()),
        Err(failure) => match inspect(engine, operation, container).await? {
            Some(seen) if seen.is_running() => {
                Err(engine.error(operation, "set the terminal's size", failure))
            }
            _ => Ok(()),
        },
    }
}
