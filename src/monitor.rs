//! Data that threads meet in: a mutex whose waits are conditions, so that no notify can be forgotten.
//!
//! A [`Monitor`] owns its data. [`with`](Monitor::with) goes inside; [`when`](Monitor::when) waits
//! until a condition over the data holds and goes inside while it does. There is no `notify`: whoever
//! leaves after it could change the data looks at the conditions of those who wait, and wakes
//! exactly those that hold now.
//!
//! ```
//! use brigade::monitor::Monitor;
//! use std::collections::VecDeque;
//!
//! let line = Monitor::new(VecDeque::new());
//! std::thread::scope(|s| {
//!     s.spawn(|| {
//!         for bowl in 0..20 {
//!             line.when(|line| line.len() < 5, |line| line.push_back(bowl));
//!         }
//!     });
//!     for expected in 0..20 {
//!         let eaten = line.when(|line| !line.is_empty(), |line| line.pop_front());
//!         assert_eq!(eaten, Some(expected));
//!     }
//! });
//! ```
//!
//! # Which one do I need?
//!
//! | You want | Call |
//! |---|---|
//! | to change the data | [`with`](Monitor::with) |
//! | to look at it | [`read`](Monitor::read) |
//! | to change it as soon as a condition holds | [`when`](Monitor::when) |
//! | only to learn that a condition has come to hold | [`wait_until`](Monitor::wait_until) |
//! | to give up after a while | [`with_timeout`](Monitor::with_timeout), [`when_timeout`](Monitor::when_timeout), [`wait_until_timeout`](Monitor::wait_until_timeout) |
//! | no data, just a number of places | a [`Semaphore`](crate::semaphore::Semaphore) |
//!
//! # What is promised
//!
//! - **Whoever goes in through `when` finds its condition true.** It was evaluated by the thread that
//!   left, the monitor was reserved for the waiter before anyone else could come in, and there is
//!   no loop to write.
//! - **Exactly those are woken whose condition holds**: of those who want to go in, the one who has
//!   waited longest among them; of those who only want to learn, all.
//! - **First come, first served among equals.** Of several whose conditions hold, the one who began to
//!   wait first goes first; newcomers queue behind a reservation.
//!   Threads that arrive while somebody is inside, before they have a place in the queue, are let in
//!   in any order.
//! - **A panic harms the thread that caused it.** A closure that panics inside leaves the data as it
//!   stands (there is no poison), and the conditions of the others are looked at as always. A condition
//!   that panics, on whichever thread evaluated it, panics in the call that brought it.
//!
//! Each of these has its test in `tests/it/monitor.rs` and its model in `tests/model/monitor.rs`.
//!
//! # Trade-offs
//!
//! - **A condition must be able to run on any thread**: it is `Send + 'static`, so it captures by
//!   value (`move`) what it compares with. What it looks at belongs into the data anyway.
//! - A condition must be pure: a function of the data alone, quick, and without a call to the
//!   monitor. One that depends on the time of day or on data elsewhere is not looked at when those
//!   change.
//! - Leaving costs one evaluation for each waiter whose condition is false. With hundreds of waiters
//!   on as many different conditions, several monitors are better than one.
//! - There is no guard to keep: what happens inside is one closure. To wait in the middle, end the
//!   closure and start a `when`.
//!
//! # Monitor vs others
//!
//! - **vs `std::sync::Mutex` with `Condvar`:** there, the one who changes the data must know who
//!   waits for what, and pick `notify_one` or `notify_all`; the first hangs when it wakes the wrong
//!   one, the second wakes all so that one may go. Here there is nothing to pick.
//! - **From Python:** `with cond: cond.wait_for(p); act()` is [`when`](Monitor::when)`(p, act)`;
//!   `notify` and `notify_all` have no counterpart because they are not needed.
//!   `threading.Condition` may be entered twice by one thread; a monitor refuses that with a panic.
//! - **vs Java:** `synchronized` with `while (!p) wait();` and `notifyAll()`.
//!
//! Monitors are Hoare's (*Monitors: an operating system structuring concept*, CACM 17(10), 1974) and
//! Brinch Hansen's; conditions in place of signals are Hoare's conditional critical regions
//! (*Towards a theory of parallel programming*, 1972), known today from Abseil's `absl::Mutex::Await`.

mod error;
mod queue;
mod visit;

pub use error::TimedOut;

use self::queue::{Answer, Place, Queue, Waiter, Wish};
use self::visit::{Hold, Visit};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutant, Mutex, const_unless_modelled, mutant, thread_mark};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// Data that one thread at a time can be inside of, and conditions over it that threads wait for.
///
/// The [module](self) says what is promised. Nobody can be inside twice: a call from within a
/// closure or a condition of the same monitor panics instead of hanging.
///
/// # Examples
///
/// Eleven servings for five people; each takes one only when it is its turn:
///
/// ```
/// use brigade::monitor::Monitor;
///
/// let pot = Monitor::new((11, Vec::new()));
/// std::thread::scope(|s| {
///     for me in 0..5 {
///         let pot = &pot;
///         s.spawn(move || {
///             let mut more = true;
///             while more {
///                 more = pot.when(
///                     move |(servings, _)| *servings == 0 || servings % 5 == me,
///                     |(servings, order)| {
///                         if *servings == 0 {
///                             return false;
///                         }
///                         *servings -= 1;
///                         order.push(me);
///                         true
///                     },
///                 );
///             }
///         });
///     }
/// });
/// assert_eq!(pot.into_inner().1, [1, 0, 4, 3, 2, 1, 0, 4, 3, 2, 1]);
/// ```
#[doc(alias = "threading.Condition")]
#[doc(alias = "Condvar")]
pub struct Monitor<T> {
    /// Held by the one inside, for as long as it is inside.
    state: Mutex<State<T>>,
    /// Held for moments only, so that whoever gives up waiting need not wait to say so.
    /// Joining also takes the state lock: whoever is inside knows that the queue will not grow.
    queue: Mutex<Queue<T>>,
    /// The length of the queue, for whoever is inside and finds zero.
    queued: AtomicUsize,
    /// The mark of the thread inside, or zero.
    inside: AtomicUsize,
}

struct State<T> {
    value: T,
    /// Somebody has been told to enter and is on the way: nobody else may change the value.
    reserved: bool,
}

// A closure that panics leaves the value as it stands, and that is documented.
impl<T: UnwindSafe> UnwindSafe for Monitor<T> {}
impl<T: UnwindSafe> RefUnwindSafe for Monitor<T> {}

impl<T> Monitor<T> {
    const_unless_modelled! {
        /// Makes a monitor around `value`; it may go into a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use brigade::monitor::Monitor;
        ///
        /// static SCORE: Monitor<u64> = Monitor::new(0);
        /// SCORE.with(|score| *score += 1);
        /// assert_eq!(SCORE.read(|score| *score), 1);
        /// ```
        #[must_use]
        pub const fn new(value: T) -> Self {
            Self {
                state: Mutex::new(State { value, reserved: false }),
                queue: Mutex::new(Queue::new()),
                queued: AtomicUsize::new(0),
                inside: AtomicUsize::new(0),
            }
        }
    }

    /// Goes inside, changes the value, and wakes those whose conditions hold now.
    ///
    /// Blocks while somebody is inside.
    ///
    /// # Panics
    ///
    /// If this thread is inside this monitor already; and whenever `act` panics. The value then
    /// stays as `act` left it, and the conditions of others are looked at as always.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    ///
    /// let stock = Monitor::new(3);
    /// let left = stock.with(|stock| {
    ///     *stock -= 1;
    ///     *stock
    /// });
    /// assert_eq!(left, 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        let hold = self.lock();
        let mut visit = if hold.state.reserved {
            self.enter_later(hold, Wish::Enter)
        } else {
            Visit::new(hold)
        };
        act(visit.value())
    }

    /// Goes inside as [`with`](Self::with) does, or gives up after `limit`.
    ///
    /// The limit is for getting inside, not for `act`. `Duration::ZERO` goes in if nobody is inside.
    ///
    /// # Errors
    ///
    /// [`TimedOut`]; `act` has not run then.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    /// use std::time::Duration;
    ///
    /// let stock = Monitor::new(3);
    /// let left = stock.with_timeout(Duration::from_secs(1), |stock| {
    ///     *stock -= 1;
    ///     *stock
    /// });
    /// assert_eq!(left, Ok(2));
    /// ```
    #[track_caller]
    pub fn with_timeout<R>(
        &self,
        limit: Duration,
        act: impl FnOnce(&mut T) -> R,
    ) -> Result<R, TimedOut> {
        let timed_out = TimedOut { limit };
        let deadline = Instant::now().checked_add(limit);
        let hold = self.lock_until(deadline).ok_or(timed_out)?;
        let mut visit = if hold.state.reserved {
            self.enter_by(hold, Wish::Enter, deadline).ok_or(timed_out)?
        } else {
            Visit::new(hold)
        };
        Ok(act(visit.value()))
    }

    /// Looks at the value without changing it.
    ///
    /// Blocks while somebody is inside. As nothing changes, no condition is looked at on the way
    /// out; a value with interior mutability should be changed through [`with`](Self::with).
    ///
    /// # Panics
    ///
    /// If this thread is inside this monitor already; and whenever `look` panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    ///
    /// let names = Monitor::new(vec!["ada"]);
    /// assert_eq!(names.read(|names| names.len()), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        let hold = self.lock();
        let seen = look(&hold.state.value);
        hold.leave();
        seen
    }

    /// Waits until `condition` holds, and goes inside while it does.
    ///
    /// The condition is evaluated here first, and then by each thread that leaves the monitor,
    /// until it holds. The one who leaves reserves the monitor for this call: `act` finds the value
    /// just as the condition saw it. Of several calls whose conditions hold, the one that began to
    /// wait first goes first.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with); and when `condition` panics, here or on a thread that
    /// evaluated it for this call: the panic is carried over, and the other thread does not notice.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    ///
    /// let jobs = Monitor::new(Vec::new());
    /// std::thread::scope(|s| {
    ///     let worker = s.spawn(|| jobs.when(|jobs| !jobs.is_empty(), |jobs| jobs.pop()));
    ///     jobs.with(|jobs| jobs.push("wash"));
    ///     assert_eq!(worker.join().unwrap(), Some("wash"));
    /// });
    /// ```
    #[doc(alias = "wait_for")]
    #[doc(alias = "wait_while")]
    #[doc(alias = "LockWhen")]
    #[track_caller]
    pub fn when<R>(
        &self,
        condition: impl Fn(&T) -> bool + Send + 'static,
        act: impl FnOnce(&mut T) -> R,
    ) -> R {
        let hold = self.lock();
        let mut visit = if !hold.state.reserved && condition(&hold.state.value) {
            Visit::new(hold)
        } else {
            self.enter_later(hold, Wish::EnterWhen(Box::new(condition)))
        };
        act(visit.value())
    }

    /// Waits until `condition` holds as [`when`](Self::when) does, or gives up after `limit`.
    ///
    /// The limit is for getting inside, not for `act`. `Duration::ZERO` goes in if nobody is
    /// inside and the condition holds. If the condition comes to hold just as the time runs out, the
    /// call goes in.
    ///
    /// # Errors
    ///
    /// [`TimedOut`]; `act` has not run then.
    ///
    /// # Panics
    ///
    /// As [`when`](Self::when).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    /// use std::time::Duration;
    ///
    /// let stock = Monitor::new(0);
    /// let taken = stock.when_timeout(Duration::ZERO, |stock| *stock > 0, |stock| *stock -= 1);
    /// assert!(taken.is_err());
    /// ```
    #[track_caller]
    pub fn when_timeout<R>(
        &self,
        limit: Duration,
        condition: impl Fn(&T) -> bool + Send + 'static,
        act: impl FnOnce(&mut T) -> R,
    ) -> Result<R, TimedOut> {
        let timed_out = TimedOut { limit };
        let deadline = Instant::now().checked_add(limit);
        let hold = self.lock_until(deadline).ok_or(timed_out)?;
        let mut visit = if !hold.state.reserved && condition(&hold.state.value) {
            Visit::new(hold)
        } else {
            self.enter_by(hold, Wish::EnterWhen(Box::new(condition)), deadline).ok_or(timed_out)?
        };
        Ok(act(visit.value()))
    }

    /// Waits until `condition` has held, and stays outside.
    ///
    /// By the time it returns the value may have moved on: to act on a condition, take
    /// [`when`](Self::when). No change is missed: a condition that held for the length of one visit
    /// counts, even if the next visit ended it.
    ///
    /// # Panics
    ///
    /// If this thread is inside this monitor already; and when `condition` panics, as for
    /// [`when`](Self::when).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    ///
    /// let ready = Monitor::new(0);
    /// std::thread::scope(|s| {
    ///     for _worker in 0..3 {
    ///         s.spawn(|| ready.with(|ready| *ready += 1));
    ///     }
    ///     ready.wait_until(|ready| *ready == 3);
    /// });
    /// ```
    #[track_caller]
    pub fn wait_until(&self, condition: impl Fn(&T) -> bool + Send + 'static) {
        let hold = self.lock();
        if condition(&hold.state.value) {
            return hold.leave();
        }
        let Place { reply, .. } = self.join(hold, Wish::Learn(Box::new(condition)));
        if let Some(answer) = reply.wait(None) {
            answer.heed();
        }
    }

    /// Waits until `condition` has held as [`wait_until`](Self::wait_until) does, or gives up after
    /// `limit`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`]: it did not hold at any time at which somebody left the monitor.
    ///
    /// # Panics
    ///
    /// As [`wait_until`](Self::wait_until).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    /// use std::time::Duration;
    ///
    /// let ready = Monitor::new(false);
    /// assert!(ready.wait_until_timeout(Duration::from_millis(1), |ready| *ready).is_err());
    /// ready.with(|ready| *ready = true);
    /// assert!(ready.wait_until_timeout(Duration::ZERO, |ready| *ready).is_ok());
    /// ```
    #[track_caller]
    pub fn wait_until_timeout(
        &self,
        limit: Duration,
        condition: impl Fn(&T) -> bool + Send + 'static,
    ) -> Result<(), TimedOut> {
        let timed_out = TimedOut { limit };
        let deadline = Instant::now().checked_add(limit);
        let hold = self.lock_until(deadline).ok_or(timed_out)?;
        if condition(&hold.state.value) {
            hold.leave();
            return Ok(());
        }
        let answer = self.await_answer(hold, Wish::Learn(Box::new(condition)), deadline);
        answer.ok_or(timed_out)?.heed();
        Ok(())
    }

    /// Counts the threads that have a place in the queue.
    ///
    /// Those who stand at the door while somebody is inside are not among them yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    ///
    /// let open = Monitor::new(false);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| open.wait_until(|open| *open));
    ///     while open.waiting() == 0 {
    ///         std::thread::yield_now();
    ///     }
    ///     open.with(|open| *open = true);
    ///     assert_eq!(open.waiting(), 0);
    /// });
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().len()
    }

    /// Borrows the value: whoever holds the monitor mutably is alone with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    ///
    /// let mut stock = Monitor::new(3);
    /// *stock.get_mut() += 1;
    /// assert_eq!(stock.into_inner(), 4);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.state.get_mut().value
    }

    /// Takes the value out.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::monitor::Monitor;
    ///
    /// let names = Monitor::new(vec!["ada"]);
    /// names.with(|names| names.push("bob"));
    /// assert_eq!(names.into_inner(), ["ada", "bob"]);
    /// ```
    pub fn into_inner(self) -> T {
        self.state.into_inner().value
    }

    #[inline]
    #[track_caller]
    fn lock(&self) -> Hold<'_, T> {
        let me = self.myself();
        Hold::new(self, self.state.lock(), me)
    }

    #[track_caller]
    fn lock_until(&self, deadline: Option<Instant>) -> Option<Hold<'_, T>> {
        let Some(deadline) = deadline else { return Some(self.lock()) };
        let me = self.myself();
        Some(Hold::new(self, self.state.try_lock_until(deadline)?, me))
    }

    /// The mark of this thread, which must not be inside.
    #[inline]
    #[track_caller]
    fn myself(&self) -> usize {
        let me = thread_mark();
        // Only this thread ever writes its own mark, so what it reads of it is current.
        assert!(
            me == 0 || self.inside.load(Ordering::Relaxed) != me,
            "this thread is inside this monitor already and would wait for itself: \
             finish the closure first, or do everything in one"
        );
        me
    }

    /// Takes a place in the queue and comes back out.
    fn join(&self, hold: Hold<'_, T>, wish: Wish<T>) -> Place<T> {
        let mut hold = Some(hold);
        if mutant(Mutant::MonitorQueueLate) {
            hold = None;
        }
        let mut queue = self.queue.lock();
        let place = queue.join(wish);
        self.queued.fetch_add(1, Ordering::Relaxed);
        drop(queue);
        if let Some(hold) = hold {
            hold.leave();
        }
        place
    }

    /// Waits for an answer; `None` is a time-out.
    #[cold]
    fn await_answer(
        &self,
        hold: Hold<'_, T>,
        wish: Wish<T>,
        deadline: Option<Instant>,
    ) -> Option<Answer<T>> {
        let Place { ticket, reply } = self.join(hold, wish);
        if let Some(answer) = reply.wait(deadline) {
            return Some(answer);
        }
        let mut queue = self.queue.lock();
        if let Some(wish) = queue.leave(ticket) {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            drop(queue);
            drop(wish);
            return None;
        }
        drop(queue);
        if mutant(Mutant::MonitorTimeoutDropsTurn) {
            return None;
        }
        // Somebody served us in the meantime: the answer is on its way, and it stands.
        reply.wait(None)
    }

    /// Waits for the turn and takes it.
    fn enter_later<'a>(&'a self, hold: Hold<'a, T>, wish: Wish<T>) -> Visit<'a, T> {
        match self.enter_by(hold, wish, None) {
            Some(visit) => visit,
            None => unreachable!("without a deadline there is no time-out"),
        }
    }

    fn enter_by<'a>(
        &'a self,
        hold: Hold<'a, T>,
        wish: Wish<T>,
        deadline: Option<Instant>,
    ) -> Option<Visit<'a, T>> {
        let wish = self.await_answer(hold, wish, deadline)?.heed();
        Some(Visit::reserved(self.lock(), wish))
    }

    /// Looks at the conditions, on the way out, and serves those that hold.
    #[cold]
    fn review(&self, state: &mut State<T>) -> Vec<Waiter<T>> {
        if mutant(Mutant::MonitorNoReview) {
            return Vec::new();
        }
        let mut queue = self.queue.lock();
        let served = queue.review(&state.value, &mut state.reserved);
        self.queued.fetch_sub(served.len(), Ordering::Relaxed);
        if mutant(Mutant::MonitorUnreserved) {
            state.reserved = false;
        }
        served
    }
}

impl<T: Default> Default for Monitor<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Monitor<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Monitor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Monitor");
        match self.state.try_lock() {
            Some(state) => out.field("value", &state.value),
            None => out.field("value", &format_args!("<somebody is inside>")),
        };
        out.field("waiting", &self.waiting()).finish()
    }
}
