//! A program that gives a command an isolated place to work: it starts a session, runs a command
//! in it, reads its output, and removes it.
//!
//! ```sh
//! embed HOME PROJECT              # the holder is this program, started again
//! embed HOME PROJECT --in-process # the holder is a task of this program
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use anyhow::{Context, Result};
use backend_local::LocalBackend;
use camino::Utf8PathBuf;
use session_core::{
    AttachOptions, Backend, Backends, ExecRequest, HostView, Layout, Manager, Progress, Registry,
    SessionSpec, TerminalEvent, TerminalSize, open_registry,
};
use session_terminal::{HolderCommand, HolderParts, Holders};
use session_workspace::HostWorkspaces;
use tokio::io::AsyncReadExt;

fn main() -> Result<()> {
    // The first way to hold a terminal: this program, started again, becomes the holder here.
    session_terminal::run_if_holder(|request| {
        Ok(HolderParts::recording(backends(), Layout::new(&request.home)))
    });
    let mut words = std::env::args().skip(1);
    let home = Utf8PathBuf::from(words.next().context("usage: embed HOME PROJECT [--in-process]")?);
    let project = words.next().context("usage: embed HOME PROJECT [--in-process]")?;
    let in_process = words.next().is_some_and(|word| word == "--in-process");
    tokio::runtime::Runtime::new()?.block_on(work(Layout::new(home), project.into(), in_process))
}

/// The backends of this program. There is no global list: a program has what it names.
fn backends() -> Backends {
    Backends::new()
        .with("local", |layout| Ok(Arc::new(LocalBackend::new(layout)) as Arc<dyn Backend>))
}

async fn work(layout: Layout, project: Utf8PathBuf, in_process: bool) -> Result<()> {
    let registry: Arc<dyn Registry> = open_registry(&layout).await?.registry;
    let holders = if in_process {
        // The second way: a program that lives long holds terminals itself.
        Holders::in_process(HolderParts::recording(backends(), layout.clone()))
    } else {
        let program = Utf8PathBuf::try_from(std::env::current_exe()?)?;
        Holders::by_command(HolderCommand::new(program))
    };
    let host =
        HostView::new(project.clone(), "embedder").with_environment(std::env::vars().collect());
    let workspaces = Arc::new(HostWorkspaces::new());
    let manager = Manager::new(layout, host, backends(), registry, workspaces, Arc::new(holders));

    // The main process asks a question at its terminal and waits for the answer.
    let question = "printf 'name? '; read name; echo hello $name";
    let spec = SessionSpec::new().with_source(project).with_command(["/bin/sh", "-c", question]);
    let progress = Progress::default();
    let session = manager.create(spec, &progress).await?;
    println!("made {} on {}", session.name, session.branch().unwrap_or("no branch"));

    let options = AttachOptions::new(TerminalSize::new(80, 24));
    let mut terminal = manager.attach(&session.id, &options, &progress).await?;

    // A command beside it, with pipes.
    let request = ExecRequest::new(vec!["git".into(), "status".into(), "--short".into()]);
    let mut process = manager.exec(&session.id, request).await?;
    let mut status = String::new();
    process.stdout.read_to_string(&mut status).await?;
    println!("git status, code {}: {}", process.control.wait().await?.code, status.trim());

    terminal.input.send(b"world\r").await?;
    let mut screen = Vec::new();
    let exit = loop {
        match terminal.output.next().await? {
            TerminalEvent::Output(bytes) => screen.extend_from_slice(&bytes),
            TerminalEvent::Exited(exit) => break exit,
            other => anyhow::bail!("cut off: {other:?}"),
        }
    };
    let greeted = String::from_utf8_lossy(&screen).contains("hello world");
    println!("the main process ended with code {}, greeted: {greeted}", exit.code);

    manager.remove(&session.id, true, &progress).await?;
    println!("removed {}", session.name);
    Ok(())
}
