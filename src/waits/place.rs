//! What this thread is inside of.

use std::cell::RefCell;

use super::End;
use crate::sync::{Mutant, mutant, thread_local};

thread_local!(static HERE: RefCell<Vec<Inside>> = const { RefCell::new(Vec::new()) });

/// One thing that cannot end before this thread goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    /// The thread runs a job of a pool.
    Job { task: usize, pool: usize },
    /// The thread is a worker of a pool, or wakes up whoever polled for a job that it ran in a
    /// worker's stead.
    Worker(usize),
    /// The thread is one of a pipeline's.
    Run(usize),
}

impl Inside {
    /// Whether this cannot end before the thread goes on.
    pub(super) fn holds_up(self, end: End) -> bool {
        match (self, end) {
            (Self::Job { task, .. }, End::Job(job)) => task == job,
            (Self::Job { pool, .. } | Self::Worker(pool), End::Pool(waited)) => pool == waited,
            (Self::Run(run), End::Run(waited)) => run == waited,
            _ => false,
        }
    }
}

/// Puts this thread inside of something, for good.
pub(crate) fn enter(inside: Inside) {
    HERE.with(|here| {
        let mut here = here.borrow_mut();
        if !here.contains(&inside) {
            here.push(inside);
        }
    });
}

/// Puts this thread, which has just begun, inside of all that the thread is inside of which started it
/// and waits for it.
pub(crate) fn inherit(place: Vec<Inside>) {
    if !mutant(Mutant::WaitPlaceNotInherited) {
        HERE.with(|here| *here.borrow_mut() = place);
    }
}

/// Runs a job as part of which this thread may wait for others. `job` does not unwind.
#[inline]
pub(crate) fn inside<R>(place: Inside, job: impl FnOnce() -> R) -> R {
    let known = HERE.try_with(|here| here.borrow_mut().push(place)).is_ok();
    let result = job();
    if known {
        // Nothing to take back where the thread's variables have gone meanwhile.
        let _ = HERE.try_with(|here| here.borrow_mut().pop());
    }
    result
}

/// Whether this cannot end before this thread goes on.
pub(crate) fn is_inside(end: End) -> bool {
    // What a thread's variable holds may outlive this one; then the thread is inside of nothing.
    HERE.try_with(|here| here.borrow().iter().any(|inside| inside.holds_up(end))).unwrap_or(false)
}

/// All that this thread is inside of, outermost first.
pub(crate) fn here() -> Vec<Inside> {
    HERE.try_with(|here| here.borrow().clone()).unwrap_or_default()
}
