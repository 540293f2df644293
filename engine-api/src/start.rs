//! Starting a session's container, for a main process or to idle.

use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error as Failure;
use bollard::query_parameters::StartContainerOptions;
use session_core::{Error, ErrorKind, Launch, MainProcess, Result, TerminalSize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::backend::{Shared, blocking};
use crate::container::{self, Observed, inspect};
use crate::launch::{Marker, script};
use crate::main_process::{Control, main_process};
use crate::place::{Place, Purpose, Run, SessionFile, State};
use crate::streams::{Streams, attach};
use crate::{Engine, status, upload};

const OPERATION: &str = "engine.start";
/// How long another start of the same session may take before this one gives up.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);
/// How long a container's boot script may take to say something.
const BOOT_PATIENCE: Duration = Duration::from_secs(60);
const NO_SHELL: &str = "the image has no /bin/sh, which a session needs; take one that has a shell";
/// More than a boot script writes.
const MAX_BOOT: usize = 64 * 1024;

/// Starts the main process and lets it go once its terminal has its size.
pub(crate) async fn start(
    shared: &Arc<Shared>,
    place: &Place,
    launch: &Launch,
) -> Result<MainProcess> {
    let session = status::whole(place, OPERATION)?;
    let engine = shared.engine().await?;
    let nonce = nonce();
    let script = script(launch, &nonce)?;
    let lock = place.lock(LOCK_PATIENCE).await?;
    let seen = look(engine, place, &session).await?;
    let before = read_state(place)?;
    if seen.is_running() {
        if status::runs_main(&before, &seen) {
            let message = "its main process runs; attach to it, or stop it first";
            return Err(Error::new(ErrorKind::Refused, OPERATION, message)
                .with_session(place.id().to_string()));
        }
        container::end(engine, OPERATION, &session.container).await?;
    }
    if !session.upload && !session.working_directory.is_dir() {
        let message = format!(
            "the working directory `{}` is gone; put it back, or remove the session",
            session.working_directory
        );
        return Err(Error::new(ErrorKind::Lost, OPERATION, message));
    }
    let exit = status::exit_so_far(&before, &seen);
    let run = Run {
        purpose: Purpose::Main,
        before: seen.started_at().to_owned(),
        started_at: None,
        pid: None,
        endpoint: None,
        nonce,
        size: launch.size,
        exit: None,
    };
    let state = State { run: Some(run), exit };
    let at = place.clone();
    let written = state.clone();
    let mounted = !session.upload;
    let (text, user) = (script.clone(), session.numbers());
    blocking(OPERATION, move || {
        at.write_state(&written)?;
        if mounted { at.write_launch(&text, user) } else { Ok(()) }
    })
    .await?;
    if session.upload {
        upload::launch(engine, &session, &script).await?;
    }
    let mut is_let_go = false;
    let started = boot(engine, place, &session, state.clone(), &mut is_let_go).await;
    place.remove_launch();
    match started {
        Ok((streams, state)) => {
            drop(lock);
            let control = Control::new(Arc::clone(shared), place.clone(), session, &state);
            Ok(main_process(streams, control))
        }
        Err(error) => {
            // The first error is the one to be told; what is left runs, and can be attached to or ended.
            if let Err(left) = taken_back(engine, place, &session, state, is_let_go).await {
                tracing::warn!(%left, session = %place.id(), "a start that failed is not undone");
            }
            Err(error)
        }
    }
}

/// The container's id, running: started to idle if nothing runs. For `exec`.
pub(crate) async fn running_container(shared: &Shared, place: &Place) -> Result<String> {
    let session = status::whole(place, OPERATION)?;
    let engine = shared.engine().await?;
    if look(engine, place, &session).await?.is_running() {
        return Ok(session.container);
    }
    let _lock = place.lock(LOCK_PATIENCE).await?;
    let seen = look(engine, place, &session).await?;
    if seen.is_running() {
        return Ok(session.container);
    }
    let before = read_state(place)?;
    let run = Run {
        purpose: Purpose::Idle,
        before: seen.started_at().to_owned(),
        started_at: None,
        pid: None,
        endpoint: None,
        nonce: String::new(),
        size: TerminalSize::default(),
        exit: None,
    };
    let state = State { run: Some(run), exit: status::exit_so_far(&before, &seen) };
    let at = place.clone();
    blocking(OPERATION, move || {
        at.remove_launch();
        at.write_state(&state)
    })
    .await?;
    run_container(engine, place, &session).await?;
    Ok(session.container)
}

/// Attaches, starts, and brings the boot script to the point where the program is next; says from when on the program may run.
async fn boot(
    engine: &Engine,
    place: &Place,
    session: &SessionFile,
    state: State,
    is_let_go: &mut bool,
) -> Result<(Streams, State)> {
    let mut streams = attach(engine, OPERATION, &session.container).await?;
    run_container(engine, place, session).await?;
    let run = state.run.as_ref().expect("made for a run");
    let (nonce, size) = (run.nonce.clone(), run.size);
    let (met, seen) = tokio::join!(
        until(engine, session, &mut streams, &nonce, Marker::Waiting),
        look(engine, place, session)
    );
    met?;
    let seen = seen?;
    *is_let_go = true;
    let_go(engine, session, &mut streams, &nonce, size).await?;
    let mut state = state;
    if let Some(run) = &mut state.run {
        run.is_seen(&seen);
    }
    let (at, written) = (place.clone(), state.clone());
    blocking(OPERATION, move || at.write_state(&written)).await?;
    Ok((streams, state))
}

/// Attaches to a main process that runs; lets it go if its starter died before it did.
pub(crate) async fn taken_over(
    engine: &Engine,
    place: &Place,
    session: &SessionFile,
    mut state: State,
    seen: &Observed,
) -> Result<(Streams, State)> {
    let mut streams = attach(engine, OPERATION, &session.container).await?;
    let waiting = state.run.as_mut().filter(|run| run.started_at.is_none());
    if let Some(run) = waiting {
        let (nonce, size) = (run.nonce.clone(), run.size);
        run.is_seen(seen);
        let_go(engine, session, &mut streams, &nonce, size).await?;
        let (at, written) = (place.clone(), state.clone());
        blocking(OPERATION, move || at.write_state(&written)).await?;
    }
    Ok((streams, state))
}

/// Sets the size, lets the program start, and reads up to its first byte.
async fn let_go(
    engine: &Engine,
    session: &SessionFile,
    streams: &mut Streams,
    nonce: &str,
    size: TerminalSize,
) -> Result<()> {
    container::resize(engine, OPERATION, &session.container, size).await?;
    let broken = |error| Error::io(OPERATION, "can't write to the container's terminal", error);
    streams.writer.write_all(b"\n").await.map_err(broken)?;
    streams.writer.flush().await.map_err(broken)?;
    match until(engine, session, streams, nonce, Marker::Ready).await? {
        Marker::Missing => {
            let message = "there is no such program in the container; choose an image that has it \
                           (--image), install it there, or give another";
            Err(Error::new(ErrorKind::InvalidInput, OPERATION, message))
        }
        _ => Ok(()),
    }
}

/// Reads until a marker other than those before `wanted`; what follows it stays to be read.
async fn until(
    engine: &Engine,
    session: &SessionFile,
    streams: &mut Streams,
    nonce: &str,
    wanted: Marker,
) -> Result<Marker> {
    let mut seen = Vec::new();
    let read = async {
        loop {
            if let Some((marker, end)) = Marker::find(&seen, nonce) {
                let rest = seen.split_off(end);
                streams.reader.unread(&rest);
                if marker == Marker::Waiting && wanted == Marker::Ready {
                    seen = Vec::new();
                    continue;
                }
                return Ok(Some(marker));
            }
            let mut chunk = [0; 4096];
            let count = streams.reader.read(&mut chunk).await?;
            if count == 0 || seen.len() > MAX_BOOT {
                return Ok(None);
            }
            seen.extend_from_slice(&chunk[..count]);
        }
    };
    let outcome: std::result::Result<std::io::Result<Option<Marker>>, _> =
        tokio::time::timeout(BOOT_PATIENCE, read).await;
    let text = || String::from_utf8_lossy(&seen).trim().escape_debug().to_string();
    match outcome {
        Ok(Ok(Some(marker))) => Ok(marker),
        // What an init says that finds no shell.
        Ok(Ok(None)) if text().contains("No such file") && text().contains("exec") => {
            Err(Error::new(ErrorKind::InvalidInput, OPERATION, NO_SHELL))
        }
        Ok(Ok(None)) => {
            let state = inspect(engine, OPERATION, &session.container).await?;
            let code = state.map_or(-1, |seen| seen.exit().code);
            let message = format!(
                "the container ended with code {code} before the program was started; it wrote: {}",
                text()
            );
            Err(Error::new(ErrorKind::InvalidInput, OPERATION, message))
        }
        Ok(Err(error)) => Err(Error::io(OPERATION, "can't read the container's terminal", error)),
        Err(_) => {
            let message =
                format!("the container does not say that it is ready; it wrote: {}", text());
            Err(Error::new(ErrorKind::Io, OPERATION, message))
        }
    }
}

async fn run_container(engine: &Engine, place: &Place, session: &SessionFile) -> Result<()> {
    let options = None::<StartContainerOptions>;
    match engine.long().start_container(&session.container, options).await {
        // It is started already.
        Ok(()) | Err(Failure::DockerResponseServerError { status_code: 304, .. }) => Ok(()),
        Err(Failure::DockerResponseServerError { status_code: 404, message })
            if message.to_lowercase().contains("no such container") =>
        {
            Err(status::container_gone(place, OPERATION))
        }
        Err(failure) => Err(refused(engine, failure)),
    }
}

/// The error for a container that does not start.
fn refused(engine: &Engine, failure: Failure) -> Error {
    if let Failure::DockerResponseServerError { message, .. } = &failure
        && message.contains("/bin/sh")
        && ["no such file", "not found"].iter().any(|words| message.contains(words))
    {
        return Error::new(ErrorKind::InvalidInput, OPERATION, NO_SHELL).with_source(failure);
    }
    engine.error(OPERATION, "start the container", failure)
}

/// Ends what a start that failed left, and writes down that nothing ran.
///
/// What was not let go is no main process, even where the engine does not answer and starts the container late: with the launch
/// script gone, that idles, and would never say that it is ready.
async fn taken_back(
    engine: &Engine,
    place: &Place,
    session: &SessionFile,
    mut state: State,
    is_let_go: bool,
) -> Result<()> {
    let ended = container::end(engine, OPERATION, &session.container).await;
    if is_let_go && ended.is_err() {
        return ended;
    }
    if let Some(run) = &mut state.run {
        run.purpose = Purpose::Idle;
    }
    let at = place.clone();
    blocking(OPERATION, move || at.write_state(&state)).await?;
    ended
}

async fn look(engine: &Engine, place: &Place, session: &SessionFile) -> Result<Observed> {
    inspect(engine, OPERATION, &session.container)
        .await?
        .ok_or_else(|| status::container_gone(place, OPERATION))
}

fn read_state(place: &Place) -> Result<State> {
    place.state().map_err(|reason| {
        let message = format!("{reason}; remove the session and make it again");
        Error::new(ErrorKind::Damaged, OPERATION, message).with_session(place.id().to_string())
    })
}

/// A word that nothing else writes.
fn nonce() -> String {
    session_core::SessionId::new().to_string()
}
