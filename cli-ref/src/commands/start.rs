//! `sessctl start`: make a session and enter it; enter it if it exists.

use camino::Utf8PathBuf;
use session_core::{
    AgentOptions, AttachOptions, ContainerOptions, Error, ErrorKind, Network, Result, SessionName,
    SessionSpec, Strategy, Uncommitted,
};

use super::{Context, attach, choice, menu, update, variables};
use crate::args::{AgentArguments, Container, Start};
use crate::chord::Chord;
use crate::surroundings::at_terminal;
use crate::terminal;

pub(super) async fn run(context: &Context, arguments: Start) -> Result<u8> {
    let detach = arguments.detach;
    if !detach && !at_terminal() {
        let message = "there is no terminal to enter the session at; use --detach";
        return Err(Error::new(ErrorKind::InvalidInput, "sessctl.start", message));
    }
    let chord = attach::chord(context, arguments.detach_key.as_deref())?;
    let anew = arguments.agent_options.new_conversation;
    let mut spec = spec(arguments)?;
    if let Some(name) = &spec.name {
        match context.manager.find(name.as_str()).await {
            Ok(record) if record.phase == session_core::Phase::Ready => {
                let record = match anew {
                    true => context.manager.begin_conversation(&record.id).await?,
                    false => record,
                };
                return enter_existing(context, &record, &spec, detach, chord).await;
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    choice::settle(context, &mut spec).await?;
    menu::settle(context, &mut spec).await?;
    choice::ensure_image(context, &spec).await?;
    if let Some(agent) = &spec.agent {
        // Asked for by `--debug`, which is about all that can be told.
        let profile = context.manager.profiles().find(agent);
        let can = profile.is_ok_and(|profile| !profile.arguments.debug.is_empty());
        spec.agent_options.debug = context.debug && can;
        update::look(context, agent).await;
    }

    let progress = context.progress();
    let interrupted = progress.clone();
    let watch = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let created = context.manager.create(spec, &progress).await;
    watch.abort();
    let record = created?;
    for project in &record.projects {
        let skipped = &project.skipped;
        if !skipped.is_empty() {
            context.ui.notice(format!(
                "not copied from {}: {}",
                project.source,
                skipped.join(", ")
            ));
        }
        if project.strategy == Strategy::Mount {
            context.ui.notice(format!(
                "{} is mounted live: the session is NOT isolated from it",
                project.source
            ));
        }
    }
    if detach {
        context.manager.start(&record.id, terminal::size(), &progress).await?;
        return started(context, &record).await;
    }
    let branch = record.branch().map(|branch| format!(" (branch {branch})")).unwrap_or_default();
    let greeting = format!(" {chord} leaves session {} running{branch} ", record.name);
    let options = AttachOptions::new(terminal::size());
    attach::enter(context, &record, options, chord, Some(greeting)).await
}

/// Says what was started.
async fn started(context: &Context, record: &session_core::SessionRecord) -> Result<u8> {
    if context.ui.json {
        context.document(&record.id).await?;
    } else {
        context.ui.line(&record.name);
    }
    Ok(0)
}

async fn enter_existing(
    context: &Context,
    record: &session_core::SessionRecord,
    spec: &SessionSpec,
    detach: bool,
    chord: Chord,
) -> Result<u8> {
    let mut same = SessionSpec::new();
    same.name.clone_from(&spec.name);
    if *spec != same {
        context.ui.notice(format!(
            "session {} exists already; entering it as it is, other options are ignored",
            record.name
        ));
    }
    if detach {
        context.manager.start(&record.id, terminal::size(), &context.progress()).await?;
        return started(context, record).await;
    }
    let options = AttachOptions::new(terminal::size());
    attach::enter(context, record, options, chord, None).await
}

/// What only agents have, as far as it is asked for.
fn agent_options(asked: AgentArguments) -> Result<AgentOptions> {
    let mut options = AgentOptions::default();
    options.preset = asked.preset;
    options.prompt = asked.prompt;
    options.headless = asked.headless;
    options.unattended = asked.unattended;
    options.credentials = asked.credentials;
    options.resume_from = asked.resume_from;
    options.mcp_config = asked.mcp_config;
    options.settings = asked.settings;
    for shared in &asked.share {
        let Some((resource, policy)) = shared.split_once('=') else {
            let message = format!(
                "`{}` shares nothing; write RESOURCE=POLICY (--share)",
                shared.escape_debug()
            );
            return Err(Error::new(ErrorKind::InvalidInput, "sessctl.start", message));
        };
        options.share.insert(resource.to_owned(), policy.parse()?);
    }
    Ok(options)
}

/// What only containers have, as far as it is asked for.
fn container(asked: Container) -> ContainerOptions {
    let mut options = ContainerOptions::default();
    options.image = asked.image;
    options.root = asked.root;
    options.network = asked.network.map(Network::from);
    options.memory_bytes = asked.memory;
    options.cpu_millis = asked.cpus;
    options.pids = asked.pids;
    options.read_only = asked.read_only;
    options.mounts = asked.volume;
    options.upload = asked.upload;
    options
}

/// What is asked for, from the words of the command line. What is configured is not in it: the
/// policy puts that in where it fits, a project at a time (a mount excludes nothing, say).
fn spec(arguments: Start) -> Result<SessionSpec> {
    let mut spec = SessionSpec::new();
    let mut sources: Vec<Utf8PathBuf> = arguments.paths;
    if let Some(word) = arguments.name {
        match word.parse::<SessionName>() {
            Ok(name) => spec.name = Some(name),
            // `sessctl start ./here` names a project and no session.
            Err(_) if word.contains('/') && Utf8PathBuf::from(&word).exists() => {
                sources.insert(0, word.into());
            }
            Err(error) => return Err(error),
        }
    }
    spec.sources = sources;
    spec.strategy = match (arguments.no_worktree, arguments.mount, arguments.empty) {
        (true, _, _) => Some(Strategy::Copy),
        (_, true, _) => Some(Strategy::Mount),
        (_, _, true) => Some(Strategy::None),
        _ => None,
    };
    spec.branch = arguments.branch;
    spec.exclude = arguments.exclude;
    spec.include = arguments.include;
    if arguments.clean {
        spec.uncommitted = Uncommitted::LeaveOut;
    }
    spec.backend = arguments.backend;
    spec.container = container(arguments.container);
    spec.agent = arguments.agent;
    spec.agent_options = agent_options(arguments.agent_options)?;
    spec.environment = variables(&arguments.env)?;
    spec.ports = arguments.port;
    spec.command = arguments.command;
    Ok(spec)
}
