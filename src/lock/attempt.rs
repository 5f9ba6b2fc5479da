//! Trying for locks, with an end to it.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::elders::Elders;
use super::error::{LockError, Timeout};
use super::pace::{Backoff, Jitter, Pace, Real, Time};
use super::set::TimedSet;
use super::target::Timed;
use crate::sync::{Mutant, mutant};

type Place = &'static Location<'static>;

/// What an [`Attempt`] does with the locks it has while another one is not to be had.
///
/// | | while it waits it holds | deadlock | starvation |
/// |---|---|---|---|
/// | [`Ordered`](Self::Ordered) | the locks before, in the order of [`lock_all`](super::lock_all) | impossible, if all others keep that order | as fair as the locks |
/// | [`Polite`](Self::Polite) | nothing | impossible, whatever the others do | possible: others may come first again and again |
/// | [`Aged`](Self::Aged) | nothing, unless it is the eldest | as `Ordered` | impossible on fair locks: the eldest always completes |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Takes them by rank and address, and keeps what it has.
    #[default]
    Ordered,
    /// Releases everything, waits for the one that was not to be had, and then tries the others, beginning
    /// with that one. For locks that others take in an order that nobody knows.
    ///
    /// It is the "smart and polite" algorithm of Hinnant (*Dining Philosophers Rebooted*, 2013).
    Polite,
    /// As `Polite`, until it is the eldest attempt of this kind in the program that has failed and not yet
    /// completed; that one waits in order, and keeps what it has.
    ///
    /// It is wait-die (Rosenkrantz, Stearns and Lewis, 1978) with one that may wait: an attempt keeps its
    /// age however often it gives way, so that it will be the eldest one day.
    Aged,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    Until(Instant),
    Within(Duration),
}

/// Tries for one lock, for several or for anything, until it succeeds or a deadline comes.
///
/// It is a plan: make it once and use it as often as you like.
///
/// | | tried is | between two tries |
/// |---|---|---|
/// | [`lock`](Self::lock) | one lock | the thread sleeps in the lock's own line |
/// | [`lock_all`](Self::lock_all) | all of them or none, in a [`Mode`] | the same, at one of them |
/// | [`run`](Self::run) | a closure | some rounds of spinning, then pauses: [`backoff`](Self::backoff), [`jitter`](Self::jitter) |
///
/// It never sleeps beyond the deadline, and the last try is at the deadline; one that has
/// passed is no reason not to try. Locks without timed methods are [`polled`](super::polled), with the pauses
/// of a closure. The clock is read only after the first refusal. Whatever happens, a panic too, what had
/// been taken is released.
///
/// # Examples
///
/// ```
/// use brigade::lock::{Attempt, read};
/// use brigade::mutex::FairMutex;
/// use brigade::rwlock::FairRwLock;
/// use std::time::Duration;
///
/// let (from, to, fee) = (FairMutex::new(100), FairMutex::new(0), FairRwLock::new(1));
///
/// let (mut a, mut b, fee) =
///     Attempt::within(Duration::from_millis(50)).lock_all((&from, &to, read(&fee)))?;
/// *a -= 10 + *fee;
/// *b += 10;
/// # Ok::<(), brigade::lock::LockError>(())
/// ```
///
/// Any lock will do, and anything that may be refused:
///
/// ```
/// use brigade::lock::{Attempt, Jitter};
/// use std::sync::Mutex;
/// use std::time::Duration;
///
/// let (left, right) = (Mutex::new(1), Mutex::new(2));
/// let both = Attempt::within(Duration::from_secs(60))
///     .backoff(Duration::from_micros(10), Duration::from_millis(1))
///     .jitter(Jitter::Full)
///     .run(|| {
///         let left = left.try_lock().ok()?;
///         let right = right.try_lock().ok()?; // if it is taken, the left one is put back
///         Some((left, right))
///     })?;
/// assert_eq!(*both.0 + *both.1, 3);
/// # Ok::<(), brigade::lock::Timeout>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "it does nothing until one of `lock`, `lock_all` and `run` is called"]
#[doc(alias = "try_lock")]
#[doc(alias = "backoff")]
pub struct Attempt {
    limit: Limit,
    mode: Mode,
    spins: u32,
    pauses: (Duration, Duration),
    jitter: Jitter,
    seed: Option<u64>,
    #[cfg(any(brigade_loom, brigade_shuttle))]
    elders: Option<&'static Elders>,
}

impl Attempt {
    const fn new(limit: Limit) -> Self {
        Self {
            limit,
            mode: Mode::Ordered,
            spins: 6,
            pauses: (Duration::from_micros(20), Duration::from_millis(2)),
            jitter: Jitter::Full,
            seed: None,
            #[cfg(any(brigade_loom, brigade_shuttle))]
            elders: None,
        }
    }

    /// Plans to try until `deadline`.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::Attempt;
    /// use brigade::mutex::FairMutex;
    /// use std::time::Instant;
    ///
    /// let lock = FairMutex::new(());
    /// let held = lock.lock();
    /// let refused = Attempt::until(Instant::now()).run(|| lock.try_lock()).unwrap_err();
    /// assert_eq!(refused.attempts, 1);
    /// # drop(held);
    /// ```
    pub const fn until(deadline: Instant) -> Self {
        Self::new(Limit::Until(deadline))
    }

    /// Plans to try for so long, counted from the first refusal of each use. A time too long for the clock
    /// to express, such as `Duration::MAX`, is for ever.
    pub const fn within(timeout: Duration) -> Self {
        Self::new(Limit::Within(timeout))
    }

    /// Tries so many times with a short spin before each, before the first pause. Six, unless said
    /// otherwise; each spin is twice as long as the one before, up to 64 pauses of the processor.
    pub const fn spin(mut self, tries: u32) -> Self {
        self.spins = tries;
        self
    }

    /// Sets the pauses: the first one, `min`, is doubled each time until it is `max`. They are 20 µs and
    /// 2 ms, unless said otherwise. A `max` below `min` counts as `min`, and a pause of zero lets
    /// others run.
    pub const fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.pauses = (min, max);
        self
    }

    /// Sets how much of each pause is left to chance: [`Jitter::Full`], unless said otherwise.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Makes the pauses repeatable: the same seed, the same chances. Give each thread its own seed; without
    /// one, each use draws its own from the system's randomness.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets what [`lock_all`](Self::lock_all) holds while it waits: [`Mode::Ordered`], unless said
    /// otherwise.
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// For the models, whose locks do not outlive one run: the register of this run.
    #[cfg(any(brigade_loom, brigade_shuttle))]
    #[doc(hidden)]
    pub fn among(mut self, elders: &'static Elders) -> Self {
        self.elders = Some(elders);
        self
    }

    /// Takes one lock: `&mutex`, [`read`](super::read)`(&rwlock)` and so on.
    ///
    /// # Errors
    ///
    /// [`LockError::Timeout`], and [`LockError::WrongOrder`] if the lock is ranked and out of order.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::{Attempt, write};
    /// use brigade::rwlock::FairRwLock;
    /// use std::time::Duration;
    ///
    /// let lock = FairRwLock::new(1);
    /// *Attempt::within(Duration::from_millis(1)).lock(write(&lock))? += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// # Ok::<(), brigade::lock::LockError>(())
    /// ```
    #[track_caller]
    pub fn lock<L: Timed>(&self, lock: L) -> Result<L::Guard, LockError> {
        self.lock_all_on(&Real, &(lock,), Location::caller()).map(|(guard,)| guard)
    }

    /// Takes all locks of a set, or none.
    ///
    /// # Errors
    ///
    /// [`LockError::Timeout`], which says which lock was not to be had; [`LockError::Duplicate`] and
    /// [`LockError::WrongOrder`] as [`lock_all`](super::lock_all), at once.
    ///
    /// # Examples
    ///
    /// Philosophers who do not agree on an order, nor need one:
    ///
    /// ```
    /// use brigade::lock::{Attempt, Mode};
    /// use brigade::mutex::FairMutex;
    /// use std::time::Duration;
    ///
    /// let sticks: [FairMutex<u32>; 3] = Default::default();
    /// let patience = Attempt::within(Duration::MAX).mode(Mode::Aged);
    /// std::thread::scope(|s| {
    ///     for seat in 0..3 {
    ///         let pair = (&sticks[seat], &sticks[(seat + 1) % 3]);
    ///         let patience = &patience;
    ///         s.spawn(move || {
    ///             for _bite in 0..100 {
    ///                 let (mut left, mut right) = patience.lock_all(pair).unwrap();
    ///                 (*left, *right) = (*left + 1, *right + 1);
    ///             }
    ///         });
    ///     }
    /// });
    /// assert_eq!(sticks.map(FairMutex::into_inner), [200; 3]);
    /// ```
    #[track_caller]
    pub fn lock_all<S: TimedSet>(&self, set: S) -> Result<S::Guards, LockError> {
        self.lock_all_on(&Real, &set, Location::caller())
    }

    /// Calls `attempt` until it gives something.
    ///
    /// What it has taken when it gives nothing must be released by then: guards are, when they go out of
    /// scope. The [`Mode`] plays no part.
    ///
    /// # Errors
    ///
    /// [`Timeout`] if `attempt` gave nothing at the deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// use brigade::lock::Attempt;
    /// use std::time::Duration;
    ///
    /// let mut tries = 0;
    /// let third = Attempt::within(Duration::from_secs(60)).run(|| {
    ///     tries += 1;
    ///     (tries == 3).then_some(tries)
    /// });
    /// assert_eq!(third, Ok(3));
    /// ```
    pub fn run<T>(&self, attempt: impl FnMut() -> Option<T>) -> Result<T, Timeout> {
        self.run_on(&Real, attempt)
    }

    pub(super) fn run_on<T>(
        &self,
        time: &dyn Time,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Result<T, Timeout> {
        if let Some(success) = attempt() {
            return Ok(success);
        }
        let mut pace = self.pace(time);
        let success = if pace.pause() { pace.poll(attempt) } else { None };
        success.ok_or_else(|| pace.timeout(None))
    }

    #[inline]
    pub(super) fn lock_all_on<S: TimedSet>(
        &self,
        time: &dyn Time,
        set: &S,
        place: Place,
    ) -> Result<S::Guards, LockError> {
        set.check(place)?;
        let order = set.order()?;
        let order = order.as_ref();
        let mut slots = set.slots();
        if let Some(taken) = order.iter().position(|&at| !set.try_take(at, &mut slots, place)) {
            let pace = &mut self.pace(time);
            let blocked_on = match self.mode {
                Mode::Ordered => in_order(set, &order[taken..], &mut slots, place, pace),
                Mode::Polite => give_way(set, order, taken, &mut slots, place, pace, None),
                Mode::Aged => {
                    let elders = Some(self.elders());
                    give_way(set, order, taken, &mut slots, place, pace, elders)
                }
            };
            if let Err(at) = blocked_on {
                return Err(pace.timeout(Some(at)).into());
            }
        }
        Ok(S::finish(slots))
    }
}

impl Attempt {
    #[cold]
    fn pace<'t>(&self, time: &'t dyn Time) -> Pace<'t> {
        let deadline = |now: Instant| match self.limit {
            Limit::Until(deadline) => Some(deadline),
            Limit::Within(timeout) => now.checked_add(timeout),
        };
        let (min, max) = self.pauses;
        Pace::new(time, deadline, self.spins, Backoff::new(min, max, self.jitter, self.seed))
    }

    #[cfg(not(any(brigade_loom, brigade_shuttle)))]
    #[allow(clippy::unused_self, reason = "under a model the attempt knows")]
    fn elders(&self) -> &'static Elders {
        &super::elders::ELDERS
    }

    #[cfg(any(brigade_loom, brigade_shuttle))]
    fn elders(&self) -> &'static Elders {
        self.elders.expect("a model says among whom")
    }
}

/// Waits for each, holding those before; `Err` has the one that did not come in time.
fn in_order<S: TimedSet>(
    set: &S,
    order: &[usize],
    slots: &mut S::Slots,
    place: Place,
    pace: &mut Pace<'_>,
) -> Result<(), usize> {
    let late = order.iter().find(|&&at| !set.take_until(at, slots, place, pace));
    late.map_or(Ok(()), |&at| Err(at))
}

/// Waits for one at a time and holds nothing meanwhile, except as the eldest. `refused` and what it becomes
/// are positions in `order`.
fn give_way<S: TimedSet>(
    set: &S,
    order: &[usize],
    mut refused: usize,
    slots: &mut S::Slots,
    place: Place,
    pace: &mut Pace<'_>,
    elders: Option<&Elders>,
) -> Result<(), usize> {
    let mut age = None;
    loop {
        if !mutant(Mutant::AttemptHoldsOn) {
            *slots = set.slots();
        }
        if let Some(elders) = elders
            && age.get_or_insert_with(|| elders.join()).is_eldest()
        {
            return in_order(set, order, slots, place, pace);
        }
        if !set.take_until(order[refused], slots, place, pace) {
            return Err(order[refused]);
        }
        let mut others = (1..order.len()).map(|step| (refused + step) % order.len());
        let Some(next) = others.find(|&at| !set.try_take(order[at], slots, place)) else {
            return Ok(());
        };
        if pace.is_over() {
            return Err(order[next]);
        }
        refused = next;
    }
}

#[cfg(all(test, not(any(brigade_loom, brigade_shuttle))))]
mod tests;
