//! A barrier: a fixed number of parties meet, and nobody goes on before all have come.
//!
//! | You want | Take |
//! |---|---|
//! | the same threads to meet again and again, and to hear about it if one fails | [`Barrier`] |
//! | parties that come and go, or that arrive now and wait later | [`Phaser`](crate::phaser::Phaser) |
//! | to wait until some jobs are done, once | [`std::thread::scope`] |
//!
//! # Barrier vs `std::sync::Barrier`
//!
//! - A party that panics, times out or gives up *breaks* the barrier: every other party gets an
//!   error that says why, at once. In std they wait for ever.
//! - [`wait_timeout`](Barrier::wait_timeout), [`wait_deadline`](Barrier::wait_deadline) and
//!   [`wait_or_withdraw`](Barrier::wait_or_withdraw) bound a wait.
//! - An [action](Barrier::with_action) runs while all parties are held, and hands its result to
//!   each of them. Besides the leader, every party has an [index](BarrierWaitResult::index).
//! - A wait is one atomic exchange and takes no lock; std's takes one on the way in and, in each
//!   waiter, one on the way out. A party that is late costs the others no processor time: they
//!   look again for some microseconds, if there is a core for each, and then sleep.
//! - `new`, `wait`, `is_leader` and `new(0)` being `new(1)` are as in std; `wait` has a `Result`.
//!
//! # Who goes away, how
//!
//! | What happens | The others of the generation get | The barrier then is |
//! |---|---|---|
//! | a [`Participant`] unwinds, before its first wait or after | [`Cause::Panic`] | broken |
//! | the action panics | [`Cause::Panic`]; the last party gets the panic | broken |
//! | a deadline passes | [`Cause::Timeout`] | broken |
//! | a deadline passes in [`wait_or_withdraw`](Barrier::wait_or_withdraw) | nothing, they wait on | as if it had never come |
//! | [`abort`](Barrier::abort) | [`Cause::Abort`] | broken |
//! | [`reset`](Barrier::reset) | [`Cause::Reset`] | fresh |
//! | a party ends without a panic, its [`Participant`] dropped or none made | nothing, they wait on | unchanged |
//!
//! In the last row a party that leaves by `?` or `return` has to say so: call
//! [`abort`](Barrier::abort), or use a [`Phaser`](crate::phaser::Phaser), whose parties leave as
//! they are dropped.
//!
//! A generation ends for all its parties in the same way. The arrival of its last party decides:
//! from then on no deadline, abort or reset can break it, and a wait whose deadline passes while
//! the action runs returns when the action has ended.
//!
//! # What proves it
//!
//! | Claim | Model or test |
//! |---|---|
//! | nobody goes before all have come, over and over | `tests/model/barrier.rs`, with mutants that arrive without looking; `tests/it/barrier.rs` under stress |
//! | a generation ends in one way for all, whatever meets its last arrival | `tests/model/barrier.rs`: `break_against_complete`, `withdraw_against_complete` and their kin, in every interleaving |
//! | each row of the table above | `tests/it/barrier.rs` |
//! | one thread's calls do what a plain counter would | `tests/it/barrier.rs`, random calls against an oracle |
//! | a late party costs the others no processor time | `cargo bench -p scoreboard -- barrier/late` |
//!
//! # Trade-offs
//!
//! - The number of parties is fixed, at most [`Barrier::MAX_PARTIES`].
//! - All arrivals write one word. Up to some dozens of threads that is the fastest way; trees of
//!   counters, which win on hundreds of cores, are not offered.
//! - With more threads than cores nobody spins for long, so meeting costs a switch of threads.
//! - The generation counts modulo 2³². A thread that sleeps while *other* threads, more than
//!   there are parties, complete exactly 2³² generations would wait for one more.
//! - The action must not wait on its own barrier: nobody would be left to end the generation.
//!
//! The single counter with a generation goes back to the sense-reversing barrier (J. M.
//! Mellor-Crummey and M. L. Scott, "Algorithms for Scalable Synchronization on Shared-Memory
//! Multiprocessors", ACM TOCS 9(1), 1991); breaking, and the states of it, to Java's
//! `CyclicBarrier`. Why each step is right is in
//! [an essay](crate::guide::barrier).
//!
//! # Examples
//!
//! Two threads sum the halves of each row, and both see the total before they go on:
//!
//! ```
//! use brigade::barrier::{Barrier, Broken};
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! use std::thread;
//!
//! fn main() -> Result<(), Broken> {
//!     let rows = [[1, 2, 3, 4], [5, 6, 7, 8]];
//!     let sum = AtomicU32::new(0);
//!     let barrier = Barrier::with_action(2, || sum.swap(0, Relaxed));
//!
//!     let half = |side: usize| {
//!         let party = barrier.participant();
//!         for (row, total) in rows.iter().zip([10, 26]) {
//!             sum.fetch_add(row[2 * side..][..2].iter().sum(), Relaxed);
//!             assert_eq!(party.wait()?.into_value(), total);
//!         }
//!         Ok(())
//!     };
//!     thread::scope(|scope| {
//!         let left = scope.spawn(|| half(0));
//!         half(1)?;
//!         left.join().expect("it does not panic")
//!     })
//! }
//! ```

mod action;
mod error;
mod machine;
mod participant;
mod word;

pub use action::{Action, NoAction};
pub use error::{Broken, Cause, WithdrawError};
pub use participant::Participant;

use std::fmt;
use std::time::{Duration, Instant};

use crate::sync::const_unless_modelled;
use action::Stage;
use machine::{Arrival, Failure, Limit, Machine, OnTimeout};

/// A point where a fixed number of parties meet, again and again.
///
/// A call to [`wait`](Self::wait) blocks until as many calls as there are parties have been made;
/// then all of them return and the next generation begins. What a party wrote before its `wait`
/// is visible to every party after it. See the [module](self) for what happens when one fails.
///
/// # From Python
///
/// `threading.Barrier(2, action, timeout)` is `Barrier::with_action(2, action)` with
/// [`wait_timeout`](Self::wait_timeout); `wait`, `abort`, `reset`, `parties`, `n_waiting` and
/// `broken` are here under the same or nearly the same names. The action can return a value.
///
/// # Examples
///
/// ```
/// use brigade::barrier::Barrier;
/// use std::thread;
///
/// static START: Barrier = Barrier::new(3);
///
/// let leaders: usize = thread::scope(|scope| {
///     let racers = [(); 3].map(|()| {
///         scope.spawn(|| START.wait().expect("nobody breaks it").is_leader())
///     });
///     racers.into_iter().map(|racer| usize::from(racer.join().expect("it ran"))).sum()
/// });
/// assert_eq!(leaders, 1);
/// ```
#[doc(alias = "threading.Barrier")]
#[doc(alias = "CyclicBarrier")]
pub struct Barrier<A: Action = NoAction> {
    machine: Machine,
    stage: A::Stage,
}

impl Barrier {
    /// The largest number of parties, 2²⁷ − 1.
    pub const MAX_PARTIES: usize = word::MAX_PARTIES as usize;

    const_unless_modelled! {
        /// Makes a barrier for `parties` parties. As in std, 0 means 1: every wait returns at once.
        ///
        /// # Panics
        ///
        /// If `parties` is above [`MAX_PARTIES`](Self::MAX_PARTIES). In a `static` or `const` that is
        /// a compile error.
        #[must_use]
        pub const fn new(parties: usize) -> Self {
            Self { machine: Machine::new(checked(parties)), stage: () }
        }
    }
}

impl<R: Clone, F: FnMut() -> R> Barrier<F> {
    const_unless_modelled! {
        /// Makes a barrier whose last party to arrive runs `action` before anybody is released.
        ///
        /// While the action runs, all parties of the generation are inside `wait`. Each of them gets
        /// a clone of what it returns ([`BarrierWaitResult::into_value`]); return an `Arc` to share
        /// something large. The action may borrow from the scope that the threads run in.
        ///
        /// If it panics, the last party's `wait` panics with it and the barrier is broken with
        /// [`Cause::Panic`]. After a [`reset`](Self::reset) the same closure is called again.
        ///
        /// # Panics
        ///
        /// If `parties` is above [`MAX_PARTIES`](Barrier::MAX_PARTIES).
        ///
        /// # Examples
        ///
        /// ```
        /// use brigade::barrier::Barrier;
        ///
        /// let mut rounds = 0;
        /// let barrier = Barrier::with_action(1, || {
        ///     rounds += 1;
        ///     rounds
        /// });
        /// assert_eq!(barrier.wait()?.into_value(), 1);
        /// assert_eq!(barrier.wait()?.into_value(), 2);
        /// # Ok::<(), brigade::barrier::Broken>(())
        /// ```
        #[must_use]
        pub const fn with_action(parties: usize, action: F) -> Self {
            Self { machine: Machine::new(checked(parties)), stage: Stage::new(action) }
        }
    }
}

const fn checked(parties: usize) -> u32 {
    assert!(
        parties <= word::MAX_PARTIES as usize,
        "a barrier holds at most 134217727 parties (Barrier::MAX_PARTIES)"
    );
    if parties == 0 { 1 } else { parties as u32 }
}

impl<A: Action> Barrier<A> {
    /// Blocks until all parties have arrived.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the barrier is broken, or breaks before the last party has arrived.
    ///
    /// # Panics
    ///
    /// In the last party to arrive, if the action panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::barrier::Barrier;
    /// use std::thread;
    ///
    /// let barrier = Barrier::new(2);
    /// thread::scope(|scope| {
    ///     scope.spawn(|| barrier.wait());
    ///     let met = barrier.wait()?;
    ///     assert_eq!(met.is_leader(), met.index() == 0);
    ///     Ok::<(), brigade::barrier::Broken>(())
    /// })?;
    /// # Ok::<(), brigade::barrier::Broken>(())
    /// ```
    #[inline]
    pub fn wait(&self) -> Result<BarrierWaitResult<A::Output>, Broken> {
        self.meet(Limit::NONE).map_err(expect_broken)
    }

    /// Blocks until all parties have arrived, or breaks the barrier after `timeout`.
    ///
    /// A timeout too long for the clock, such as [`Duration::MAX`], is none. With
    /// [`Duration::ZERO`] the call succeeds if it is the last to arrive, and else breaks the
    /// barrier after a few microseconds of looking.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`Broken::timed_out`] is true in the party whose deadline passed.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::barrier::{Barrier, Cause};
    /// use std::time::Duration;
    ///
    /// let barrier = Barrier::new(2);
    /// let lonely = barrier.wait_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert!(lonely.timed_out());
    ///
    /// let late = barrier.wait().unwrap_err();
    /// assert!(!late.timed_out());
    /// assert_eq!(late.cause(), Cause::Timeout);
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult<A::Output>, Broken> {
        let deadline = Instant::now().checked_add(timeout);
        self.meet(Limit { deadline, on_timeout: OnTimeout::Break }).map_err(expect_broken)
    }

    /// Blocks until all parties have arrived, or breaks the barrier at `deadline`.
    ///
    /// A deadline in the past is a timeout of zero, see [`wait_timeout`](Self::wait_timeout).
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// One deadline for several meetings:
    ///
    /// ```
    /// use brigade::barrier::Barrier;
    /// use std::time::{Duration, Instant};
    ///
    /// let barrier = Barrier::new(1);
    /// let bedtime = Instant::now() + Duration::from_secs(60);
    /// for _ in 0..3 {
    ///     barrier.wait_deadline(bedtime)?;
    /// }
    /// # Ok::<(), brigade::barrier::Broken>(())
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> Result<BarrierWaitResult<A::Output>, Broken> {
        let deadline = Some(deadline);
        self.meet(Limit { deadline, on_timeout: OnTimeout::Break }).map_err(expect_broken)
    }

    /// Blocks until all parties have arrived, or takes its arrival back at `deadline`.
    ///
    /// A withdrawal breaks nothing: the others wait on, and this party, or another in its stead,
    /// can come again. If the last party arrives at the same moment, one exchange decides, and the
    /// loser of it returns what the winner made true.
    ///
    /// # Errors
    ///
    /// [`WithdrawError::Withdrawn`] at the deadline, [`WithdrawError::Broken`] as
    /// [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::barrier::{Barrier, WithdrawError};
    /// use std::time::{Duration, Instant};
    ///
    /// let barrier = Barrier::new(2);
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(barrier.wait_or_withdraw(soon).unwrap_err(), WithdrawError::Withdrawn);
    /// assert_eq!(barrier.waiting(), 0);
    /// assert!(!barrier.is_broken());
    /// ```
    pub fn wait_or_withdraw(
        &self,
        deadline: Instant,
    ) -> Result<BarrierWaitResult<A::Output>, WithdrawError> {
        let deadline = Some(deadline);
        self.meet(Limit { deadline, on_timeout: OnTimeout::Withdraw }).map_err(|failure| {
            match failure {
                Failure::Withdrawn => WithdrawError::Withdrawn,
                broken @ Failure::Broken { .. } => expect_broken(broken).into(),
            }
        })
    }

    #[inline]
    fn meet(&self, limit: Limit) -> Result<BarrierWaitResult<A::Output>, Failure> {
        let Arrival { generation, missing } = self.machine.arrive(A::RUNS, limit)?;
        let value = if missing > 0 {
            self.machine.wait(generation, limit)?;
            A::take(&self.stage)
        } else if A::RUNS {
            let held = Held(&self.machine);
            let value = A::run(&self.stage, self.machine.parties() - 1);
            held.release();
            value
        } else {
            A::take(&self.stage)
        };
        Ok(BarrierWaitResult { index: missing, generation, value })
    }

    /// Makes a party whose panic breaks the barrier; see [`Participant`].
    pub fn participant(&self) -> Participant<&Self, A> {
        Participant::new(self)
    }

    /// Breaks the barrier: every waiting and every later call gets [`Cause::Abort`].
    ///
    /// Never blocks. A generation whose last party has arrived still ends well, and the barrier
    /// is broken after it. A barrier that is broken already keeps its first cause.
    ///
    /// # Examples
    ///
    /// A party that fails without a panic says so, and nobody waits for it:
    ///
    /// ```
    /// use brigade::barrier::{Barrier, Cause};
    /// use std::thread;
    ///
    /// let barrier = Barrier::new(2);
    /// thread::scope(|scope| {
    ///     scope.spawn(|| match "forty".parse::<u32>() {
    ///         Ok(_) => drop(barrier.wait()),
    ///         Err(_) => barrier.abort(),
    ///     });
    ///     assert_eq!(barrier.wait().unwrap_err().cause(), Cause::Abort);
    /// });
    /// ```
    pub fn abort(&self) {
        self.machine.break_by(Cause::Abort);
    }

    /// Makes the barrier fresh: parties that wait get [`Cause::Reset`], later calls a new
    /// generation.
    ///
    /// Never blocks. Calls that follow join the new generation when the last waiter of the old one
    /// has left, which is as soon as it gets to run. A barrier at which nobody waits and which is
    /// not broken is fresh, and so left alone; so is a generation whose last party has arrived.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::barrier::Barrier;
    ///
    /// let barrier = Barrier::new(1);
    /// barrier.abort();
    /// assert!(barrier.wait().is_err());
    /// barrier.reset();
    /// assert!(barrier.wait().is_ok());
    /// ```
    pub fn reset(&self) {
        self.machine.reset();
    }

    /// Whether the next [`wait`](Self::wait) would fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::barrier::{Barrier, Cause};
    ///
    /// let barrier = Barrier::new(2);
    /// assert!(!barrier.is_broken());
    /// barrier.abort();
    /// assert!(barrier.is_broken());
    /// assert_eq!(barrier.broken_by(), Some(Cause::Abort));
    /// ```
    #[doc(alias = "broken")]
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken_by().is_some()
    }

    /// What broke the barrier, if it is broken; see [`is_broken`](Self::is_broken).
    #[must_use]
    pub fn broken_by(&self) -> Option<Cause> {
        self.machine.broken_by()
    }

    /// The parties that have arrived in this generation; it may be out of date at once.
    ///
    /// While an action runs, that is all of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::barrier::Barrier;
    /// use std::thread;
    ///
    /// let barrier = Barrier::new(2);
    /// thread::scope(|scope| {
    ///     scope.spawn(|| barrier.wait());
    ///     while barrier.waiting() < barrier.parties() - 1 {
    ///         thread::yield_now();
    ///     }
    ///     assert!(barrier.wait().is_ok_and(|met| met.is_leader()));
    /// });
    /// ```
    #[doc(alias = "n_waiting")]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.machine.waiting() as usize
    }

    /// The parties that make a generation complete; at least 1.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.machine.parties() as usize
    }
}

/// A full generation in the hands of its last party.
struct Held<'a>(&'a Machine);

impl Held<'_> {
    fn release(self) {
        self.0.finish();
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fail();
    }
}

#[cold]
fn expect_broken(failure: Failure) -> Broken {
    match failure {
        Failure::Broken { cause, generation, timed_out } => Broken { cause, generation, timed_out },
        Failure::Withdrawn => unreachable!("only wait_or_withdraw withdraws"),
    }
}

impl<A: Action> fmt::Debug for Barrier<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.waiting())
            .field("generation", &self.machine.generation())
            .field("broken_by", &self.broken_by())
            .finish_non_exhaustive()
    }
}

/// What a party learns when all have met.
///
/// # Examples
///
/// ```
/// use brigade::barrier::Barrier;
///
/// let barrier = Barrier::with_action(1, || "sorted");
/// let met = barrier.wait()?;
/// assert!(met.is_leader());
/// assert_eq!((met.index(), met.generation()), (0, 0));
/// assert_eq!(*met.value(), "sorted");
/// assert_eq!(met.into_value(), "sorted");
/// # Ok::<(), brigade::barrier::Broken>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarrierWaitResult<R = ()> {
    index: u32,
    generation: u32,
    value: R,
}

impl<R> BarrierWaitResult<R> {
    /// Whether this party was the last to arrive; exactly one of each generation was.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.index == 0
    }

    /// How many parties were still missing when this one arrived: `parties - 1` for the first
    /// down to 0 for the leader.
    ///
    /// Each number is given once in a generation, unless a party withdrew from it: then the place
    /// it gave back, other than the leader's, is taken again.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// The generation that completed: 0 for the first, one more after each completion or reset,
    /// and 0 again after 2³².
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Borrows what the action returned.
    #[must_use]
    pub fn value(&self) -> &R {
        &self.value
    }

    /// Takes what the action returned.
    #[must_use]
    pub fn into_value(self) -> R {
        self.value
    }
}
