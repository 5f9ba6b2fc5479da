//! A job between its submission and its result.
//!
//! ```text
//! pending ──claimed──> running ──> done
//!    └────refused────────────────> done (cancelled, displaced, …)
//! ```
//!
//! To claim a job is to take its closure out of the task: a worker that runs it, a waiter that runs
//! it inline and a canceller that drops it all do that, and a closure can be taken only once. That a
//! job runs at most once therefore needs no proof. `state` is a mirror for those who ask.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::core::{Core, Run, Surroundings, discard, shielded};
use super::error::{Panic, TaskError};
use super::gather::Watch;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::sync::{Condvar, Mutant, Mutex, MutexGuard, Patience, mutant};
use crate::waits::{self, End, Inside, Knot};

/// What a job leaves behind.
pub(super) type Outcome<T> = Result<T, TaskError>;

type Callback<'env, T> = Box<dyn FnOnce(&Outcome<T>) + Send + 'env>;

const PENDING: u8 = 0;
const RUNNING: u8 = 1;
/// It will not run; whoever has decided that is about to say so.
const WITHDRAWN: u8 = 2;
const CANCELLING: u8 = 3;
const OK: u8 = 4;
const FAILED: u8 = 5;
const CANCELLED: u8 = 6;

/// A job's view of whoever wants it to end.
///
/// # Examples
///
/// ```
/// use brigade::pool::{Pool, Shutdown};
///
/// let pool = Pool::new()?;
/// let turns = pool.submit(|cx| {
///     let mut turns = 0_u64;
///     while !cx.is_cancelled() {
///         turns += 1;
///         std::thread::yield_now();
///     }
///     turns
/// });
/// while !turns.is_running() {
///     std::thread::yield_now();
/// }
/// assert!(!turns.cancel()); // it has begun, so it is only asked to end
/// assert!(turns.result().is_ok());
/// # Ok::<(), brigade::pool::BuildError>(())
/// ```
pub struct TaskCx<'a> {
    asked: &'a AtomicBool,
    pool: &'a (dyn Surroundings + 'a),
    ticket: u64,
    listens: Cell<bool>,
}

impl TaskCx<'_> {
    /// Whether somebody called [`cancel`](super::Future::cancel) on the job's future, or the pool is
    /// [cancelling](super::Shutdown::CancelPending).
    ///
    /// A job that takes long asks now and then, and ends early: what it returns is still its
    /// result.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.asked.load(Ordering::Acquire) || self.pool.is_cancelling()
    }

    /// Calls `interrupt` when the job is asked to end, or now if it has been asked already.
    ///
    /// It is for jobs that sleep where they cannot ask: it shuts down the socket they read from, say.
    /// It runs on the thread that cancels, and is forgotten when the job is done. A panic in it
    /// goes no further.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::pool::Pool;
    /// use std::sync::mpsc::channel;
    ///
    /// let pool = Pool::new()?;
    /// let (ready, listening) = channel();
    /// let job = pool.submit(move |cx| {
    ///     let (wake, asleep) = channel::<&str>();
    ///     cx.on_cancel(move || { wake.send("wake up").ok(); });
    ///     ready.send(()).ok();
    ///     asleep.recv()
    /// });
    /// listening.recv()?;
    /// job.cancel();
    /// assert_eq!(job.result()?, Ok("wake up"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_cancel(&self, interrupt: impl FnOnce() + Send + 'static) {
        self.listens.set(true);
        self.pool.on_cancel(self.ticket, self.asked, Box::new(interrupt));
    }
}

impl fmt::Debug for TaskCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskCx").field("is_cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// What is run: a closure that gives a result.
pub(super) trait Job<T>: Send {
    fn call(self, cx: &TaskCx<'_>) -> Outcome<T>;
}

/// A closure whose result is the job's.
pub(super) struct Plain<F>(pub(super) F);

impl<T, F: FnOnce(&TaskCx<'_>) -> T + Send> Job<T> for Plain<F> {
    fn call(self, cx: &TaskCx<'_>) -> Outcome<T> {
        Ok((self.0)(cx))
    }
}

/// A closure that gives the whole outcome.
#[cfg(all(unix, feature = "process", not(any(brigade_loom, brigade_shuttle))))]
pub(super) struct Whole<F>(pub(super) F);

#[cfg(all(unix, feature = "process", not(any(brigade_loom, brigade_shuttle))))]
impl<T, F: FnOnce(&TaskCx<'_>) -> Outcome<T> + Send> Job<T> for Whole<F> {
    fn call(self, cx: &TaskCx<'_>) -> Outcome<T> {
        (self.0)(cx)
    }
}

/// A task as its future sees it: the closure's type is gone.
pub(super) trait Work<'env, T>: Run {
    fn shared(&self) -> &Shared<'env, T>;
    /// Runs it here, if it has not begun and the pool allows it; tells whether it did.
    fn help(&self) -> bool;
    /// Whether it never ran and never will.
    fn cancel(&self) -> bool;
    /// What tells it from all other tasks that exist.
    fn id(&self) -> usize;
}

pub(super) struct Task<'env, T, F> {
    job: Mutex<Option<F>>,
    shared: Shared<'env, T>,
    core: Arc<Core<'env>>,
    ticket: AtomicU64,
}

impl<'env, T, F> Task<'env, T, F>
where
    F: Job<T> + 'env,
    T: Send + 'env,
{
    pub(super) fn new(core: Arc<Core<'env>>, job: F) -> Arc<Self> {
        Arc::new(Self {
            job: Mutex::new(Some(job)),
            shared: Shared::new(),
            core,
            ticket: AtomicU64::new(u64::MAX),
        })
    }

    /// Takes the job out of a task that nobody else has seen.
    pub(super) fn take_job(&self) -> Option<F> {
        self.job.lock().take()
    }

    /// Where the thread is that runs it.
    fn place(&self) -> Inside {
        Inside::Job { task: self.id(), pool: self.core.id }
    }

    fn claim(&self, state: u8) -> Option<F> {
        let mut job = self.job.lock();
        let claimed = job.take()?;
        self.shared.state.store(state, Ordering::Release);
        Some(claimed)
    }

    fn run_claimed(&self, job: F) {
        let ticket = self.ticket.load(Relaxed);
        let cx = TaskCx {
            asked: &self.shared.asked,
            pool: &*self.core,
            ticket,
            listens: Cell::new(false),
        };
        let waker = waits::inside(self.place(), || {
            let outcome = catch_unwind(AssertUnwindSafe(|| job.call(&cx))).unwrap_or_else(
                |payload: Box<dyn Any + Send>| Err(TaskError::Panicked(Panic::new(payload))),
            );
            if cx.listens.get() {
                self.core.calm(ticket);
            }
            self.shared.complete(outcome)
        });
        // The job is over, but not what the pool waits for.
        waits::inside(Inside::Worker(self.core.id), || wake(waker));
    }

    /// Ends it with an error. Who waits for it waits for its callbacks, so they are part of it.
    fn end_unrun(&self, job: F, error: TaskError) {
        discard(job);
        wake(waits::inside(self.place(), || self.shared.complete(Err(error))));
    }
}

impl<'env, T, F> Run for Task<'env, T, F>
where
    F: Job<T> + 'env,
    T: Send + 'env,
{
    fn run(&self) {
        if let Some(job) = self.claim(RUNNING) {
            self.run_claimed(job);
        }
    }

    fn refuse(&self, error: TaskError) {
        let cancelled = matches!(error, TaskError::Cancelled);
        if let Some(job) = self.claim(if cancelled { CANCELLING } else { WITHDRAWN }) {
            self.end_unrun(job, error);
        }
    }

    fn number(&self, ticket: u64) {
        self.ticket.store(ticket, Relaxed);
    }
}

impl<'env, T, F> Work<'env, T> for Task<'env, T, F>
where
    F: Job<T> + 'env,
    T: Send + 'env,
{
    fn shared(&self) -> &Shared<'env, T> {
        &self.shared
    }

    fn help(&self) -> bool {
        if !self.shared.is_pending() || !self.core.may_claim() {
            return false;
        }
        self.core.begin_inline();
        let job = self.claim(RUNNING);
        let claimed = job.is_some();
        if let Some(job) = job {
            self.core.forget(self.ticket.load(Relaxed));
            self.run_claimed(job);
        }
        self.core.end_inline();
        claimed
    }

    fn cancel(&self) -> bool {
        if let Some(job) = self.claim(CANCELLING) {
            self.core.forget(self.ticket.load(Relaxed));
            self.end_unrun(job, TaskError::Cancelled);
            return true;
        }
        if !self.shared.is_running() {
            return self.shared.is_cancelled();
        }
        self.shared.asked.store(true, Ordering::Release);
        self.core.interrupt_one(self.ticket.load(Relaxed));
        false
    }

    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        shielded(|| waker.wake());
    }
}

/// What a task shares with those who wait for it.
pub(super) struct Shared<'env, T> {
    state: AtomicU8,
    asked: AtomicBool,
    slot: Mutex<Slot<'env, T>>,
    changed: Condvar,
}

struct Slot<'env, T> {
    done: bool,
    /// There from `done` until it is taken; away while callbacks look at it.
    outcome: Option<Outcome<T>>,
    callbacks: VecDeque<Callback<'env, T>>,
    calling: bool,
    waker: Option<Waker>,
    watches: Vec<(Arc<Watch>, usize)>,
}

impl<'env, T> Shared<'env, T> {
    fn new() -> Self {
        Self {
            state: AtomicU8::new(PENDING),
            asked: AtomicBool::new(false),
            slot: Mutex::new(Slot {
                done: false,
                outcome: None,
                callbacks: VecDeque::new(),
                calling: false,
                waker: None,
                watches: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.state.load(Ordering::Acquire) == PENDING
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.load(Ordering::Acquire) == RUNNING
    }

    pub(super) fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) >= OK
    }

    pub(super) fn is_cancelled(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), CANCELLING | CANCELLED)
    }

    /// Done with an error, and not because it was cancelled.
    pub(super) fn has_failed(&self) -> bool {
        self.state.load(Ordering::Acquire) == FAILED
    }

    /// Runs the callbacks, then lets everybody see the outcome. Once, by whoever claimed the job.
    /// Gives whom to wake up when the thread is no longer inside of the job: a waker may wait for
    /// somebody who has yet to see that it is done.
    #[must_use]
    fn complete(&self, outcome: Outcome<T>) -> Option<Waker> {
        let state = match &outcome {
            Ok(_) => OK,
            Err(TaskError::Cancelled) => CANCELLED,
            Err(_) => FAILED,
        };
        let mut slot = self.slot.lock();
        while let Some(callback) = slot.callbacks.pop_front() {
            drop(slot);
            shielded(|| callback(&outcome));
            slot = self.slot.lock();
        }
        slot.outcome = Some(outcome);
        slot.done = true;
        self.state.store(state, Ordering::Release);
        let waker = slot.waker.take();
        let watches = std::mem::take(&mut slot.watches);
        drop(slot);
        self.changed.notify_all();
        for (watch, index) in watches {
            watch.tell(index);
        }
        waker
    }

    /// Calls `callback` with the outcome: when it is there, or now, behind those that came before. If
    /// it has been taken, that is what the callback is told.
    pub(super) fn on_done(&self, callback: Callback<'env, T>) {
        let was_done = mutant(Mutant::PoolCallbackUnchecked).then(|| self.slot.lock().done);
        let mut slot = self.slot.lock();
        slot.callbacks.push_back(callback);
        if !was_done.unwrap_or(slot.done) || slot.calling {
            return;
        }
        let outcome = slot.outcome.take();
        let taken = outcome.is_none();
        let outcome = outcome.unwrap_or(Err(TaskError::Taken));
        slot.calling = true;
        while let Some(callback) = slot.callbacks.pop_front() {
            drop(slot);
            shielded(|| callback(&outcome));
            slot = self.slot.lock();
        }
        slot.calling = false;
        if !taken {
            slot.outcome = Some(outcome);
        }
    }

    /// Blocks until it is done or the deadline has passed, and tells which.
    pub(super) fn wait(&self, task: usize, deadline: Option<Instant>) -> Result<bool, Knot> {
        let mut patience = Patience::among(2);
        loop {
            if self.is_done() {
                return Ok(true);
            }
            if deadline.is_some_and(|at| at <= Instant::now()) || !patience.spend() {
                break;
            }
        }
        let _posted = match deadline {
            None => Some(waits::wait_for(std::iter::once(End::Job(task)))?),
            Some(_) => None,
        };
        let mut slot = self.slot.lock();
        if mutant(Mutant::PoolWaitUnchecked) && !slot.done {
            drop(slot);
            slot = self.slot.lock();
            self.changed.wait(&mut slot);
        }
        while !slot.done {
            match deadline {
                None => self.changed.wait(&mut slot),
                Some(at) => {
                    if self.changed.wait_until(&mut slot, at).timed_out() {
                        return Ok(slot.done);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Takes the outcome of a task that is done.
    pub(super) fn take(&self) -> Option<Outcome<T>> {
        self.slot.lock().outcome.take()
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        let mut slot: MutexGuard<'_, _> = self.slot.lock();
        if slot.done {
            return Poll::Ready(slot.outcome.take());
        }
        let old = slot.waker.replace(cx.waker().clone());
        drop(slot);
        drop(old);
        Poll::Pending
    }

    /// Has `watch` told when it is done; `false` if it is done.
    pub(super) fn watch(&self, watch: &Arc<Watch>, index: usize) -> bool {
        let mut slot = self.slot.lock();
        if slot.done && !mutant(Mutant::PoolWatchUnchecked) {
            return false;
        }
        slot.watches.push((Arc::clone(watch), index));
        true
    }

    pub(super) fn unwatch(&self, watch: &Arc<Watch>) {
        self.slot.lock().watches.retain(|(other, _)| !Arc::ptr_eq(other, watch));
    }
}
