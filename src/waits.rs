//! Who waits for whom: waits that would never end, found before they begin.
//!
//! A thread is *inside* of what cannot end before the thread goes on: the job that it runs, the pool
//! whose worker it is, the pipeline that it is a thread of; and of all that the thread is inside of that
//! started it, if that one waits for it to end. ([`place`])
//!
//! A thread inside of something that goes to sleep leaves a note: what it is inside of, and what it
//! waits for the end of. A wait that is about to begin follows the notes. ([`board`])
//!
//! Threads that were started by others than this crate are inside of nothing.

mod board;
mod place;

#[cfg(all(feature = "pipeline", not(brigade_loom)))]
pub(crate) use board::pull_from;
#[cfg(feature = "pool")]
pub(crate) use board::wait_for;
pub(crate) use board::{GiveUp, Knot, wait_for_end};
pub(crate) use place::{Inside, enter};
#[cfg(not(brigade_loom))]
pub(crate) use place::{here, inherit};
#[cfg(feature = "pool")]
pub(crate) use place::{inside, is_inside};

/// What is waited for to end. The numbers are of one kind each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A job, and the callbacks behind it.
    Job(usize),
    /// All threads of a pool.
    Pool(usize),
    /// All threads of a pipeline.
    Run(usize),
}
