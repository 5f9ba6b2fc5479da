//! How many workers, how long a queue, and what happens at its end.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::Pool;
use super::core::Limits;
use super::error::BuildError;

/// What a submission does when the queue is full.
///
/// # Examples
///
/// ```
/// use brigade::pool::{Overflow, Pool, TaskError};
/// use std::sync::mpsc::channel;
///
/// let pool = Pool::builder().workers(1).queue(1, Overflow::Reject).build()?;
/// let (open, gate) = channel::<()>();
/// let (begun, begins) = channel();
/// let held = pool.submit(move |_| { begun.send(()).ok(); gate.recv().ok(); });
/// begins.recv()?;
/// let queued = pool.submit(|_| "second");
/// let refused = pool.submit(|_| "third");
/// assert!(matches!(refused.result(), Err(TaskError::Rejected)));
/// open.send(())?;
/// assert_eq!(queued.result()?, "second");
/// held.result()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// It waits for a place. A job that submits to its own pool does not: it runs the new job
    /// itself, since its workers could all be waiting like that. Neither does a thread that such a job
    /// has started and waits for: a stage of a pipeline, or a job of a scope.
    #[default]
    Block,
    /// The future is [`TaskError::Rejected`](super::TaskError::Rejected) at once.
    Reject,
    /// The caller runs the job before the call returns, and so submits the next one later.
    CallerRuns,
    /// The oldest queued job is [`TaskError::Displaced`](super::TaskError::Displaced).
    DropOldest,
}

/// Who may run a queued job inline because it waits for it.
///
/// A job that waits for another job of its pool holds a worker. If all workers wait like that, no
/// worker is left for the jobs that they wait for; so whoever waits for a job that has not begun
/// takes it and runs it. It runs only what it waits for, never a stranger, so it cannot meet a
/// lock in an order that its author has not written.
///
/// # Examples
///
/// Jobs that whoever stands outside of the pool is only to wait for:
///
/// ```
/// use brigade::pool::{Claims, Pool};
///
/// let pool = Pool::builder().workers(2).name("cook").claims(Claims::InWorkers).build()?;
/// let name = pool.submit(|_| std::thread::current().name().map(str::to_owned));
/// assert!(name.result()?.is_some_and(|name| name.starts_with("cook-")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Claims {
    /// Every thread that waits without a time limit.
    #[default]
    Anywhere,
    /// Only threads that are inside a job of the same pool, or that such a job has started and waits for
    /// (the stages of a pipeline, the jobs of a scope), where it prevents a deadlock. So where a job has
    /// started several, more jobs may run at once than there are workers.
    InWorkers,
    /// Nobody. A job that waits for a queued job of its pool holds a worker, and may wait for ever.
    Never,
}

/// How a pool ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shutdown {
    /// Everything that is queued still runs.
    Drain,
    /// What is queued is cancelled; what is running is asked to end, by
    /// [`TaskCx::is_cancelled`](super::TaskCx::is_cancelled), and awaited.
    CancelPending,
}

/// The options of a [`Pool`].
///
/// | Option | Default |
/// |---|---|
/// | [`workers`](Self::workers) | as many as the machine can run at once |
/// | [`queue`](Self::queue) | 1024 places; submitting to a full one waits |
/// | [`claims`](Self::claims) | whoever waits for a queued job runs it |
/// | [`keep_alive`](Self::keep_alive) | threads stay as long as the pool |
/// | [`name`](Self::name) | `pool`, for threads `pool-0`, `pool-1` and so on |
///
/// # Examples
///
/// ```
/// use brigade::pool::{Overflow, Pool};
/// use std::time::Duration;
///
/// let pool = Pool::builder()
///     .workers(4)
///     .queue(64, Overflow::CallerRuns)
///     .keep_alive(Duration::from_secs(10))
///     .name("fetch")
///     .build()?;
/// assert_eq!((pool.workers(), pool.threads()), (4, 0));
/// # Ok::<(), brigade::pool::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    limits: Limits,
}

impl Builder {
    pub(super) fn new() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            limits: Limits {
                workers,
                bound: 1024,
                overflow: Overflow::Block,
                claims: Claims::Anywhere,
                keep_alive: None,
                name: "pool".into(),
            },
        }
    }

    /// Sets how many threads there are at most. They are started when there is work for them.
    pub fn workers(mut self, workers: usize) -> Self {
        self.limits.workers = workers;
        self
    }

    /// Sets how many jobs may wait for a worker, and what happens when one more comes.
    ///
    /// A job that was cancelled, or that somebody runs inline, has left the queue.
    pub fn queue(mut self, places: usize, overflow: Overflow) -> Self {
        self.limits.bound = places;
        self.limits.overflow = overflow;
        self
    }

    /// Sets who may run a queued job because it waits for it.
    pub fn claims(mut self, claims: Claims) -> Self {
        self.limits.claims = claims;
        self
    }

    /// Lets a thread end when it has had nothing to do for so long. A later job starts a new one.
    pub fn keep_alive(mut self, idle: Duration) -> Self {
        self.limits.keep_alive = Some(idle);
        self
    }

    /// Sets what the threads are called, before a dash and a number. The operating system may cut
    /// names off, Linux behind 15 bytes; a NUL byte is left out.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.limits.name = name.into().replace('\0', "");
        self
    }

    /// Makes the pool. No thread is started yet.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoWorkers`] and [`BuildError::NoQueue`], if one of them is to be zero.
    pub fn build(self) -> Result<Pool, BuildError> {
        if self.limits.workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        if self.limits.bound == 0 {
            return Err(BuildError::NoQueue);
        }
        Ok(Pool::with(self.limits))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Builder").field(&self.limits).finish()
    }
}
