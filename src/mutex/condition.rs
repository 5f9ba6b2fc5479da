//! Waiting for a notification, without the mutex: a second line beside the lock's own.

use std::time::Instant;

use crate::rwlock::{Machine, Policy};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::parking::{Kind, Message, Parked, Parking, Ticket, Verdict};
use crate::sync::{Mutant, mutant};

const TICKET: Ticket = Ticket { kind: Kind::Writer, heir: false };

/// A line of threads that wait to be notified, first come first notified.
pub struct Condition<L> {
    /// Changes under the queue's lock only.
    waiting: AtomicUsize,
    lot: L,
}

impl<L: Parking> Condition<L> {
    #[cfg(not(any(brigade_loom, brigade_shuttle)))]
    pub(crate) const fn new(lot: L) -> Self {
        Self { waiting: AtomicUsize::new(0), lot }
    }

    #[cfg(any(brigade_loom, brigade_shuttle))]
    pub(crate) fn new(lot: L) -> Self {
        Self { waiting: AtomicUsize::new(0), lot }
    }

    /// Leaves the lock, waits, and comes back to it; `false` if the deadline passed.
    ///
    /// The thread stands in this line before it leaves the lock, so whoever changes what it waits
    /// for, under the lock, finds it here.
    pub fn wait<P: Policy, M: Parking>(
        &self,
        lock: &Machine<P, M>,
        deadline: Option<Instant>,
    ) -> bool {
        let unlocks_early = mutant(Mutant::CondvarUnlocksFirst);
        if unlocks_early {
            lock.leave_writer(false);
        }
        let parked = self.lot.park(
            self.key(),
            TICKET,
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
                Message::Granted
            },
        );
        woken.get()
    }

    #[inline]
    fn key(&self) -> usize {
        std::ptr::from_ref(&self.waiting).addr()
    }
}

#[cfg(any(brigade_loom, brigade_shuttle))]
impl Condition<crate::sync::lot::ReferenceLot> {
    /// A line over a reference lot of its own.
    pub fn modelled() -> Self {
        Self::new(crate::sync::lot::ReferenceLot::new())
    }
}

impl<L> std::fmt::Debug for Condition<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FairCondvar")
            .field("waiting", &self.waiting.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
