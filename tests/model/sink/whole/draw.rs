//! What the threads of a schedule draw, and the clock they are asked with.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brigade::clock::{Clock, Stamp};
use brigade::sink::{Durability, Overflow};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

pub(crate) use crate::explore::draw;

/// What all of these threads have to tell, once all are through.
pub(crate) fn join<R>(threads: Vec<thread::JoinHandle<Vec<R>>>) -> Vec<R> {
    threads.into_iter().flat_map(|thread| thread.join().expect("a thread that ends")).collect()
}

pub(crate) fn number(within: Range<u64>) -> u64 {
    thread_rng().gen_range(within)
}

/// True once in so many.
pub(crate) fn once_in(times: u64) -> bool {
    number(0..times) == 0
}

pub(crate) fn maybe_yield() {
    if once_in(6) {
        thread::yield_now();
    }
}

pub(crate) fn overflow() -> Overflow {
    match number(0..4) {
        0 => Overflow::Reject,
        1 => Overflow::DropNewest,
        2 => Overflow::Timeout(Duration::from_nanos(1)),
        _ => Overflow::Block,
    }
}

/// Never a level whose deadline real time decides.
pub(crate) fn durability() -> Durability {
    match number(0..3) {
        0 => Durability::None,
        1 => Durability::Flush,
        _ => Durability::Sync { every: Duration::ZERO },
    }
}

/// A clock that moves by fits and starts, and steps back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jumpy(Arc<AtomicU64>);

impl Clock for Jumpy {
    fn now(&self) -> Stamp {
        let now = self.0.fetch_add(number(0..4), Ordering::Relaxed);
        Stamp::from_nanos(now.saturating_sub(number(0..6)))
    }
}
