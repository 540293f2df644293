//! Who uses an agent's program now.

use session_core::{Filter, Result, StatusWord};

use crate::commands::Context;

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
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut found: Vec<u32> = entries
        .filter_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let mut words = command.split(|byte| *byte == 0).take(2);
            let named = words.any(is_named);
            (id != std::process::id() && named).then_some(id)
        })
        .collect();
    found.sort_unstable();
    found
}
