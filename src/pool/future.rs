//! The submitter's end of a job.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::error::TaskError;
use super::task::{Outcome, Work};
use crate::waits::Knot;

/// The result of a job, which may still be to come.
///
/// Dropping it lets the job run, and its result go. To stop the job, [`cancel`](Self::cancel) it.
///
/// It is also a [`std::future::Future`], of the same outcome, for every executor. Polling never runs
/// the job: only [`result`](Self::result) and its like do.
///
/// **From Python:** `concurrent.futures.Future`. `result(timeout=t)` is
/// [`result_timeout`](Self::result_timeout); `exception()` is the `Err` of the result;
/// `add_done_callback` is [`on_done`](Self::on_done). **vs `std`:** a
/// [`JoinHandle`](std::thread::JoinHandle) can neither be cancelled, nor awaited for a time.
///
/// # Examples
///
/// ```
/// use brigade::pool::Pool;
///
/// let pool = Pool::new()?;
/// let answer = pool.submit(|_| 6 * 7);
/// let question = pool.submit(|_| "what do you get if you multiply six by nine?");
/// assert!(question.result()?.ends_with("nine?"));
/// assert_eq!(answer.result()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "concurrent.futures.Future")]
pub type Future<T> = ScopedFuture<'static, T>;

/// The result of a job that may borrow what lives as long as `'env`: see [`Pool::scope`].
///
/// [`Pool::scope`]: super::Pool::scope
pub struct ScopedFuture<'env, T> {
    pub(super) work: Arc<dyn Work<'env, T> + 'env>,
}

impl<T> ScopedFuture<'_, T> {
    /// Cancels the job: `true` if it has not begun, and now never will.
    ///
    /// Its closure is dropped before this returns, and its place in the queue is free. If the job is
    /// running, it is asked to end ([`TaskCx::is_cancelled`](super::TaskCx::is_cancelled)) and this
    /// is `false`; so it is if the job is done. Cancelling again changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::{Pool, TaskError};
    /// use std::sync::mpsc::channel;
    ///
    /// let pool = Pool::builder().workers(1).build()?;
    /// let (open, gate) = channel::<()>();
    /// let first = pool.submit(move |_| gate.recv().is_ok());
    /// let second = pool.submit(|_| unreachable!("it is cancelled first"));
    /// # while !first.is_running() { std::thread::yield_now(); }
    /// assert!(second.cancel());
    /// assert!(matches!(second.result(), Err(TaskError::Cancelled)));
    /// open.send(())?;
    /// assert!(first.result()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self) -> bool {
        self.work.cancel()
    }

    /// Whether the job has begun and is not done.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.work.shared().is_running()
    }

    /// Whether the outcome is there, be it a result, a panic or a cancellation.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.work.shared().is_done()
    }

    /// Whether the job was cancelled before it began.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.work.shared().is_cancelled()
    }

    /// Waits for the job and takes its result.
    ///
    /// A job that has not begun is run here, on this thread, instead of waiting for a worker:
    /// that is faster, and a job that waits for jobs of its own pool cannot run out of workers. The
    /// pool's [`Claims`](super::Claims) say otherwise if that is not wanted.
    ///
    /// # Errors
    ///
    /// Every [`TaskError`]. [`TaskError::Cycle`] is returned at once, instead of waiting for ever, by
    /// a job that waits for one which, in the end, waits for it (`tests/it/pool/waits.rs`).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::Pool;
    ///
    /// let pool = Pool::builder().workers(1).build()?;
    /// let pool = std::sync::Arc::new(pool);
    /// let outer = pool.submit({
    ///     let pool = pool.clone();
    ///     move |_| pool.submit(|_| 20).result().map(|inner| inner + 1)
    /// });
    /// assert_eq!(outer.result()??, 21); // with a single worker
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn result(self) -> Result<T, TaskError> {
        self.work.help();
        self.finished(None).unwrap_or(Err(TaskError::Cycle))
    }

    /// Waits for the job at most so long, and takes its result or gives the future back.
    ///
    /// The limit is kept: it does not run the job. A limit of zero takes what is there. One too long
    /// for the clock to express, such as `Duration::MAX`, is for ever.
    ///
    /// # Errors
    ///
    /// The future, if the time is over; to wait on is to call this again.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::Pool;
    /// use std::sync::mpsc::channel;
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new()?;
    /// let (open, gate) = channel();
    /// let job = pool.submit(move |_| gate.recv());
    /// let job = job.result_timeout(Duration::from_millis(1)).expect_err("the gate is shut");
    /// open.send(7)?;
    /// assert_eq!(job.result()?, Ok(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn result_timeout(self, limit: Duration) -> Result<Result<T, TaskError>, Self> {
        match Instant::now().checked_add(limit) {
            Some(deadline) => self.finished(Some(deadline)),
            None => Ok(self.finished(None).unwrap_or(Err(TaskError::Cycle))),
        }
    }

    fn finished(self, deadline: Option<Instant>) -> Result<Outcome<T>, Self> {
        let shared = self.work.shared();
        match shared.wait(self.work.id(), deadline) {
            // It is there, unless it has been polled for: the future is not shared.
            Ok(true) => Ok(shared.take().unwrap_or(Err(TaskError::Taken))),
            Ok(false) => Err(self),
            Err(Knot) => Ok(Err(TaskError::Cycle)),
        }
    }
}

impl<'env, T> ScopedFuture<'env, T> {
    /// Calls `callback` with the outcome, once there is one; if there is, before this returns.
    ///
    /// Callbacks run in the order they were added, on the thread that ends the job, and before
    /// anybody who waits for the result gets it. A panic in one goes no further, and the others still
    /// run. One that blocks holds up the worker, and all who wait; it is part of the job, so one that
    /// waits for a job that waits for this one is told [`TaskError::Cycle`].
    ///
    /// Each is called once. If the outcome has left already, because the future was polled until it was
    /// ready, the callback is called at once with [`TaskError::Taken`].
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::Pool;
    /// use std::sync::mpsc::channel;
    ///
    /// let pool = Pool::new()?;
    /// let (tell, told) = channel();
    /// let job = pool.submit(|_| "soup");
    /// job.on_done(move |outcome| { tell.send(outcome.is_ok()).ok(); });
    /// assert_eq!(job.result()?, "soup");
    /// assert!(told.recv()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "add_done_callback")]
    pub fn on_done(&self, callback: impl FnOnce(&Result<T, TaskError>) + Send + 'env) {
        self.work.shared().on_done(Box::new(callback));
    }
}

/// # Panics
///
/// If it is polled again after it was ready.
impl<T> std::future::Future for ScopedFuture<'_, T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work
            .shared()
            .poll(cx)
            .map(|outcome| outcome.expect("a future is not polled again after it was ready"))
    }
}

impl<T> fmt::Debug for ScopedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.work.shared();
        let state = match () {
            () if shared.is_cancelled() => "cancelled",
            () if shared.has_failed() => "failed",
            () if shared.is_done() => "done",
            () if shared.is_running() => "running",
            () => "pending",
        };
        f.debug_tuple("Future").field(&state).finish()
    }
}
