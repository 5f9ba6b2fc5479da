//! Jobs for a fixed number of threads, and futures for their results.
//!
//! A [`Pool`] runs closures on threads of its own. [`submit`](Pool::submit) gives a [`Future`] for
//! each: to wait for, with or without a time limit, to cancel, to ask, or to `.await`.
//!
//! ```
//! use brigade::pool::{Pool, Window};
//!
//! let pool = Pool::builder().workers(4).build()?;
//! let soup = pool.submit(|_| "soup".to_uppercase());
//! let squares: Result<Vec<u64>, _> = pool.map(1..=5, Window(8), |n| n * n).collect();
//! assert_eq!(squares?, [1, 4, 9, 16, 25]);
//! assert_eq!(soup.result()?, "SOUP");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which one do I need?
//!
//! | You have | Take |
//! |---|---|
//! | jobs of any kind, also such that block, and want their results | [`Pool::submit`] |
//! | one function for many items, results in their order | [`Pool::map`] |
//! | the same, each result as soon as it is there | [`Pool::map_unordered`] |
//! | futures, and want whichever is done next | [`as_completed`] |
//! | futures, and want to know when one, or all, are done | [`wait`] |
//! | jobs that borrow from your stack | [`Pool::scope`] |
//! | jobs that may crash, leak or hang, or that need a process each | `process` (feature) |
//! | a chain of steps for a stream of items | a pipeline |
//! | pure computation that is divided and conquered | `rayon` |
//! | thousands of jobs that mostly wait for a network | an asynchronous runtime |
//!
//! # What is promised
//!
//! - **Each job runs at most once**, and exactly once unless it is cancelled, displaced or refused;
//!   its future says which. (The closure itself is what is claimed, so the compiler checks the
//!   first half; `tests/model/pool.rs` checks the second, with the mutants that lose a job.)
//! - **No payload is lost.** A panic is in the future, with what it panicked with, and costs no
//!   thread. (`tests/it/pool/future.rs`)
//! - **A pool that has ended runs nothing**, on no thread. (Model
//!   `a_pool_ends_after_the_jobs_that_others_run`.)
//! - **Waiting for a job of one's own pool is safe**, however deep. Whoever waits for a job that has
//!   not begun runs it; a true cycle of waits is the error [`TaskError::Cycle`], at once.
//!   (`tests/it/pool/waits.rs`)
//! - **Bounds are exact**: never more than [`queue`](Builder::queue) jobs wait for a worker, never
//!   more than [`Window`] items of a map are on their way. (`tests/it/pool/bounds.rs`)
//! - **No thread outlives the pool**, unless the pool is dropped inside one of its own jobs, or in what
//!   such a job waits for, where waiting would be for ever: then its threads end by themselves.
//!   (`tests/it/pool/shutdown.rs` counts them; `tests/it/pipeline/rings.rs`)
//! - What happened before `submit` happens before the job; what the job did happens before whoever
//!   sees it done goes on.
//!
//! # What blocks, and who ends it
//!
//! | Call | May block | Until |
//! |---|---|---|
//! | [`submit`](Pool::submit) | if the queue is full and the policy is [`Overflow::Block`] | a job leaves the queue, or the pool is shut down |
//! | [`try_submit`](Pool::try_submit), [`cancel`](ScopedFuture::cancel), [`on_done`](ScopedFuture::on_done) | no, but for callbacks | |
//! | [`result`](ScopedFuture::result), [`wait`], [`as_completed`], the maps | yes | a job is done, by a worker or here |
//! | [`shutdown`](Pool::shutdown), and dropping the pool | yes | the jobs that are to run have run |
//!
//! # Trade-offs
//!
//! - A job may run on the thread that waits for it, so it sees that thread's name and thread-locals.
//!   [`Claims`] turns that off; then a job must not wait for jobs of its own pool without a limit.
//! - While a thread runs what it waits for, it waits for nothing else: `wait` for the first of many
//!   may take as long as the one it has begun.
//! - One line, one lock. It holds for some tens of nanoseconds a job, and is no place for jobs
//!   that take less than a microsecond: chunk them.
//! - A running job cannot be stopped, only asked. What must be killed belongs into a
//!   process.
//!
//! # Pool vs others
//!
//! - **From Python:** `ThreadPoolExecutor(4)` is [`Pool::builder`]`().workers(4)`, `with` is a pool in
//!   scope; `executor.map(f, items, buffersize=8)` is [`map`](Pool::map) with a [`Window`] that is
//!   never exceeded; `shutdown(cancel_futures=True)` is [`Shutdown::CancelPending`]. New: bounded
//!   submission, asking a running job to end, and no deadlock where a job waits for another.
//! - **vs `std`:** it has no pool. [`std::thread::scope`] starts a thread for each job.
//! - **vs `rayon`:** rayon is for computation. A job that blocks takes one of its threads away, jobs
//!   cannot be cancelled, and nothing bounds its queue; its `join` and iterators are unmatched for
//!   what they are for.
//! - **vs Java:** `ThreadPoolExecutor` with its four rejection policies, and
//!   `ExecutorService.close()`.
//!
//! How it works, and what was measured, is in [an essay](crate::guide::pool).

mod builder;
mod core;
mod error;
mod future;
mod gather;
mod map;
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
mod scope;
mod task;
#[cfg(all(unix, feature = "process"))]
mod worker_error;

pub use builder::{Builder, Claims, Overflow, Shutdown};
pub use error::{BuildError, Panic, Refusal, SubmitError, TaskError};
pub use future::{Future, ScopedFuture};
pub use gather::{Completed, Until, Waited, as_completed, wait};
pub use map::{Map, MapUnordered, NotYet, Window};
#[cfg(not(any(brigade_loom, brigade_shuttle)))]
pub use scope::Scope;
pub use task::TaskCx;
#[cfg(all(unix, feature = "process"))]
pub use worker_error::WorkerError;

use self::core::{Admitted, Core, Limits, Run, discard};
use crate::sync::thread;
use std::fmt;
use std::sync::Arc;
#[cfg(all(unix, feature = "process", not(any(brigade_loom, brigade_shuttle))))]
use task::Whole;
use task::{Job, Plain, Task};

/// A fixed number of threads that run what is submitted, first come, first served.
///
/// Dropping it waits for everything that was submitted; while a panic unwinds, it cancels what has
/// not begun. See [`shutdown`](Self::shutdown).
///
/// # Examples
///
/// A hundred vegetables on five workers:
///
/// ```
/// use brigade::pool::{Pool, as_completed};
///
/// let pool = Pool::builder().workers(5).name("cook").build()?;
/// let chopped = (0..100).map(|vegetable| pool.submit(move |_| vegetable % 10));
/// let total: u32 = as_completed(chopped).map(|piece| piece.result().unwrap_or(0)).sum();
/// assert_eq!(total, 450);
/// # Ok::<(), brigade::pool::BuildError>(())
/// ```
#[doc(alias = "concurrent.futures.ThreadPoolExecutor")]
pub struct Pool {
    core: Arc<Core<'static>>,
}

impl Pool {
    /// Makes a pool with the default options: a worker for each thread that the machine can run at
    /// once.
    ///
    /// # Errors
    ///
    /// None of [`BuildError`] applies; the type is that of [`builder`](Self::builder), for `?`.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = brigade::pool::Pool::new()?;
    /// assert!(pool.workers() >= 1);
    /// # Ok::<(), brigade::pool::BuildError>(())
    /// ```
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Offers the options: see [`Builder`].
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn with(limits: Limits) -> Self {
        let name = limits.name.clone();
        let spawn = move |core: Arc<Core<'static>>, id, number| {
            thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || core.work(id, number))
                .map(Some)
        };
        Self { core: Core::new(limits, Box::new(spawn)) }
    }

    /// Submits a job, and gives a future for its result.
    ///
    /// If the queue is full, the pool's [`Overflow`] policy says what happens. A job that is not taken
    /// is dropped, and the future says why: [`TaskError::Rejected`], [`TaskError::PoolClosed`] or
    /// [`TaskError::NoThread`]. To have the job back instead, [`try_submit`](Self::try_submit).
    ///
    /// Dropping the future lets the job run all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::Pool;
    ///
    /// let pool = Pool::new()?;
    /// let lines = pool.submit(|_| std::fs::read_to_string("Cargo.toml").map(|text| text.lines().count()));
    /// assert!(lines.result()?? > 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "execute")]
    #[doc(alias = "spawn")]
    pub fn submit<T, F>(&self, job: F) -> Future<T>
    where
        F: FnOnce(&TaskCx<'_>) -> T + Send + 'static,
        T: Send + 'static,
    {
        submit(&self.core, Plain(job))
    }

    /// Submits a job if there is room for it now, whatever the policy.
    ///
    /// # Errors
    ///
    /// [`SubmitError`], with the job: the queue is full, the pool is shut down, or no thread could be
    /// started.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::{Pool, Refusal, SubmitError};
    ///
    /// let pool = Pool::new()?;
    /// let answer = match pool.try_submit(|_| 42) {
    ///     Ok(future) => future.result()?,
    ///     Err(SubmitError { reason: Refusal::Full, .. }) => 0, // try again later
    ///     Err(error) => panic!("{error}"),
    /// };
    /// assert_eq!(answer, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_submit<T, F>(&self, job: F) -> Result<Future<T>, SubmitError<F>>
    where
        F: FnOnce(&TaskCx<'_>) -> T + Send + 'static,
        T: Send + 'static,
    {
        try_submit(&self.core, job)
    }

    /// Runs `job` on every item, and gives the results in the order of the items.
    ///
    /// At most `window` items are on their way: taken from `items`, and their result not yet given to
    /// the caller. So much work is ahead of the caller, and memory is bounded however slow one item
    /// is. The first window is submitted by this call; the source is always asked on the caller's
    /// thread.
    ///
    /// A panic in `job` is the result of its item; the others are not affected. A panic in `items` is
    /// that of the call that asks for a result, also if it is this call that met it, and no result is lost:
    /// that call panics, and the next ones give what there is. (`tests/it/pool/gather.rs`)
    ///
    /// # Panics
    ///
    /// If the window is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::{Pool, Window};
    ///
    /// let pool = Pool::new()?;
    /// let words = ["mise", "en", "place"].map(str::to_owned);
    /// let mut lengths = pool.map(words, Window(2), |word| word.len());
    /// assert_eq!(lengths.next().transpose()?, Some(4));
    /// assert_eq!(lengths.collect::<Result<Vec<_>, _>>()?, [2, 5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<I, T, F>(&self, items: I, window: Window, job: F) -> Map<'_, I::IntoIter, T>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        Map::new(items.into_iter(), window, self.submits(job))
    }

    /// Runs `job` on every item, and gives the results as they come.
    ///
    /// Otherwise it is [`map`](Self::map): an item that takes long holds up no other, until the window
    /// holds nothing else.
    ///
    /// # Panics
    ///
    /// If the window is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::{Pool, Window};
    ///
    /// let pool = Pool::new()?;
    /// let squares = pool.map_unordered(1..=10_u32, Window(4), |n| n * n);
    /// assert_eq!(squares.sum::<Result<u32, _>>()?, 385);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "imap_unordered")]
    pub fn map_unordered<I, T, F>(
        &self,
        items: I,
        window: Window,
        job: F,
    ) -> MapUnordered<'_, I::IntoIter, T>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        MapUnordered::new(items.into_iter(), window, self.submits(job))
    }

    fn submits<A, T, F>(&self, job: F) -> map::Submit<'_, A, T>
    where
        A: Send + 'static,
        F: Fn(A) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        let job = Arc::new(job);
        Box::new(move |item| {
            let job = Arc::clone(&job);
            self.submit(move |_| job(item))
        })
    }

    /// Submits a closure that gives the whole outcome.
    #[cfg(all(unix, feature = "process", not(any(brigade_loom, brigade_shuttle))))]
    pub(crate) fn submit_whole<T, F>(&self, job: F) -> Future<T>
    where
        F: FnOnce(&TaskCx<'_>) -> Result<T, TaskError> + Send + 'static,
        T: Send + 'static,
    {
        submit(&self.core, Whole(job))
    }

    #[cfg(all(unix, feature = "process", not(any(brigade_loom, brigade_shuttle))))]
    pub(crate) fn try_submit_whole<T, F>(&self, job: F) -> Result<Future<T>, Refusal>
    where
        F: FnOnce(&TaskCx<'_>) -> Result<T, TaskError> + Send + 'static,
        T: Send + 'static,
    {
        let task = Task::new(Arc::clone(&self.core), Whole(job));
        let queued: Arc<dyn Run> = Arc::clone(&task) as _;
        self.core.admit(&queued, None)?;
        Ok(ScopedFuture { work: task })
    }

    /// A future that is done from the beginning.
    #[cfg(all(unix, feature = "process", not(any(brigade_loom, brigade_shuttle))))]
    pub(crate) fn failed<T: Send + 'static>(&self, error: TaskError) -> Future<T> {
        let task =
            Task::new(Arc::clone(&self.core), Whole(|_: &TaskCx<'_>| Err(TaskError::Cancelled)));
        task.refuse(error);
        ScopedFuture { work: task }
    }

    /// Takes no more jobs, and waits until those that are to run have run and all threads are gone.
    ///
    /// It waits for a job that another thread runs, because it waits for its result, too.
    /// Whatever is submitted from here on is [`TaskError::PoolClosed`], even by a job that runs. To
    /// shut down again may only add that what is queued is cancelled. Inside one of the pool's own
    /// jobs it does not wait, for the job would wait for itself; nor in what such a job waits for: a job of
    /// another pool, or a pipeline, which it may only pull from. There it comes back at once, or as soon as
    /// the job begins to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::{Pool, Shutdown, TaskError};
    ///
    /// let pool = Pool::new()?;
    /// let before = pool.submit(|_| "done");
    /// pool.shutdown(Shutdown::Drain);
    /// assert!(before.is_done());
    /// let after = pool.submit(|_| "never");
    /// assert!(matches!(after.result(), Err(TaskError::PoolClosed)));
    /// # Ok::<(), brigade::pool::BuildError>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) {
        self.core.close(how);
        self.core.join();
    }

    /// Ends the pool as a scope ends, whose threads no model has: when all jobs are done, and what they
    /// have submitted in turn.
    #[cfg(any(brigade_loom, brigade_shuttle))]
    #[doc(hidden)]
    pub fn finish(&self) {
        self.core.finish();
        self.core.join();
    }

    /// How many threads there are at most.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.core.limits.workers
    }

    /// How many threads there are now, at work or idle.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.core.threads()
    }

    /// How many jobs wait for a worker now.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.core.queued()
    }

    /// Whether the pool is shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.core.is_closed()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shutdown(if std::thread::panicking() {
            Shutdown::CancelPending
        } else {
            Shutdown::Drain
        });
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.core.limits.name)
            .field("workers", &self.workers())
            .field("threads", &self.threads())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

/// Submits by the pool's policy, to a pool or a scope.
fn submit<'env, T, J>(core: &Arc<Core<'env>>, job: J) -> ScopedFuture<'env, T>
where
    J: Job<T> + 'env,
    T: Send + 'env,
{
    let task = Task::new(Arc::clone(core), job);
    let queued: Arc<dyn Run + 'env> = Arc::clone(&task) as _;
    match core.admit(&queued, Some(core.limits.overflow)) {
        Ok(Admitted::Queued) => {}
        Ok(Admitted::Yours) => {
            task.run();
            core.end_inline();
        }
        Ok(Admitted::Displacing(oldest)) => {
            oldest.refuse(TaskError::Displaced);
            discard(oldest);
        }
        Err(reason) => task.refuse(reason.into()),
    }
    ScopedFuture { work: task }
}

/// Submits without waiting, or gives the job back.
fn try_submit<'env, T, F>(
    core: &Arc<Core<'env>>,
    job: F,
) -> Result<ScopedFuture<'env, T>, SubmitError<F>>
where
    F: FnOnce(&TaskCx<'_>) -> T + Send + 'env,
    T: Send + 'env,
{
    let task = Task::new(Arc::clone(core), Plain(job));
    let queued: Arc<dyn Run + 'env> = Arc::clone(&task) as _;
    if let Err(reason) = core.admit(&queued, None)
        // Nobody else has seen the task, so the job is still in it.
        && let Some(Plain(job)) = task.take_job()
    {
        return Err(SubmitError { job, reason });
    }
    Ok(ScopedFuture { work: task })
}
