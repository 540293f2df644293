//! What an agent's running processes say of themselves.

use std::io::Read as _;
use std::time::{Duration, SystemTime};

use super::beneath::Beneath;
use super::conversation::{self, Root};
use super::pattern;
use super::person::host_path;
use super::plan::AgentPlan;
use super::value::{self, Path};
use crate::HostView;
use crate::facts::AgentState;
use crate::platform::process_began;
use crate::profile::{Live, Profile};

/// More than such a file ever has.
const LARGEST_FILE: u64 = 256 * 1024;
/// More processes than one agent has; the latest count.
const MOST_FILES: usize = 256;

/// The system's idea of its own start is of whole seconds.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3);

/// One process, as it described itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: Option<i32>,
    pub(crate) conversation: Option<String>,
    pub(crate) state: Option<AgentState>,
}

/// Which processes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processes {
    /// Those of this host that run.
    Running,
    /// All that left a file: their ids mean nothing here, or they are known to be gone.
    Any,
}

/// What the processes of a session say, the latest first. Blocks.
pub(crate) fn read(
    plan: &AgentPlan,
    profile: &Profile,
    host: &HostView,
    which: Processes,
) -> Vec<Process> {
    let Some(live) = &profile.facts.live else { return Vec::new() };
    match conversation::root(plan, profile, host, &live.file) {
        Ok(root) => processes(live, &root, which),
        Err(_) => Vec::new(),
    }
}

/// What the person's own processes outside of sessions say. Blocks.
pub(crate) fn of_person(profile: &Profile, host: &HostView) -> Vec<Process> {
    let Some(live) = &profile.facts.live else { return Vec::new() };
    let pattern = live
        .host
        .as_ref()
        .and_then(|template| host_path(template, &profile.host_variables(host)).ok());
    // The fixed beginning of the path is the directory.
    let Some(pattern) = pattern else { return Vec::new() };
    let fixed = pattern.components().take_while(|part| !part.as_str().contains(['*', '?']));
    let directory: camino::Utf8PathBuf = fixed.collect();
    let rest = pattern.strip_prefix(&directory).map(ToString::to_string).unwrap_or_default();
    let directory = directory.canonicalize_utf8().unwrap_or(directory);
    processes(live, &Root { directory, pattern: rest }, Processes::Running)
}

fn processes(live: &Live, root: &Root, which: Processes) -> Vec<Process> {
    let Ok(beneath) = Beneath::open(&root.directory) else { return Vec::new() };
    let files = conversation::files(root, MOST_FILES);
    let read = files.into_iter().take(MOST_FILES).filter_map(|found| {
        let path = found.file.strip_prefix(&root.directory).ok()?;
        let process = parse(live, beneath.file(path.as_str())?)?;
        let counts = match (which, process.id) {
            (Processes::Any, _) => true,
            (Processes::Running, Some(id)) => runs(id, found.modified),
            (Processes::Running, None) => false,
        };
        counts.then_some(process)
    });
    read.collect()
}

fn parse(live: &Live, file: std::fs::File) -> Option<Process> {
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > LARGEST_FILE {
        return None;
    }
    let document: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let text = |path: &Option<String>| {
        value::first(&document, &Path::new(path.as_ref()?)).and_then(value::text)
    };
    let status = text(&live.status);
    let is = |words: &[String]| status.as_ref().is_some_and(|status| words.contains(status));
    let state = match () {
        () if is(&live.busy) => Some(AgentState::Busy),
        () if is(&live.idle) => Some(AgentState::Idle),
        () if is(&live.waiting) => Some(AgentState::Waiting),
        () => None,
    };
    let id = text(&live.process).and_then(|id| id.parse().ok());
    let conversation = text(&live.conversation).filter(|id| pattern::is_id(id));
    Some(Process { id, conversation, state })
}

/// Whether a process of this id runs, and is not one that began after the file was written.
fn runs(id: i32, written: SystemTime) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(id).filter(|_| id > 0) else { return false };
    // Somebody else's process runs, too.
    if rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    process_began(id).is_none_or(|began| began <= written + CLOCKS_DIFFER)
}
