//! Jobs in processes of their own: what crashes there costs one job, and nothing else.
//!
//! A [`ProcessPool`] is a [`Pool`] whose workers are processes: this same program, started anew. A
//! [`Job`] is a function with a name; its arguments and its result go through serde. The rest is as
//! with threads: the same [`Future`], queue, and policies.
//!
//! ```no_run
//! use brigade::pool::Window;
//! use brigade::process::{self, Job, ProcessPool};
//!
//! static CHOP: Job<String, usize> = Job::new("chop", |vegetable| vegetable.len());
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     process::init(&[&CHOP]); // first of all: in a worker, it does not return
//!     let pool = ProcessPool::builder().workers(4).build()?;
//!     let carrot = pool.submit(&CHOP, "carrot".into());
//!     let others = ["leek", "onion"].map(String::from);
//!     let pieces: Result<Vec<usize>, _> = pool.map(others, Window(8), &CHOP).collect();
//!     assert_eq!((carrot.result()?, pieces?), (6, vec![4, 5]));
//!     Ok(())
//! }
//! ```
//!
//! # Which one do I need?
//!
//! | Your jobs | Take |
//! |---|---|
//! | are Rust, and no worse than a panic happens to them | [`pool`](crate::pool): some hundred times cheaper to hand over |
//! | call code that may crash, leak, or corrupt memory | this |
//! | may hang, and have to be killed | this, with [`Job::timeout`], or with a [`Builder::heartbeat`] for processes that are stopped or stuck as a whole |
//! | change what belongs to a process: its directory, its signals, its limits | this |
//! | are other programs | [`std::process::Command`], in a [`pool`](crate::pool) |
//!
//! # What is promised
//!
//! - **A death costs one job.** Its future says which signal or status it was
//!   ([`WorkerError::Died`]); all others go on, and a new process takes the place.
//! - **Nothing is believed that was altered on the way**: a checksum goes with each call and each answer
//!   ([`WorkerError::Altered`]).
//! - **A job runs at most once**, unless it has [`retries`](Job::retries).
//! - **Cancelling kills**: [`cancel`](crate::pool::ScopedFuture::cancel) on a running job ends its
//!   process, and so does [`Shutdown::CancelPending`] with all that run.
//! - **No process is left**: no zombie while the pool lives, none at all when it is dropped, and if
//!   this program is killed, its workers end with it, in the middle of a job too. What a job has started
//!   ends with its worker, unless it has made a process group of its own.
//! - **Never a fork of a threaded process**: workers are started by running the program.
//! - **A worker's output is its own.** The socket is not the standard output; a job may print.
//!
//! `tests/process.rs` has a test for each of them.
//!
//! # Trade-offs
//!
//! - A call costs twenty to forty microseconds and two copies of what is sent. The first one costs the
//!   start of the program, about a millisecond.
//! - What goes over is what serde can write, in `postcard`'s format: no borrowed data, and no format
//!   that describes itself.
//! - A worker is not told that its job is cancelled; it is killed.
//! - A worker has a process group of its own, which a terminal takes for one in the background: a job
//!   that reads from it is stopped by the system, until a limit or the want of a heartbeat kills it.
//! - `main` runs up to [`init`] in every worker.
//! - Unix only.
//!
//! # Process pool vs others
//!
//! - **From Python:** `ProcessPoolExecutor`, with `if __name__ == "__main__"` replaced by [`init`]. There,
//!   one dead worker breaks the whole pool, and a job that hangs stays.
//! - **vs `pool`:** the same, but for jobs by name, and [`TaskError::Worker`].
//!
//! [`Future`]: crate::pool::Future
//! [`Shutdown::CancelPending`]: crate::pool::Shutdown::CancelPending

mod builder;
mod child;
mod crew;
mod frame;
mod job;
mod reaper;
mod wire;
mod worker;

pub use crate::pool::WorkerError;
pub use builder::Builder;
pub use child::init;
pub use job::{Job, Registered};

use crate::pool::{
    Future, Map, MapUnordered, Pool, Refusal, Shutdown, SubmitError, TaskCx, TaskError, Window,
};
use crew::{Crew, Order};
use frame::{Kind, LONGEST, Unwritten, begin, write};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// A fixed number of processes that run what is submitted, first come, first served.
///
/// Dropping it waits for everything that was submitted, and sees its processes go; while a panic
/// unwinds, it cancels and kills.
#[doc(alias = "concurrent.futures.ProcessPoolExecutor")]
#[doc(alias = "multiprocessing.Pool")]
pub struct ProcessPool {
    pool: Pool,
    crew: Arc<Crew>,
}

impl ProcessPool {
    /// Offers the options: see [`Builder`].
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Submits a job, and gives a future for its result: as [`Pool::submit`].
    ///
    /// Arguments that cannot be serialized make the future [`WorkerError::Encode`] at once; such as are
    /// longer than 4 GiB, [`WorkerError::TooLong`].
    pub fn submit<A, R>(&self, job: &Job<A, R>, arguments: A) -> Future<R>
    where
        A: Serialize,
        R: DeserializeOwned + Send + 'static,
    {
        let order = Order::of(job);
        match encode(order, &arguments, LONGEST) {
            Ok(call) => self.pool.submit_whole(self.calling(order, call)),
            Err(error) => self.pool.failed(error),
        }
    }

    /// Submits a job if there is room for it now: as [`Pool::try_submit`].
    ///
    /// # Errors
    ///
    /// [`SubmitError`], with the arguments.
    pub fn try_submit<A, R>(
        &self,
        job: &Job<A, R>,
        arguments: A,
    ) -> Result<Future<R>, SubmitError<A>>
    where
        A: Serialize,
        R: DeserializeOwned + Send + 'static,
    {
        let order = Order::of(job);
        match encode(order, &arguments, LONGEST) {
            Ok(call) => self
                .pool
                .try_submit_whole(self.calling(order, call))
                .map_err(|reason: Refusal| SubmitError { job: arguments, reason }),
            Err(error) => Ok(self.pool.failed(error)),
        }
    }

    /// Runs `job` on every item, and gives the results in the order of the items: as [`Pool::map`].
    ///
    /// # Panics
    ///
    /// If the window is zero.
    pub fn map<'p, I, R>(
        &'p self,
        items: I,
        window: Window,
        job: &'p Job<I::Item, R>,
    ) -> Map<'p, I::IntoIter, R>
    where
        I: IntoIterator<Item: Serialize>,
        R: DeserializeOwned + Send + 'static,
    {
        Map::new(items.into_iter(), window, Box::new(move |item| self.submit(job, item)))
    }

    /// Runs `job` on every item, and gives the results as they come: as [`Pool::map_unordered`].
    ///
    /// # Panics
    ///
    /// If the window is zero.
    pub fn map_unordered<'p, I, R>(
        &'p self,
        items: I,
        window: Window,
        job: &'p Job<I::Item, R>,
    ) -> MapUnordered<'p, I::IntoIter, R>
    where
        I: IntoIterator<Item: Serialize>,
        R: DeserializeOwned + Send + 'static,
    {
        MapUnordered::new(items.into_iter(), window, Box::new(move |item| self.submit(job, item)))
    }

    /// Takes no more jobs, waits until those that are to run have run, and sees the processes go: as
    /// [`Pool::shutdown`]. [`Shutdown::CancelPending`] kills those that are at a job.
    pub fn shutdown(&self, how: Shutdown) {
        self.pool.shutdown(how);
        self.crew.retire();
    }

    /// How many processes there are at most.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.pool.workers()
    }

    /// How many processes wait for a job now.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.crew.idle()
    }

    /// How many jobs wait for a process now.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.pool.queued()
    }

    /// What is to be done with a call.
    fn calling<R: DeserializeOwned>(
        &self,
        order: Order,
        call: Vec<u8>,
    ) -> impl FnOnce(&TaskCx<'_>) -> Result<R, TaskError> + Send + use<R> {
        let crew = Arc::clone(&self.crew);
        move |cx: &TaskCx<'_>| {
            let answer = crew.call(cx, order, &call)?;
            job::decode(&answer)
                .map_err(|why| TaskError::Worker(WorkerError::Decode { job: order.job, why }))
        }
    }
}

/// Writes a call.
fn encode<A: Serialize>(order: Order, arguments: &A, longest: usize) -> Result<Vec<u8>, TaskError> {
    let mut call = begin(Kind::Call);
    // A job's name is never longer.
    call.push(u8::try_from(order.job.len()).unwrap_or(u8::MAX));
    call.extend(order.job.bytes());
    let job = order.job;
    write(arguments, call, longest).map_err(|unwritten| {
        TaskError::Worker(match unwritten {
            Unwritten::TooLong => WorkerError::TooLong { job },
            Unwritten::Refused(why) => WorkerError::Encode { job, why },
        })
    })
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPool")
            .field("workers", &self.workers())
            .field("idle", &self.idle())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use frame::HEADER;

    #[test]
    fn arguments_that_do_not_fit_are_an_error() {
        let job: Job<Vec<u8>, ()> = Job::new("x", |_| ());
        let arguments = vec![0_u8; 97];
        // With the length of the name, the name, and the length of the arguments.
        assert_eq!(encode(Order::of(&job), &arguments, 100).unwrap().len(), HEADER + 100);
        match encode(Order::of(&job), &arguments, 99) {
            Err(TaskError::Worker(WorkerError::TooLong { job })) => assert_eq!(job, "x"),
            other => panic!("{other:?}"),
        }
    }
}
