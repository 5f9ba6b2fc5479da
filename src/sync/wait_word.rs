//! A word that threads can wait on: an `AtomicU64` with its own waiting room.
//!
//! One bit of the word, [`SLEEPERS`], says that the room may not be empty. Whoever makes a change
//! that others wait for clears the bit in the same exchange and then empties the room, so a change
//! that nobody waits for costs one exchange and no system call. A thread that wakes takes no lock:
//! it reads the word.
//!
//! No wake-up is lost. A waiter sets the bit, and the room lets it in only if, with the queue
//! locked, the word still holds the bit and still says "wait". A change before that check is seen
//! by it; a change after it finds the bit and then the waiter in the queue.

use std::time::Instant;

use super::atomic::{AtomicU64, Ordering};
use super::lot::{Lot, Parked, Verdict};
use super::patience::Patience;
use super::{Mutant, const_unless_modelled, mutant};

/// The bit that [`WaitWord`] keeps for itself.
pub(crate) const SLEEPERS: u64 = 1 << 31;

/// The deadline passed and the word still says "wait".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expired;

#[derive(Debug)]
pub(crate) struct WaitWord {
    word: AtomicU64,
    lot: Lot,
}

impl WaitWord {
    const_unless_modelled! {
        pub(crate) const fn new(value: u64) -> Self {
            Self { word: AtomicU64::new(value), lot: Lot::new() }
        }
    }

    #[inline]
    pub(crate) fn load(&self) -> u64 {
        self.word.load(Ordering::Acquire)
    }

    /// Replaces `seen` by `next`, both without a view on [`SLEEPERS`], which is kept.
    ///
    /// For a change that no waiter waits for.
    #[inline]
    pub(crate) fn change(&self, seen: u64, next: u64) -> Result<(), u64> {
        let next = next & !SLEEPERS | seen & SLEEPERS;
        self.exchange(seen, next)
    }

    /// Replaces `seen` by `next` and wakes everybody who waits.
    #[inline]
    pub(crate) fn change_and_wake(&self, seen: u64, next: u64) -> Result<(), u64> {
        self.exchange(seen, next & !SLEEPERS)?;
        if seen & SLEEPERS != 0 && !mutant(Mutant::WordWakeForgotten) {
            self.wake();
        }
        Ok(())
    }

    #[inline]
    fn exchange(&self, seen: u64, next: u64) -> Result<(), u64> {
        let success =
            if mutant(Mutant::WordChangeRelaxed) { Ordering::Relaxed } else { Ordering::AcqRel };
        self.word.compare_exchange_weak(seen, next, success, Ordering::Acquire).map(drop)
    }

    #[cold]
    fn wake(&self) {
        self.lot.unpark_filter(self.key(), |_| Verdict::Wake, |_| 0);
    }

    #[inline]
    fn key(&self) -> usize {
        std::ptr::from_ref(&self.word).addr()
    }

    /// Blocks while `blocked(word)`, at most until `deadline`; answers with the word that ended it.
    ///
    /// `blocked` must be a pure test of bits: it also runs with a queue of the parking lot locked.
    #[inline]
    pub(crate) fn wait_while(
        &self,
        blocked: impl Fn(u64) -> bool,
        mut patience: Patience,
        deadline: Option<Instant>,
    ) -> Result<u64, Expired> {
        loop {
            let order =
                if mutant(Mutant::WordWaitRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
            let seen = self.word.load(order);
            if !blocked(seen) {
                return Ok(seen);
            }
            if !patience.spend() {
                return self.sleep_while(blocked, deadline);
            }
        }
    }

    #[cold]
    fn sleep_while(
        &self,
        blocked: impl Fn(u64) -> bool,
        deadline: Option<Instant>,
    ) -> Result<u64, Expired> {
        loop {
            let seen = self.load();
            if !blocked(seen) {
                return Ok(seen);
            }
            if seen & SLEEPERS == 0 && !mutant(Mutant::WordSleepUnannounced) {
                // Relaxed: the bit carries no data, and the room checks it again under its lock.
                let order = Ordering::Relaxed;
                if self.word.compare_exchange_weak(seen, seen | SLEEPERS, order, order).is_err() {
                    continue;
                }
            }
            let still = || {
                let word = self.word.load(Ordering::Relaxed);
                mutant(Mutant::WordSleepUnchecked)
                    || blocked(word)
                        && (word & SLEEPERS != 0 || mutant(Mutant::WordSleepUnannounced))
            };
            let parked = self.lot.park(self.key(), 0, deadline, still, || {}, || {});
            if parked == Parked::TimedOut {
                let seen = self.load();
                return if blocked(seen) { Err(Expired) } else { Ok(seen) };
            }
        }
    }
}
