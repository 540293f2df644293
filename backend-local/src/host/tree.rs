//! The processes of a session, and how they are ended.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::platform;

mod table;

pub(crate) use table::{Row, Table};

/// How often we look whether a process has ended. The wait is on a condition; this is its grain.
const GRAIN: Duration = Duration::from_millis(10);
/// How long killed processes may take to be gone: one that waits for a disk dies only after that.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// How often we look for processes that were started while the others are asked to end.
const LOOKS_PER_SCAN: u32 = 10;

/// A process, proof against the reuse of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ProcessKey {
    pub(crate) pid: i32,
    /// When it was started: grows within a boot, in the system's own unit (Linux: clock ticks).
    pub(crate) start: u64,
}

impl ProcessKey {
    /// The process that has `pid` now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        platform::row(pid).map(|row| row.key())
    }

    pub(crate) fn is_alive(self) -> bool {
        platform::row(self.pid).is_some_and(|row| row.key() == self && row.is_alive)
    }

    /// Sends `signal` to this very process; `Ok` if it is gone.
    pub(crate) fn signal(self, signal: Signal) -> rustix::io::Result<()> {
        platform::signal(self, signal)
    }
}

/// Which processes belong together, and those of them that were ever seen.
#[derive(Debug)]
pub(crate) struct Tree {
    mark: Vec<u8>,
    root: Option<ProcessKey>,
    terminal_session: Option<i32>,
    /// Older processes can't carry the mark, so their environment need not be read.
    since: u64,
    spared: BTreeSet<i32>,
    seen: BTreeSet<ProcessKey>,
}

impl Tree {
    /// The processes of this user that carry `variable=value` in their first environment, and
    /// their descendants. Never this process itself.
    pub(crate) fn marked(variable: &str, value: &str) -> Self {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        Self {
            mark: format!("{variable}={value}").into_bytes(),
            root: None,
            terminal_session: None,
            since: 0,
            spared: BTreeSet::from([own]),
            seen: BTreeSet::new(),
        }
    }

    /// Says that the mark was first given to `process`: saves most of a look at a busy machine.
    pub(crate) fn since(self, process: ProcessKey) -> Self {
        Self { since: process.start, ..self }
    }

    /// Adds `root` and its descendants.
    pub(crate) fn with_root(mut self, root: ProcessKey) -> Self {
        self.root = Some(root);
        self
    }

    /// Adds the members of the process session that `leader` leads. Only while `leader` is known
    /// to be the process it was: alive, or not yet waited for.
    pub(crate) fn with_terminal_session(mut self, leader: i32) -> Self {
        self.terminal_session = Some(leader);
        self
    }

    /// Forgets the process session, but not the members of it that were seen.
    pub(crate) fn without_terminal_session(self) -> Self {
        Self { terminal_session: None, ..self }
    }

    /// Leaves `pid` out, and does not look for more below it.
    pub(crate) fn sparing(mut self, pid: i32) -> Self {
        self.spared.insert(pid);
        self
    }

    /// The living members now. One that was seen once stays a member, wherever its parents go.
    pub(crate) fn scan(&mut self) -> Vec<Row> {
        let table = Table::read();
        let uid = rustix::process::geteuid().as_raw();
        let mut members: BTreeMap<i32, Row> = BTreeMap::new();
        for row in table.rows() {
            let key = row.key();
            let belongs = self.root == Some(key)
                || self.seen.contains(&key)
                || self.terminal_session.is_some_and(|leader| row.session == leader)
                || row.key().start >= self.since
                    && !row.is_of_the_kernel
                    && platform::carries(row.pid, uid, &self.mark);
            if belongs && self.may_be_ended(row.pid) {
                members.insert(row.pid, row.clone());
            }
        }
        let mut unvisited: Vec<i32> = members.keys().copied().collect();
        while let Some(parent) = unvisited.pop() {
            for child in table.children(parent) {
                if self.may_be_ended(child.pid) && !members.contains_key(&child.pid) {
                    members.insert(child.pid, child.clone());
                    unvisited.push(child.pid);
                }
            }
        }
        let living: Vec<Row> = members.into_values().filter(|row| row.is_alive).collect();
        self.seen.extend(living.iter().map(Row::key));
        living
    }

    /// Ends all members: asks, waits at most `grace`, kills. Blocks.
    ///
    /// `Err` has those that would not die, in the order of their numbers.
    pub(crate) fn end(&mut self, grace: Duration) -> Result<(), Vec<Row>> {
        let deadline = Instant::now() + grace;
        let mut asked = BTreeSet::new();
        let mut looks = 0;
        loop {
            if looks % LOOKS_PER_SCAN == 0 || !self.seen.iter().any(|key| key.is_alive()) {
                let living = self.scan();
                if living.is_empty() {
                    return Ok(());
                }
                for row in living.iter().filter(|row| asked.insert(row.key())) {
                    ask(row);
                }
            }
            if Instant::now() >= deadline {
                break;
            }
            looks += 1;
            sleep(GRAIN.min(deadline.saturating_duration_since(Instant::now())));
        }
        self.kill()
    }

    fn kill(&mut self) -> Result<(), Vec<Row>> {
        let deadline = Instant::now() + KILL_PATIENCE;
        loop {
            let living = self.freeze();
            if living.is_empty() {
                return Ok(());
            }
            for row in &living {
                // One that is not ours to kill is still there in the next round, and reported.
                let _ = row.key().signal(Signal::KILL);
            }
            let killed = |row: &Row| !row.key().is_alive();
            while !living.iter().all(killed) {
                if Instant::now() >= deadline {
                    return Err(living.into_iter().filter(|row| !killed(row)).collect());
                }
                sleep(GRAIN / 10);
            }
        }
    }

    /// Stops members until no new one appears, so that none can fork away between look and kill.
    fn freeze(&mut self) -> Vec<Row> {
        let mut frozen = BTreeSet::new();
        loop {
            let living = self.scan();
            let new: Vec<_> = living.iter().filter(|row| frozen.insert(row.key())).collect();
            if new.is_empty() {
                return living;
            }
            for row in new {
                let _ = row.key().signal(Signal::STOP);
            }
        }
    }

    fn may_be_ended(&self, pid: i32) -> bool {
        pid > 1 && !self.spared.contains(&pid)
    }
}

/// Asks a process to end, by the signal that it does not ignore: an interactive shell ignores
/// SIGTERM, and hands SIGHUP on to its jobs. A stopped one is woken, to hear it.
fn ask(row: &Row) {
    let signal = if platform::ignores(row.pid, Signal::TERM) { Signal::HUP } else { Signal::TERM };
    let _ = row.key().signal(signal);
    let _ = row.key().signal(Signal::CONT);
}
