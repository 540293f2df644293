//! A session of the memory backend.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::{StreamExt as _, stream};
use session_core::{
    ByteStream, Error, ErrorKind, Exec, ExecRequest, Launch, MainProcess, Process, ProcessControl,
    Result, Session, SessionId, Snapshots, Stats, Status, TerminalSize, Timestamp, Transfer, Usage,
};
use tokio::sync::mpsc;

use super::process::{Control, Inside, Keyboard, Proc, Sink};
use super::program::{Program, steps_of};
use super::world::{Main, Place, State};
use super::{MemoryWorld, Operation};
use crate::Step;
use crate::mutants::Mutant;

/// How long what ends when it is asked to may take.
const HEARD: Duration = Duration::from_millis(100);

/// A handle: it holds nothing but the id.
#[derive(Debug)]
pub(super) struct MemorySession {
    world: MemoryWorld,
    id: SessionId,
    /// The number of the backend handle that gave it.
    by: u64,
}

impl MemorySession {
    pub(super) fn new(world: MemoryWorld, id: SessionId, by: u64) -> Self {
        Self { world, id, by }
    }

    /// What a place says of itself to the backend handle `by`.
    pub(super) fn look(world: &MemoryWorld, by: u64, place: &Place) -> Status {
        if place.spec.is_none() {
            return Status::Incomplete;
        }
        let hidden = |main: &Main| main.by != by && world.breaks(Mutant::StatusOnlyOwn);
        match &place.main {
            Some(main) if main.process.exit.borrow().is_none() && !hidden(main) => {
                let since = if world.breaks(Mutant::SinceTheEpoch) {
                    Timestamp::from_milliseconds(0)
                } else {
                    main.since
                };
                Status::Running { since }
            }
            _ => Status::Stopped { exit: place.exit.clone() },
        }
    }

    /// Works on the session's place, which must be whole.
    fn with<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut Place) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.world.state();
        let place = state.places.get_mut(&self.id).filter(|place| place.spec.is_some());
        let gone = || operation.error(ErrorKind::Lost, "the session's place is gone");
        work(place.ok_or_else(gone)?)
    }

    fn running(place: &Place) -> Option<Arc<Proc>> {
        let main = place.main.as_ref()?;
        main.process.exit.borrow().is_none().then(|| Arc::clone(&main.process))
    }

    fn working_directory(place: &Place) -> Utf8PathBuf {
        place.spec.as_ref().map(|spec| spec.working_directory.clone()).unwrap_or_default()
    }

    fn environment(
        &self,
        of: &BTreeMap<String, String>,
        forgets: Mutant,
    ) -> BTreeMap<String, String> {
        let mut environment = if self.world.breaks(forgets) { BTreeMap::new() } else { of.clone() };
        if self.world.breaks(Mutant::EnvironmentInherited) {
            environment.insert("OF_THE_CALLER".to_owned(), "yes".to_owned());
        }
        environment
    }

    fn control(&self, process: &Arc<Proc>) -> Arc<dyn ProcessControl> {
        let (process, world) = (Arc::clone(process), self.world.clone());
        Arc::new(Control { process, world, told: AtomicBool::new(false) })
    }

    /// The steps of a program, or the refusal of one that is not there.
    fn steps(&self, operation: Operation, argv: &[String], runs: Mutant) -> Result<Vec<Step>> {
        match steps_of(argv) {
            Some(steps) => Ok(steps),
            None if self.world.breaks(runs) => Ok(vec![Step::Exit(127)]),
            None => {
                let shown = argv.first().map_or("", String::as_str).escape_debug();
                let message = format!("no program `{shown}`; use one of `memory_program`");
                Err(operation.error(ErrorKind::InvalidInput, message))
            }
        }
    }
}

#[async_trait]
impl Session for MemorySession {
    fn id(&self) -> &SessionId {
        &self.id
    }

    async fn status(&self) -> Result<Status> {
        self.world.enter(Operation::Status).await?;
        let state = self.world.state();
        match state.places.get(&self.id) {
            Some(place) => Ok(Self::look(&self.world, self.by, place)),
            None if self.world.breaks(Mutant::VanishedIsAnError) => {
                Err(Operation::Status.error(ErrorKind::Lost, "there is nothing of it"))
            }
            None => Ok(Status::Lost { reason: "vanished".to_owned() }),
        }
    }

    async fn start(&self, launch: &Launch) -> Result<MainProcess> {
        self.world.enter(Operation::Start).await?;
        let number = self.world.number();
        let steps = self.steps(Operation::Start, &launch.argv, Mutant::MissingProgramRuns)?;
        let flat = self.world.breaks(Mutant::LaunchSizeIgnored);
        let size = if flat { TerminalSize::default() } else { launch.size };
        let (process, inside) = Proc::on_terminal(number, self.id, true, size);
        let process = Arc::new(process);
        let races = self.world.breaks(Mutant::StartRaces);
        let careless = races || self.world.breaks(Mutant::StartsTwice);
        let runs = |place: &Place| {
            let stopped = place.was_stopped && self.world.breaks(Mutant::StopIsFinal);
            stopped || Self::running(place).is_some()
        };
        let refusal = || Operation::Start.error(ErrorKind::Refused, "it runs; stop it first");
        if races {
            self.with(Operation::Start, |place| if runs(place) { Err(refusal()) } else { Ok(()) })?;
            tokio::task::yield_now().await;
        }
        let (directory, steps) = self.with(Operation::Start, |place| {
            if runs(place) && !careless {
                return Err(refusal());
            }
            let (process, since) = (Arc::clone(&process), Timestamp::now());
            place.main = Some(Main { process, since, by: self.by });
            let first = place.first_launch.get_or_insert_with(|| launch.clone());
            let remembered = self.world.breaks(Mutant::LaunchRemembered);
            let again = steps_of(&first.argv).filter(|_| remembered);
            Ok((Self::working_directory(place), again.unwrap_or(steps)))
        })?;
        self.world.state().processes.push(Arc::clone(&process));
        let output = process.out.lead().await;
        let input = process.keyboard(&self.world);
        let lost = self.world.breaks(Mutant::StartsElsewhere);
        let program = Program {
            world: self.world.clone(),
            process: Arc::clone(&process),
            environment: self.environment(&launch.environment, Mutant::LaunchEnvironmentForgotten),
            directory: if lost { "/".into() } else { directory },
            on_terminal: true,
            errors: None,
            astray: None,
        };
        tokio::spawn(program.run(steps, inside));
        Ok(MainProcess::new(output, input, self.control(&process)))
    }

    async fn main_process(&self) -> Result<Option<MainProcess>> {
        self.world.enter(Operation::MainProcess).await?;
        let dead = |place: &Place| {
            let main =
                place.main.as_ref().filter(|_| self.world.breaks(Mutant::MainProcessOfTheDead));
            main.map(|main| Arc::clone(&main.process))
        };
        let process = self.with(Operation::MainProcess, |place| {
            Ok(Self::running(place).or_else(|| dead(place)))
        })?;
        let refuses = self.world.breaks(Mutant::MainProcessNotAgain);
        let Some(process) = process.filter(|_| self.world.capabilities.survives_holder && !refuses)
        else {
            return Ok(None);
        };
        let output = process.out.lead().await;
        let input = process.keyboard(&self.world);
        Ok(Some(MainProcess::new(output, input, self.control(&process))))
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        self.world.enter(Operation::Stop).await?;
        if self.world.breaks(Mutant::StopDoesNothing) {
            return Ok(());
        }
        let main = {
            let state = self.world.state();
            let place = state.places.get(&self.id);
            let exit = place.is_some_and(|place| place.exit.is_some());
            let main = place.and_then(Self::running);
            let fails = if exit { Mutant::SecondStopFails } else { Mutant::StopOfNewFails };
            if main.is_none() && self.world.breaks(fails) {
                return Err(Operation::Stop.error(ErrorKind::Refused, "nothing runs"));
            }
            if self.world.breaks(Mutant::StopStopsAll) {
                state.places.values().filter_map(Self::running).for_each(|other| other.send(15));
            }
            main
        };
        if let Some(main) = &main {
            if self.world.breaks(Mutant::StopAwaitsReader) {
                main.out.read().await;
            }
            main.send(if self.world.breaks(Mutant::StopKillsAtOnce) { 9 } else { 15 });
            let at_once = grace.min(HEARD);
            if tokio::time::timeout(at_once, main.ended()).await.is_err()
                && !self.world.breaks(Mutant::StopNeverHangsUp)
            {
                main.send(1);
            }
            let late = tokio::time::timeout(grace - at_once, main.ended()).await.is_err();
            if late && self.world.breaks(Mutant::StopOnlyAsks) {
                return Ok(());
            }
        }
        if self.world.breaks(Mutant::StopLeavesChildren) {
            if let Some(main) = &main {
                main.send(9);
                main.ended().await;
            }
        } else {
            self.world.kill_all(&self.id, Some(Mutant::StopSparesExecs)).await;
        }
        if let Some(place) = self.world.state().places.get_mut(&self.id) {
            place.was_stopped = true;
            if self.world.breaks(Mutant::StopForgetsExit) {
                place.exit = None;
            }
        }
        Ok(())
    }

    async fn fetch_workspace(&self) -> Result<()> {
        Ok(())
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        let promised = self.world.capabilities.snapshots;
        (promised && !self.world.breaks(Mutant::SnapshotsMissing)).then_some(self)
    }

    fn stats(&self) -> Option<&dyn Stats> {
        let promised = self.world.capabilities.stats;
        (promised && !self.world.breaks(Mutant::StatsMissing)).then_some(self)
    }
}

#[async_trait]
impl Exec for MemorySession {
    async fn exec(&self, request: ExecRequest) -> Result<Process> {
        self.world.enter(Operation::Exec).await?;
        let number = self.world.number();
        let steps = self.steps(Operation::Exec, &request.argv, Mutant::ExecMissingRuns)?;
        let (main, base) = self.with(Operation::Exec, |place| {
            Ok((Self::running(place), Self::working_directory(place)))
        })?;
        let needs_main =
            !self.world.capabilities.exec_when_stopped || self.world.breaks(Mutant::ExecNeedsMain);
        if main.is_none() && needs_main {
            return Err(Operation::Exec.error(ErrorKind::Refused, "nothing runs; start it first"));
        }
        let other = |process: &Arc<Proc>| !process.is_main && process.session == self.id;
        if self.world.breaks(Mutant::ExecOneAtATime)
            && self.world.state().processes.iter().any(other)
        {
            return Err(Operation::Exec.error(ErrorKind::Busy, "another process runs"));
        }
        if self.world.breaks(Mutant::UnreadExecBlocksOthers) {
            let others: Vec<_> = self.world.state().processes.iter().map(Arc::clone).collect();
            for other in others.iter().filter(|process| other(process)) {
                other.out.read().await;
            }
        }
        let (process, inside, stdin) = self.streams(number, &request);
        let process = Arc::new(process);
        self.world.state().processes.push(Arc::clone(&process));
        let stdout = process.out.lead().await;
        let on_terminal = request.terminal.is_some();
        let errors = Sink::default();
        let stderr = if on_terminal { None } else { Some(errors.lead().await) };
        let mixed = on_terminal || self.world.breaks(Mutant::ErrorsAreOutput);
        if mixed {
            errors.close().await;
        }
        let directory =
            request.directory.filter(|_| !self.world.breaks(Mutant::ExecDirectoryIgnored));
        let mut directory = directory.map_or_else(|| base.clone(), |given| base.join(given));
        if self.world.breaks(Mutant::ExecStartsElsewhere) {
            directory = "/".into();
        }
        let astray = main.filter(|_| self.world.breaks(Mutant::ExecWritesToTheTerminal));
        let program = Program {
            world: self.world.clone(),
            process: Arc::clone(&process),
            environment: self.environment(&request.environment, Mutant::ExecEnvironmentForgotten),
            directory,
            on_terminal,
            errors: (!mixed).then_some(errors),
            astray: astray.map(|main| main.out.clone()),
        };
        tokio::spawn(program.run(steps, inside));
        Ok(Process::new(stdin, stdout, stderr, self.control(&process)))
    }
}

impl MemorySession {
    fn streams(
        &self,
        number: u64,
        request: &ExecRequest,
    ) -> (Proc, Inside, Option<session_core::Input>) {
        if let Some(size) = request.terminal {
            let flat = self.world.breaks(Mutant::ExecSizeIgnored);
            let size = if flat { TerminalSize::default() } else { size };
            let (process, inside) = Proc::on_terminal(number, self.id, false, size);
            let input = process.keyboard(&self.world);
            return (process, inside, Some(input));
        }
        if !request.input {
            if self.world.breaks(Mutant::InputNeverEnds) {
                let (process, inside) =
                    Proc::on_terminal(number, self.id, false, TerminalSize::default());
                return (process, inside, None);
            }
            let (process, inside) = Proc::with_pipes(number, self.id, None);
            return (process, inside, None);
        }
        let (keys, receiver) = mpsc::unbounded_channel();
        let (process, inside) = Proc::with_pipes(number, self.id, Some(receiver));
        let ends = !self.world.breaks(Mutant::ShutdownIgnored);
        (process, inside, Some(Box::new(Keyboard { keys: Some(keys), ends })))
    }
}

#[async_trait]
impl Transfer for MemorySession {
    async fn put(&self, dest: &Utf8Path, mut tar: ByteStream) -> Result<()> {
        self.world.enter(Operation::Put).await?;
        let mut archive = Vec::new();
        while let Some(chunk) = tar.next().await {
            let chunk =
                chunk.map_err(|error| Error::io("memory.put", "read the archive", error))?;
            archive.extend_from_slice(&chunk);
        }
        self.with(Operation::Put, |place| {
            let dest = Self::working_directory(place).join(dest);
            place.tree.put(&dest, &archive, &self.world)
        })
    }

    async fn get(&self, src: &Utf8Path) -> Result<ByteStream> {
        self.world.enter(Operation::Get).await?;
        let archive = self.with(Operation::Get, |place| {
            place.tree.get(&Self::working_directory(place).join(src), &self.world)
        })?;
        let bytes = archive.into_iter().map(|byte| Ok(Bytes::from(vec![byte])));
        Ok(Box::pin(stream::iter(bytes)))
    }
}

#[async_trait]
impl Snapshots for MemorySession {
    async fn snapshot(&self, name: &str) -> Result<()> {
        self.with(Operation::Put, |place| {
            place.snapshots.insert(name.to_owned(), place.tree.clone());
            Ok(())
        })
    }
}

#[async_trait]
impl Stats for MemorySession {
    async fn usage(&self) -> Result<Usage> {
        let state = self.world.state();
        let mut usage = Usage::default();
        let processes = state.processes.iter().filter(|process| process.session == self.id).count();
        let children = state.children.iter().filter(|child| child.session == self.id).count();
        usage.processes = (processes + children) as u64;
        Ok(usage)
    }
}

/// Only to break the rule that dropping a handle does nothing.
impl Drop for MemorySession {
    fn drop(&mut self) {
        let stop = |state: &State| {
            let main = state.places.get(&self.id).and_then(Self::running);
            main.into_iter().for_each(|main| main.send(9));
        };
        if self.world.breaks(Mutant::DropDestroys) {
            self.world.state().places.remove(&self.id);
        }
        if self.world.breaks(Mutant::DropStops) {
            stop(&self.world.state());
        }
    }
}
