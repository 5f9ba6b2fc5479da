//! One answer that one thread waits for and another gives.

use super::atomic::{AtomicBool, Ordering};
use super::{Condvar, Mutex, thread};
use std::time::Instant;

/// Rounds of looking before sleeping, some microseconds in all: as much as sleeping and being woken
/// costs, so that looking in vain at most doubles the price, and an answer that comes at once
/// is free of the kernel. The first rounds pause, each twice as long; the others yield.
const PAUSES: u32 = 4;
const YIELDS: u32 = 10;
/// A model has no use for it: there, a thread that sleeps costs nothing.
const LOOKS: bool = !cfg!(any(brigade_loom, brigade_shuttle));

/// A place for one answer. Every waiter has its own, so that whoever serves it wakes it alone and
/// the woken thread takes no lock that others want.
#[derive(Debug)]
pub(crate) struct Reply<V> {
    answer: Mutex<Option<V>>,
    given: Condvar,
    /// A hint for those who look; the lock has the truth.
    there: AtomicBool,
}

impl<V> Reply<V> {
    pub(crate) fn new() -> Self {
        Self { answer: Mutex::new(None), given: Condvar::new(), there: AtomicBool::new(false) }
    }

    /// Gives the answer, once.
    pub(crate) fn give(&self, value: V) {
        *self.answer.lock() = Some(value);
        self.there.store(true, Ordering::Relaxed);
        self.given.notify_one();
    }

    /// Blocks until the answer is there; without a deadline it always comes back with one.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<V> {
        if LOOKS {
            self.look();
        }
        let mut answer = self.answer.lock();
        loop {
            if let Some(value) = answer.take() {
                return Some(value);
            }
            match deadline {
                None => self.given.wait(&mut answer),
                Some(at) => {
                    if self.given.wait_until(&mut answer, at).timed_out() {
                        return answer.take();
                    }
                }
            }
        }
    }

    fn look(&self) {
        for round in 0..PAUSES + YIELDS {
            if self.there.load(Ordering::Relaxed) {
                return;
            }
            if round < PAUSES {
                (0..1 << round).for_each(|_| std::hint::spin_loop());
            } else {
                thread::yield_now();
            }
        }
    }
}
