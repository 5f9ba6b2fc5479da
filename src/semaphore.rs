//! Permits to be in a place: a semaphore that is fair, that can be closed, and that tells no lies.
//!
//! A [`Semaphore`] holds a number of permits. [`acquire`](Semaphore::acquire) takes one and blocks
//! while there is none; dropping the [`Permit`] gives it back and wakes whoever has waited longest.
//!
//! ```
//! use brigade::semaphore::Semaphore;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//!
//! let chargers = Semaphore::new(4);
//! let charging = AtomicUsize::new(0);
//! std::thread::scope(|s| {
//!     for _phone in 0..10 {
//!         s.spawn(|| {
//!             let _charger = chargers.acquire().expect("nobody closes it");
//!             assert!(charging.fetch_add(1, Ordering::Relaxed) < 4);
//!             charging.fetch_sub(1, Ordering::Relaxed);
//!         });
//!     }
//! });
//! assert_eq!(chargers.available(), 4);
//! ```
//!
//! # Which one do I need?
//!
//! | You want | Take |
//! |---|---|
//! | at most N at once | [`Semaphore`] and its [`Permit`] |
//! | one thread to make what another uses up | [`Semaphore::new`]`(0)`, [`add_permits`](Semaphore::add_permits), [`Permit::forget`] |
//! | permits given back by hand, and a mistake in it found | [`BoundedSemaphore`] |
//! | at most one, with data to protect | a mutex: it holds the data too |
//! | to wait for a condition over data | [`Monitor`](crate::monitor::Monitor) |
//!
//! # What is promised
//!
//! - **First come, first served.** While anyone waits, free permits belong to the head of the queue,
//!   who gathers them until they suffice: a large request is never starved by small ones.
//!   Nobody overtakes, not even `try_acquire`. Only
//!   [`try_acquire_barging`](Semaphore::try_acquire_barging) does, and says so.
//!   (`tests/model/semaphore.rs` replays every step of random schedules on a sequential queue.)
//! - **No permit is lost or made**, whatever times out, panics, closes or splits
//!   (the same replay, and loom over every interleaving of a time-out with a grant).
//! - **No wake-up is lost** (loom, with the mutants that lose one).
//! - **What can never come is an error at once**: more permits than there are, or a closed semaphore.
//! - What happened before a release happens before the acquire that takes the permit.
//!
//! # Cost
//!
//! The semaphore is one word and a queue that is empty until somebody waits. While nobody does, an
//! acquire is one compare-and-swap and a release one atomic add. A waiter allocates its place
//! in the queue, looks for a few microseconds whether it is served at once, and sleeps. A release
//! that finds waiters locks the queue, takes the permits on behalf of those it serves, and wakes
//! exactly them. On the machine of the [lock's figures](crate::guide::fair_rwlock#measured) an acquire
//! and its release take 5.0 ns together; tokio's, blocking, 27.9 ns; a `parking_lot` mutex with a
//! condition variable 9.4 ns, and std's 247 ns (`cargo bench -p scoreboard -- semaphore`).
//!
//! # Trade-offs
//!
//! - Handing permits over in order costs a switch of threads each time they are fought for. A
//!   barging lock (`parking_lot`'s mutex with a condition variable) has more throughput under short
//!   holds, and no bound on how long one thread waits.
//! - A large request at the head holds up small ones behind it, even while their permits are free.
//! - A permit taken twice by one thread counts twice: a thread that waits for what it holds itself
//!   waits for ever.
//!
//! # Semaphore vs others
//!
//! - **From Python:** `threading.Semaphore(n)` is [`Semaphore::new`]`(n)`, `with sem:` is a guard in
//!   scope, `acquire(timeout=t)` is [`acquire_timeout`](Semaphore::acquire_timeout), `release(n)` is
//!   [`add_permits`](Semaphore::add_permits), and `threading.BoundedSemaphore` is
//!   [`BoundedSemaphore`]. Python's wakes waiters in no stated order; this one keeps it.
//! - **vs `std`:** it has none.
//! - **vs `tokio::sync::Semaphore`:** the same order and the same words, for threads: no runtime, and
//!   with deadlines. Its large requests queue until they can be met; here one beyond the total
//!   is an error at once.
//! - **vs Java:** `new Semaphore(n, true)`; Java's `tryAcquire()` overtakes without saying so.
//!
//! The idea is Dijkstra's (*Over de sequentialiteit van procesbeschrijvingen*, EWD35, 1962).

mod core;
mod error;
mod journal;
mod permit;

pub use error::{AcquireError, ForeignPermit, OverRelease};
pub use permit::{Holder, Permit};

#[cfg(any(brigade_loom, brigade_shuttle))]
pub use journal::Event;

use self::core::{Core, MAX_PERMITS, Patience};
use crate::sync::const_unless_modelled;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The kind of semaphore whose total may grow and shrink.
#[derive(Debug, Clone, Copy)]
pub enum Unbounded {}

/// The kind of semaphore whose total stays what it was made with.
#[derive(Debug, Clone, Copy)]
pub enum Bounded {}

/// A semaphore whose number of permits may grow and shrink.
///
/// # Examples
///
/// A line of five places between a cook and an eater, out of two semaphores:
///
/// ```
/// use brigade::semaphore::{AcquireError, Semaphore};
/// use std::sync::Mutex;
///
/// let (free, filled) = (Semaphore::new(5), Semaphore::new(0));
/// let line = Mutex::new(Vec::new());
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         for bowl in 0..20 {
///             free.acquire()?.forget();
///             line.lock().unwrap().insert(0, bowl);
///             filled.add_permits(1);
///         }
///         Ok::<(), AcquireError>(())
///     });
///     for expected in 0..20 {
///         filled.acquire()?.forget();
///         assert_eq!(line.lock().unwrap().pop(), Some(expected));
///         free.add_permits(1);
///     }
///     Ok::<(), AcquireError>(())
/// })?;
/// # Ok::<(), AcquireError>(())
/// ```
#[doc(alias = "threading.Semaphore")]
pub type Semaphore = CountingSemaphore<Unbounded>;

/// A semaphore whose number of permits is fixed, and which refuses to take back too many.
///
/// A [`Permit`] can go back only once, so the bound matters where permits are given back by hand:
/// [`forget`](Permit::forget) in one place, [`release`](BoundedSemaphore::release) in another.
///
/// # Examples
///
/// ```
/// use brigade::semaphore::BoundedSemaphore;
///
/// let door = BoundedSemaphore::new(1);
/// door.acquire()?.forget();
/// std::thread::scope(|s| {
///     s.spawn(|| door.release(1).expect("one is out"));
/// });
/// assert!(door.release(1).is_err());
/// # Ok::<(), brigade::semaphore::AcquireError>(())
/// ```
#[doc(alias = "threading.BoundedSemaphore")]
pub type BoundedSemaphore = CountingSemaphore<Bounded>;

/// What [`Semaphore`] and [`BoundedSemaphore`] have in common.
///
/// The two short forms, [`acquire`](Self::acquire) and [`try_acquire`](Self::try_acquire), take one
/// permit; every other form says how many. No permits at all (`0`) can always be had at once,
/// unless the semaphore is closed.
///
/// | | borrowed | owned |
/// |---|---|---|
/// | wait | [`acquire`](Self::acquire), [`acquire_many`](Self::acquire_many) | [`acquire_owned`](Self::acquire_owned) |
/// | at most so long | [`acquire_timeout`](Self::acquire_timeout) | [`acquire_owned_timeout`](Self::acquire_owned_timeout) |
/// | until then | [`acquire_deadline`](Self::acquire_deadline) | [`acquire_owned_deadline`](Self::acquire_owned_deadline) |
/// | now or not | [`try_acquire`](Self::try_acquire), [`try_acquire_many`](Self::try_acquire_many) | [`try_acquire_owned`](Self::try_acquire_owned) |
/// | now, past the queue | [`try_acquire_barging`](Self::try_acquire_barging) | |
#[doc(alias = "counting_semaphore")]
pub struct CountingSemaphore<B = Unbounded> {
    core: Core,
    kind: PhantomData<B>,
}

// A panic in a holder drops its permits and touches nothing else.
impl<B> UnwindSafe for CountingSemaphore<B> {}
impl<B> RefUnwindSafe for CountingSemaphore<B> {}

impl CountingSemaphore<Unbounded> {
    const_unless_modelled! {
        /// Makes a semaphore with `permits` free permits; it may go into a `static`.
        ///
        /// With zero permits it is closed like a gate until [`add_permits`](Self::add_permits).
        ///
        /// # Panics
        ///
        /// If `permits` is above [`MAX_PERMITS`](Self::MAX_PERMITS).
        ///
        /// # Examples
        ///
        /// ```
        /// use brigade::semaphore::Semaphore;
        ///
        /// static PRINTERS: Semaphore = Semaphore::new(2);
        /// assert_eq!(PRINTERS.available(), 2);
        /// ```
        #[must_use]
        pub const fn new(permits: usize) -> Self {
            assert!(permits <= MAX_PERMITS, "a semaphore holds at most Semaphore::MAX_PERMITS");
            Self { core: Core::new(permits, None), kind: PhantomData }
        }
    }

    /// Adds permits; whoever waits longest gets them.
    ///
    /// It needs no permit in hand: this is how one thread signals another. Adding none does nothing.
    /// Adding to a closed semaphore counts, and wakes nobody.
    ///
    /// # Panics
    ///
    /// If the [`total`](Self::total) would rise above [`MAX_PERMITS`](Self::MAX_PERMITS); nothing is
    /// added then.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let gate = Semaphore::new(0);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| gate.acquire().is_ok());
    ///     gate.add_permits(1);
    /// });
    /// assert_eq!(gate.available(), 1);
    /// ```
    #[doc(alias = "release")]
    #[track_caller]
    pub fn add_permits(&self, count: usize) {
        if let Err(over) = self.core.add(count) {
            panic!(
                "{count} permits do not fit: the semaphore may have {} more of {}",
                over.missing, over.limit
            );
        }
    }
}

impl CountingSemaphore<Bounded> {
    const_unless_modelled! {
        /// Makes a semaphore with `capacity` free permits; it may go into a `static`.
        ///
        /// # Panics
        ///
        /// If `capacity` is above [`MAX_PERMITS`](Self::MAX_PERMITS).
        ///
        /// # Examples
        ///
        /// ```
        /// use brigade::semaphore::BoundedSemaphore;
        ///
        /// static SEATS: BoundedSemaphore = BoundedSemaphore::new(3);
        /// assert_eq!(SEATS.capacity(), 3);
        /// ```
        #[must_use]
        pub const fn new(capacity: usize) -> Self {
            assert!(capacity <= MAX_PERMITS, "a semaphore holds at most Semaphore::MAX_PERMITS");
            Self { core: Core::new(capacity, Some(capacity)), kind: PhantomData }
        }
    }

    /// The number of permits it was made with, wherever they are now.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::BoundedSemaphore;
    ///
    /// let seats = BoundedSemaphore::new(3);
    /// seats.acquire()?.forget();
    /// assert_eq!((seats.available(), seats.capacity()), (2, 3));
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.core.capacity()
    }

    /// Gives back permits that were [forgotten](Permit::forget), from any thread.
    ///
    /// Permits that a guard still holds are not among them: they come back with the guard.
    ///
    /// # Errors
    ///
    /// [`OverRelease`] if fewer than `count` are out; nothing is given back then.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::BoundedSemaphore;
    ///
    /// let seats = BoundedSemaphore::new(3);
    /// seats.acquire_many(2)?.forget();
    /// assert!(seats.release(3).is_err());
    /// assert!(seats.release(2).is_ok());
    /// assert_eq!(seats.available(), 3);
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn release(&self, count: usize) -> Result<(), OverRelease> {
        self.core.add(count)
    }
}

impl<B> CountingSemaphore<B> {
    /// The largest number of permits: `usize::MAX / 4`.
    pub const MAX_PERMITS: usize = MAX_PERMITS;

    /// Takes one permit and blocks until it has it.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`]; and [`AcquireError::Beyond`] from a [`BoundedSemaphore`] of capacity
    /// zero. Any other semaphore is worth waiting for, even one that has no permit yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let lanes = Semaphore::new(2);
    /// let lane = lanes.acquire()?;
    /// assert_eq!(lanes.available(), 1);
    /// drop(lane);
    /// assert_eq!(lanes.available(), 2);
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    #[inline]
    pub fn acquire(&self) -> Result<Permit<&Self>, AcquireError> {
        self.acquire_many(1)
    }

    /// Takes `count` permits together and blocks until it has them.
    ///
    /// At the head of the queue it gathers what is released, so nobody can starve it.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`]; and [`AcquireError::Beyond`] if `count` is more than one and more
    /// than the [`total`](Self::total), or more than the [`capacity`](BoundedSemaphore::capacity) of
    /// a bounded semaphore. That is decided when the call starts to wait, and again whenever
    /// permits are forgotten.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::{AcquireError, Semaphore};
    ///
    /// let lanes = Semaphore::new(4);
    /// let three = lanes.acquire_many(3)?;
    /// assert_eq!(three.count(), 3);
    /// assert!(matches!(lanes.acquire_many(5), Err(AcquireError::Beyond { asked: 5, total: 4 })));
    /// # Ok::<(), AcquireError>(())
    /// ```
    #[inline]
    pub fn acquire_many(&self, count: usize) -> Result<Permit<&Self>, AcquireError> {
        self.core.acquire(count, Patience::Forever)?;
        Ok(Permit::new(self, count))
    }

    /// Takes `count` permits and waits at most `limit` for them.
    ///
    /// A `limit` of zero takes what is free and never joins the queue. One too long for the clock to
    /// express, such as `Duration::MAX`, is for ever. A permit that is handed over just as the
    /// time runs out is taken, not lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`], and those of [`acquire_many`](Self::acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::{AcquireError, Semaphore};
    /// use std::time::Duration;
    ///
    /// let lanes = Semaphore::new(1);
    /// let lane = lanes.acquire_timeout(1, Duration::from_secs(1))?;
    /// let late = lanes.acquire_timeout(1, Duration::from_millis(1));
    /// assert!(matches!(late, Err(AcquireError::TimedOut { asked: 1 })));
    /// # Ok::<(), AcquireError>(())
    /// ```
    pub fn acquire_timeout(
        &self,
        count: usize,
        limit: Duration,
    ) -> Result<Permit<&Self>, AcquireError> {
        self.core.acquire(count, Patience::For(limit))?;
        Ok(Permit::new(self, count))
    }

    /// Takes `count` permits and waits for them until `deadline`.
    ///
    /// A deadline in the past takes what is free and never joins the queue.
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`], and those of [`acquire_many`](Self::acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    /// use std::time::Instant;
    ///
    /// let lanes = Semaphore::new(1);
    /// let past = Instant::now();
    /// let lane = lanes.acquire_deadline(1, past)?;
    /// assert!(lanes.acquire_deadline(1, past).is_err());
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn acquire_deadline(
        &self,
        count: usize,
        deadline: Instant,
    ) -> Result<Permit<&Self>, AcquireError> {
        self.core.acquire(count, Patience::Until(deadline))?;
        Ok(Permit::new(self, count))
    }

    /// Takes one permit if one is free and nobody waits for it. Never blocks for a permit.
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let lanes = Semaphore::new(1);
    /// let lane = lanes.try_acquire()?;
    /// assert!(lanes.try_acquire().is_err());
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<&Self>, AcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if so many are free and nobody waits. Never blocks for a permit.
    ///
    /// It respects the queue: while anyone waits it is refused, also when permits are free.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Unavailable`], [`AcquireError::Closed`], or [`AcquireError::Beyond`].
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::{AcquireError, Semaphore};
    ///
    /// let lanes = Semaphore::new(3);
    /// let two = lanes.try_acquire_many(2)?;
    /// let busy = lanes.try_acquire_many(2);
    /// assert!(matches!(busy, Err(AcquireError::Unavailable { asked: 2 })));
    /// # Ok::<(), AcquireError>(())
    /// ```
    #[inline]
    pub fn try_acquire_many(&self, count: usize) -> Result<Permit<&Self>, AcquireError> {
        self.core.try_acquire(count)?;
        Ok(Permit::new(self, count))
    }

    /// Takes `count` permits if so many are free, past everyone who waits. Never blocks for a permit.
    ///
    /// It may take what had gathered for the head of the queue. Called often enough it starves
    /// those who wait: the fairness of this semaphore ends where this is used.
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let lanes = Semaphore::new(2);
    /// let held = lanes.acquire()?;
    /// std::thread::scope(|s| {
    ///     s.spawn(|| lanes.acquire_many(2).is_ok());
    ///     while lanes.waiting() == 0 {
    ///         std::thread::yield_now();
    ///     }
    ///     assert!(lanes.try_acquire().is_err());
    ///     assert!(lanes.try_acquire_barging(1).is_ok());
    ///     drop(held);
    /// });
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn try_acquire_barging(&self, count: usize) -> Result<Permit<&Self>, AcquireError> {
        self.core.try_acquire_barging(count)?;
        Ok(Permit::new(self, count))
    }

    /// Takes `count` permits that own a share of the semaphore, and blocks until it has them.
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    /// use std::sync::Arc;
    ///
    /// let lanes = Arc::new(Semaphore::new(2));
    /// let both = lanes.acquire_owned(2)?;
    /// let driver = std::thread::spawn(move || both.count());
    /// assert_eq!(driver.join().unwrap(), 2);
    /// assert_eq!(lanes.available(), 2);
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn acquire_owned(
        self: &Arc<Self>,
        count: usize,
    ) -> Result<Permit<Arc<Self>>, AcquireError> {
        self.core.acquire(count, Patience::Forever)?;
        Ok(Permit::new(Arc::clone(self), count))
    }

    /// Takes `count` owned permits and waits at most `limit` for them.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let lanes = Arc::new(Semaphore::new(1));
    /// let lane = lanes.acquire_owned_timeout(1, Duration::from_secs(1))?;
    /// assert!(lanes.acquire_owned_timeout(1, Duration::ZERO).is_err());
    /// drop(lanes);
    /// assert_eq!(lane.count(), 1);
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn acquire_owned_timeout(
        self: &Arc<Self>,
        count: usize,
        limit: Duration,
    ) -> Result<Permit<Arc<Self>>, AcquireError> {
        self.core.acquire(count, Patience::For(limit))?;
        Ok(Permit::new(Arc::clone(self), count))
    }

    /// Takes `count` owned permits and waits for them until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`acquire_deadline`](Self::acquire_deadline).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    /// use std::sync::Arc;
    /// use std::time::{Duration, Instant};
    ///
    /// let lanes = Arc::new(Semaphore::new(1));
    /// let lane = lanes.acquire_owned_deadline(1, Instant::now() + Duration::from_secs(1))?;
    /// assert!(lanes.acquire_owned_deadline(1, Instant::now()).is_err());
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn acquire_owned_deadline(
        self: &Arc<Self>,
        count: usize,
        deadline: Instant,
    ) -> Result<Permit<Arc<Self>>, AcquireError> {
        self.core.acquire(count, Patience::Until(deadline))?;
        Ok(Permit::new(Arc::clone(self), count))
    }

    /// Takes `count` owned permits if so many are free and nobody waits.
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    /// use std::sync::Arc;
    ///
    /// let lanes = Arc::new(Semaphore::new(1));
    /// let lane = lanes.try_acquire_owned(1)?;
    /// assert!(lanes.try_acquire_owned(1).is_err());
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    pub fn try_acquire_owned(
        self: &Arc<Self>,
        count: usize,
    ) -> Result<Permit<Arc<Self>>, AcquireError> {
        self.core.try_acquire(count)?;
        Ok(Permit::new(Arc::clone(self), count))
    }

    /// Closes the semaphore for good: whoever waits, and whoever comes later, gets
    /// [`AcquireError::Closed`].
    ///
    /// Permits that are held stay good and go back as always. Closing twice does nothing more.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::{AcquireError, Semaphore};
    ///
    /// let gate = Semaphore::new(0);
    /// std::thread::scope(|s| {
    ///     let waiter = s.spawn(|| gate.acquire().map(|permit| permit.count()));
    ///     gate.close();
    ///     assert_eq!(waiter.join().unwrap(), Err(AcquireError::Closed));
    /// });
    /// ```
    pub fn close(&self) {
        self.core.close();
    }

    /// Tells whether the semaphore has been closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let gate = Semaphore::new(1);
    /// gate.close();
    /// assert!(gate.is_closed() && gate.acquire().is_err());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// Counts the permits that are free now, with those that gather for the head of the queue.
    ///
    /// Another thread may have changed it by the time the caller looks at it.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let lanes = Semaphore::new(3);
    /// let lane = lanes.acquire()?;
    /// assert_eq!(lanes.available(), 2);
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    #[must_use]
    pub fn available(&self) -> usize {
        self.core.available()
    }

    /// Counts the permits that exist, free or held; forgotten ones are not among them.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let lanes = Semaphore::new(3);
    /// lanes.acquire()?.forget();
    /// let lane = lanes.acquire()?;
    /// assert_eq!((lanes.available(), lanes.total()), (1, 2));
    /// # Ok::<(), brigade::semaphore::AcquireError>(())
    /// ```
    #[must_use]
    pub fn total(&self) -> usize {
        self.core.total()
    }

    /// Counts the threads in the queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::semaphore::Semaphore;
    ///
    /// let gate = Semaphore::new(0);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| gate.acquire().is_ok());
    ///     while gate.waiting() == 0 {
    ///         std::thread::yield_now();
    ///     }
    ///     gate.add_permits(1);
    ///     assert_eq!(gate.waiting(), 0);
    /// });
    /// ```
    #[doc(alias = "getQueueLength")]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.core.waiting()
    }

    /// What the semaphore did so far, in order.
    #[cfg(any(brigade_loom, brigade_shuttle))]
    #[doc(hidden)]
    pub fn journal(&self) -> Vec<Event> {
        self.core.journal.read()
    }
}

impl<B> fmt::Debug for CountingSemaphore<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available", &self.available())
            .field("total", &self.total())
            .field("waiting", &self.waiting())
            .field("closed", &self.is_closed())
            .finish()
    }
}
