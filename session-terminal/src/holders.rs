//! Starting holders and reaching them.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use session_core::{
    AttachOptions, Attachment, Error, ErrorKind, ErrorReport, HoldRequest, Result, SessionId,
    Terminals,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::attachment;
use crate::hold::{Held, HolderParts, Leftovers};
use crate::holder_process::{HOLDER_ARGUMENT, Reply};
use crate::place::{Place, already_held};

/// What a holder says about itself, beside what it says to its starter.
const MESSAGES_NAME: &str = "holder.log";

/// The variables by which `backend-local` knows its sessions' processes.
const MARKS: [&str; 2] = ["SESSCTL_SESSION_ID", "SESSCTL_RUN_ID"];

/// How a holder process is started: a program whose `main` begins with
/// [`run_if_holder`](crate::run_if_holder).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HolderCommand {
    /// The program, usually the one that runs.
    pub program: Utf8PathBuf,
    /// Its arguments; the first must be [`HOLDER_ARGUMENT`].
    pub arguments: Vec<String>,
    /// A command that runs the one after it in a scope of its own, so that the end of a login does
    /// not take the holder along; empty for none. `{id}` in it becomes the session's id.
    pub scope: Vec<String>,
    /// Variables that the holder does not inherit. A backend that knows a session's processes by
    /// a variable would take the holder for one, when it is started from within another session.
    pub removed_variables: Vec<String>,
}

impl HolderCommand {
    /// Starts `program` with [`HOLDER_ARGUMENT`], in no scope, without the marks of `backend-local`.
    pub fn new(program: impl Into<Utf8PathBuf>) -> Self {
        let arguments = vec![HOLDER_ARGUMENT.to_owned()];
        let removed_variables = MARKS.map(str::to_owned).into();
        Self { program: program.into(), arguments, scope: Vec::new(), removed_variables }
    }

    /// Starts it through a command that gives it a scope of its own. Where that command fails, the
    /// holder is started without.
    #[must_use]
    pub fn with_scope(mut self, scope: Vec<String>) -> Self {
        self.scope = scope;
        self
    }

    /// Chooses the variables that the holder does not inherit.
    #[must_use]
    pub fn with_removed_variables(mut self, names: Vec<String>) -> Self {
        self.removed_variables = names;
        self
    }

    /// Starts it in a scope of the user's systemd.
    #[must_use]
    pub fn with_systemd_scope(self) -> Self {
        let scope = ["systemd-run", "--user", "--scope", "--quiet", "--collect"];
        let scope = scope.into_iter().map(str::to_owned);
        self.with_scope(scope.chain(["--unit=session-{id}".to_owned(), "--".to_owned()]).collect())
    }
}

/// Starts holders, by one of two ways, and attaches to them, however they were started.
#[derive(Debug, Clone)]
pub struct Holders {
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Command(HolderCommand),
    InProcess(HolderParts),
}

impl Holders {
    /// Each holder is a process of its own, which outlives this one.
    pub fn by_command(command: HolderCommand) -> Self {
        Self { way: Way::Command(command) }
    }

    /// Holders are tasks of this process's runtime; sessions of backends that do not survive their
    /// holder end with it. Processes that a main process leaves behind are left to the backend.
    pub fn in_process(parts: HolderParts) -> Self {
        Self { way: Way::InProcess(parts) }
    }

    /// Asks the session's holder to stop the session and waits until it has; `Refused` where there
    /// is no holder.
    pub async fn stop(&self, home: &Utf8Path, id: &SessionId, grace: Duration) -> Result<()> {
        let stream = Place::new(home, id).connect().await?;
        attachment::stop(stream, u32::try_from(grace.as_millis()).unwrap_or(u32::MAX)).await
    }
}

#[async_trait]
impl Terminals for Holders {
    async fn hold(&self, request: HoldRequest) -> Result<()> {
        match &self.way {
            Way::InProcess(parts) => {
                let held = Held::begin(request, parts.clone(), Leftovers::Backend).await?;
                tokio::spawn(held.run(std::future::pending()));
                Ok(())
            }
            Way::Command(command) => start(command, &request).await,
        }
    }

    async fn is_held(&self, home: &Utf8Path, id: &SessionId) -> Result<bool> {
        Place::new(home, id).is_held()
    }

    async fn attach(
        &self,
        home: &Utf8Path,
        id: &SessionId,
        options: &AttachOptions,
    ) -> Result<Attachment> {
        let stream = Place::new(home, id).connect().await?;
        attachment::attach(stream, options).await
    }
}

async fn start(command: &HolderCommand, request: &HoldRequest) -> Result<()> {
    let place = Place::new(&request.home, &request.id);
    place.make()?;
    if place.is_held()? {
        return Err(already_held().with_session(&request.name));
    }
    tracing::debug!(session = %request.id, log = %place.log, "starts a holder");
    let json = Arc::new(serde_json::to_vec(request).map_err(|error| {
        let message = "the request does not fit into JSON; please report this";
        Error::new(ErrorKind::Internal, "holder.start", message).with_source(error)
    })?);
    if !command.scope.is_empty() {
        let id = request.id.to_string();
        let words = command.scope.iter().map(|word| word.replace("{id}", &id)).collect();
        match ask(words, command, &place, &json).await {
            Ok(Some(reply)) => return outcome(reply),
            Ok(None) => tracing::warn!("no scope could be made; starting the holder without"),
            Err(error) => tracing::warn!(%error, "no scope; starting the holder without"),
        }
    }
    match ask(Vec::new(), command, &place, &json).await? {
        Some(reply) => outcome(reply),
        None => {
            let message = format!(
                "the holder ended without a word; does `{}` call `run_if_holder` first? see {}",
                command.program,
                place.log.join(MESSAGES_NAME),
            );
            Err(Error::new(ErrorKind::Internal, "holder.start", message)
                .with_session(&request.name))
        }
    }
}

/// Starts the process and waits for its word; `None` if it ends without.
async fn ask(
    mut words: Vec<String>,
    command: &HolderCommand,
    place: &Place,
    request: &[u8],
) -> Result<Option<Reply>> {
    words.push(command.program.to_string());
    words.extend(command.arguments.iter().cloned());
    let failed = |error| Error::io("holder.start", format!("start {}", words[0]), error);
    let messages = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(place.log.join(MESSAGES_NAME))
        .map_err(failed)?;
    let mut starter = Command::new(&words[0]);
    for name in &command.removed_variables {
        starter.env_remove(name);
    }
    let mut child = starter
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(messages)
        .current_dir("/")
        .spawn()
        .map_err(failed)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::new(ErrorKind::Internal, "holder.start", "the pipes are missing"));
    };
    // It fails if the process ended; then there is no reply, which says so.
    let _ = stdin.write_all(request).await;
    drop(stdin);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await.map_err(failed)?;
    if line.is_empty() {
        let _ = child.wait().await;
        return Ok(None);
    }
    // The runtime takes the process's end when it comes; nobody waits for it.
    serde_json::from_str(&line).map(Some).map_err(|error| {
        let message = "the holder's reply is not one of this version; upgrade both programs";
        Error::new(ErrorKind::Internal, "holder.start", message).with_source(error)
    })
}

fn outcome(reply: Reply) -> Result<()> {
    match reply {
        Reply::Ready => Ok(()),
        Reply::Failed(report) => Err(from_report(report)),
    }
}

/// The error that a report describes, as it was in the other process.
fn from_report(report: ErrorReport) -> Error {
    let error = Error::new(report.kind, report.operation, report.message);
    let error = match report.session {
        Some(session) => error.with_session(session),
        None => error,
    };
    match report.causes.is_empty() {
        true => error,
        false => error.with_source(report.causes.join(": ")),
    }
}
