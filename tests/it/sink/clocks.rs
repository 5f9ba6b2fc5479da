//! Clocks that a sink must bear.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use brigade::clock::{Clock, MonotonicClock, Stamp};

/// Gives its thread's turn away right after it has read the time: preemption at the worst place,
/// where a stamp is drawn and not yet claimed.
#[derive(Debug, Default)]
pub(crate) struct Preempted {
    clock: MonotonicClock,
    reads: AtomicU64,
}

impl Clock for Preempted {
    fn now(&self) -> Stamp {
        let now = self.clock.now();
        if self.reads.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9).is_multiple_of(16) {
            thread::yield_now();
        }
        now
    }
}

/// Jumps to and fro by up to a millisecond, at random.
#[derive(Debug, Default)]
pub(crate) struct Erratic {
    clock: MonotonicClock,
    reads: AtomicU64,
}

impl Clock for Erratic {
    fn now(&self) -> Stamp {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        let jump = reads.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        self.clock.now() - std::time::Duration::from_nanos(jump)
    }
}

/// Panics once it is told to, for the writer or for everybody else.
#[derive(Debug, Default)]
pub(crate) struct Fragile {
    clock: MonotonicClock,
    pub(crate) fails_writer: AtomicBool,
    pub(crate) fails_producers: AtomicBool,
}

impl Clock for Fragile {
    fn now(&self) -> Stamp {
        let is_writer = thread::current().name() == Some("brigade-sink");
        let fails = if is_writer { &self.fails_writer } else { &self.fails_producers };
        assert!(!fails.load(Ordering::Relaxed), "the clock has stopped");
        self.clock.now()
    }
}
