//! Waiting for a notification, without the mutex: a second line beside the lock's own.

use std::time::Instant;

use crate::rwlock::{Kind, Machine, Policy};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::lot::{Lot, Parked, Verdict};
use crate::sync::{Mutant, const_unless_modelled, mutant};

/// A line of threads that wait to be notified, first come first notified.
pub struct Condition {
    /// Changes under the queue's lock only.
    waiting: AtomicUsize,
    lot: Lot,
}

impl Condition {
    const_unless_modelled! {
        /// Makes an empty line.
        #[allow(clippy::new_without_default, reason = "the raw condition has one")]
        pub const fn new() -> Self {
            Self { waiting: AtomicUsize::new(0), lot: Lot::new() }
        }
    }

    /// Leaves the lock, waits, and comes back to it; `false` if the deadline passed.
    ///
    /// The thread stands in this line before it leaves the lock, so whoever changes what it waits
    /// for, under the lock, finds it here.
    pub fn wait<P: Policy>(&self, lock: &Machine<P>, deadline: Option<Instant>) -> bool {
        let unlocks_early = mutant(Mutant::CondvarUnlocksFirst);
        if unlocks_early {
            lock.leave_writer(false);
        }
        let parked = self.lot.park(
            self.key(),
            0,
            deadline,
            || {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                true
            },
            || {
                if !unlocks_early {
                    lock.leave_writer(false);
                }
            },
            || {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            },
        );
        // Without a deadline a writer is refused nothing.
        let entered = lock.enter(Kind::Writer, None);
        debug_assert_eq!(entered, Ok(()));
        parked != Parked::TimedOut
    }

    /// Wakes those who have waited longest, `most` of them at most; says how many.
    #[inline]
    pub fn notify(&self, most: usize) -> usize {
        // Relaxed: a thread that waits for what the caller did under the lock joined this line
        // before it left the lock, and that was before the caller took it.
        if self.waiting.load(Ordering::Relaxed) == 0 { 0 } else { self.notify_slow(most) }
    }

    #[cold]
    fn notify_slow(&self, most: usize) -> usize {
        let woken = std::cell::Cell::new(0);
        self.lot.unpark_filter(
            self.key(),
            |_| {
                if woken.get() == most {
                    return Verdict::Stop;
                }
                woken.set(woken.get() + 1);
                Verdict::Wake
            },
            |_| {
                self.waiting.fetch_sub(woken.get(), Ordering::Relaxed);
                0
            },
        );
        woken.get()
    }

    #[inline]
    fn key(&self) -> usize {
        std::ptr::from_ref(&self.waiting).addr()
    }
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FairCondvar")
            .field("waiting", &self.waiting.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
