//! The waiting room as the models see it: one lock, one condition, the same promises.
//!
//! A deadline is an event that may happen at any time, so a timed stay ends at once: the
//! interleavings before and after it stand for all the times at which it could have passed.

use std::time::Instant;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex};

pub(super) enum Parked {
    Woken,
    Expired,
}

#[derive(Debug)]
pub(super) struct Lot {
    queue: Mutex<()>,
    woken: Condvar,
}

impl Lot {
    pub(super) fn new() -> Self {
        Self { queue: Mutex::new(()), woken: Condvar::new() }
    }

    pub(super) fn park(
        &self,
        word: &AtomicU64,
        still: impl FnOnce(u64) -> bool,
        deadline: Option<Instant>,
    ) -> Parked {
        let mut queue = self.queue.lock();
        if !still(word.load(Ordering::Relaxed)) {
            return Parked::Woken;
        }
        if deadline.is_some() {
            return Parked::Expired;
        }
        self.woken.wait(&mut queue);
        Parked::Woken
    }

    pub(super) fn unpark_all(&self, _: &AtomicU64) {
        let _queue = self.queue.lock();
        self.woken.notify_all();
    }
}
