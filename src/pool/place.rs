//! What this thread is doing for pools: whose worker it is, and which jobs it is inside of.

use std::cell::{Cell, RefCell};

use crate::sync::thread_local;

thread_local!(static WORKER_OF: Cell<usize> = const { Cell::new(0) });
thread_local!(static RUNNING: RefCell<Vec<Job>> = const { RefCell::new(Vec::new()) });

#[derive(Debug, Clone, Copy)]
struct Job {
    task: usize,
    pool: usize,
}

/// Makes this thread a worker of the pool with this number, for good.
pub(super) fn enter(pool: usize) {
    WORKER_OF.with(|at| at.set(pool));
}

/// Whether others of the pool may be waiting for this thread: it is a worker, or inside a job.
pub(super) fn is_part_of(pool: usize) -> bool {
    // A pool in a thread's variable may outlive these; then the thread is inside of nothing.
    WORKER_OF.try_with(|at| at.get() == pool).unwrap_or(false)
        || RUNNING
            .try_with(|running| running.borrow().iter().any(|job| job.pool == pool))
            .unwrap_or(false)
}

/// Runs a job as part of which this thread may wait for others. `job` does not unwind.
#[inline]
pub(super) fn inside<R>(task: usize, pool: usize, job: impl FnOnce() -> R) -> R {
    let known = RUNNING.try_with(|running| running.borrow_mut().push(Job { task, pool })).is_ok();
    let result = job();
    if known {
        // Nothing to take back where the thread's variables have gone meanwhile.
        let _ = RUNNING.try_with(|running| running.borrow_mut().pop());
    }
    result
}

/// The jobs that this thread is inside of, outermost first.
pub(super) fn running() -> Vec<usize> {
    RUNNING
        .try_with(|running| running.borrow().iter().map(|job| job.task).collect())
        .unwrap_or_default()
}
