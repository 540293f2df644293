//! Who uses an agent's program now.

use session_core::{Filter, Result, StatusWord};

use crate::commands::Context;
use crate::platform::first_words;

/// Sessions and processes that run `program`, in words; none if it may be replaced.
pub(super) async fn users(context: &Context, agent: &str, program: &str) -> Result<Vec<String>> {
    let sessions = context.manager.list(&Filter::default()).await?.sessions;
    let mut users: Vec<String> = sessions
        .iter()
        .filter(|item| item.agent.as_deref() == Some(agent) && may_run(item.status))
        .map(|item| format!("session {}", item.name))
        .collect();
    users.extend(processes(program).into_iter().map(|id| format!("process {id}")));
    Ok(users)
}

/// What can't be asked counts as running.
fn may_run(status: StatusWord) -> bool {
    matches!(status, StatusWord::Running | StatusWord::Unknown)
}

/// Processes of this host whose program, or first argument but for an interpreter's, has that name.
fn processes(program: &str) -> Vec<u32> {
    let name = program.rsplit('/').next().unwrap_or(program).as_bytes();
    let is_named = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next() == Some(name);
    let processes = first_words().into_iter().filter(|(id, _)| *id != std::process::id());
    let mut found: Vec<u32> = processes
        .filter(|(_, words)| words.iter().any(|word| is_named(word)))
        .map(|(id, _)| id)
        .collect();
    found.sort_unstable();
    found
}
