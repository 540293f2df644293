//! Work that makes more work, shared among threads.

use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use session_core::Result;

/// The jobs that wait; a job may push more.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    jobs: Vec<J>,
    busy: usize,
    failure: Option<session_core::Error>,
}

impl<J> Queue<J> {
    /// Adds a job. The newest is taken first, which keeps a walk deep and its memory small.
    pub(crate) fn push(&self, job: J) {
        self.lock().jobs.push(job);
        self.changed.notify_one();
    }

    /// The next job, or `None` when all is done or something failed.
    fn take(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if state.failure.is_some() {
                return None;
            }
            if let Some(job) = state.jobs.pop() {
                state.busy += 1;
                return Some(job);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does `jobs` and all that they push on `threads` threads; ends early with the first failure.
pub(crate) fn drain<J: Send>(
    threads: NonZero<usize>,
    jobs: Vec<J>,
    work: impl Fn(J, &Queue<J>) -> Result<()> + Sync,
) -> Result<()> {
    let state = State { jobs, busy: 0, failure: None };
    let queue = Queue { state: Mutex::new(state), changed: Condvar::new() };
    let run = || {
        while let Some(job) = queue.take() {
            let done = Done(&queue);
            if let Err(error) = work(job, &queue) {
                queue.lock().failure.get_or_insert(error);
            }
            drop(done);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.get() {
            scope.spawn(run);
        }
        run();
    });
    let state = queue.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.failure.map_or(Ok(()), Err)
}

/// Marks a job as done even if it panicked, so that the other threads do not wait for it.
struct Done<'a, J>(&'a Queue<J>);

impl<J> Drop for Done<'_, J> {
    fn drop(&mut self) {
        self.0.lock().busy -= 1;
        self.0.changed.notify_all();
    }
}
