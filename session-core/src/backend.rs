//! What a backend must do, and what it may.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ByteStream, ExecRequest, Launch, MainProcess, Process, ResolvedSpec, Result, SessionId, Status,
};

/// Makes, finds and destroys sessions of one kind.
///
/// For implementors: no method has a default, so that a wrapper can't forget one.
///
/// # Contract
/// In short: `create` makes and does not start; everything it makes carries the id, and a fresh
/// process finds all of it by that alone; `destroy` converges from any half-made state; a lost
/// session is a [`Status`], not an error; dropping a handle does nothing. In full, here and at the
/// other traits, each line a clause of `session-conformance`:
/// - `kind_is_a_word`: lowercase letters, digits and dashes, and always the same.
/// - `capabilities_constant`: every handle promises the same at any time.
/// - `probe_changes_nothing`: and it finds usable what is usable.
/// - `create_makes_and_does_not_start`: the new session is stopped and has no main process.
/// - `status_of_new_is_stopped_without_exit`: nothing ran, so nothing ended.
/// - `create_twice_is_already_exists`: and the first session stays as it was.
/// - `concurrent_create_of_one_id`: one succeeds, the others fail with `AlreadyExists`.
/// - `creates_at_once_are_whole`: sessions that are made at the same time come out as those made alone.
/// - `create_beside_workspace_as_promised`: with that capability, the workspace may be filled later.
/// - `create_takes_odd_directories`: blanks, commas, quotes and colons in a path are letters like others.
/// - `create_carries_labels`: [`ResolvedSpec::backend_labels`] come back from `list`.
/// - `open_unknown_is_not_found`: no handle to what is not there.
/// - `open_by_fresh_handle`: the id is enough, also for another process.
/// - `drop_does_nothing`: dropping handles leaves what was made.
/// - `list_finds_everything`: once each, also for a handle that made none of it.
/// - `list_loses_no_newcomer`: a session that is made meanwhile is there or not, and never [`Status::Lost`].
/// - `list_includes_half_made`: as [`Status::Incomplete`].
/// - `open_half_made_is_incomplete`: it opens, and its status says so.
/// - `list_agrees_with_status`: both look at the same.
/// - `lost_does_not_break_the_list`: the others are listed as before.
/// - `destroy_unknown_is_ok`: nothing is what was asked for.
/// - `destroy_removes`: then `open` is `NotFound` and `list` lacks it.
/// - `destroy_is_idempotent`: by any handle.
/// - `destroy_leaves_the_others`: and their processes.
/// - `destroy_leaves_the_callers_directory`: `spec.directory` and the workspace are not ours.
/// - `destroy_running_ends_it`: no process of the session is left, whatever it ignores.
/// - `interrupted_create_converges`: from every half-made state to nothing; the id is free then.
/// - `unanswered_create_is_taken_back`: what was made is gone if its maker was not told of it.
/// - `late_start_is_no_main_process`: what an engine starts after `start` failed is not running, and can be started.
/// - `two_sessions_do_not_meet`: neither files nor `stop` reach another session.
#[async_trait]
pub trait Backend: Any + Debug + Send + Sync {
    /// The word for it in every record: lowercase letters, digits and dashes.
    fn kind(&self) -> &str;

    /// The promise before a session exists. Constant; no I/O.
    fn capabilities(&self) -> &Capabilities;

    /// Finds out whether it can work here, without changing anything.
    ///
    /// `Err` only where even that could not be found out.
    async fn probe(&self) -> Result<ProbeReport>;

    /// Makes the session's place and does not start it. The caller chose the id, made
    /// `spec.directory` and put the workspace into it.
    ///
    /// On an error nothing may be left that [`destroy`](Self::destroy) can't find.
    /// Fails with `AlreadyExists` if the id is in use.
    async fn create(&self, id: &SessionId, spec: &ResolvedSpec) -> Result<Arc<dyn Session>>;

    /// Gives a handle to a session made earlier, by this process or another; `NotFound` if there
    /// is nothing of it.
    async fn open(&self, id: &SessionId) -> Result<Arc<dyn Session>>;

    /// Lists everything it made, half-made sessions included, in no particular order.
    async fn list(&self) -> Result<Vec<Found>>;

    /// Ends the session's processes and removes what `create` made; `Ok` if there is none.
    ///
    /// Leaves `spec.directory` itself and the workspace to the caller. Drive it to completion.
    async fn destroy(&self, id: &SessionId) -> Result<()>;
}

/// A handle to one session; dropping it does nothing.
///
/// # Contract
/// - `start_gives_first_byte`: what is written before anyone reads is not lost.
/// - `start_runs_in_working_directory`: where relative paths of [`Transfer`] lead.
/// - `start_sets_environment`: each variable of the launch, to the letter.
/// - `start_environment_is_the_whole`: nothing of the caller's own, where processes are the host's.
/// - `start_has_a_terminal_of_the_size`: before the first byte.
/// - `start_twice_is_refused`: by any handle, while a main process runs.
/// - `concurrent_start_of_one_session`: one succeeds, the others are `Refused`.
/// - `start_missing_program_is_invalid_input`: and the session is stopped as before.
/// - `restart_with_other_launch`: each start runs what *it* was told.
/// - `status_running_since`: when the present main process was started.
/// - `status_by_fresh_handle`: all handles see the same.
/// - `drop_leaves_it_running`: dropping handles ends nothing, as long as the streams are kept.
/// - `input_reaches_the_process`: in order and at once.
/// - `resize_reaches_the_process`: with its signal.
/// - `output_complete_at_exit`: to the last byte, then the end.
/// - `exit_code_is_a_value`: 0 to 255; never an error.
/// - `signal_exit_is_128_plus`: as a shell says it.
/// - `wait_by_several`: at once and afterwards, with one answer.
/// - `exit_is_known_afterwards`: by any handle, in the status.
/// - `main_process_of_stopped_is_none`: what ended can't be taken again.
/// - `main_process_again`: as the capability `survives_holder` says.
/// - `stop_of_stopped_is_ok`: nothing to do.
/// - `stop_ends_the_main_process`: when it returns, the session is stopped.
/// - `stop_is_idempotent`: by any handle.
/// - `stop_leaves_exit_known`: how it ended is in the status.
/// - `start_after_stop`: a stopped session is as good as new.
/// - `stop_asks_first`: a process that ends when asked ends in its own way.
/// - `stop_hangs_up_what_ignores_term`: shells ignore SIGTERM and end at SIGHUP.
/// - `stop_kills_what_ignores_term`: after the grace.
/// - `unread_output_does_not_block_stop`: however much of it there is.
/// - `stop_ends_the_whole_tree`: double forks and other process sessions included.
/// - `stop_ends_what_exec_runs`: it is of the session too.
/// - `vanished_is_lost_not_err`: and `stop` and `destroy` still succeed.
/// - `snapshots_as_promised`: [`snapshots`](Self::snapshots) and the capability agree.
/// - `stats_as_promised`: [`stats`](Self::stats) and the capability agree.
#[async_trait]
pub trait Session: Exec + Transfer + Any + Debug + Send + Sync {
    /// Which session this is.
    fn id(&self) -> &SessionId;

    /// Looks. Never an error because the session is in a bad state; that is what
    /// [`Status::Lost`] is for. A session whose place has vanished since it was opened is lost.
    async fn status(&self) -> Result<Status>;

    /// Starts the main process on a terminal of its own, in the working directory.
    ///
    /// Its streams are taken before its first byte. Fails with `Refused` while one runs, and with
    /// `InvalidInput` if the program can't be run; the session is then stopped as before.
    async fn start(&self, launch: &Launch) -> Result<MainProcess>;

    /// Takes the streams of a running main process again after their holder died; `None` where
    /// nothing runs. Backends whose processes end with the holder always give `None`.
    async fn main_process(&self) -> Result<Option<MainProcess>>;

    /// Ends the main process and everything it started: asks, waits at most `grace`, kills.
    ///
    /// Idempotent. When it returns well, no process of the session is left.
    async fn stop(&self, grace: Duration) -> Result<()>;

    /// Brings the workspace back to the host's directory where this backend keeps it elsewhere, so
    /// that what the host has is what the session has; `Ok` at once where it was there all along.
    ///
    /// Called before a removal looks for work that would be lost. Idempotent; on an error the
    /// host's directory is as it was. `Lost` says that no more can be brought back than there is: a
    /// removal with force then goes on, and any other error ends it, for what is elsewhere would go.
    async fn fetch_workspace(&self) -> Result<()>;

    /// Point-in-time copies, if the backend's capabilities promise them.
    fn snapshots(&self) -> Option<&dyn Snapshots>;

    /// Resource figures, if the backend's capabilities promise them.
    fn stats(&self) -> Option<&dyn Stats>;
}

/// Runs processes beside the main one.
///
/// # Contract
/// - `exec_when_stopped_as_promised`: works or is `Refused`, as the capability says.
/// - `exec_beside_the_main_process`: neither disturbs the other.
/// - `exec_exit_code_is_a_value`: signals as 128 + N.
/// - `exec_missing_program_is_invalid_input`: before anything runs.
/// - `exec_begins_in_working_directory`: where the main process begins.
/// - `exec_directory_is_relative_to_it`: unless it is absolute.
/// - `exec_sets_environment`: each variable of the request.
/// - `exec_has_a_terminal_of_the_size`: if asked for; then the streams are one.
/// - `exec_resize_reaches_the_process`: with its signal.
/// - `exec_signal_after_the_end_is_ok`: so is a resize; the exit stays as it was.
/// - `exec_signal_reaches_children`: not only the process itself.
/// - `exec_streams_are_separate`: standard output and standard error.
/// - `exec_without_input_sees_the_end`: at its first read.
/// - `exec_input_is_half_closed`: the end of the input arrives, and output follows it.
/// - `exec_output_need_not_be_text`: bytes are bytes.
/// - `exec_is_binary_clean`: a megabyte in and out.
/// - `exec_concurrently`: several at once, each with its own streams.
/// - `exec_unread_blocks_nobody`: a process whose output is not read waits alone.
#[async_trait]
pub trait Exec {
    /// Starts a process in the session's place. Needs no running main process where the
    /// capabilities say `exec_when_stopped`; else fails with `Refused`.
    ///
    /// A program that can't be found is `InvalidInput`. The process's own failure is a value.
    async fn exec(&self, request: ExecRequest) -> Result<Process>;
}

/// Moves trees in and out of a session as tar streams.
///
/// # Contract
/// - `get_missing_is_not_found`: rather than an empty archive.
/// - `get_names_begin_with_the_last_component`: of a directory and of a file.
/// - `put_makes_the_directory`: with those above it.
/// - `put_get_round_trip`: contents, permissions, links and empty directories come back.
/// - `put_get_keeps_odd_names`: long ones, blanks, line ends, and what is not UTF-8.
/// - `put_replaces_files`: read-only ones too.
/// - `put_refuses_parent_paths`: `..` anywhere in a name.
/// - `put_refuses_absolute_paths`: they are not made relative.
/// - `put_refuses_links_out`: symbolic and hard; those that stay inside are made.
/// - `put_refuses_devices`: and fifos.
/// - `put_does_not_follow_links`: that were there before and lead out.
/// - `put_keeps_the_entries_before_the_bad_one`: nothing is taken back.
#[async_trait]
pub trait Transfer {
    /// Unpacks `tar` into the directory `dest` (relative: under the working directory), which is
    /// made if missing. Refuses entries that would lie outside of it, devices, and links that lead
    /// out, with `InvalidInput`; the entries before the bad one stay.
    async fn put(&self, dest: &Utf8Path, tar: ByteStream) -> Result<()>;

    /// Packs the file or directory `src`; entry names begin with its last component.
    async fn get(&self, src: &Utf8Path) -> Result<ByteStream>;
}

/// Point-in-time copies of a session's own place.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Keeps the present state under `name`.
    async fn snapshot(&self, name: &str) -> Result<()>;
}

/// What a session uses.
#[async_trait]
pub trait Stats: Send + Sync {
    /// Measures now.
    async fn usage(&self) -> Result<Usage>;
}

/// Resource figures of a running session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Usage {
    /// Processes alive.
    pub processes: u64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// Processor time used so far, in milliseconds.
    pub cpu_milliseconds: u64,
}

/// How far a session is kept apart from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Isolation {
    /// A directory of its own: protects from accidents, not from an agent.
    Directory,
    /// A container: its own processes, files and network.
    Container,
}

/// What every session of a backend can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Capabilities {
    /// How far sessions are kept apart from the host.
    pub isolation: Isolation,
    /// Processes run on the host: they get the whole environment and see host paths.
    pub host_processes: bool,
    /// [`Exec::exec`] works while the main process does not run.
    pub exec_when_stopped: bool,
    /// The main process outlives its holder, and [`Session::main_process`] takes it again.
    pub survives_holder: bool,
    /// [`Session::snapshots`] gives something.
    pub snapshots: bool,
    /// [`Session::stats`] gives something.
    pub stats: bool,
    /// [`Backend::create`] needs of the workspace only the directory itself, so it may run while
    /// that is filled; not so for a workspace that is uploaded.
    pub create_beside_workspace: bool,
    /// Its engine does not see this host's files, so a workspace is uploaded
    /// ([`ContainerOptions::upload`](crate::ContainerOptions::upload)) whether that is asked for or not.
    pub needs_upload: bool,
}

impl Capabilities {
    /// The least that a backend can promise.
    pub fn new(isolation: Isolation) -> Self {
        Self {
            isolation,
            host_processes: false,
            exec_when_stopped: false,
            survives_holder: false,
            snapshots: false,
            stats: false,
            create_beside_workspace: false,
            needs_upload: false,
        }
    }
}

/// What [`Backend::probe`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ProbeReport {
    /// The backend's kind.
    pub kind: String,
    /// What answered, with its version (`Linux 6.1`, `Docker Engine 28.5.2`).
    pub engine: String,
    /// Each thing that was looked at.
    pub checks: Vec<Check>,
}

impl ProbeReport {
    /// A report of `checks`.
    pub fn new(kind: impl Into<String>, engine: impl Into<String>, checks: Vec<Check>) -> Self {
        Self { kind: kind.into(), engine: engine.into(), checks }
    }

    /// Whether sessions can be made: no check failed.
    pub fn is_usable(&self) -> bool {
        self.checks.iter().all(|check| check.outcome != CheckOutcome::Failed)
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Check {
    /// A stable code, such as `local-home-writable`.
    pub code: String,
    /// How it went.
    pub outcome: CheckOutcome,
    /// What was found.
    pub message: String,
    /// What the user can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// A check that went well.
    pub fn passed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            outcome: CheckOutcome::Passed,
            message: message.into(),
            remedy: None,
        }
    }

    /// A check that found something which limits but does not prevent.
    pub fn warning(
        code: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            outcome: CheckOutcome::Warning,
            remedy: Some(remedy.into()),
            ..Self::passed(code, message)
        }
    }

    /// A check that found something which prevents sessions.
    pub fn failed(
        code: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            outcome: CheckOutcome::Failed,
            remedy: Some(remedy.into()),
            ..Self::passed(code, message)
        }
    }
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CheckOutcome {
    /// All is well.
    Passed,
    /// It works, but.
    Warning,
    /// It can't work.
    Failed,
}

/// A session as its backend knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Which session.
    pub id: SessionId,
    /// What it is now, unless [`unknown`](Self::unknown) says why that could not be told.
    pub status: Status,
    /// Why its status is not known, if it is not: `status` means nothing then.
    pub unknown: Option<String>,
    /// What it was made with: at least [`LABEL_NAME`] and [`LABEL_SPEC_HASH`], unless half-made.
    pub labels: BTreeMap<String, String>,
}

impl Found {
    /// A session found with its labels.
    pub fn new(id: SessionId, status: Status, labels: BTreeMap<String, String>) -> Self {
        Self { id, status, unknown: None, labels }
    }

    /// A session that is there, and whose status could not be told because of `reason`; what is wrong with
    /// one session must not take the others out of a list.
    pub fn unknown(
        id: SessionId,
        reason: impl Into<String>,
        labels: BTreeMap<String, String>,
    ) -> Self {
        let reason = reason.into();
        let status = Status::Lost { reason: reason.clone() };
        Self { id, status, unknown: Some(reason), labels }
    }
}

/// The label that holds the session's name.
pub const LABEL_NAME: &str = "sessctl.name";
/// The label that holds [`ResolvedSpec::hash`].
pub const LABEL_SPEC_HASH: &str = "sessctl.spec-hash";
