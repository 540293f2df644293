//! Processes beside the main one.
//!
//! An engine starts a program and no more: it sets a terminal's size only after the start, can't
//! send signals, leaves what it started running when the client is gone, and says in different
//! ways that there is no such program. So what it starts is a wrapper, which checks, says so, ties
//! the process to the client ([`lifeline`]), waits for a line and becomes the program.

mod control;
mod frames;
mod lifeline;
mod streams;
#[cfg(test)]
mod tests;
mod wrapper;

use std::sync::Arc;

use bollard::exec::CreateExecOptions;
use bytes::{Bytes, BytesMut};
use camino::Utf8Path;
use session_core::{Error, ErrorKind, ExecRequest, Input, Process, Result, SessionId};
use tokio::io::{AsyncWriteExt as _, WriteHalf};
use tokio::sync::Mutex;

use crate::engine::Link;
use crate::failure::{Cause, cause_error, classify};
use crate::hijack::{Answer, Hijacked, hijack};
use crate::session::ContainerSession;
use crate::{Dialect, Engine};
use control::{Control, Running};
use frames::Frames;
use lifeline::{Fifo, Lifeline};
use streams::Writing;
use wrapper::{Said, Wrapping};

const OPERATION: &str = "engine.exec";
/// Where a session's run directory is in its container.
const RUN: &str = "/run/sessctl";
/// The most that is heard before the wrapper speaks.
const NOISE: usize = 1 << 16;

pub(crate) async fn exec(session: &ContainerSession, request: ExecRequest) -> Result<Process> {
    wrapper::check(&request)?;
    let facts = session.facts(OPERATION)?;
    let container = session.running_container().await?;
    let run = session.place.run();
    let place = Place {
        engine: session.shared.engine().await?,
        container: &container,
        directory: &facts.inner_directory,
        run: (!facts.upload).then_some(run.as_path()),
    };
    exec_in(&place, request).await
}

/// A running container to start processes in.
pub(crate) struct Place<'a> {
    pub(crate) engine: &'a Engine,
    /// Its id or name.
    pub(crate) container: &'a str,
    /// The working directory, in the container.
    pub(crate) directory: &'a Utf8Path,
    /// The host's directory that is mounted at `/run/sessctl`, if one is.
    pub(crate) run: Option<&'a Utf8Path>,
}

/// Starts a process. When the future is dropped, the process is ended.
pub(crate) async fn exec_in(place: &Place<'_>, request: ExecRequest) -> Result<Process> {
    wrapper::check(&request)?;
    let word = SessionId::new().to_string();
    let fifo = fifo(place, &word).await;
    let inside = format!("{RUN}/exec-{word}");
    let directory = place.directory.join(request.directory.as_deref().unwrap_or("".into()));
    let wrapping = Wrapping {
        word: &word,
        fifo: fifo.as_ref().map(|fifo| (inside.as_str(), fifo.boot.as_str())),
        directory: directory.as_str(),
    };
    let mut started = Started::start(place, wrapping.command(&request), &request).await?;
    let (said, _) = started.hear(&word).await?;
    let (pid, tied) = match said {
        Said::Up { pid, tied } => (pid, tied),
        Said::NoDirectory => {
            let message = format!("no directory `{directory}`; make it first, or name another");
            return Err(Error::new(ErrorKind::NotFound, OPERATION, message));
        }
        Said::NoProgram | Said::Go => {
            let message = format!(
                "no program `{}` in the container; install it there, or name another",
                request.argv[0]
            );
            return Err(Error::new(ErrorKind::InvalidInput, OPERATION, message));
        }
    };
    let lifeline = match fifo.filter(|_| tied) {
        Some(fifo) => Lifeline::Fifo(fifo.unlinked()),
        None => Lifeline::Apart(Mutex::new(watch(place, pid).await?)),
    };
    if let Some(size) = request.terminal {
        control::resize(place.engine, &started.exec, size).await?;
    }
    let first = started.go(&word, &request).await?;
    Ok(started.into_process(place, &request, lifeline, first))
}

/// What a script writes that ends soon; it is not tied to this client.
pub(crate) async fn output_of(engine: &Engine, container: &str, script: &str) -> Result<String> {
    let place = Place { engine, container, directory: Utf8Path::new("/"), run: None };
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let mut started = Started::start(&place, command, &ExecRequest::new(Vec::new())).await?;
    let mut text = Vec::new();
    while let Some((_, chunk)) = started.frames.next().await {
        text.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A lifeline in the shared directory; none where there can't be one, and then it costs a second
/// process of the engine.
async fn fifo(place: &Place<'_>, word: &str) -> Option<Fifo> {
    let (run, name) = (place.run?.to_owned(), format!("exec-{word}"));
    let made = tokio::task::spawn_blocking(move || Fifo::make(&run, &name)).await;
    match made {
        Ok(Ok(fifo)) => Some(fifo),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no lifeline of our own");
            None
        }
        Err(_) => None,
    }
}

/// Starts the process that watches over another, and gives its input.
async fn watch(place: &Place<'_>, pid: u32) -> Result<WriteHalf<Link>> {
    let request = ExecRequest::new(Vec::new());
    let started = Started::start(place, wrapper::watcher(pid), &request).await?;
    Ok(started.input)
}

/// A process that the engine has started, and the connection to it.
struct Started {
    exec: String,
    frames: Frames,
    input: WriteHalf<Link>,
}

impl Started {
    async fn start(place: &Place<'_>, command: Vec<String>, request: &ExecRequest) -> Result<Self> {
        let has_terminal = request.terminal.is_some();
        let dialect = place.engine.dialect();
        let environment = request.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(has_terminal),
            detach_keys: dialect.has_detach_keys.then(|| Dialect::DETACH_KEYS.to_owned()),
            env: Some(environment.collect()),
            cmd: Some(command),
            // The working directory may be gone; the wrapper says so better.
            working_dir: Some("/".to_owned()),
            ..CreateExecOptions::default()
        };
        let made = place.engine.short().create_exec(place.container, options).await;
        let exec = made.map_err(|failure| place.engine.error(OPERATION, "prepare it", failure))?.id;
        let path = format!("/exec/{exec}/start");
        let body = format!(r#"{{"Detach":false,"Tty":{has_terminal}}}"#);
        let Hijacked { connection, early } = hijack(place.engine, OPERATION, &path, &body)
            .await?
            .map_err(|answer| refused(place.engine, &answer))?;
        let (output, input) = tokio::io::split(connection);
        Ok(Self { exec, frames: Frames::new(output, early, !has_terminal), input })
    }

    /// Waits until the wrapper speaks; gives what it said, and what came behind that.
    async fn hear(&mut self, word: &str) -> Result<(Said, Bytes)> {
        let mut heard = BytesMut::new();
        while heard.len() < NOISE {
            let Some((_, chunk)) = self.frames.next().await else { break };
            heard.extend_from_slice(&chunk);
            if let Some((said, end)) = wrapper::said(&heard, word) {
                return Ok((said, heard.split_off(end).freeze()));
            }
        }
        let heard = String::from_utf8_lossy(&heard);
        Err(no_shell(heard.trim()))
    }

    /// Lets the program begin; gives the first of what it writes.
    async fn go(&mut self, word: &str, request: &ExecRequest) -> Result<Bytes> {
        let said = match self.input.write_all(b"\n").await {
            Ok(()) => self.input.flush().await,
            failed => failed,
        };
        said.map_err(|error| Error::io(OPERATION, "can't let the program begin", error))?;
        match request.terminal {
            Some(_) => self.hear(word).await.map(|(_, first)| first),
            None => Ok(Bytes::new()),
        }
    }

    fn into_process(
        self,
        place: &Place<'_>,
        request: &ExecRequest,
        lifeline: Lifeline,
        first: Bytes,
    ) -> Process {
        let has_terminal = request.terminal.is_some();
        let running = Arc::new(Running::new(
            place.engine.clone(),
            place.container.to_owned(),
            self.exec,
            has_terminal,
            lifeline,
        ));
        let (out, stdout) = streams::lane();
        let (err, stderr) = match has_terminal {
            true => (None, None),
            false => Some(streams::lane()).unzip(),
        };
        tokio::spawn(Arc::clone(&running).supervise(first, self.frames, out, err));
        let stdin: Option<Input> = match (has_terminal, request.input) {
            (true, _) => Some(Box::new(Writing::keyboard(self.input))),
            (false, true) => Some(Box::new(Writing::pipe(self.input))),
            (false, false) => None,
        };
        let stderr = stderr.map(|stderr| Box::new(stderr) as _);
        Process::new(stdin, Box::new(stdout), stderr, Arc::new(Control(running)))
    }
}

/// The error for an engine that would not start the wrapper.
fn refused(engine: &Engine, answer: &Answer) -> Error {
    match classify(answer.status, &answer.message) {
        Cause::CommandMissing => no_shell(&answer.message),
        cause => cause_error(OPERATION.into(), "start it", &engine.peer(), cause, &answer.message),
    }
}

fn no_shell(heard: &str) -> Error {
    let message = format!(
        "the engine could not run /bin/sh in the container, which needs one that works: {heard}"
    );
    Error::new(ErrorKind::Unsupported, OPERATION, message)
}
