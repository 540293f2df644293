//! Ending all processes that descend from this one.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

use crate::platform::{Processes, processes};

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Ends every living descendant: asks, waits at most `grace`, kills until none is left.
///
/// The caller must adopt orphans, or those whose parent died are not its descendants any more.
/// Blocks; gives up on what can't be killed (a process stuck in the kernel) after ten seconds.
pub(crate) fn end_all(grace: Duration) {
    let asked_until = Instant::now() + grace;
    let mut asked = Vec::new();
    while Instant::now() < asked_until {
        let living = living();
        if living.is_empty() {
            return;
        }
        for pid in living {
            if !asked.contains(&pid) {
                // A stopped process must go on to hear that it should end.
                let _ = kill_process(pid, Signal::TERM);
                let _ = kill_process(pid, Signal::CONT);
                asked.push(pid);
            }
        }
        sleep(LOOK_AGAIN);
    }
    let given_up = Instant::now() + Duration::from_secs(10);
    while Instant::now() < given_up {
        let living = living();
        if living.is_empty() {
            return;
        }
        for pid in living {
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(LOOK_AGAIN);
    }
}

/// Kills every descendant and takes the ends of all children; for a process that awaits none.
pub(crate) fn kill_and_reap_all() {
    let given_up = Instant::now() + Duration::from_secs(10);
    while Instant::now() < given_up {
        for pid in living() {
            let _ = kill_process(pid, Signal::KILL);
        }
        loop {
            match waitpid(None, WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                // No children: nothing can descend from us.
                Err(_) => return,
            }
        }
        sleep(LOOK_AGAIN);
    }
}

/// Takes the ends of children that were dead in `before`, too: orphans that nobody awaits. Gives
/// the children that are dead now.
pub(crate) fn reap_orphans(before: &[Pid]) -> Vec<Pid> {
    let this = getpid().as_raw_pid();
    let mut dead = Vec::new();
    for (pid, seen) in processes() {
        let Some(pid) = Pid::from_raw(pid).filter(|_| seen.is_zombie && seen.parent == this) else {
            continue;
        };
        if before.contains(&pid) {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        } else {
            dead.push(pid);
        }
    }
    dead
}

fn living() -> Vec<Pid> {
    let processes = processes();
    let this = getpid().as_raw_pid();
    processes
        .iter()
        .filter(|(pid, seen)| !seen.is_zombie && descends(**pid, this, &processes))
        .filter_map(|(pid, _)| Pid::from_raw(*pid))
        .collect()
}

fn descends(pid: i32, from: i32, processes: &Processes) -> bool {
    let mut at = pid;
    // A chain longer than all processes is one that changed while it was read.
    for _ in 0..=processes.len() {
        match processes.get(&at) {
            Some(seen) if seen.parent == from => return true,
            Some(seen) => at = seen.parent,
            None => return false,
        }
    }
    false
}
