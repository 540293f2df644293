//! Which processes run an agent's program now.

use crate::platform::first_words;

/// Processes of this host whose program, or first argument but for an interpreter's, has the name of `program`; in
/// order. Blocks.
pub(crate) fn processes(program: &str) -> Vec<u32> {
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
