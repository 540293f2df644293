//! The whole command, with the backends that a program gives it.

use std::process::ExitCode;
use std::sync::Arc;

use backend_local::LocalBackend;
use camino::Utf8PathBuf;
use clap::Parser;
use session_core::{Backend, Backends, Error, Layout, Manager, Result, open_registry};
use session_terminal::{HolderCommand, HolderParts, Holders};
use session_workspace::HostWorkspaces;

use crate::args::{Arguments, Command};
use crate::commands::{self, Context};
use crate::engines::with_engines;
use crate::surroundings::{Surroundings, git_ignore_file};
use crate::trace::Trace;
use crate::ui::Ui;

/// A `sessctl` with certain backends.
#[derive(Debug)]
pub struct App {
    backends: Backends,
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// The command with the backends that come with it: `docker`, `podman` and `local`.
    pub fn new() -> Self {
        let local = |layout: &Layout| Ok(Arc::new(LocalBackend::new(layout)) as Arc<dyn Backend>);
        Self { backends: with_engines(Backends::new()).with("local", local) }
    }

    /// Adds a backend under `kind`, or replaces one.
    #[must_use]
    pub fn with_backend(
        mut self,
        kind: impl Into<String>,
        factory: impl Fn(&Layout) -> Result<Arc<dyn Backend>> + Send + Sync + 'static,
    ) -> Self {
        self.backends = self.backends.with(kind, factory);
        self
    }

    /// Runs the command, or a session's holder if this process was started as one.
    ///
    /// Call it first in `main`, before any thread exists: it reads the arguments and the
    /// environment, and holds sessions of the backends given here.
    pub fn main(self) -> ExitCode {
        let trace = Trace::begin();
        let backends = self.backends.clone();
        session_terminal::run_if_holder(move |request| {
            Ok(HolderParts::recording(backends, Layout::new(&request.home)))
        });

        let arguments = Arguments::parse();
        let ui = Ui { quiet: arguments.quiet, json: arguments.json };
        let debug = arguments.debug;
        match trace.settle(debug).and_then(|debug| self.run(arguments, ui, debug)) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                ui.failure(&error);
                ExitCode::from(error.kind().exit_code())
            }
        }
    }

    fn run(self, arguments: Arguments, ui: Ui, debug: bool) -> Result<u8> {
        match &arguments.command {
            Command::Man => return commands::manual(ui),
            Command::Completions(shell) => return Ok(commands::completions(ui, shell)),
            Command::Explain(explain) => return commands::explain(ui, explain),
            _ => {}
        }
        let surroundings = Surroundings::read(arguments.home)?;
        let (version, home) = (env!("CARGO_PKG_VERSION"), surroundings.layout.home());
        tracing::debug!(version, %home, "sessctl begins");
        if let Command::Config(config) = &arguments.command {
            return Ok(commands::config(ui, &surroundings, config));
        }
        if let Command::Devcontainer(asked) = &arguments.command {
            return commands::devcontainer(ui, &surroundings, &surroundings.agents.profiles, asked);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("sessctl.run", "can't start the runtime", error))?;
        let outcome = runtime.block_on(async {
            let opened = open_registry(&surroundings.layout).await?;
            opened.notices.iter().for_each(|notice| ui.notice(format!("note: {notice}")));
            let mut workspaces = HostWorkspaces::new().with_forbidden(surroundings.layout.home());
            if matches!(arguments.command, Command::Start(_)) {
                workspaces = workspaces.with_environment(surroundings.host.environment.clone());
                if let Some(file) = git_ignore_file() {
                    workspaces = workspaces.with_ignore_file(file);
                }
            }
            let manager = Manager::new(
                surroundings.layout.clone(),
                surroundings.host.clone(),
                self.backends,
                opened.registry,
                Arc::new(workspaces),
                Arc::new(Holders::by_command(holder_command(surroundings.has_systemd)?)),
            )
            .with_policy(surroundings.settings.policy())
            .with_profiles(surroundings.agents.profiles.clone());
            Context { ui, surroundings, manager, debug }.run(arguments.command).await
        });
        // A blocked read of standard input must not keep the command from ending.
        runtime.shutdown_background();
        outcome
    }
}

/// This program again, found by the file that runs now.
fn holder_command(has_systemd: bool) -> Result<HolderCommand> {
    const OPERATION: &str = "sessctl.setup";
    let program = std::env::current_exe()
        .map_err(|error| Error::io(OPERATION, "can't find out which program this is", error))?;
    let program = Utf8PathBuf::from_path_buf(program).map_err(|path| {
        let message = format!("`{}` is not UTF-8; install it elsewhere", path.display());
        Error::new(session_core::ErrorKind::InvalidInput, OPERATION, message)
    })?;
    let command = HolderCommand::new(program);
    Ok(if has_systemd { command.with_systemd_scope() } else { command })
}
