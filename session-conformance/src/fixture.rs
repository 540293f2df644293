//! What the author of a backend supplies, so that the clauses can be run on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;
use session_core::{
    Backend, ContainerOptions, Launch, MainProcess, ResolvedSpec, Result, SessionId,
};

use crate::{Step, platform, script};

/// A place with one backend in it, for one clause: made before the clause, dropped after it.
///
/// Two fixtures must not see each other's sessions (a home, or a prefix, of its own for each), for
/// clauses run side by side.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// Gives a fresh handle to *the* backend of this place, as a new process would make it: it
    /// shares nothing in memory with the handles given before. Connects to nothing.
    async fn backend(&self) -> Result<Arc<dyn Backend>>;

    /// A directory of the host that is empty, absolute, free of links and this fixture's own.
    fn directory(&self) -> &Utf8Path;

    /// Why the clauses that need the backend's engine can't run here; `None` if they can.
    ///
    /// They are then skipped, visibly; with `SESSION_CONFORMANCE=require` they fail.
    fn unavailable(&self) -> Option<String> {
        None
    }

    /// What else this fixture can do.
    fn hooks(&self) -> Hooks {
        Hooks::new()
    }

    /// What sessions that are containers are made with: their image, at least.
    fn container(&self) -> ContainerOptions {
        ContainerOptions::default()
    }

    /// The program and arguments that do `steps` in a session.
    fn program(&self, steps: &[Step]) -> Vec<String> {
        vec!["/bin/sh".to_owned(), "-c".to_owned(), script(steps)]
    }

    /// The environment that such a program needs.
    fn environment(&self) -> BTreeMap<String, String> {
        let path = ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned());
        BTreeMap::from([path, ("TERM".to_owned(), "xterm".to_owned())])
    }

    /// The name of a variable that the *calling* process has and a session must not inherit.
    ///
    /// Asked for only where the capabilities say `host_processes`.
    fn host_variable(&self) -> Option<String> {
        let plain = |name: &String| {
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let own = self.environment();
        // A shell sets these by itself.
        let set = |name: &String| matches!(name.as_str(), "PWD" | "OLDPWD" | "SHLVL" | "PPID");
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .find(|name| plain(name) && !set(name) && !own.contains_key(name))
    }

    /// Leaves what a `create` that died after its step `stage` would leave: exactly that, made
    /// directly. `stage` counts from 0 and is less than [`Hooks::half_made_stages`].
    async fn half_made(&self, id: &SessionId, spec: &ResolvedSpec, stage: usize) -> Result<()> {
        let _ = (id, spec, stage);
        Ok(())
    }

    /// Takes away, behind the backend's back, what `create` made (as a person with `rm` would).
    async fn vanish(&self, id: &SessionId) -> Result<()> {
        let _ = id;
        Ok(())
    }

    /// Gives a handle to the same backend whose `create` makes everything, and whose engine's answer to
    /// that is lost on its way.
    ///
    /// Asked for only where [`Hooks::unanswered`] says so.
    async fn unanswered(&self) -> Result<Arc<dyn Backend>> {
        self.backend().await
    }

    /// Has a session started while its engine goes away, and the engine do that after all once `start` has failed; gives what
    /// `start` gave.
    ///
    /// Asked for only where [`Hooks::unanswered`] says so.
    async fn late_start(&self, id: &SessionId, launch: &Launch) -> Result<MainProcess> {
        self.backend().await?.open(id).await?.start(launch).await
    }

    /// How many live processes have `token` on their command line.
    ///
    /// Asked for only where [`Hooks::processes`] says so. The default looks through `/proc`.
    fn processes_with(&self, token: &str) -> usize {
        processes_with(token)
    }

    /// How long one clause may take before it has failed.
    fn bound(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// What a fixture can do beyond making a backend. What it can't, is a visible skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hooks {
    /// How many different half-made sessions [`Fixture::half_made`] makes.
    pub half_made_stages: usize,
    /// [`Fixture::vanish`] works.
    pub vanish: bool,
    /// [`Fixture::unanswered`] and [`Fixture::late_start`] work.
    pub unanswered: bool,
    /// [`Fixture::processes_with`] works; true where there is a `/proc`.
    pub processes: bool,
}

impl Hooks {
    /// Processes are seen if there is a `/proc`; nothing else.
    pub fn new() -> Self {
        let processes = platform::shows_command_lines();
        Self { half_made_stages: 0, vanish: false, unanswered: false, processes }
    }

    /// Says how many half-made states there are.
    #[must_use]
    pub fn with_half_made(mut self, stages: usize) -> Self {
        self.half_made_stages = stages;
        self
    }

    /// Says that [`Fixture::vanish`] works.
    #[must_use]
    pub fn with_vanish(mut self) -> Self {
        self.vanish = true;
        self
    }

    /// Says that [`Fixture::unanswered`] and [`Fixture::late_start`] work.
    #[must_use]
    pub fn with_unanswered(mut self) -> Self {
        self.unanswered = true;
        self
    }

    /// Says whether [`Fixture::processes_with`] works.
    #[must_use]
    pub fn with_processes(mut self, processes: bool) -> Self {
        self.processes = processes;
        self
    }
}

impl Default for Hooks {
    fn default() -> Self {
        Self::new()
    }
}

fn processes_with(token: &str) -> usize {
    let has_token =
        |line: &Vec<u8>| line.windows(token.len()).any(|window| window == token.as_bytes());
    platform::command_lines().filter(has_token).count()
}
